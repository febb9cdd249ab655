"""What a sign-in would make of an account, its groups and its roles: done as a sign-in does it, and taken back.

The same functions run as at a sign-in, in a transaction that never commits: so a dry run cannot say one thing and the
sign-in do another, and nothing of it is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from sqlalchemy import Column, Row, select

from gatepost.errors import Forbidden
from gatepost.gate import Gatepost
from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import mapped_here, read_roles
from gatepost.sso.claims import MappedGroups, map_groups
from gatepost.sso.provisioning import Visit, account_for, synchronise
from gatepost.sso.role_sync import synchronise_roles
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
    left_out: tuple[str, ...] = ()  # the provider's names that mean nothing here
    beyond_limit: int = 0


NOTHING = Resulting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """`clash` says why no account would be opened; `account` which one would, and how that came about."""

    account: str = ""
    clash: str = ""
    groups: Resulting = NOTHING
    roles: Resulting = NOTHING
    roles_wrong: str = ""


class _TakenBack(Exception):
    """Ends the transaction without a commit, and carries out what was seen in it."""

    def __init__(self, rehearsed: Rehearsed) -> None:
        super().__init__()
        self.rehearsed = rehearsed


def rehearse(gate: Gatepost, settings: ProviderSettings, person: SignedIn) -> Rehearsed:
    """Sign a person in, look at what came of it, and take it back.  It tells whether accounts exist: mind who asks."""
    try:
        with gate.change_unasked() as tx:
            _take_back(_signed_in(gate, tx, settings, person))
    except _TakenBack as taken:
        return taken.rehearsed


def _take_back(rehearsed: Rehearsed) -> NoReturn:
    raise _TakenBack(rehearsed)


def foresee(gate: Gatepost, settings: ProviderSettings, person: SignedIn) -> Rehearsed:
    """Say what the claims alone would make of a new account, without a look at any that exists."""
    roles, wrong = _mapped_roles(settings, person)
    first = frozenset(gate.settings.main.default_roles)
    mapped = _mapped_groups(settings, person)
    known = _existing(gate, tables.groups.c.name, mapped.names)
    groups = frozenset(mapped.names) if settings.auto_create_groups else known
    return Rehearsed(
        groups=Resulting(names=tuple(sorted(groups))),
        roles=Resulting(names=tuple(sorted(_existing(gate, tables.roles.c.name, roles | first)))),
        roles_wrong=wrong,
    )


def _signed_in(gate: Gatepost, tx: Change, settings: ProviderSettings, person: SignedIn) -> Rehearsed:
    before = len(tx.records)
    account, clash = account_for(gate, tx, settings, person, Visit(address="", agent=""))
    if account is None:
        return Rehearsed(clash=clash)
    if account.disabled_at is not None:
        return Rehearsed(account=_told(tx, before, account), clash=f"user:{account.username} is disabled")
    subject = f"user:{account.username}"
    # Whoever is made by this sign-in had nothing before it, not even the first roles.
    is_new = any(record.event == "user.created" for record in tx.records[before:])
    held = (set(), set()) if is_new else (_held(tx, subject, "member"), _held(tx, subject, "assignee"))
    synchronise(tx, settings, person, account.username)
    _, wrong = _mapped_roles(settings, person)
    left_out: tuple[str, ...] = ()
    if not wrong:
        left_out = synchronise_roles(tx, settings, person, account.username).left_out
    groups, mapped = _held(tx, subject, "member"), _mapped_groups(settings, person)
    return Rehearsed(
        account=_told(tx, before, account),
        groups=_resulting(
            held[0], groups, (*(n for n in mapped.names if n not in groups), *mapped.unusable), mapped.beyond_limit
        ),
        roles=_resulting(held[1], _held(tx, subject, "assignee"), left_out),
        roles_wrong=wrong,
    )


def _told(tx: Change, before: int, account: Row[Any]) -> str:
    """Which account, and how, in the words of the records that a sign-in would leave."""
    events = {record.event: record.reason for record in tx.records[before:]}
    name = f"user:{account.username}"
    if "user.created" in events:
        return f"{name}, which would be made"
    if "identity.linked" in events:
        return f"{name}, which would be bound: {events['identity.linked']}"
    return f"{name}, which this identity opens already"


def _held(tx: Change, subject: str, relation: str) -> set[str]:
    return {row.object.partition(":")[2] for row in holding(tx.connection, subject, relation)}


def _resulting(before: set[str], after: set[str], left_out: Iterable[str], beyond_limit: int = 0) -> Resulting:
    return Resulting(
        names=tuple(sorted(after)),
        added=tuple(sorted(after - before)),
        removed=tuple(sorted(before - after)),
        left_out=tuple(sorted(left_out))[:MOST_NAMES],
        beyond_limit=beyond_limit,
    )


def _mapped_groups(settings: ProviderSettings, person: SignedIn) -> MappedGroups:
    if settings.groups_claim is None or settings.group_sync == "off" or person.groups is None:
        return MappedGroups(())
    return map_groups(person.groups, settings)


def _mapped_roles(settings: ProviderSettings, person: SignedIn) -> tuple[frozenset[str], str]:
    """The roles here that `role_map` makes, or the sentence that says why the claims cannot be read."""
    if not settings.role_map:
        return frozenset(), ""
    try:
        names = read_roles(person.claims, settings).names
    except Forbidden as error:
        return frozenset(), str(error)
    return mapped_here((*names, *(person.groups or ())), settings), ""


def _existing(gate: Gatepost, column: Column[str], names: Iterable[str]) -> frozenset[str]:
    wanted = sorted(names)[:MOST_NAMES]
    with gate.store.read() as connection:
        return frozenset(connection.execute(select(column).where(column.in_(wanted))).scalars())
