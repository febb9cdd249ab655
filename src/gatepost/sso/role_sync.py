"""Roles that a provider's roles and groups stand for here (`role_map`): assigned at the sign-in, ended when it drops them.

They are stored with the provider as their origin, so that what people have assigned by hand is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import mapped_here, read_roles
from gatepost.store import tables
from gatepost.store.relations import holding, relate, unrelate
from gatepost.store.store import Change


@dataclass(frozen=True, slots=True)
class SyncedRoles:
    """What one sign-in changed.  `left_out` are mapped names that are no role here."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    left_out: tuple[str, ...]


def synchronise_roles(tx: Change, settings: ProviderSettings, person: SignedIn, username: str) -> SyncedRoles:
    """Bring this provider's assignments in line with what it says.

    Groups that it did not speak of are not groups that it took away: then nothing is removed.  Raises `Forbidden` for
    roles that the claims should hold and do not.
    """
    origin, subject = f"sso:{person.provider}", f"user:{username}"
    held = {
        row.object.removeprefix("role:") for row in holding(tx.connection, subject, "assignee") if row.origin == origin
    }
    wanted: frozenset[str] = frozenset()
    if settings.role_map:
        wanted = mapped_here((*read_roles(person.claims, settings).names, *(person.groups or ())), settings)
    r = tables.roles
    known = set(tx.connection.execute(select(r.c.name).where(r.c.name.in_(sorted(wanted)))).scalars())
    is_silent = settings.groups_claim is not None and person.groups is None
    added = sorted(known - held)
    removed = [] if is_silent and settings.role_map else sorted(held - known)
    for role in added:
        relate(tx, f"role:{role}", "assignee", subject, author=origin, origin=origin)
    for role in removed:
        unrelate(tx, f"role:{role}", "assignee", subject, origin=origin)
    return SyncedRoles(tuple(added), tuple(removed), tuple(sorted(wanted - known)))
