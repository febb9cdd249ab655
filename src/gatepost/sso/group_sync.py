"""Reading somebody's groups again at the provider, on demand."""

from __future__ import annotations

from sqlalchemy import select

from gatepost.errors import Conflict, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import tables


def sync_groups(gate: Gatepost, caller: Principal, username: str) -> None:
    """Read the groups again.  Raises `Conflict` where nothing is at hand to ask the provider with.

    A provider answers such a question only to a refresh token (scope `offline_access`), and none is kept so far.
    """
    gate.require(caller, "user:sync", seen_by="user:view")
    t = tables.users
    with gate.store.read() as connection:
        if connection.execute(select(t.c.id).where(t.c.username == username.lower())).one_or_none() is None:
            raise NotFound(f"there is no user:{username}")
    raise Conflict("no provider gave a refresh token for this person: their groups are read at the next sign-in")
