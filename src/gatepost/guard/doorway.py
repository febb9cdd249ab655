"""What stands before an application: the options of both `Authentication`s, and whom they ask."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

from gatepost.authn.anonymous import anonymous_principal
from gatepost.errors import ConfigurationError, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.guard.closed import Closed
from gatepost.guard.embedded import Embedded
from gatepost.guard.remote import STALE_FOR, Remote
from gatepost.guard.visitor import Guard, Shown, Visitor
from gatepost.principal import NoCredential

App = TypeVar("App")


class Doorway(Generic[App]):
    """With `gate`, an open `Gatepost`, everything is answered in this process.

    With `server`, the address of a Gatepost server, access tokens for `audience` are verified here and the rest is asked
    there as `client`, a service's name and token; see `gatepost.guard.Remote` for the other options.

    A bad credential is 401 here and never reaches the application; so is none at all where anonymous access is off, but
    for the paths in `public`.  `origins` are the application's own, from where a browser may send the session cookie
    with a write (`https://app.example`).  Raises `ConfigurationError`.
    """

    def __init__(
        self,
        app: App,
        gate: Gatepost | None = None,
        *,
        server: str | None = None,
        audience: str = "",
        client: tuple[str, str] | None = None,
        issuer: str = "",
        origins: Iterable[str] = (),
        public: Collection[str] = (),
        trusted_proxies: Iterable[str] = (),
        stale_for: float = STALE_FOR,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self.app = app
        self._public = frozenset(public)
        if (gate is None) == (server is None):
            raise ConfigurationError(["Authentication takes either gate= or server="])
        if gate is not None and not isinstance(gate, Gatepost):
            sentence = f"gate= takes an open Gatepost, and this is a {type(gate).__name__}"
            raise ConfigurationError([f"{sentence}: give its .gate" if hasattr(gate, "gate") else sentence])
        self.guard: Guard = (
            Embedded(gate, origins=origins)
            if gate is not None
            else Remote(
                server or "",
                client=client,
                audience=audience,
                issuer=issuer,
                origins=origins,
                trusted_proxies=trusted_proxies,
                stale_for=stale_for,
                verify=verify,
            )
        )
        self._prepare()

    def _prepare(self) -> None:
        """What else an application of this kind takes, once all of that is in order."""

    def _stranger(self, shown: Shown, error: Unauthenticated) -> Visitor:
        """Return whoever looks at a public page without a credential.  Anywhere else the error stands."""
        if shown.path not in self._public:
            raise error
        return Visitor.of(anonymous_principal(shown.peer), Closed(), NoCredential())
