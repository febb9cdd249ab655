"""The audit trail: one record for each change, in its transaction; refusals added up; filters and pages (DH-17)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import pytest
from sqlalchemy import func, select

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.audit.trail import Filter, export_audit, read_audit
from gatepost.directory.groups import add_member, change_group, create_group, delete_group, remove_member
from gatepost.directory.pages import Wanted
from gatepost.directory.resources import NewResource, ResourceChange, change_resource, create_resource, delete_resource
from gatepost.directory.roles import assign_role, change_role, create_role, delete_role, unassign_role
from gatepost.directory.services import change_service, create_service, delete_service
from gatepost.directory.sharing import NewGrant, grant_access, revoke_access
from gatepost.directory.users import (
    NewPassword,
    NewUser,
    UserChange,
    change_user,
    create_user,
    delete_user,
    set_password,
)
from gatepost.errors import Forbidden, GatepostError, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store import tables
from gatepost.tokens.api_tokens import WantedToken, issue_api_token, list_api_tokens, revoke_api_token
from gatepost.tokens.key_rotation import rotate
from gatepost.tokens.service_tokens import (
    WantedServiceToken,
    issue_service_token,
    list_service_tokens,
    revoke_service_token,
)
from gatepost.tokens.session_list import end_session, list_sessions
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import (
    ADMIN,
    GOOD_PASSWORD,
    NOBODY,
    events,
    make_collection,
    make_people,
    person,
    tuples_naming,
)
from tests.tokens.signing_in import by_bearer, cookie_for

SOON = timedelta(hours=1)
C = ("collection", "c")

# Each change in an order in which all of them work, and the events that it leaves.
STORY: list[tuple[Callable[[Gatepost], object], str]] = [
    (lambda g: create_user(g, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD)), "user.created"),
    (lambda g: create_user(g, ADMIN, NewUser(username="bob")), "user.created"),
    (lambda g: change_user(g, ADMIN, "alice", UserChange(display_name="A")), "user.changed"),
    (lambda g: set_password(g, ADMIN, "alice", NewPassword(password=GOOD_PASSWORD)), "user.password_set"),
    (cookie_for, "session.opened"),
    (lambda g: end_session(g, ADMIN, list_sessions(g, ADMIN, Wanted(), "*").items[0].id), "session.ended"),
    (lambda g: create_group(g, ADMIN, "team"), "group.created"),
    (lambda g: change_group(g, ADMIN, "team", "x"), "group.changed"),
    (lambda g: add_member(g, ADMIN, "team", "user:alice"), "group.member_added"),
    (lambda g: add_member(g, ADMIN, "team", "user:alice"), ""),
    (lambda g: create_role(g, ADMIN, "r", ["dataset:view"]), "role.created"),
    (lambda g: change_role(g, ADMIN, "r", permissions=["dataset:edit"]), "role.changed"),
    (lambda g: assign_role(g, ADMIN, "r", "group:team"), "role.assigned"),
    (lambda g: assign_role(g, ADMIN, "r", "group:team"), ""),
    (lambda g: unassign_role(g, ADMIN, "r", "group:team"), "role.unassigned"),
    (lambda g: delete_role(g, ADMIN, "r"), "role.deleted"),
    (lambda g: create_resource(g, person("alice"), NewResource(type="collection", id="c")), "resource.created"),
    (lambda g: change_resource(g, person("alice"), *C, ResourceChange(display_name="C")), "resource.changed"),
    (lambda g: grant_access(g, ADMIN, *C, NewGrant(subject="group:team", relation="viewer")), "access.granted"),
    (lambda g: grant_access(g, ADMIN, *C, NewGrant(subject="group:team", relation="viewer")), ""),
    (lambda g: revoke_access(g, ADMIN, *C, "viewer", "group:team"), "access.revoked"),
    (lambda g: remove_member(g, ADMIN, "team", "user:alice"), "group.member_removed"),
    (lambda g: delete_group(g, ADMIN, "team"), "group.deleted"),
    (lambda g: delete_resource(g, ADMIN, *C), "resource.deleted"),
    (lambda g: create_service(g, ADMIN, "etl"), "service.created"),
    (lambda g: change_service(g, ADMIN, "etl", "x"), "service.changed"),
    (lambda g: issue_service_token(g, ADMIN, WantedServiceToken(name="etl", role="user")), "service_token.issued"),
    (
        lambda g: revoke_service_token(g, ADMIN, list_service_tokens(g, ADMIN, Wanted()).items[0].id),
        "service_token.revoked",
    ),
    (lambda g: delete_service(g, ADMIN, "etl"), "service.deleted"),
    (lambda g: issue_api_token(g, person("alice"), WantedToken(name="t")), "token.issued"),
    (lambda g: revoke_api_token(g, ADMIN, list_api_tokens(g, ADMIN, Wanted(), "*").items[0].id), "token.revoked"),
    (lambda g: change_user(g, ADMIN, "bob", UserChange(disabled=True)), "user.disabled"),
    (lambda g: change_user(g, ADMIN, "bob", UserChange(disabled=True)), ""),
    (lambda g: change_user(g, ADMIN, "bob", UserChange(disabled=False)), "user.enabled"),
    (lambda g: delete_user(g, ADMIN, "bob"), "user.deleted"),
    (lambda g: rotate(g, ADMIN), "key.rotated"),
]


def newest(gate: Gatepost, wanted: Filter | None = None) -> list[AuditRecord]:
    return read_audit(gate, ADMIN, Wanted(limit=500), wanted or Filter()).items


def count(gate: Gatepost) -> int:
    with gate.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.audit)).scalar_one())


def test_every_change_leaves_one_record_and_what_changed_nothing_none(gate: Gatepost) -> None:
    for change, event in STORY:
        before = count(gate)
        change(gate)
        wanted = [event] if event else []
        records = newest(gate)[: count(gate) - before]
        assert [r.event for r in records] == wanted
        for record in records:
            assert record.outcome is Outcome.DONE
            assert record.at == gate.now()
            if not event.startswith("token"):
                assert record.revision == str(gate.memory.revision)


def test_a_failing_change_leaves_neither_change_nor_record(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    """They commit together: whatever breaks after the record was handed in takes it along."""
    make_people(gate, "alice")
    make_collection(gate, "alice", "c")
    before, head = count(gate), gate.database.head()

    def broken(*_: object) -> NoReturn:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(gate.database, "_seal", broken)
    for attempt in (
        lambda: create_group(gate, ADMIN, "team"),
        lambda: grant_access(gate, ADMIN, *C, NewGrant(subject="user:*", relation="viewer")),
        lambda: change_user(gate, ADMIN, "alice", UserChange(disabled=True)),
        lambda: issue_api_token(gate, person("alice"), WantedToken(name="t")),
    ):
        with pytest.raises(RuntimeError):
            attempt()
    monkeypatch.undo()
    assert (count(gate), gate.database.head()) == (before, head)
    assert "user:alice" not in gate.memory.disabled
    assert tuples_naming(gate, "user:*") == []


def test_a_record_says_who_by_what_and_from_where(gate: Gatepost) -> None:
    caller = Principal(
        subject=Entity("user", "admin"),
        method=Method.API_TOKEN,
        scope=None,
        credential_id="01TOKEN",
        address="192.0.2.9",
        actor=Entity("service", "bot"),
    )
    create_group(gate, caller, "team")
    record = newest(gate)[0]
    assert (record.subject, record.method, record.credential_id, record.address, record.actor, record.target) == (
        "user:admin",
        "api_token",
        "01TOKEN",
        "192.0.2.9",
        "service:bot",
        "group:team",
    )


def test_what_a_service_did_names_who_issued_its_token(gate: Gatepost) -> None:
    """DH-17."""
    secret = issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user")).secret
    create_resource(gate, by_bearer(gate, secret), NewResource(type="dataset", id="d"))
    [record] = newest(gate, Filter(issuer="user:admin"))
    assert (record.event, record.subject, record.issuer) == ("resource.created", "service:etl", "user:admin")


def test_refusals_are_added_up(gate: Gatepost) -> None:
    """A refusal costs no write of its own; a thousand alike are one row that says so."""
    make_people(gate, "mallory", "eve")
    before = count(gate)
    for name, times in (("mallory", 40), ("eve", 1)):
        for _ in range(times):
            with pytest.raises(Forbidden):
                create_group(gate, person(name), "x")
    assert count(gate) == before
    found = newest(gate, Filter(event="refused.*"))
    assert sorted((r.subject, r.event, r.outcome, r.reason, r.count) for r in found) == [
        ("user:eve", "refused.group:create", "refused", "no_relation", 1),
        ("user:mallory", "refused.group:create", "refused", "no_relation", 40),
    ]


def test_what_was_asked_for_is_kept_as_it_was_though_it_was_rubbish(gate: Gatepost) -> None:
    """One bad character must not keep a batch of refusals from being written."""
    gate.journal.note(
        AuditRecord(
            event="refused.view", target="collection:\0\ud800", subject="user:x", method="session", at=gate.now()
        )
    )
    assert newest(gate)[0].target.startswith("collection:")


def test_filters(gate: Gatepost, dice: FakeDice) -> None:
    make_people(gate, "alice")
    dice.advance(SOON)
    noon = gate.now()
    create_group(gate, ADMIN, "team")
    create_role(gate, ADMIN, "r", [])
    dice.advance(SOON)
    delete_group(gate, ADMIN, "team")

    def found(**wanted: object) -> list[str]:
        return [r.event for r in newest(gate, Filter(**wanted))]  # type: ignore[arg-type]

    assert found(event="group.created") == ["group.created"]
    assert found(event="group.*") == ["group.deleted", "group.created"]
    assert found(target="group:team") == ["group.deleted", "group.created"]
    assert found(subject="user:admin", since=noon, until=noon + SOON) == ["role.created", "group.created"]
    assert found(outcome="refused") == found(event="group_created") == found(event="%") == found(event="g%*") == []
    assert found(event="gr_up.*") == [], "a filter takes no wildcard but the star at its end"
    assert found(subject="user:ADMIN") == []
    with pytest.raises(InvalidField, match="outcome: allowed are done, refused, failed"):
        found(outcome="denied")  # nothing found would say that nothing was refused


def test_pages_are_complete_newest_first_and_an_export_is_all_of_them(gate: Gatepost) -> None:
    for n in range(25):
        create_group(gate, ADMIN, f"g{n}")
    seen, cursor = [], ""
    while True:
        page = read_audit(gate, ADMIN, Wanted(limit=7, cursor=cursor), Filter(event="group.*"))
        seen += [r.target for r in page.items]
        if not (cursor := page.next_cursor):
            break
    assert seen == [f"group:g{n}" for n in reversed(range(25))]
    assert [r.target for r in export_audit(gate, ADMIN, Filter(event="group.*"))] == seen
    assert [target for event, _, target in events(gate) if event.startswith("group")] == seen[::-1]


def test_who_may_read_it(gate: Gatepost) -> None:
    """`*:view` does not mean it, nor does a token of an admin for anything else."""
    make_people(gate, "rita")
    assign_role(gate, ADMIN, "reader", "user:rita")
    for caller, kind in (
        (person("rita"), Forbidden),
        (person("admin", scope="*:view"), Forbidden),
        (person("admin", scope="user:*"), Forbidden),
        (NOBODY, Unauthenticated),
    ):
        with pytest.raises(kind):
            read_audit(gate, caller, Wanted(), Filter())
        with pytest.raises(kind):
            list(export_audit(gate, caller, Filter()))
    assert read_audit(gate, person("admin", scope="audit:view"), Wanted(), Filter()).items


def test_the_trail_is_the_same_on_both_databases(open_gate: OpenGate, database_url: str) -> None:
    gate = open_gate(database_url)
    for change, _ in STORY:
        change(gate)
    with pytest.raises(GatepostError):
        create_group(gate, person("alice"), "x")
    with pytest.raises(NotFound):
        change_group(gate, person("alice"), "x", "y")
    gate.journal.flush()
    told = [event for event, _, _ in events(gate) if event != "platform.started"]
    assert told[:-2] == [event for _, event in STORY if event]
    assert sorted(told[-2:]) == ["refused.group:create", "refused.group:edit"]
