"""The headers that tell an application who is calling."""

from __future__ import annotations

import string
from collections import OrderedDict
from typing import NamedTuple
from urllib.parse import quote

from gatepost.access import groups_of
from gatepost.access.standing import standing
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


class Told(NamedTuple):
    """What was answered lately of a caller without a ceiling, and what it was made of, each by its identity."""

    standing: object
    profile: Profile | None
    kid: str
    until: float
    pairs: Pairs


Caller = tuple[str, str, str | None, frozenset[str], frozenset[str], str]


class IdentityHeaders:
    """Makes them, and keeps each signed identity for half of its life: signing is not for every request."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        self._kept: OrderedDict[tuple[str, str, Identity], tuple[float, Pairs]] = OrderedDict()
        self._told: OrderedDict[Caller, Told] = OrderedDict()

    def about(self, caller: Principal, profile: Profile | None, audience: str) -> Pairs:
        """The headers of a caller as things are now.

        Looking up names, putting them in order and comparing them with what was signed is the most of the work, and is
        left out while nothing that it starts from has changed.
        """
        if caller.scope is not None and caller.scope != FULL_SCOPE:
            return self.of(identity_of(self._gate, caller, profile), audience)  # hangs on what its roles permit, too
        subject, kid = caller.subject, self._gate.memory.keys.active.kid
        now = standing(subject, self._gate.memory.graph, caller.groups, caller.roles)
        key = (subject.type, subject.id, caller.role, caller.groups, caller.roles, audience)
        told = self._told.get(key)
        if (
            told is not None
            and told.standing is now
            and told.profile is profile
            and told.kid == kid
            and self._gate.dice.clock() < told.until
        ):
            return told.pairs
        # What stood before the names were looked up: if they change meanwhile, the next one sees another standing.
        identity = identity_of(self._gate, caller, profile)
        pairs = self.of(identity, audience)
        until, _ = self._kept.get((kid, audience, identity), (0.0, pairs))
        self._told.pop(key, None)  # so that it stands last; the loop and the pools' threads do this side by side
        self._told[key] = Told(now, profile, kid, until, pairs)
        if len(self._told) > MOST_KEPT:
            self._told.popitem(last=False)
        return pairs

    def of(self, identity: Identity, audience: str) -> Pairs:
        """All five, in ASCII, whatever is in a name: a value cannot end its header and begin another."""
        now = self._gate.dice.clock()
        key = (self._gate.memory.keys.active.kid, audience, identity)
        until, pairs = self._kept.get(key, (0.0, NOBODY))
        if now >= until:
            pairs = self._made(identity, audience)
            self._kept.pop(key, None)
            self._kept[key] = (now + RENEWED_AFTER_SECONDS, pairs)
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
