"""Callers of every kind, and short ways to make what a test needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select

from gatepost.directory.groups import add_member, create_group
from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.roles import assign_role, create_role
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.principal import ANONYMOUS, Entity, Method, Principal, Scope
from gatepost.store import tables

ADMIN = Principal(subject=Entity("user", "admin"), method=Method.EMBEDDED, scope=None)
NOBODY = Principal(subject=ANONYMOUS, method=Method.ANONYMOUS, scope=None)
GOOD_PASSWORD = "plover-zinc-93-harbour"


def person(
    name: str, *, scope: str | None = None, method: Method = Method.SESSION, role: str | None = None
) -> Principal:
    """A person as an edge would hand them over; `scope` is what their token is limited to."""
    ceiling = None if scope is None else Scope.parse(scope)
    return Principal(subject=Entity("user", name), method=method, scope=ceiling, role=role)


def machine(name: str, scope: str = "*:*") -> Principal:
    issuer = Entity("user", "admin")
    return Principal(
        subject=Entity("service", name), method=Method.SERVICE_TOKEN, scope=Scope.parse(scope), issuer=issuer
    )


def narrowed(caller: Principal, role: str) -> Principal:
    return replace(caller, role=role)


def make_people(gate: Gatepost, *names: str) -> None:
    for name in names:
        create_user(gate, ADMIN, NewUser(username=name))


def make_officer(gate: Gatepost, name: str, permissions: Iterable[str]) -> Principal:
    """Somebody with a role of their own that holds `permissions`."""
    make_people(gate, name)
    create_role(gate, ADMIN, f"{name}s", permissions)
    assign_role(gate, ADMIN, f"{name}s", f"user:{name}")
    return person(name)


def make_group(gate: Gatepost, name: str, *members: str) -> None:
    create_group(gate, ADMIN, name)
    for member in members:
        add_member(gate, ADMIN, name, member)


def make_collection(gate: Gatepost, owner: str, name: str) -> None:
    create_resource(gate, person(owner), NewResource(type="collection", id=name))


def make_dataset(gate: Gatepost, owner: str, name: str, parent: str | None = None) -> None:
    create_resource(gate, person(owner), NewResource(type="dataset", id=name, parent=parent))


def share(gate: Gatepost, owner: str, resource: str, relation: str, subject: str) -> None:
    kind, _, name = resource.partition(":")
    grant_access(gate, person(owner), kind, name, NewGrant(subject=subject, relation=relation))


def may(gate: Gatepost, subject: str, action: str, resource: str = "platform:main") -> bool:
    return gate.check(subject, action, resource).allowed


def tuples_naming(gate: Gatepost, entity: str) -> list[tuple[str, str, str]]:
    """Every stored tuple in which `entity` stands on either side, be it as the object of a userset."""
    t = tables.tuples
    with gate.database.read() as connection:
        rows = connection.execute(select(t.c.object, t.c.relation, t.c.subject)).all()
    return [(r.object, r.relation, r.subject) for r in rows if entity in (r.object, r.subject.partition("#")[0])]


def events(gate: Gatepost) -> list[tuple[str, str, str]]:
    """(event, outcome, target) of the whole audit trail, oldest first."""
    t = tables.audit
    with gate.database.read() as connection:
        return [(r.event, r.outcome, r.target) for r in connection.execute(select(t).order_by(t.c.id))]
