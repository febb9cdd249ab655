"""What a client proves itself with.  No secret is in a `repr`."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field

# A JWS in its compact form (RFC 7515 section 7.1): its header is a JSON object, and `{"` is `eyJ` in base64url.
_JWS = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\Z")
_GATEPOST_TOKEN = "gp_"  # noqa: S105 - the shape of a token, not a token


@dataclass(frozen=True, slots=True)
class Nobody:
    """No credential: the call is anonymous."""

    def authorization(self) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Bearer:
    """RFC 6750: an API token, a service token, an access token, or an ID token of a configured provider."""

    token: str = field(repr=False)

    def authorization(self) -> str | None:
        return f"Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class Basic:
    """RFC 7617: sent as it is with every call, and never exchanged for anything."""

    username: str
    secret: str = field(repr=False)

    def authorization(self) -> str | None:
        return "Basic " + b64encode(f"{self.username}:{self.secret}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Password:
    """A name and a password, exchanged for an access and a refresh token at the first call."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in gave: both tokens, and in how many seconds the access token ends (0 where unknown)."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False, default="")
    expires_in: int = 0
    token_type: str = "Bearer"  # noqa: S105

    def authorization(self) -> str | None:
        return f"Bearer {self.access_token}"


Fixed = Nobody | Bearer | Basic
Credential = Fixed | Password | Tokens


def told_apart(username: str, secret: str) -> Basic | Password:
    """Tell a password from a token by the secret's shape, as the server does: never by trying one after another.

    No password may look like a token, so a token goes out as it is and only a password is exchanged.
    """
    if secret.startswith(_GATEPOST_TOKEN) or _JWS.match(secret):
        return Basic(username, secret)
    return Password(username, secret)
