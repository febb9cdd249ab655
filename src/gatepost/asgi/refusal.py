"""An error of Gatepost's as an answer of the application: RFC 9457, on a websocket a refusal before it opens."""

from __future__ import annotations

import json
import logging
from typing import NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState

from gatepost.errors import GatepostError
from gatepost.problems import MEDIA_TYPE, body_of, headers_of

log = logging.getLogger("gatepost.asgi")

POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1
HANDLERS = "starlette.exception_handlers"


class Refused(HTTPException):
    """What `require` raises.  `error` says what is the matter: `Unauthenticated`, `Forbidden`, `NotFound` and the like.

    An application with pages of its own registers an exception handler for this class, or for a status.
    """

    def __init__(self, error: GatepostError) -> None:
        super().__init__(error.status, str(error), headers_of(error))
        self.error = error


def refuse(connection: HTTPConnection, error: GatepostError) -> NoReturn:
    """Raise `Refused`, and see to it that somebody answers it, wherever the middleware stands."""
    handlers = connection.scope.get(HANDLERS)
    if handlers:
        handlers[0].setdefault(Refused, respond)  # one that the application registered stays
    raise Refused(error) from error


async def respond(connection: HTTPConnection, error: Exception) -> Response | None:
    """Answer `Refused`."""
    if not isinstance(error, Refused):
        raise error
    if isinstance(connection, WebSocket):
        await _close(connection, error.error)
        return None
    return problem(error.error)


async def _close(socket: WebSocket, error: GatepostError) -> None:
    if socket.application_state is WebSocketState.CONNECTING and "websocket.http.response" in socket.scope.get(
        "extensions", {}
    ):
        await socket.send_denial_response(problem(error))
    elif socket.application_state is not WebSocketState.DISCONNECTED:
        await socket.close(POLICY_VIOLATION)


def problem(error: GatepostError) -> Response:
    """An error as `application/problem+json`."""
    if error.detail or error.status >= 500:
        log.info("%s %s: %s", error.status, error.code, error.detail or error)
    return Response(json.dumps(body_of(error)), error.status, headers_of(error), media_type=MEDIA_TYPE)


async def send_problem(scope: Scope, receive: Receive, send: Send, error: GatepostError) -> None:
    """Answer a request, or refuse a websocket that has not opened."""
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await receive()  # websocket.connect
        socket.client_state = WebSocketState.CONNECTED
        await _close(socket, error)
        return
    await problem(error)(scope, receive, send)
