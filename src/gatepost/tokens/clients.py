"""The one OAuth client there is: the command line, built in and public (RFC 8252).  It has no secret that could leak."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gatepost.directory.authority import require_patterns
from gatepost.errors import InvalidCredentials, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.principal import FULL_SCOPE, Scope
from gatepost.tokens.client_credentials import allowed_audience

CLIENT_ID = "gatepost-cli"
CLIENT_NAME = "the Gatepost command line"
HIGHEST_PORT = 65_535

# RFC 8252 section 7.3: a loopback address as literals, any port, and a plain path.  A name ("localhost") may lead
# elsewhere, and what is not written exactly so could be read as another host by somebody.  One segment is enough: with
# more, some other server on that computer could be found that passes on what it is sent.
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]):(?P<port>[1-9][0-9]{0,4})(?:/[A-Za-z0-9_-]{0,64})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client asks for: how much, and for which audience."""

    scope: Scope
    audience: str


def require_client(client_id: str) -> None:
    """Raise `InvalidCredentials` (`invalid_client`) unless this is the built-in client."""
    if client_id != CLIENT_ID:
        raise InvalidCredentials(f"the client is not known: there is {CLIENT_ID}")


def require_loopback(redirect_uri: str) -> None:
    """Raise `InvalidRequest` unless the address is this very computer's, written in the one way that is accepted."""
    match = _LOOPBACK.fullmatch(redirect_uri)
    if match is None or int(match["port"]) > HIGHEST_PORT:
        raise InvalidRequest(
            "redirect_uri is not http://127.0.0.1:PORT/callback or http://[::1]:PORT/callback (RFC 8252)"
        )


def read_wish(gate: Gatepost, scope: str, resource: str) -> Wish:
    """Read `scope` and `resource`; without them it is everything that the person may, at Gatepost itself.

    Raises `InvalidField` for a scope that does not exist or an audience that is not configured.
    """
    wanted = Scope(require_patterns(gate, Scope.parse(scope).patterns, "scope"))
    return Wish(scope=wanted if wanted.patterns else FULL_SCOPE, audience=allowed_audience(gate, resource))
