"""Subjects as people type them, checked against what there is; and finding them, for sharing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from gatepost.access import PROTECTED, RelationTuple, allows
from gatepost.directory.names import is_name
from gatepost.directory.pages import containing
from gatepost.errors import Forbidden, InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal, Subject
from gatepost.store import tables

FOUND_AT_MOST = 20

_TABLES = {
    "user": tables.users.c.username,
    "service": tables.services.c.name,
    "group": tables.groups.c.name,
    "role": tables.roles.c.name,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A subject that reads well; whether it exists is asked under the lock."""

    subject: Subject

    def require_exists(self, connection: Connection) -> None:
        """Raise `InvalidField` if there is no such user, service, group or role."""
        if self.subject.is_wildcard:
            return
        column = _TABLES[self.subject.type]
        if connection.execute(select(column).where(column == self.subject.id)).one_or_none() is None:
            raise InvalidField({"subject": f"there is no {self.subject.entity}"})


def require_subject(text: str, wanted_as: str) -> Named:
    """Read `user:alice`, `service:etl`, `group:analysts` (meaning its members), `role:x`, or a wildcard."""
    try:
        subject = Subject.parse(text)
    except ValueError as error:
        raise InvalidField(
            {"subject": "not of the form type:id, such as user:alice or group:analysts#member"}
        ) from error
    if subject.type == "user" and not subject.is_wildcard:
        subject = Subject("user", subject.id.lower(), subject.relation)
    # Whoever writes `group:analysts` means its members: a group itself is never anybody's reader.
    meant = {"group": "member", "role": "assignee"}.get(subject.type, "")
    if meant and not subject.relation:
        subject = Subject(subject.type, subject.id, meant)
    wildcards = ("user", "service", "anonymous")
    fits = (
        subject.type in wildcards
        if subject.is_wildcard
        else subject.type in _TABLES and is_name(subject.id) and subject.relation == meant
    )
    if not fits:
        raise InvalidField({"subject": f"{text[:120]!r} cannot be {wanted_as}"})
    return Named(subject)


def require_allowed(gate: Gatepost, resource: Entity, relation: str, subject: Subject) -> None:
    """Raise `InvalidField` if the model does not let `subject` be `relation` of `resource`."""
    allows(gate.memory.graph.model, RelationTuple(resource, relation, subject))


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody to share with."""

    subject: str
    kind: str
    name: str
    display_name: str


def _sharing(kind: str) -> str:
    return f"{kind}:manage_access"


def find_subjects(gate: Gatepost, caller: Principal, query: str) -> list[Found]:
    """Users, groups and services whose name has `query` in it; for whoever is signed in and may share something.

    A token that is bound to less than that is no key to the directory.
    """
    gate.require_signed_in(caller)
    scope = caller.scope
    kinds = (name for name in gate.memory.graph.model.types if name not in PROTECTED)
    if scope is not None and not any(scope.covers(wanted) for wanted in ("user:view", *map(_sharing, kinds))):
        raise Forbidden("this credential's scope covers neither user:view nor manage_access on anything")
    u, g, s = tables.users, tables.groups, tables.services
    found: list[Found] = []
    with gate.database.read() as connection:
        people = select(u.c.username, u.c.display_name).where(
            u.c.disabled_at.is_(None), containing(query, u.c.username, u.c.display_name)
        )
        rows = connection.execute(people.order_by(u.c.username).limit(FOUND_AT_MOST))
        found.extend(Found(f"user:{row.username}", "user", row.username, row.display_name) for row in rows)
        for table, kind, suffix in ((g, "group", "#member"), (s, "service", "")):
            names = select(table.c.name, table.c.description).where(containing(query, table.c.name))
            rows = connection.execute(names.order_by(table.c.name).limit(FOUND_AT_MOST))
            found.extend(Found(f"{kind}:{r.name}{suffix}", kind, r.name, r.description or r.name) for r in rows)
    return found
