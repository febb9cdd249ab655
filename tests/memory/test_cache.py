"""The caches: a value that was revoked while it was being read is not kept; what was ended stays ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from gatepost.authn import authenticate_now, chain
from gatepost.cache import Cache
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import FULL_SCOPE, BearerToken, Principal, SessionCookie
from gatepost.tokens import access_tokens
from gatepost.tokens.api_tokens import WantedToken, issue_api_token, read_token, revoke_api_token
from gatepost.tokens.secrets import digest
from gatepost.tokens.sessions import Arrival, NewSession, end_sessions, open_session
from tests.conftest import OpenGate
from tests.dice import FakeDice


@pytest.fixture
def cache() -> Cache[str, str]:
    return Cache(3)


def never(_key: str) -> str:
    raise AssertionError("this should have been answered from memory")


def test_a_value_is_read_once(cache: Cache[str, str]) -> None:
    assert cache.get_or_read("a", lambda key: key.upper()) == "A"
    assert cache.get_or_read("a", never) == "A"


def test_what_is_not_there_is_asked_for_again(cache: Cache[str, str]) -> None:
    """A token that is made a moment later has to work."""
    assert cache.get_or_read("a", lambda _: None) is None
    assert cache.get_or_read("a", lambda _: "made since") == "made since"


@pytest.mark.parametrize(
    "drop",
    [
        pytest.param(lambda cache: cache.drop("a"), id="drop"),
        pytest.param(lambda cache: cache.drop_where(lambda _: True), id="drop_where"),
        pytest.param(lambda cache: cache.clear(), id="clear"),
    ],
)
def test_a_value_whose_reading_began_before_a_drop_is_not_kept(
    cache: Cache[str, str], drop: Callable[[Cache[str, str]], None]
) -> None:
    def revoked_while_reading(_key: str) -> str:
        drop(cache)
        return "as it was before"

    assert cache.get_or_read("a", revoked_while_reading) == "as it was before", "the one who asked raced the revocation"
    assert cache.get("a") is None
    assert cache.get_or_read("a", lambda _: "as it is") == "as it is"


def test_renewing_does_not_bring_back_what_was_dropped(cache: Cache[str, str]) -> None:
    cache.get_or_read("a", lambda _: "old")
    cache.drop("a")
    cache.renew("a", "new")

    assert cache.get("a") is None


def test_the_least_recently_used_goes_first(cache: Cache[str, str]) -> None:
    for key in "abc":
        cache.get_or_read(key, str.upper)
    cache.get("a")
    cache.get_or_read("d", str.upper)

    assert len(cache) == 3
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]


def test_threads_that_drop_and_read_leave_nothing_stale(cache: Cache[str, str]) -> None:
    """The newest version wins, whoever is late: the reader sees `version` before the drop that follows its change."""
    version, stop = [0], threading.Event()

    def read() -> None:
        while not stop.is_set():
            cache.get_or_read("a", lambda _: str(version[0]))

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(read)
        for _ in range(3000):
            version[0] += 1
            cache.drop("a")
        stop.set()

    assert cache.get_or_read("a", lambda _: str(version[0])) == str(version[0])


def test_a_token_revoked_while_it_is_read_is_refused_the_next_time(gate: Gatepost, admin: Principal) -> None:
    issued = issue_api_token(gate, admin, WantedToken(name="script"))
    key = digest(issued.secret)

    def revoke_after_reading(digest_: bytes) -> object:
        record = read_token(gate, digest_)
        revoke_api_token(gate, admin, issued.token.id)
        return record

    assert gate.memory.tokens.get_or_read(key, revoke_after_reading) is not None  # type: ignore[arg-type]

    with pytest.raises(InvalidToken):
        authenticate_now(BearerToken(issued.secret), chain(gate), gate.now())
    assert gate.memory.tokens.get(key) is None


def session(gate: Gatepost, admin: Principal) -> NewSession:
    with gate.change_unasked() as tx:
        return open_session(gate, tx, admin.subject, Arrival(method="password", address=""), cookie=True)


def end(gate: Gatepost, which: NewSession) -> None:
    with gate.change_unasked() as tx:
        end_sessions(tx, [which.record.id])


def test_a_session_ended_elsewhere_is_refused_at_once_where_it_was_cached(
    gate: Gatepost, second_gate: Gatepost, admin: Principal
) -> None:
    opened = session(gate, admin)
    cookie = SessionCookie(opened.secret)
    assert authenticate_now(cookie, chain(second_gate), second_gate.now()).subject == admin.subject

    end(gate, opened)
    second_gate.reach(gate.memory.revision)

    with pytest.raises(InvalidToken):
        authenticate_now(cookie, chain(second_gate), second_gate.now())


@pytest.mark.parametrize("how", ["restarted", "reloaded"])
def test_access_tokens_of_an_ended_session_stay_dead_as_long_as_they_live(
    gate: Gatepost, open_gate: OpenGate, gate_url: str, admin: Principal, dice: FakeDice, how: str
) -> None:
    """An access token is not in the database: all that speaks against it is that its session was ended."""
    opened = session(gate, admin)
    token = mint(gate, admin, opened)
    assert authenticate_now(BearerToken(token), chain(gate), gate.now()).subject == admin.subject
    end(gate, opened)
    dice.advance(gate.settings.tokens.access_token_ttl - timedelta(seconds=1))

    if how == "reloaded":
        gate.memory._reload()
    judge = gate if how == "reloaded" else open_gate(gate_url, follow=False)

    assert judge.memory.has_ended(opened.record.id)
    with pytest.raises(InvalidToken):
        authenticate_now(BearerToken(token), chain(judge), judge.now())


def test_an_ended_session_is_remembered_no_longer_than_its_tokens_live(
    gate: Gatepost, open_gate: OpenGate, gate_url: str, admin: Principal, dice: FakeDice
) -> None:
    opened = session(gate, admin)
    end(gate, opened)
    dice.advance(gate.settings.tokens.access_token_ttl + timedelta(minutes=5))

    assert not open_gate(gate_url, follow=False).memory.has_ended(opened.record.id)


def test_what_was_ended_is_swept_and_never_too_early(gate: Gatepost, admin: Principal, dice: FakeDice) -> None:
    recent = session(gate, admin)
    gate.memory.ended |= {f"old-{number}": 0.0 for number in range(2000)}
    end(gate, recent)

    assert set(gate.memory.ended) == {recent.record.id}


def mint(gate: Gatepost, admin: Principal, opened: NewSession) -> str:
    return access_tokens.mint(
        gate, admin.subject, session=opened.record.id, scope=FULL_SCOPE, client_id="gatepost", audience=""
    )
