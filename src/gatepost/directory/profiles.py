"""Who somebody is, as the hot path needs it: from memory, and from the database the first time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from gatepost.access import groups_of, roles_of
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject
from gatepost.records import Profile
from gatepost.store import tables


def profile_of(row: Row[tuple[object, ...]]) -> Profile:
    return Profile(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        email=row.email,
        email_verified=row.email_verified,
        external=row.external,
        disabled_at=row.disabled_at,
        created_at=row.created_at,
        created_by=row.created_by,
        has_password=row.password is not None,
    )


def known_profile(gate: Gatepost, username: str) -> Profile | None:
    """Answer from memory alone; None says that it has to be read."""
    return gate.memory.profiles.get(username)


def read_profile(gate: Gatepost, username: str) -> Profile | None:
    """Answer from memory, or read and keep."""

    def read(name: str) -> Profile | None:
        t = tables.users
        with gate.database.read() as connection:
            row = connection.execute(select(t).where(t.c.username == name)).one_or_none()
        return profile_of(row) if row is not None else None

    return gate.memory.profiles.get_or_read(username, read)


def describe(gate: Gatepost, caller: Principal, profile: Profile | None) -> dict[str, Any]:
    """Who is calling: the members of `/api/v1/me`.  `profile` is the caller's, where that is a person."""
    subject, graph = Subject.of(caller.subject), gate.memory.graph
    name = None if caller.is_anonymous else caller.subject.id
    return {
        "kind": caller.subject.type,
        "id": profile.id if profile else name,
        "username": name,
        "display_name": profile.display_name if profile else name,
        "email": profile.email if profile else None,
        "groups": sorted(groups_of(subject, graph, caller.groups)),
        "roles": sorted(roles_of(subject, graph, caller.groups, caller.roles)),
        "method": caller.method.value,
        "provider": caller.provider or None,
    }
