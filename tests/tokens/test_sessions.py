"""Sessions: two limits, a list, and an end that is one everywhere (IF-12, traps 11 and 20)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gatepost.directory.pages import Wanted
from gatepost.directory.roles import assign_role
from gatepost.directory.users import NewPassword, UserChange, change_user, delete_user, set_password
from gatepost.errors import Forbidden, InvalidToken, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Method, SessionCookie
from gatepost.store import tables
from gatepost.tokens.session_list import end_other_sessions, end_session, list_sessions
from gatepost.tokens.sessions import Arrival, open_session, sign_out
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.directory.people import ADMIN, GOOD_PASSWORD, NOBODY, person
from tests.sso.corp import with_providers
from tests.tokens.signing_in import by_bearer, by_cookie, cookie_for, make_user, pair_for, who
from tests.waiting import A_BUSY_SECOND, eventually

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def alice(gate: Gatepost) -> Gatepost:
    make_user(gate)
    return gate


def test_a_cookie_is_opaque_new_each_time_and_kept_as_a_digest(alice: Gatepost) -> None:
    """Trap 20: no token and no group in it.  A new one at each sign-in, so none can be fixed beforehand."""
    one, two = cookie_for(alice), cookie_for(alice)
    assert one.secret != two.secret
    assert one.secret.startswith("gps_")
    assert len(one.secret) == 47
    assert "alice" not in one.secret
    assert one.secret not in repr(one)
    caller = by_cookie(alice, one)
    assert (str(caller.subject), caller.method, caller.credential_id) == ("user:alice", Method.SESSION, one.record.id)
    with alice.database.read() as connection:
        assert one.secret.encode() not in repr(connection.execute(select(tables.sessions)).all()).encode()


def test_a_session_that_is_not_used_ends_after_twelve_hours(alice: Gatepost, dice: FakeDice) -> None:
    session = cookie_for(alice)
    dice.advance(12 * HOUR - MOMENT)
    by_cookie(alice, session)
    dice.advance(12 * HOUR - MOMENT)
    by_cookie(alice, session)
    dice.advance(12 * HOUR)
    with pytest.raises(InvalidToken):
        by_cookie(alice, session)


def test_a_session_that_is_used_all_the_time_ends_after_a_week(alice: Gatepost, dice: FakeDice) -> None:
    session = cookie_for(alice)
    for _ in range(14):
        dice.advance(12 * HOUR - timedelta(seconds=1))
        by_cookie(alice, session)
    dice.advance(timedelta(seconds=14) - MOMENT)
    by_cookie(alice, session)
    dice.advance(MOMENT)
    with pytest.raises(InvalidToken):
        by_cookie(alice, session)


def test_use_in_one_process_keeps_it_alive_in_the_other(alice: Gatepost, second_gate: Gatepost, dice: FakeDice) -> None:
    session = cookie_for(alice)
    by_cookie(second_gate, session)
    dice.advance(11 * HOUR)
    by_cookie(alice, session)
    alice.journal.flush()
    dice.advance(11 * HOUR)
    assert str(by_cookie(second_gate, session).subject) == "user:alice"


def test_an_idle_session_of_the_database_is_over_for_a_process_that_never_saw_it(
    alice: Gatepost, second_gate: Gatepost, dice: FakeDice
) -> None:
    session = cookie_for(alice)
    dice.advance(12 * HOUR)
    with pytest.raises(InvalidToken):
        by_cookie(second_gate, session)


def test_the_provider_bounds_a_session_further(open_gate: OpenGate, gate_url: str, dice: FakeDice) -> None:
    """Rule 11: `session_max_age`."""
    gate = open_gate(with_providers(gate_url))
    make_user(gate)
    arrival = Arrival(method="sso", address="", provider="corp", longest=HOUR)
    with gate.change_unasked() as tx:
        session = open_session(gate, tx, person("alice").subject, arrival, cookie=True)
    dice.advance(HOUR - MOMENT)
    assert by_cookie(gate, session).provider == "corp"
    dice.advance(MOMENT)
    with pytest.raises(InvalidToken):
        by_cookie(gate, session)


def test_a_provider_that_is_no_longer_configured_has_no_sessions(open_gate: OpenGate, gate_url: str) -> None:
    gate = open_gate(with_providers(gate_url))
    make_user(gate)
    arrival = Arrival(method="sso", address="", provider="corp")
    with gate.change_unasked() as tx:
        session = open_session(gate, tx, person("alice").subject, arrival, cookie=True)
    assert by_cookie(gate, session).provider == "corp"

    with pytest.raises(InvalidToken):
        by_cookie(open_gate(settings_for(gate_url)), session)


def test_limits_are_the_configured_ones(open_gate: OpenGate, gate_url: str, dice: FakeDice) -> None:
    base = settings_for(gate_url)
    short = replace(base.sessions, idle_timeout=timedelta(minutes=5), absolute_timeout=timedelta(minutes=8))
    gate = open_gate(replace(base, sessions=short))
    make_user(gate)
    session, idle = cookie_for(gate), cookie_for(gate)
    dice.advance(timedelta(minutes=4, seconds=59))
    by_cookie(gate, session)
    dice.advance(timedelta(seconds=1))
    with pytest.raises(InvalidToken):
        by_cookie(gate, idle)
    dice.advance(timedelta(minutes=3))
    with pytest.raises(InvalidToken):
        by_cookie(gate, session)


@pytest.mark.parametrize("secret", ["", "gps_", "gps_" + "a" * 43, "\0", "ä" * 47, "' OR 1=1 --"])
def test_a_made_up_cookie_is_bad_and_not_anonymous(alice: Gatepost, secret: str) -> None:
    """Trap 22."""
    with pytest.raises(InvalidToken):
        who(alice, SessionCookie(secret))


def test_signing_out_ends_it_here_at_once_and_elsewhere_within_a_second(alice: Gatepost, second_gate: Gatepost) -> None:
    session = cookie_for(alice)
    caller = by_cookie(alice, session)
    by_cookie(second_gate, session)
    sign_out(alice, caller)
    with pytest.raises(InvalidToken):
        by_cookie(alice, session)
    eventually(lambda: second_gate.memory.has_ended(session.record.id), within=A_BUSY_SECOND)
    with pytest.raises(InvalidToken):
        by_cookie(second_gate, session)
    with pytest.raises(InvalidToken):
        change_user(alice, caller, "alice", UserChange(display_name="a call that was under way"))


def test_one_ends_ones_own_sessions_and_nobody_elses(alice: Gatepost) -> None:
    make_user(alice, "bob")
    hers, his = cookie_for(alice), cookie_for(alice, "bob")
    bob = by_cookie(alice, his)
    for session_id in (hers.record.id, "none", ""):
        with pytest.raises(NotFound):
            end_session(alice, bob, session_id)
    with pytest.raises(Unauthenticated):
        end_session(alice, NOBODY, hers.record.id)
    with pytest.raises(Forbidden):
        end_session(alice, person("bob", scope="dataset:view"), his.record.id)
    by_cookie(alice, hers)
    end_session(alice, by_cookie(alice, hers), hers.record.id)
    with pytest.raises(InvalidToken):
        by_cookie(alice, hers)
    end_session(alice, ADMIN, his.record.id)
    with pytest.raises(InvalidToken):
        by_cookie(alice, his)
    with pytest.raises(NotFound):
        end_session(alice, ADMIN, his.record.id)


def test_ending_all_others_keeps_this_one(alice: Gatepost) -> None:
    sessions = [cookie_for(alice) for _ in range(3)]
    pair = pair_for(alice)
    make_user(alice, "bob")
    his = cookie_for(alice, "bob")
    assert end_other_sessions(alice, by_cookie(alice, sessions[1])) == 3
    by_cookie(alice, sessions[1])
    by_cookie(alice, his)
    for ended in (sessions[0], sessions[2]):
        with pytest.raises(InvalidToken):
            by_cookie(alice, ended)
    with pytest.raises(InvalidToken):
        by_bearer(alice, pair.access_token)


def test_a_list_shows_ones_own_that_go_on(alice: Gatepost, dice: FakeDice) -> None:
    make_user(alice, "bob")
    cookie_for(alice, "bob")
    idle = cookie_for(alice)
    dice.advance(11 * HOUR)
    going = cookie_for(alice)
    pair = pair_for(alice)
    dice.advance(HOUR)
    token_session = by_bearer(alice, pair_for(alice).access_token).credential_id
    listed = {s.id for s in list_sessions(alice, person("alice"), Wanted()).items}
    assert going.record.id in listed
    assert token_session in listed
    assert idle.record.id not in listed
    assert len(listed) == 3
    assert pair.access_token
    with pytest.raises(Forbidden):
        list_sessions(alice, person("alice"), Wanted(), owner="bob")
    with pytest.raises(Forbidden):
        list_sessions(alice, person("alice"), Wanted(), owner="*")
    assert len(list_sessions(alice, ADMIN, Wanted(), owner="*").items) == 3
    assert len(list_sessions(alice, ADMIN, Wanted(), owner="ALICE").items) == 3


def test_a_new_password_ends_every_other_session(alice: Gatepost) -> None:
    """Whoever has a stolen session is out; whoever changes the password stays in."""
    stolen, mine = cookie_for(alice), cookie_for(alice)
    pair = pair_for(alice)
    wanted = NewPassword(password="new-plover-zinc-11", current_password=GOOD_PASSWORD)
    set_password(alice, by_cookie(alice, mine), "alice", wanted)
    by_cookie(alice, mine)
    with pytest.raises(InvalidToken):
        by_cookie(alice, stolen)
    with pytest.raises(InvalidToken):
        by_bearer(alice, pair.access_token)
    set_password(alice, ADMIN, "alice", NewPassword(password="other-plover-zinc-12"))
    with pytest.raises(InvalidToken):
        by_cookie(alice, mine)


def test_disabling_ends_sessions_for_good(alice: Gatepost, second_gate: Gatepost) -> None:
    """Offboarding is one switch (trap 11), and enabling brings back the person and not the sign-ins."""
    session = cookie_for(alice)
    by_cookie(second_gate, session)
    assert change_user(alice, ADMIN, "alice", UserChange(disabled=True)).sessions == 1
    eventually(lambda: "user:alice" in second_gate.memory.disabled, within=A_BUSY_SECOND)
    for gate in (alice, second_gate):
        with pytest.raises(InvalidToken):
            by_cookie(gate, session)
    change_user(alice, ADMIN, "alice", UserChange(disabled=False))
    with pytest.raises(InvalidToken):
        by_cookie(alice, session)
    by_cookie(alice, cookie_for(alice))


def test_a_session_of_somebody_deleted_is_not_one_of_whoever_has_the_name_next(
    alice: Gatepost, open_gate: OpenGate, gate_url: str
) -> None:
    session, pair = cookie_for(alice), pair_for(alice)
    delete_user(alice, ADMIN, "alice")
    make_user(alice)
    assign_role(alice, ADMIN, "admin", "user:alice")
    for gate in (alice, open_gate(gate_url)):  # and not in a process that starts now
        with pytest.raises(InvalidToken):
            by_cookie(gate, session)
        with pytest.raises(InvalidToken):
            by_bearer(gate, pair.access_token)


def test_a_session_that_was_ended_while_it_was_read_is_over(alice: Gatepost, second_gate: Gatepost) -> None:
    """A read that began before the end arrives after it, and must not be kept."""
    session = cookie_for(alice)
    real = second_gate.memory.sessions.get_or_read

    def slow(key: bytes, read: object) -> object:
        def read_then_end(digest: bytes) -> object:
            assert callable(read)
            found = read(digest)
            end_session(alice, ADMIN, session.record.id)
            second_gate.memory.catch_up()
            return found

        return real(key, read_then_end)  # type: ignore[arg-type]

    second_gate.memory.sessions.get_or_read = slow  # type: ignore[method-assign, assignment]
    with pytest.raises(InvalidToken):
        by_cookie(second_gate, session)
    assert len(second_gate.memory.sessions) == 0
