"""No credential at all.  What anonymous callers may see is what was shared with `anonymous:*`."""

from __future__ import annotations

from datetime import datetime

from gatepost.authn.pending import Authenticator
from gatepost.errors import Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import ANONYMOUS, Credential, Method, NoCredential, Principal


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, _now: datetime) -> Principal | None:
        if not isinstance(credential, NoCredential):
            return None
        if not gate.settings.main.allow_anonymous_access:
            raise Unauthenticated("this needs a signed-in caller")
        return anonymous_principal(address)

    return recognise


def anonymous_principal(address: str) -> Principal:
    return Principal(subject=ANONYMOUS, method=Method.ANONYMOUS, scope=None, address=address)
