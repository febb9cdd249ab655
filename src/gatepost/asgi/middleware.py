"""Pure ASGI middleware: says who is calling, before the application is asked anything."""

from __future__ import annotations

from functools import cached_property

from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost.asgi.answering import Answering
from gatepost.asgi.lanes import Lanes
from gatepost.asgi.refusal import Refused, send_problem
from gatepost.errors import GatepostError, Unauthenticated
from gatepost.guard import Doorway, Embedded, Shown, Visitor
from gatepost.guard.visitor import without_ours

KEY = "gatepost"
LANES = "gatepost.lanes"


class Authentication(Doorway[ASGIApp]):
    """Puts the `Visitor` of each request and websocket into `scope["gatepost"]`, and so into `request.user`.

    The options are those of `gatepost.guard.Doorway`.
    """

    @cached_property
    def _lanes(self) -> Lanes:
        return Lanes(self.guard.gate.passwords.at_once) if isinstance(self.guard, Embedded) else Lanes()

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
            return await self._lanes.soon(self.guard.visitor, shown)
        except Unauthenticated as error:
            return self._stranger(shown, error)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application.  What Gatepost refuses in it is answered as such; every other error stays its own."""
        answering = Answering(scope, receive, send)
        try:
            await self.app(scope, receive, answering)
        except (Refused, GatepostError) as error:
            await answering.refuse(error.error if isinstance(error, Refused) else error)
