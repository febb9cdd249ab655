"""Slowing down whoever guesses, without locking anybody out (rule 5; 429 with seconds)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from gatepost.directory.users import NewPassword, set_password
from gatepost.errors import InvalidCredentials, Throttled
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store import tables
from gatepost.tokens.sign_in import prove_by_password
from gatepost.tokens.throttle import forget_old, note_failure
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import GOOD_PASSWORD
from tests.tokens.signing_in import by_basic, make_user, tries

SECOND = timedelta(seconds=1)
ELSEWHERE = "198.51.100.66"


@pytest.fixture
def alice(gate: Gatepost) -> Gatepost:
    make_user(gate)
    return gate


def fail(gate: Gatepost, name: str = "alice", address: str = ELSEWHERE) -> int:
    """Guess once.  Answers 0 for a refusal, or the seconds to wait."""
    try:
        prove_by_password(gate, tries(name, "wrong guess", address))
    except Throttled as error:
        return error.retry_after
    except InvalidCredentials:
        return 0
    raise AssertionError("a guess was right")


def fail_patiently(gate: Gatepost, dice: FakeDice, times: int, name: str = "alice", address: str = ELSEWHERE) -> None:
    for _ in range(times):
        while wait := fail(gate, name, address):
            dice.advance(wait * SECOND)


def test_five_guesses_are_free_then_each_doubles_the_wait_up_to_a_minute(alice: Gatepost, dice: FakeDice) -> None:
    assert [fail(alice) for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(9):
        waits.append(fail(alice))
        dice.advance(waits[-1] * SECOND)
        assert fail(alice) == 0, "after the wait there is one more try"
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_right_password_waits_like_a_wrong_one(alice: Gatepost, dice: FakeDice) -> None:
    """Else the answer to a throttled guess would tell whether it was right."""
    fail_patiently(alice, dice, 8)
    with pytest.raises(Throttled) as refused:
        prove_by_password(alice, tries(address=ELSEWHERE))
    dice.advance(refused.value.retry_after * SECOND)
    assert prove_by_password(alice, tries(address=ELSEWHERE)).username == "alice"
    assert [fail(alice) for _ in range(5)] == [0] * 5, "a success forgets this account's failures from here"


def test_a_throttled_guess_is_not_hashed_and_does_not_lengthen_the_wait(
    alice: Gatepost, dice: FakeDice, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_patiently(alice, dice, 9)
    wait = fail(alice)
    monkeypatch.setattr(alice.passwords, "matches", lambda *_: pytest.fail("it was hashed"))
    assert [fail(alice) for _ in range(50)] == [wait] * 50


def test_a_quarter_of_an_hour_of_silence_forgets(alice: Gatepost, dice: FakeDice) -> None:
    fail_patiently(alice, dice, 12)
    assert fail(alice) == 60
    dice.advance(timedelta(minutes=15))
    assert [fail(alice) for _ in range(5)] == [0] * 5
    assert fail(alice) == 1


def test_many_addresses_together_slow_down_guessing_at_one_account(alice: Gatepost) -> None:
    """A botnet has an address for every guess: the account's own counter sees them all."""
    assert [fail(alice, address=f"203.0.113.{n}") for n in range(20)] == [0] * 20
    assert fail(alice, address="203.0.113.99") == 1


def test_an_attacker_does_not_lock_the_owner_out(alice: Gatepost, dice: FakeDice) -> None:
    """From where they have signed in before, what others do to their account does not matter."""
    prove_by_password(alice, tries())
    for n in range(24):
        fail_patiently(alice, dice, 1, address=f"203.0.113.{n}")
    with pytest.raises(Throttled):
        prove_by_password(alice, tries(address="198.51.100.1"))
    assert prove_by_password(alice, tries()).username == "alice"


def test_a_known_address_is_known_for_thirty_days(alice: Gatepost, dice: FakeDice) -> None:
    prove_by_password(alice, tries())
    dice.advance(timedelta(days=30))
    for n in range(21):
        fail(alice, address=f"203.0.113.{n}")
    with pytest.raises(Throttled):
        prove_by_password(alice, tries())


def test_an_address_that_guesses_at_everybody_is_slowed_down(alice: Gatepost) -> None:
    """One password tried on a thousand accounts: no account sees more than one guess."""
    assert [fail(alice, name=f"user-{n}") for n in range(30)] == [0] * 30
    assert fail(alice, name="user-31") == 1


