"""`X-Gatepost-Role`: one of the caller's own roles for this call, and none of the others."""

from __future__ import annotations

from dataclasses import replace

from gatepost.access import roles_of
from gatepost.errors import Forbidden, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject

HEADER = b"x-gatepost-role"


def unnarrowed(caller: Principal) -> Principal:
    """The caller of a page, where nobody can name a role: all of theirs count at once, whatever the default role is."""
    return caller if caller.role is None else replace(caller, role=None)


def narrow(gate: Gatepost, caller: Principal, role: str) -> Principal:
    """Narrow the call to `role`.  Raises `Forbidden` if it is not the caller's: a header never adds anything.

    Whoever is anonymous is asked to sign in.
    """
    own = roles_of(Subject.of(caller.subject), gate.memory.graph, groups=caller.groups, roles=caller.roles)
    if role not in own and caller.is_anonymous:
        raise Unauthenticated("X-Gatepost-Role names a role that takes a signed-in caller")
    if role not in own:
        raise Forbidden("X-Gatepost-Role names a role that you do not have")
    return replace(caller, role=role)
