"""Roles that a provider's roles and groups stand for here (`role_map`): assigned at the sign-in, ended when it drops them.

They are stored with the provider as their origin, so that what people have assigned by hand is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, select

from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import mapped_here, read_roles
from gatepost.sso.group_sync import Synced, record_of
from gatepost.store import tables
from gatepost.store.relations import holding, relate, unrelate
from gatepost.store.store import Change


def synchronise_roles(tx: Change, settings: ProviderSettings, person: SignedIn, username: str) -> Synced:
    """Bring this provider's assignments in line with what it says, and record it.

    Groups that it did not speak of are not groups that it took away: then nothing is removed.  Raises `Forbidden` for
    roles that the claims should hold and do not.
    """
    origin, subject = f"sso:{person.provider}", f"user:{username}"
    held = {
        row.object.removeprefix("role:") for row in holding(tx.connection, subject, "assignee") if row.origin == origin
    }
    said: tuple[str, ...] = ()
    if settings.role_map:
        said = (*read_roles(person.claims, settings).names, *(person.groups or ()))
    wanted = mapped_here(said, settings)
    known = known_roles(tx.connection, wanted)
    is_silent = bool(settings.role_map) and settings.groups_claim is not None and person.groups is None
    gone = sorted(held - known)
    names = {ours: theirs for theirs, ours in settings.role_map.items() if theirs in said}
    why = {role: f"{person.provider} lists {names[role]}" for role in sorted(known - held)}
    ended = f"{person.provider} did not say which groups there are" if is_silent else f"{person.provider} dropped it"
    done = Synced(
        added=tuple(sorted(known - held)),
        removed=() if is_silent else tuple(gone),
        kept=tuple(gone) if is_silent else (),
        left_out=tuple(sorted(wanted - known)),
        why=why | dict.fromkeys(gone, ended),
    )
    for role in done.added:
        relate(tx, f"role:{role}", "assignee", subject, author=origin, origin=origin)
    for role in done.removed:
        unrelate(tx, f"role:{role}", "assignee", subject, origin=origin)
    if done.is_notable:
        detail = {"provider": person.provider, **done.told()}
        tx.record(replace(record_of(tx, person, "roles.synchronised", username), detail=detail))
    return done


def known_roles(connection: Connection, names: Iterable[str]) -> frozenset[str]:
    """Those of the names that are roles here."""
    r, wanted = tables.roles, sorted(names)
    found: set[str] = set()
    for start in range(0, len(wanted), 500):  # below every database's limit of parameters
        found.update(connection.execute(select(r.c.name).where(r.c.name.in_(wanted[start : start + 500]))).scalars())
    return frozenset(found)
