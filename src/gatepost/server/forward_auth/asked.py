"""What a gateway tells of the request that it holds back.

Nothing of it lets anybody in.  The method is taken for unsafe if any of those who say it say so, and the address is only
where to come back to after signing in, on the application's own host.  No path, query or header makes an exception
(oauth2-proxy's GHSA-7x63-xv5r-3p2x and its like).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.types import Scope

from gatepost.errors import InvalidField, InvalidRequest
from gatepost.server.origin import SAFE_METHODS, Headers, all_of
from gatepost.sso.addresses import safe_path

PATH = "/forward-auth"
METHOD_HEADERS = (b"x-forwarded-method", b"x-original-method")
SAFE = frozenset(method.encode() for method in SAFE_METHODS)
# RFC 6455 section 4.1.  A gateway may drop `Upgrade`, which is for one hop; a script can set none of the others.  Over
# HTTP/2 there is no key (RFC 8441 section 5), but always a version.
SOCKET_HEADERS = {
    b"sec-websocket-key": b"",
    b"sec-websocket-version": b"",
    b"sec-fetch-mode": b"websocket",
    b"upgrade": b"websocket",
}
ADDRESS_HEADERS = (b"x-forwarded-uri", b"x-original-uri")
QUESTION = frozenset({"resource", "action"})


class Asked(NamedTuple):
    """One request at the gateway.  `question` is the resource and the action that it takes, if it takes any."""

    is_safe: bool
    is_socket: bool
    redirect: bool = False
    question: tuple[str, str] | None = None

    @property
    def needs_proof(self) -> bool:
        """Whether a cookie alone could be somebody else's doing.

        A page of another origin may open a WebSocket here, and no rule of same origin keeps it from reading that.
        """
        return self.is_socket or not self.is_safe


def read_asked(scope: Scope) -> Asked:
    """Read the request.  Raises `InvalidRequest` and `InvalidField` for a query that makes no sense."""
    is_safe, is_socket = scope["method"] in SAFE_METHODS, False
    for name, value in scope["headers"]:
        if name in METHOD_HEADERS:
            is_safe = is_safe and value in SAFE
        elif name in SOCKET_HEADERS:
            is_socket = is_socket or SOCKET_HEADERS[name] in value.lower()
    return Asked(is_safe, is_socket, *_query(scope))


def way_back(scope: Scope, asked: Asked, *, believed: bool) -> tuple[str, bool]:
    """For somebody who has to sign in: where to come back to, and whether it is a browser that opens a page.

    `believed` says that the request comes from a trusted proxy.
    """
    headers: Headers = scope["headers"]
    is_browser = asked.is_safe and not asked.is_socket and _is_navigation(headers)
    return _next(scope, headers, believed=believed) if asked.is_safe else "/", is_browser


def _is_navigation(headers: Headers) -> bool:
    """Tell a browser that opens a page from a program, and from a script in a page: those want the 401."""
    accepts, mode = False, b""
    for name, value in headers:
        if name in (b"authorization", b"x-requested-with"):
            return False
        if name == b"accept":
            accepts = accepts or b"text/html" in value
        elif name == b"sec-fetch-mode":
            mode = value
    return accepts and mode in (b"", b"navigate")


def _next(scope: Scope, headers: Headers, *, believed: bool) -> str:
    """Where to come back to: a path on the application's host, or its first page."""
    if scope["path"] != PATH:  # Envoy puts the path behind ours, with its query
        query = scope["query_string"].decode("latin-1")
        path: str = scope["path"].removeprefix(PATH)
        return safe_path(f"{path}?{query}" if query else path)
    if not believed:
        return "/"
    told = [value for name in ADDRESS_HEADERS for value in all_of(headers, name)]
    return safe_path(told[0]) if len(told) == 1 else "/"


def _query(scope: Scope) -> tuple[bool, tuple[str, str] | None]:
    """Read what the gateway's configuration asks.

    A part of the path may have been copied into it, so what comes twice, and what nobody knows, is refused: it may be a
    visitor's.  Behind a longer path the query is the visitor's own, and is not read.
    """
    if not scope["query_string"]:
        return False, None
    text = scope["query_string"].decode("latin-1")
    if scope["path"] == f"{PATH}/" and dict(parse_qsl(text)).keys() >= QUESTION:
        # More likely a slip in the configuration than a visitor's first page: nobody would be asked, and all would pass.
        raise InvalidRequest(f"a permission is asked for at {PATH}, without a slash behind it")
    if scope["path"] != PATH:
        return False, None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise InvalidRequest("this query cannot be read") from error
    asked = dict(pairs)
    if len(asked) != len(pairs):
        raise InvalidRequest("a parameter is there twice")
    if unknown := sorted(set(asked) - QUESTION - {"redirect"}):
        raise InvalidField({name[:100]: "there is no such parameter" for name in unknown[:10]})
    if asked.get("redirect", "false") not in ("true", "false"):
        raise InvalidField({"redirect": "true or false"})
    named = QUESTION & set(asked)
    if named and named != QUESTION:
        raise InvalidField({next(iter(QUESTION - named)): "resource and action are given together"})
    return asked.get("redirect") == "true", (asked["resource"], asked["action"]) if named else None
