"""Which server, and as whom: a URL, or `user:secret@host:port[s][/type:id]`.

No message here repeats what it was given: any part of a spec that does not parse may be the secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gatepost.client.credentials import Basic, Credential, Nobody, told_apart
from gatepost.client.errors import Misconfigured
from gatepost.principal import Entity

DEFAULT_URL = "http://127.0.0.1:8420"
FORM = "a server is a URL, or user:secret@host:port, with an s after the port for TLS and perhaps /type:id"

_URL = re.compile(r"https?://", re.IGNORECASE)
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})(?P<tls>s?)(?P<rest>/.*)?\Z")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Server:
    """One server's address, the credential to show there, and the resource meant when none is named."""

    url: str
    credential: Credential = field(default_factory=Nobody)
    resource: str | None = None

    @property
    def is_anonymous(self) -> bool:
        return isinstance(self.credential, Nobody)


def parse_server(spec: str, *, external: bool = False) -> Server:
    """Read a server spec.  With `external`, name and secret go out as Basic whatever the secret's shape.

    Raises `Misconfigured` with one sentence, without the spec in it.
    """
    spec = spec.strip()
    if _URL.match(spec):
        return Server(_base_url(spec))
    # Split at the last @: a username may be an e-mail address and a password may hold anything.
    credentials, at_sign, place = spec.rpartition("@")
    url, resource = _place(place)
    if not at_sign:
        return Server(url, resource=resource)
    username, colon, secret = credentials.partition(":")
    if not username or not colon or not secret:
        raise Misconfigured(f"the server spec has an @ but no user:secret before it; {FORM}")
    credential = Basic(username, secret) if external else told_apart(username, secret)
    return Server(url, credential, resource)


def _base_url(text: str) -> str:
    """Return the URL under which `/api/v1` stands.  With or without `/api` or `/api/v1` at its end is the same."""
    try:
        parts = urlsplit(text)
        has_host, _port = bool(parts.hostname), parts.port
    except ValueError:
        raise Misconfigured("the server's URL does not parse") from None
    if not has_host:
        raise Misconfigured("the server's URL names no host")
    if "@" in parts.netloc:
        raise Misconfigured(f"a URL with a name or secret in it is not taken; {FORM}")
    if parts.query or parts.fragment:
        raise Misconfigured("the server's URL has a query or a fragment; write its address alone")
    path = parts.path.rstrip("/").removesuffix("/v1").removesuffix("/api").rstrip("/")
    return f"{parts.scheme.lower()}://{parts.netloc}{path}"


def _place(text: str) -> tuple[str, str | None]:
    match = _PLACE.match(text)
    if match is None:
        raise Misconfigured(f"the server spec names no host and port; {FORM}")
    if not 0 < int(match["port"]) <= _HIGHEST_PORT:
        raise Misconfigured(f"the port of the server spec is not between 1 and {_HIGHEST_PORT}")
    scheme = "https" if match["tls"] else "http"
    return f"{scheme}://{match['host']}:{int(match['port'])}", _resource(match["rest"])


def _resource(rest: str | None) -> str | None:
    if rest is None or rest == "/":
        return None
    try:
        return str(Entity.parse(rest[1:]))
    except ValueError:
        raise Misconfigured(f"what follows the port of the server spec is not /type:id; {FORM}") from None
