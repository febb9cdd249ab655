"""Slowing down whoever guesses, without locking anybody out (rule 5; 429 with seconds)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import select

from gatepost.directory.users import NewPassword, set_password
from gatepost.errors import InvalidCredentials, Throttled
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store import tables
from gatepost.tokens.sign_in import PasswordTry, prove_by_password
from gatepost.tokens.throttle import forget_old, note_failure
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import GOOD_PASSWORD
from tests.tokens.signing_in import by_basic, make_user, tries
from tests.waiting import A_BUSY_SECOND

SECOND = timedelta(seconds=1)
ELSEWHERE = "198.51.100.66"
STOLEN = Principal(
    subject=Entity("user", "alice"), method=Method.SESSION, scope=None, credential_id="s", address=ELSEWHERE
)


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
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            set_password(
                alice, STOLEN, "alice", NewPassword(password="new-plover-zinc-11", current_password="wrong guess")
            )
    with pytest.raises(Throttled):
        set_password(alice, STOLEN, "alice", NewPassword(password="new-plover-zinc-11", current_password=GOOD_PASSWORD))
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
            pool.submit(note_failure, gates[n % 2].database, "alice", f"10.0.0.{n % 5}", dice.now()) for n in range(20)
        ]
        for one in done:
            one.result(30)
    with gates[0].database.read() as connection:
        counts = sorted(connection.execute(select(tables.throttles.c.failures)).scalars())
    assert counts[-1] == 20, "the account's counter"
    assert sum(counts) == 20 * 3


class Together:
    """Holds every hash until all of so many tries are at it: each of them was let in before any was answered."""

    def __init__(self, gates: list[Gatepost], tries: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gates = gates
        self._all_there = Barrier(tries)
        for passwords in {id(gate.passwords): gate.passwords for gate in gates}.values():
            monkeypatch.setattr(passwords, "matches", partial(self._matches, passwords.matches))

    def _matches(self, really: Callable[[str | None, str], bool], stored: str | None, password: str) -> bool:
        self._all_there.wait(A_BUSY_SECOND)
        return really(stored, password)

    def outcomes(self, attempts: list[PasswordTry]) -> Counter[str]:
        with ThreadPoolExecutor(len(attempts)) as pool:
            return Counter(pool.map(self._outcome, range(len(attempts)), attempts))

    def _outcome(self, number: int, attempt: PasswordTry) -> str:
        try:
            prove_by_password(self.gates[number % len(self.gates)], attempt)
        except (InvalidCredentials, Throttled) as error:
            return type(error).__name__
        return "in"


def test_guesses_sent_at_once_are_answered_no_more_often_than_one_after_another(
    open_gate: OpenGate, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: all pass the throttle before the first failure is counted, in one process or in two of them."""
    gates = [open_gate(database_url), open_gate(database_url)]
    make_user(gates[0])
    together = Together(gates, 14, monkeypatch)

    outcomes = together.outcomes([tries("alice", f"guess {n}", ELSEWHERE) for n in range(14)])

    assert outcomes == {"InvalidCredentials": 5, "Throttled": 9}


def test_guesses_at_many_accounts_sent_at_once_are_counted_for_their_address(
    alice: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(24):
        fail(alice, f"somebody{n}")
    together = Together([alice], 12, monkeypatch)

    outcomes = together.outcomes([tries(f"nobody{n}", "guess", ELSEWHERE) for n in range(12)])

    assert outcomes == {"InvalidCredentials": 6, "Throttled": 6}


def test_good_passwords_sent_at_once_from_one_address_hold_up_nobody(
    alice: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company behind one address, at nine in the morning: more of them than an address may fail."""
    together = Together([alice], 16, monkeypatch)

    for _ in range(3):
        assert together.outcomes([tries() for _ in range(16)]) == {"in": 16}


def with_guesses_beside(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the next password is hashed, five guesses from elsewhere in the same network come to their end."""
    really, beside = gate.passwords.matches, iter(range(5))

    def matches(stored: str | None, password: str) -> bool:
        for _ in beside:
            assert fail(gate) == 0
        return really(stored, password)

    monkeypatch.setattr(gate.passwords, "matches", matches)


def test_the_right_password_among_many_at_once_is_not_told_once_the_others_are_used_up(
    alice: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_guesses_beside(alice, monkeypatch)
    with pytest.raises(Throttled):
        prove_by_password(alice, tries(address=ELSEWHERE))


def test_the_right_current_password_among_many_at_once_is_not_told_either(
    alice: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_guesses_beside(alice, monkeypatch)
    new = NewPassword(password="new-plover-zinc-11", current_password=GOOD_PASSWORD)
    with pytest.raises(Throttled):
        set_password(alice, STOLEN, "alice", new)


def test_a_clock_that_is_ahead_elsewhere_holds_up_nobody_who_is_free(
    open_gate: OpenGate, sqlite_url: str, dice: FakeDice
) -> None:
    ahead = FakeDice()
    ahead.advance(20 * SECOND)
    here, there = open_gate(sqlite_url), open_gate(sqlite_url, dice=ahead)

    assert fail(there) == 0
    assert [fail(here) for _ in range(4)] == [0] * 4
    assert fail(there) == 0, "a second of the wait has passed there long ago"
    assert fail(here) == 2


def test_a_script_that_signs_in_with_each_call_writes_once_a_day(alice: Gatepost, dice: FakeDice) -> None:
    """Basic with a password, on every GET: a read is no write."""

    def written() -> object:
        with alice.database.read() as connection:
            return connection.execute(select(tables.throttles.c.last_at)).scalars().all()

    by_basic(alice, "alice", GOOD_PASSWORD)
    first = written()
    dice.advance(timedelta(hours=23))
    by_basic(alice, "alice", GOOD_PASSWORD)
    assert written() == first
    dice.advance(timedelta(hours=1))
    by_basic(alice, "alice", GOOD_PASSWORD)
    assert written() == [dice.now()]


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
