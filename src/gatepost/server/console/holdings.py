"""What a person holds by group and role, with where each membership came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gatepost.directory.groups import Member, list_members
from gatepost.directory.pages import Page, Wanted, encode_cursor
from gatepost.directory.rights import Rights
from gatepost.directory.roles import list_assignees
from gatepost.gate import Gatepost
from gatepost.principal import Principal

BY_HAND = frozenset({"manual", "config"})
MOST_ORIGINS = 20

List = Callable[[Gatepost, Principal, str, Wanted], Page[Member]]


@dataclass(frozen=True, slots=True)
class Holding:
    """One group or role that somebody has.  Without an origin it comes through another group."""

    name: str
    origin: str
    expires_at: datetime | None
    removable: bool


def groups_held(gate: Gatepost, caller: Principal, rights: Rights, subject: str) -> list[Holding]:
    """The groups, direct ones with their origin.  Takes `group:view` to say more than the names."""
    visible = gate.may(caller, "group:view")
    may = gate.may(caller, "group:edit")
    return _held(gate, caller, rights.groups, subject, list_members if visible else None, may=may)


def roles_held(gate: Gatepost, caller: Principal, rights: Rights, subject: str) -> list[Holding]:
    """The roles, likewise; those that a provider vouches for end with their session, and nobody takes them away here."""
    visible = gate.may(caller, "role:view")
    may = gate.may(caller, "role:assign")
    held = _held(gate, caller, rights.roles, subject, list_assignees if visible else None, may=may)
    vouched = {each.role for each in rights.vouched}
    return [
        *(each for each in held if each.origin or each.name not in vouched),
        *(Holding(each.role, f"sso:{each.provider}", each.expires_at, removable=False) for each in rights.vouched),
    ]


def _held(
    gate: Gatepost, caller: Principal, names: tuple[str, ...], subject: str, read: List | None, *, may: bool
) -> list[Holding]:
    # The list is in the order of subjects, so a cursor just before this one finds it in a group of any size.
    here = Wanted(limit=MOST_ORIGINS, cursor=encode_cursor(subject))
    found = []
    for name in names:
        members = read(gate, caller, name, here).items if read else []
        mine = [member for member in members if member.subject == subject]
        found += [Holding(name, m.origin, m.expires_at, may and m.origin in BY_HAND) for m in mine]
        if not mine:
            found.append(Holding(name, "", None, removable=False))
    return found
