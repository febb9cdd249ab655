"""Design, "Decide under the lock": what another process took away a moment ago is honoured, whatever memory says."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from gatepost.directory.groups import add_member, change_group, create_group
from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.roles import assign_role, create_role, unassign_role
from gatepost.directory.sharing import NewGrant, grant_access, revoke_access
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.errors import Conflict, GatepostError, InvalidToken, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store import tables
from gatepost.tokens.sessions import Arrival, end_sessions, open_session
from tests.store.slow_commit import held_before_commit


def person(name: str, credential_id: str = "") -> Principal:
    return Principal(subject=Entity("user", name), method=Method.SESSION, scope=None, credential_id=credential_id)


@pytest.fixture
def bob(gate: Gatepost, second_gate: Gatepost, admin: Principal) -> Principal:
    """Bob may edit groups, and both processes know it."""
    create_group(gate, admin, "team", "as it was")
    create_user(gate, admin, NewUser(username="bob"))
    create_role(gate, admin, "grouper", ["group:edit"])
    assign_role(gate, admin, "grouper", "user:bob")
    second_gate.memory.catch_up()
    return person("bob")


def description(gate: Gatepost) -> str:
    with gate.database.read() as connection:
        return str(connection.execute(select(tables.groups.c.description)).scalar_one())


def test_a_role_taken_away_elsewhere_counts_before_memory_knows(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, bob: Principal
) -> None:
    unassign_role(second_gate, admin, "grouper", "user:bob")
    assert gate.may(bob, "group:edit"), "this process has not heard of it yet: that is the point"

    with pytest.raises(NotFound):
        change_group(gate, bob, "team", "late")

    assert description(gate) == "as it was"
    assert not gate.may(bob, "group:edit"), "the refused change has caught up"


def test_a_role_taken_away_while_the_change_waits_counts(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, bob: Principal
) -> None:
    revoking = held_before_commit(second_gate, lambda: unassign_role(second_gate, admin, "grouper", "user:bob"))
    with revoking as (held, _), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(change_group, gate, bob, "team", "late")
        held.let_go()
        with pytest.raises(NotFound):
            waiting.result(timeout=15)

    assert description(gate) == "as it was"


def test_a_person_disabled_elsewhere_changes_nothing_any_more(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, bob: Principal
) -> None:
    change_user(second_gate, admin, "bob", UserChange(disabled=True))
    assert gate.may(bob, "group:edit")

    with pytest.raises(InvalidToken):
        change_group(gate, bob, "team", "late")

    assert description(gate) == "as it was"


def test_a_session_ended_elsewhere_changes_nothing_any_more(
    gate: Gatepost, second_gate: Gatepost, bob: Principal
) -> None:
    arrival = Arrival(method="password", address="")
    with gate.change_unasked() as tx:
        session = open_session(gate, tx, bob.subject, arrival, cookie=True).record.id
    with second_gate.change_unasked() as tx:
        end_sessions(tx, [session])

    with pytest.raises(InvalidToken):
        change_group(gate, person("bob", session), "team", "late")

    assert description(gate) == "as it was"


def both_at_once(
    gate: Gatepost, first: Callable[[], None], second: Callable[[], None]
) -> list[type[GatepostError] | None]:
    """Run `first`, and `second` while `first` is written and not committed.  Answers how each ended."""

    def ending(work: Callable[[], None]) -> type[GatepostError] | None:
        try:
            work()
        except GatepostError as error:
            return type(error)
        return None

    with held_before_commit(gate, lambda: ending(first)) as (held, one), ThreadPoolExecutor(1) as pool:
        other = pool.submit(ending, second)
        held.let_go()
        return [one.result(timeout=15), other.result(timeout=15)]


def test_of_two_last_admins_removed_at_once_one_stays(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, bob: Principal
) -> None:
    create_role(gate, admin, "remover", ["role:assign"])
    assign_role(gate, admin, "remover", "user:bob")
    create_user(gate, admin, NewUser(username="other-admin"))
    assign_role(gate, admin, "admin", "user:other-admin")
    second_gate.memory.catch_up()

    ended = both_at_once(
        gate,
        lambda: unassign_role(gate, bob, "admin", "user:admin"),
        lambda: unassign_role(second_gate, bob, "admin", "user:other-admin"),
    )

    assert ended == [None, Conflict]
    second_gate.memory.catch_up()
    assert second_gate.may(person("other-admin"), "user:create")
    assert not second_gate.may(person("admin"), "user:create")


def test_of_two_last_owners_removed_at_once_one_stays(
    gate: Gatepost, second_gate: Gatepost, admin: Principal, bob: Principal
) -> None:
    create_resource(gate, admin, NewResource(type="collection", id="sales"))
    grant_access(gate, admin, "collection", "sales", NewGrant(subject="user:bob", relation="owner"))
    second_gate.memory.catch_up()

    ended = both_at_once(
        gate,
        lambda: revoke_access(gate, admin, "collection", "sales", "owner", "user:admin"),
        lambda: revoke_access(second_gate, admin, "collection", "sales", "owner", "user:bob"),
    )

    assert ended == [None, Conflict]
    second_gate.memory.catch_up()
    assert second_gate.check("user:bob", "delete", "collection:sales").allowed


def test_a_change_and_its_record_commit_together_or_not_at_all(gate: Gatepost, admin: Principal) -> None:
    audit = select(func.count()).select_from(tables.audit)
    create_group(gate, admin, "empty")
    before = gate.memory.revision
    with gate.database.read() as connection:
        records = connection.execute(audit).scalar_one()

    with pytest.raises(GatepostError):
        add_member(gate, admin, "empty", "user:nobody")

    with gate.database.read() as connection:
        assert connection.execute(audit).scalar_one() == records
    assert gate.database.head().revision == before == gate.memory.revision
