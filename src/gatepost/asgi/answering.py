"""What an application answers, noticed on its way out, so that a refusal that it did not foresee is answered as one."""

from __future__ import annotations

import sys

from starlette.types import Message, Receive, Scope, Send

from gatepost.asgi.refusal import POLICY_VIOLATION, send_problem
from gatepost.errors import GatepostError
from gatepost.problems import is_answer


class Answering:
    """The `send` of one request or websocket.

    A framework answers an error that it does not know with 500, while the error is in flight, and raises it again for
    whoever stands before it (Starlette's `ServerErrorMiddleware`, in the application and in each that is mounted in it).
    Where that error is a refusal of ours, the answer is that refusal.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._begun = self._is_over = self._is_refused = False

    async def __call__(self, message: Message) -> None:
        if self._is_refused:
            return  # the rest of the answer that the refusal stands for
        in_flight = sys.exc_info()[1]
        if (
            message["type"] == "http.response.start"
            and message["status"] == 500
            and isinstance(in_flight, GatepostError)
            and is_answer(in_flight)
        ):
            await self.refuse(in_flight)
            return
        self._begun = True
        self._is_over = self._is_over or message["type"] == "websocket.close"
        await self._send(message)

    async def refuse(self, error: GatepostError) -> None:
        """Answer with an error.  Raises it if it is none for a visitor, or there is another answer by now."""
        if self._is_refused:
            return
        is_socket = self._scope["type"] == "websocket"
        if not is_answer(error) or self._is_over or (self._begun and not is_socket):
            raise error
        self._is_refused = True
        if self._begun:
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
        elif is_socket:
            await send_problem(self._scope, _connected, self._send, error)
        else:
            await send_problem(self._scope, self._receive, self._send, error)


async def _connected() -> Message:
    """What a refusal waits for first: the application has taken it in already."""
    return {"type": "websocket.connect"}
