"""What a person holds by group and role, with where each membership came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gatepost.directory.rights import Rights
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store.relations import holding

BY_HAND = frozenset({"manual", "config"})


@dataclass(frozen=True, slots=True)
class Holding:
    """One group or role that somebody has.  Without an origin it comes through another group."""

    name: str
    origin: str
    expires_at: datetime | None
    removable: bool


def groups_held(gate: Gatepost, caller: Principal, rights: Rights, subject: str) -> list[Holding]:
    """The groups, direct ones with their origin.  Takes `group:view` to say more than the names."""
    relation = "member" if gate.may(caller, "group:view") else ""
    return _held(gate, "group", rights.groups, subject, relation, may=gate.may(caller, "group:edit"))


def roles_held(gate: Gatepost, caller: Principal, rights: Rights, subject: str) -> list[Holding]:
    """The roles, likewise; those that a provider vouches for end with their session, and nobody takes them away here."""
    relation = "assignee" if gate.may(caller, "role:view") else ""
    held = _held(gate, "role", rights.roles, subject, relation, may=gate.may(caller, "role:assign"))
    vouched = {each.role for each in rights.vouched}
    return [
        *(each for each in held if each.origin or each.name not in vouched),
        *(Holding(each.role, f"sso:{each.provider}", each.expires_at, removable=False) for each in rights.vouched),
    ]


def _held(
    gate: Gatepost, kind: str, names: tuple[str, ...], subject: str, relation: str, *, may: bool
) -> list[Holding]:
    """By the tuples of the subject, which are few, and not by the members of each group, who may be a hundred thousand."""
    direct: dict[str, list[Holding]] = {}
    if relation:
        with gate.database.read() as connection:
            for row in holding(connection, subject, relation):
                of, _, name = row.object.partition(":")
                if of == kind:
                    by_hand = may and row.origin in BY_HAND
                    direct.setdefault(name, []).append(Holding(name, row.origin, row.expires_at, by_hand))
    return [each for name in names for each in direct.get(name, [Holding(name, "", None, removable=False)])]
