"""What was revoked since a revision: the changelog's cursor, for applications that verify access tokens themselves."""

from __future__ import annotations

import pytest

from gatepost.directory.users import NewUser, UserChange, change_user, create_user, delete_user
from gatepost.errors import Forbidden, InvalidField, InvalidToken, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store import changelog
from gatepost.store.relations import relate
from gatepost.tokens import key_rotation
from gatepost.tokens.revocations import Revocations, revocations
from gatepost.tokens.sessions import Arrival, end_sessions, open_session
from tests.conftest import OpenGate
from tests.dice import NOON
from tests.directory.people import NOBODY, make_people, person


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


def session(gate: Gatepost, name: str) -> str:
    with gate.change_unasked() as tx:
        arrival = Arrival(method=Method.PASSWORD, address="")
        return open_session(gate, tx, Entity("user", name), arrival, cookie=False).record.id


def end(gate: Gatepost, identifier: str) -> None:
    with gate.change_unasked() as tx:
        end_sessions(tx, [identifier])


def test_from_the_beginning_to_the_news(gate: Gatepost, admin: Principal) -> None:
    make_people(gate, "ann", "ben")
    old, new = session(gate, "ann"), session(gate, "ann")
    end(gate, old)
    change_user(gate, admin, "ben", UserChange(disabled=True))

    first = revocations(gate, admin)
    assert first.whole
    assert (set(first.ended), first.disabled) == ({old}, ("user:ben",))
    assert revocations(gate, admin, first.revision) == Revocations(revision=first.revision, whole=False)

    end(gate, new)
    change_user(gate, admin, "ben", UserChange(disabled=False))
    change_user(gate, admin, "ann", UserChange(disabled=True))
    key_rotation.rotate(gate, admin)

    second = revocations(gate, admin, first.revision)
    assert not second.whole
    assert set(second.ended) >= {new}
    assert (second.disabled, second.enabled, second.keys_changed) == (("user:ann",), ("user:ben",), True)
    assert revocations(gate, admin, second.revision) == Revocations(revision=second.revision, whole=False)


def test_shares_are_no_news(gate: Gatepost, admin: Principal) -> None:
    first = revocations(gate, admin)
    with gate.change_unasked() as tx:
        relate(tx, "dataset:sales", "viewer", "user:admin", author="platform:main")

    second = revocations(gate, admin, first.revision)

    assert not second.is_news
    assert second.revision != first.revision  # or the same rows would be read with each look


def test_another_process_tells_the_same(gate: Gatepost, second_gate: Gatepost, admin: Principal) -> None:
    make_people(gate, "ann")
    begun = revocations(gate, admin).revision
    ended = session(gate, "ann")
    end(gate, ended)
    second_gate.memory.catch_up()

    assert revocations(second_gate, admin, begun).ended == (ended,)


def test_another_process_that_has_not_heard_yet_says_no_news_and_then_the_news(
    gate: Gatepost, gate_url: str, open_gate: OpenGate, admin: Principal
) -> None:
    make_people(gate, "ann")
    begun = revocations(gate, admin).revision
    behind = open_gate(gate_url, follow=False)
    ended = session(gate, "ann")
    end(gate, ended)

    assert revocations(behind, admin, begun) == Revocations(revision=begun, whole=False)
    behind.memory.catch_up()
    assert revocations(behind, admin, begun).ended == (ended,)


def test_deleting_somebody_ends_what_they_had(gate: Gatepost, admin: Principal) -> None:
    create_user(gate, admin, NewUser(username="ann"))
    theirs = session(gate, "ann")
    begun = revocations(gate, admin).revision

    delete_user(gate, admin, "ann")

    assert theirs in revocations(gate, admin, begun).ended


@pytest.mark.parametrize("wanted", ["pruned", "another epoch", "never given"])
def test_a_cursor_that_says_nothing_any_more_begins_anew(gate: Gatepost, admin: Principal, wanted: str) -> None:
    make_people(gate, "ann")
    first = revocations(gate, admin).revision
    identifier = session(gate, "ann")
    end(gate, identifier)
    epoch, _, number = first.partition(".")
    if wanted == "pruned":
        for name in ("x", "y"):
            make_people(gate, name)
        with gate.change_unasked() as tx:
            from datetime import timedelta

            assert changelog.prune(tx.connection, NOON + timedelta(days=1), keep=1)
    after = {
        "pruned": first,
        "another epoch": f"f{epoch[1:]}.{number}"[:40],
        "never given": f"{epoch}.{int(number) + 999}",
    }

    told = revocations(gate, admin, after[wanted] if after[wanted] != first or wanted == "pruned" else f"e{first[1:]}")

    assert told.whole
    assert identifier in told.ended


def test_who_may_be_told(gate: Gatepost, admin: Principal) -> None:
    make_people(gate, "ann")

    with pytest.raises(Unauthenticated):
        revocations(gate, NOBODY)
    with pytest.raises(Forbidden):
        revocations(gate, person("ann"))
    with pytest.raises(InvalidField):
        revocations(gate, admin, "yesterday")


def test_whoever_was_ended_meanwhile_is_told_nothing_more(gate: Gatepost, admin: Principal) -> None:
    from dataclasses import replace

    with gate.change_unasked() as tx:
        made = open_session(gate, tx, admin.subject, Arrival(method=Method.PASSWORD, address=""), cookie=False)
    caller = replace(admin, method=Method.SESSION, credential_id=made.record.id)
    assert revocations(gate, caller).whole

    end(gate, made.record.id)

    with pytest.raises(InvalidToken):
        revocations(gate, caller)
