"""What somebody effectively may, each with its source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from gatepost import access
from gatepost.directory.roles import permission_pattern
from gatepost.directory.users import get_user
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject
from gatepost.store import tables
from gatepost.store.relations import held_by


@dataclass(frozen=True, slots=True)
class Right:
    """A permission of a role, or a relation to a resource.  `source` says whose it is, `sentence` reads it out."""

    kind: str
    right: str
    resource: str
    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class VouchedRole:
    """A role that `provider` vouches for until `session` ends; of a token of its own, it is the call's."""

    role: str
    provider: str
    session: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rights:
    """Everything that a person effectively has.  `vouched` are the roles that end with a session or a call."""

    username: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    permissions: tuple[Right, ...]
    relations: tuple[Right, ...]
    vouched: tuple[VouchedRole, ...] = ()


def rights_of(gate: Gatepost, caller: Principal, username: str) -> Rights:
    """One's own anybody may read whose credential's scope covers `user:view`; somebody else's takes that permission."""
    gate.require_signed_in(caller, "user:view")
    profile = get_user(gate, caller, username)
    subject = Subject("user", profile.username)
    graph = gate.memory.graph
    roles = sorted(access.roles_of(subject, graph))
    vouched = _vouched(gate, caller, subject)
    relations = [
        _relation(subject, name, relation, via)
        for name, relation, via in access.rights(subject, graph)
        if name.partition(":")[0] not in ("group", "role", "platform")
    ]
    return Rights(
        username=profile.username,
        groups=tuple(sorted(access.groups_of(subject, graph))),
        roles=tuple(sorted({*roles, *(each.role for each in vouched)})),
        permissions=(*_permissions(gate, roles), *_while_vouched(gate, vouched)),
        relations=tuple(relations),
        vouched=tuple(vouched),
    )


def _vouched(gate: Gatepost, caller: Principal, subject: Subject) -> list[VouchedRole]:
    """The roles of the person's sessions that go on, and those of this very call if it is their own."""
    s = tables.sessions
    own = caller.roles if Subject.of(caller.subject) == subject else frozenset()
    query = select(s).where(s.c.subject == str(subject), s.c.ended_at.is_(None), s.c.expires_at > gate.now())
    with gate.store.read() as connection:
        going_on = connection.execute(query.where(s.c.roles.is_not(None)).order_by(s.c.id)).all()
    found = [
        VouchedRole(role, row.provider, row.id, row.expires_at)
        for row in going_on
        for carried in (gate.memory.session_roles.of(row.id),)
        if carried is not None and any(p.name == row.provider for p in gate.settings.sso.providers)
        for role in sorted(carried.roles)
    ]
    if any(each.session == caller.credential_id for each in found):
        return found
    return [*found, *(VouchedRole(role, caller.provider, "", None) for role in sorted(own))]


def _while_vouched(gate: Gatepost, vouched: list[VouchedRole]) -> list[Right]:
    found = []
    for each in vouched:
        until = f"while session {each.session} goes on" if each.session else "for this call"
        for right in _permissions(gate, [each.role]):
            source = f"session:{each.session}" if each.session else right.source
            found.append(replace(right, source=source, sentence=f"{right.sentence}: {each.provider} says so {until}"))
    return found


def _permissions(gate: Gatepost, roles: list[str]) -> list[Right]:
    found = []
    with gate.store.read() as connection:
        for role in roles:
            for row in held_by(connection, f"role:{role}", ("permission",)):
                pattern = permission_pattern(row.subject)
                found.append(Right("permission", pattern, "", f"role:{role}", f"the role {role} holds {pattern}"))
    return found


def _relation(subject: Subject, name: str, relation: str, via: str) -> Right:
    own = via == str(subject)
    source = str(subject) if own else via
    return Right(
        "relation", relation, name, source, f"{relation} of {name}" if own else f"{relation} of {name} as {via}"
    )