def test_an_attackers_own_account_does_not_wipe_out_the_failures_of_their_address(alice: Gatepost) -> None:
    make_user(alice, "mallory")
    for n in range(30):
        fail(alice, name=f"user-{n}")
        if n % 4 == 0:
            prove_by_password(alice, tries("mallory", address=ELSEWHERE))
    assert fail(alice, name="user-31") == 1


def test_basic_is_throttled_like_the_form(alice: Gatepost) -> None:
    for _ in range(5):
        fail(alice, address="192.0.2.7")
    with pytest.raises(Throttled):
        by_basic(alice, "alice", GOOD_PASSWORD)
    with pytest.raises(Throttled):
        by_basic(alice, " ALICE", GOOD_PASSWORD)


def test_a_stolen_session_does_not_try_passwords_at_the_form_that_changes_them(alice: Gatepost) -> None:
    stolen = Principal(
        subject=Entity("user", "alice"), method=Method.SESSION, scope=None, credential_id="s", address=ELSEWHERE
    )
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            set_password(
                alice, stolen, "alice", NewPassword(password="new-plover-zinc-11", current_password="wrong guess")
            )
    with pytest.raises(Throttled):
        set_password(alice, stolen, "alice", NewPassword(password="new-plover-zinc-11", current_password=GOOD_PASSWORD))
    assert fail(alice) == 1, "it is one counter with the sign-in page"


def test_failures_are_counted_across_processes(alice: Gatepost, second_gate: Gatepost) -> None:
    for n in range(5):
        fail((alice, second_gate)[n % 2])
    assert fail(alice) == fail(second_gate) == 1


def test_failures_at_once_are_all_counted(open_gate: OpenGate, database_url: str, dice: FakeDice) -> None:
    """Two processes that count the same key at the same moment: neither stumbles, and nothing is lost."""
    gates = [open_gate(database_url), open_gate(database_url)]
    with ThreadPoolExecutor(8) as pool:
        done = [
            pool.submit(note_failure, gates[n % 2].database, "alice", f"10.0.0.{n % 3}", dice.now()) for n in range(40)
        ]
        for one in done:
            one.result(30)
    with gates[0].database.read() as connection:
        counts = sorted(connection.execute(select(tables.throttles.c.failures)).scalars())
    assert counts[-1] == 40, "the account's counter"
    assert sum(counts) == 40 * 3


def test_whoever_has_one_address_of_ipv6_has_its_whole_network(alice: Gatepost) -> None:
    """A provider gives out 2^64 addresses at once: each a new one, and nobody who guesses would ever wait."""
    for n in range(5):
        assert fail(alice, address=f"2001:db8::{n:x}") == 0
    assert fail(alice, address="2001:db8::ffff:1") == 1
    assert fail(alice, address="2001:db8:0:1::1") == 0, "the network beside it"

    for n in range(25):
        fail(alice, f"somebody{n}", address=f"2001:db8::{n + 100:x}")
    assert fail(alice, "somebody-else", address="2001:db8::9999") == 1


def test_ipv4_in_the_spelling_of_a_socket_for_both_is_no_network(alice: Gatepost) -> None:
    """An application may hand on what its socket says.  All of IPv4 is in one /64 there: one who guesses, and all wait."""
    for n in range(31):
        fail(alice, f"somebody{n}", address="::ffff:203.0.113.9")
    assert fail(alice, address="::ffff:198.51.100.66") == 0
    assert fail(alice, "somebody-else", address="203.0.113.9") > 0, "it is the same one"


def test_counters_that_count_no_more_are_cleared_away_and_who_is_known_stays(alice: Gatepost, dice: FakeDice) -> None:
    """Names that nobody has can be made up without end: their counters are no use after a quarter of an hour."""
    prove_by_password(alice, tries())
    for n in range(10):
        fail(alice, f"nobody{n}", address=f"198.51.100.{n}")
    dice.advance(timedelta(minutes=16))
    forget_old(alice.database, dice.now())

    with alice.database.read() as connection:
        kept = connection.execute(select(tables.throttles.c.key)).scalars().all()
    assert [key.partition(":")[0] for key in kept] == ["known"]


def test_old_counters_are_cleared_away(alice: Gatepost, dice: FakeDice) -> None:
    fail(alice)
    dice.advance(timedelta(days=31))
    forget_old(alice.database, dice.now())
    with alice.database.read() as connection:
        assert connection.execute(select(tables.throttles)).all() == []
