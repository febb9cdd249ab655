"""The headers that tell an application who is calling."""

from __future__ import annotations

import string
from collections import OrderedDict
from urllib.parse import quote

from gatepost.access import groups_of
from gatepost.gate import Gatepost
from gatepost.principal import FULL_SCOPE, Principal, Subject
from gatepost.records import Profile
from gatepost.tokens.carried_roles import carried_roles
from gatepost.tokens.identity_tokens import RENEWED_AFTER_SECONDS, Identity, mint_identity, shown_name

Pairs = list[tuple[bytes, bytes]]

_TEXT = string.ascii_letters + string.digits + string.punctuation
AS_IT_IS = _TEXT.replace("%", "")
IN_A_LIST = AS_IT_IS.replace(",", "")
MOST_KEPT = 10_000
NOBODY: Pairs = [(f"x-gatepost-{name}".encode(), b"") for name in ("user", "email", "groups", "roles", "identity")]


def identity_of(gate: Gatepost, caller: Principal, profile: Profile | None) -> Identity:
    """Who the caller is, now: groups and roles are looked up, and an e-mail that nobody verified is not passed on."""
    groups = groups_of(Subject.of(caller.subject), gate.memory.graph, caller.groups)
    roles = carried_roles(gate, caller.subject, caller.scope, groups=caller.groups, roles=caller.roles)
    if caller.role is not None:
        roles &= {caller.role}  # the provider's default role, which counts alone
    ceiling = None if caller.scope is None or caller.scope == FULL_SCOPE else str(caller.scope)
    return Identity(
        subject=caller.subject,
        email=profile.email if profile is not None and profile.email and profile.email_verified else "",
        groups=tuple(sorted(groups)),
        roles=tuple(sorted(roles)),
        scope=ceiling,
    )


def listed(names: tuple[str, ...]) -> str:
    """Names with commas between them.  A comma in a name is written %2C: no name has a percent sign of its own."""
    return ",".join(quote(name, safe=IN_A_LIST) for name in names)


class IdentityHeaders:
    """Makes them, and keeps each signed identity for half of its life: signing is not for every request."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        self._kept: OrderedDict[tuple[str, str, Identity], tuple[float, Pairs]] = OrderedDict()

    def of(self, identity: Identity, audience: str) -> Pairs:
        """All five, in ASCII, whatever is in a name: a value cannot end its header and begin another."""
        now = self._gate.dice.clock()
        key = (self._gate.memory.keys.active.kid, audience, identity)
        until, pairs = self._kept.get(key, (0.0, NOBODY))
        if now >= until:
            pairs = self._made(identity, audience)
            self._kept[key] = (now + RENEWED_AFTER_SECONDS, pairs)
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return pairs

    def _made(self, identity: Identity, audience: str) -> Pairs:
        token = mint_identity(self._gate, identity, audience)
        told = {
            "user": quote(shown_name(identity.subject), safe=AS_IT_IS),
            "email": quote(identity.email, safe=AS_IT_IS),
            "groups": listed(identity.groups),
            "roles": listed(identity.roles),
            "identity": token,
        }
        return [(f"x-gatepost-{name}".encode(), value.encode("ascii")) for name, value in told.items()]
