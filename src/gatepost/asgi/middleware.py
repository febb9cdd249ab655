"""Pure ASGI middleware: says who is calling, before the application is asked anything."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost.asgi.lanes import Lanes
from gatepost.asgi.refusal import Refused, send_problem
from gatepost.authn.anonymous import anonymous_principal
from gatepost.errors import ConfigurationError, GatepostError, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.guard import Closed, Embedded, Guard, Later, Remote, Shown, Visitor
from gatepost.guard.remote import STALE_FOR
from gatepost.guard.visitor import without_ours
from gatepost.principal import NoCredential

KEY = "gatepost"
LANES = "gatepost.lanes"


class Authentication:
    """Puts the `Visitor` of each request and websocket into `scope["gatepost"]`, and so into `request.user`.

    With `gate`, an open `Gatepost`, everything is answered in this process.  With `server`, the address of a Gatepost
    server, access tokens for `audience` are verified here and the rest is asked there as `client`, a service's name and
    token; see `gatepost.guard.Remote` for the other options.

    A bad credential is 401 here and never reaches the application; so is none at all where anonymous access is off, but
    for the paths in `public`.  `origins` are the application's own, from where a browser may send the session cookie
    with a write (`https://app.example`).  Raises `ConfigurationError`.
    """

    def __init__(
        self,
        app: ASGIApp,
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
        if gate is not None:
            self.guard: Guard = Embedded(gate, origins=origins)
            self._lanes = Lanes(gate.passwords.at_once)
            return
        self.guard = Remote(
            server or "",
            client=client,
            audience=audience,
            issuer=issuer,
            origins=origins,
            trusted_proxies=trusted_proxies,
            stale_for=stale_for,
            verify=verify,
        )
        self._lanes = Lanes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                self.guard.close()
            return
        if scope["type"] not in ("http", "websocket"):
            raise TypeError(f"nobody knows who calls by {scope['type']}")
        try:
            visitor = await self._visitor(scope)
        except GatepostError as error:
            await send_problem(scope, receive, send, error)
            return
        own = {"headers": without_ours(scope["headers"]), KEY: visitor, "user": visitor, LANES: self._lanes}
        await self._answered({**scope, **own}, receive, send)

    async def _visitor(self, scope: Scope) -> Visitor:
        shown = Shown(
            headers=scope["headers"],
            method=scope.get("method", "GET"),
            path=scope["path"],
            peer=(scope.get("client") or ("", 0))[0],
            is_socket=scope["type"] == "websocket",
        )
        try:
            answer = self.guard.visitor(shown)
            return await self._lanes.now(answer) if isinstance(answer, Later) else answer
        except Unauthenticated:
            if scope["path"] not in self._public:
                raise
            return Visitor.of(anonymous_principal(shown.peer), Closed(), NoCredential())

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application.  What Gatepost refuses in it is answered as such; every other error stays its own."""
        begun = False

        async def noticed(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] != "websocket.close"
            await send(message)

        try:
            await self.app(scope, receive, noticed)
        except (Refused, GatepostError) as error:
            if begun or scope["type"] != "http":
                raise
            await send_problem(scope, receive, send, error.error if isinstance(error, Refused) else error)
