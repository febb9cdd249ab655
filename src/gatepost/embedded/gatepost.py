"""`from gatepost import Gatepost`: the gate, with every call of the SDK."""

from __future__ import annotations

from collections.abc import Iterable

from gatepost import gate
from gatepost.embedded.acting import Acting, principal_for
from gatepost.embedded.calls import Calls
from gatepost.principal import EMBEDDER, Entity, Principal


class Gatepost(gate.Gatepost, Calls):
    """One Gatepost in this process, and the calls of the SDK's `Client` on it, without a server.

    The calls are made by the application itself, which may do everything; the audit trail names it `platform:application`.
    `acting_as` makes them as somebody, with what they may.  All may be used by many threads.
    """

    @property
    def _gate(self) -> gate.Gatepost:
        return self

    def _caller(self) -> Principal:
        return EMBEDDER

    def acting_as(
        self, subject: str | Entity | Principal, *, scope: Iterable[str] | None = None, role: str | None = None
    ) -> Acting:
        """The same calls as somebody: `user:alice`, `service:etl`, or the principal of a request.

        That is what `authenticate` or a middleware gave, and it holds for that request and no longer.  `scope`
        (`dataset:view`) and `role` (one of theirs) narrow.  Raises `InvalidField`, `Forbidden` for what would widen, and
        `InvalidToken` for who is not there, disabled, or signed out.
        """
        return Acting(self, principal_for(self, subject, scope, role))

    def authenticate(self, authorization: str | None, *, address: str = "") -> Principal:
        """Say who sent this `Authorization` header (Bearer or Basic); None or empty is whoever is anonymous.

        `address` is where the request came from: wrong passwords are counted by it.  A password is slow on purpose, and
        a provider may be asked for its keys.  Raises `InvalidToken` for every credential that is bad, `InvalidRequest`
        for a header that does not read, `Unauthenticated` where nobody may be anonymous, and `Throttled`.
        """
        from gatepost.embedded.authenticating import authenticated  # with all ways to sign in elsewhere

        return authenticated(self, authorization, address)
