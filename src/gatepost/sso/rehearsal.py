"""What a sign-in would make of an account, its groups and its roles: done as a sign-in does it, and taken back.

The same functions run as at a sign-in, in a transaction that never commits: so a dry run cannot say one thing and the
sign-in do another, and nothing of it is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sqlalchemy import Row, select

from gatepost.access import roles_of
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Subject
from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import CarriedRoles, mapped_here
from gatepost.sso.claims import map_groups
from gatepost.sso.group_sync import Synced, synchronise
from gatepost.sso.provisioning import Visit, account_for
from gatepost.sso.role_sync import known_roles, synchronise_roles
from gatepost.store import tables
from gatepost.store.relations import holding
from gatepost.store.store import Change

MOST_NAMES = 200  # of those that are left out: a provider may send any number


@dataclass(frozen=True, slots=True, kw_only=True)
class Resulting:
    """Groups or roles as they would be, by their names here, and what the sign-in would change of them."""

    names: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()  # though the provider did not speak of them
    for_session: tuple[str, ...] = ()  # roles that the claims carry, for as long as the session
    left_out: tuple[str, ...] = ()  # the provider's names that mean nothing here
    beyond_limit: int = 0
    why: dict[str, str] = field(default_factory=dict)


NOTHING = Resulting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """`clash` says why no account would be opened; `account` which one would, and how that came about."""

    account: str = ""
    clash: str = ""
    groups: Resulting = NOTHING
    roles: Resulting = NOTHING
    has_default: bool | None = True  # None: that depends on the account, which was not looked at


class _TakenBack(Exception):
    """Ends the transaction without a commit, and carries out what was seen in it."""

    def __init__(self, rehearsed: Rehearsed) -> None:
        super().__init__()
        self.rehearsed = rehearsed


def rehearse(gate: Gatepost, settings: ProviderSettings, person: SignedIn, carried: CarriedRoles) -> Rehearsed:
    """Sign a person in, look at what came of it, and take it back.  It tells whether accounts exist: mind who asks."""
    try:
        with gate.change_unasked() as tx:
            _take_back(_signed_in(gate, tx, settings, person, carried))
    except _TakenBack as taken:
        return taken.rehearsed


def _take_back(rehearsed: Rehearsed) -> NoReturn:
    raise _TakenBack(rehearsed)


def foresee(gate: Gatepost, settings: ProviderSettings, person: SignedIn, carried: CarriedRoles) -> Rehearsed:
    """Say what the claims alone would make of a new account, without a look at any that exists."""
    first = frozenset(gate.settings.main.default_roles)
    mapped = mapped_here((*carried.names, *(person.groups or ())), settings) if settings.role_map else frozenset()
    with gate.database.read() as connection:
        roles = known_roles(connection, first | mapped | carried.roles)
        bound = known_roles(connection, carried.roles)
        groups = _groups_meant(settings, person)
        if not settings.auto_create_groups:
            g = tables.groups
            groups = frozenset(connection.execute(select(g.c.name).where(g.c.name.in_(sorted(groups)))).scalars())
    return Rehearsed(
        groups=Resulting(names=tuple(sorted(groups))),
        roles=Resulting(names=tuple(sorted(roles)), for_session=tuple(sorted(bound))),
        has_default=True if carried.default is None or carried.default in roles else None,
    )


def _signed_in(
    gate: Gatepost, tx: Change, settings: ProviderSettings, person: SignedIn, carried: CarriedRoles
) -> Rehearsed:
    """What `enter` does, up to the session."""
    account, clash = account_for(gate, tx, settings, person, Visit(address="", agent=""))
    if account is None:
        return Rehearsed(clash=clash)
    told = _told(tx, account)
    if account.disabled_at is not None:
        return Rehearsed(account=told, clash=f"user:{account.username} is disabled")
    subject = Entity("user", account.username)
    # Whoever is made by this sign-in had nothing before it, not even the first roles.
    is_new = any(record.event == "user.created" for record in tx.records)
    first = _held(tx, subject, "assignee") if is_new else frozenset()
    groups = synchronise(tx, settings, person, account.username)
    roles = synchronise_roles(tx, settings, person, account.username)
    bound = known_roles(tx.connection, carried.roles)
    held = _held(tx, subject, "assignee")
    return Rehearsed(
        account=told,
        groups=_resulting(groups, _held(tx, subject, "member")),
        roles=_resulting(roles, held | bound, first=first, bound=bound, unknown=carried.roles - bound),
        has_default=carried.default is None or _has(gate, subject, carried.default, held | bound, roles),
    )


def _has(gate: Gatepost, subject: Entity, role: str, held: frozenset[str], synced: Synced) -> bool:
    """Directly, or through a group."""
    through = role not in synced.removed and role in roles_of(Subject.of(subject), gate.memory.graph)
    return role in held or through


def _told(tx: Change, account: Row[Any]) -> str:
    """Which account, and how, in the words of the records that a sign-in would leave."""
    events = {record.event: record.reason for record in tx.records}
    name = f"user:{account.username}"
    if "user.created" in events:
        return f"{name}, which would be made"
    if "identity.linked" in events:
        return f"{name}, which would be bound: {events['identity.linked']}"
    return f"{name}, which this identity opens already"


def _held(tx: Change, subject: Entity, relation: str) -> frozenset[str]:
    return frozenset(row.object.partition(":")[2] for row in holding(tx.connection, str(subject), relation))


def _resulting(
    synced: Synced,
    names: Iterable[str],
    *,
    first: frozenset[str] = frozenset(),
    bound: frozenset[str] = frozenset(),
    unknown: frozenset[str] = frozenset(),
) -> Resulting:
    return Resulting(
        names=tuple(sorted(names)),
        added=tuple(sorted({*synced.added, *first})),
        removed=synced.removed,
        kept=synced.kept,
        for_session=tuple(sorted(bound)),
        left_out=tuple(sorted({*synced.left_out, *unknown}))[:MOST_NAMES],
        beyond_limit=synced.beyond_limit,
        why={**dict.fromkeys(sorted(first), "every new account has it (main.default_roles)"), **synced.why},
    )


def _groups_meant(settings: ProviderSettings, person: SignedIn) -> frozenset[str]:
    if settings.groups_claim is None or settings.group_sync == "off":
        return frozenset()
    return frozenset(map_groups(person.groups or (), settings).names[:MOST_NAMES])
