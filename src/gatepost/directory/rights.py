"""What somebody effectively may, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from gatepost import access
from gatepost.directory.roles import permission_pattern
from gatepost.directory.users import get_user
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject
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
class Rights:
    """Everything that a person effectively has."""

    username: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    permissions: tuple[Right, ...]
    relations: tuple[Right, ...]


def rights_of(gate: Gatepost, caller: Principal, username: str) -> Rights:
    """One's own anybody may read whose credential's scope covers `user:view`; somebody else's takes that permission."""
    gate.require_signed_in(caller, "user:view")
    profile = get_user(gate, caller, username)
    subject = Subject("user", profile.username)
    graph = gate.memory.graph
    roles = sorted(access.roles_of(subject, graph))
    relations = [
        _relation(subject, name, relation, via)
        for name, relation, via in access.rights(subject, graph)
        if name.partition(":")[0] not in ("group", "role", "platform")
    ]
    return Rights(
        username=profile.username,
        groups=tuple(sorted(access.groups_of(subject, graph))),
        roles=tuple(roles),
        permissions=tuple(_permissions(gate, roles)),
        relations=tuple(relations),
    )


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
