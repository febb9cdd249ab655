"""Signing a command-line tool in through the browser: the calls, and what has to be checked of the answers.

RFC 6749 and 7636 with a loopback redirect (RFC 8252), or RFC 8628 for a machine without a browser.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from gatepost.client.call import Call
from gatepost.client.credentials import Tokens
from gatepost.client.errors import Misconfigured, SignInRefused
from gatepost.client.reading import Reader, T, nothing, one

CLIENT_ID = "gatepost-cli"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Metadata:
    """RFC 8414, as far as it is needed here."""

    issuer: str


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """RFC 8628 section 3.2.  Times are in seconds."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    expires_in: int
    verification_uri_complete: str = ""
    interval: int = 5


def metadata() -> Call[Metadata]:
    path = "/.well-known/oauth-authorization-server"
    return Call("GET", path, one(Metadata), repeatable=True, authenticated=False)


def exchange_code(code: str, redirect_uri: str, verifier: str) -> Call[Tokens]:
    """Swap the code for tokens.  Never sent twice: a code that comes back ends what came of it."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    return _call("token", one(Tokens), form)


def begin_device(scope: str = "") -> Call[DeviceCodes]:
    return _call("device_authorization", one(DeviceCodes), {"scope": scope} if scope else {})


def poll_device(device_code: str) -> Call[Tokens]:
    """Ask whether somebody has answered."""
    return _call("token", one(Tokens), {"grant_type": DEVICE_GRANT, "device_code": device_code})


def revoke_token(token: str) -> Call[None]:
    """End a sign-in by one of its tokens, whichever client it was issued to."""
    return Call("POST", "/oauth2/revoke", nothing, form={"token": token}, repeatable=True, authenticated=False)


def _call(endpoint: str, read: Reader[T], form: Mapping[str, str]) -> Call[T]:
    return Call("POST", f"/oauth2/{endpoint}", read, form={"client_id": CLIENT_ID, **form}, authenticated=False)


def require_same_server(issuer: str, url: str) -> None:
    """Raise `Misconfigured` unless the server calls itself what we call it (RFC 8414 section 3.3).

    A server that speaks in another's name could have a sign-in at that other one sent to itself.  This computer's
    own names are one and the same.
    """
    if _place(issuer) != _place(url):
        raise Misconfigured(f"the server at {url} says that it is {issuer}: sign in to that one by its own address")


def _place(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured("the server's own address does not parse") from None
    name = "127.0.0.1" if host in _LOOPBACK else host
    return parts.scheme, name, port or _PORTS.get(parts.scheme), parts.path.rstrip("/")


def challenge_of(verifier: str) -> str:
    """RFC 7636 section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode("ascii").rstrip("=")


def authorization_url(issuer: str, *, redirect_uri: str, state: str, verifier: str, scope: str = "") -> str:
    """Where the person's browser has to go."""
    params = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return f"{issuer}/oauth2/authorize?{urlencode(params | ({'scope': scope} if scope else {}))}"


def is_answer_to(state: str, answer: Mapping[str, str]) -> bool:
    """Tell whether an answer belongs to this sign-in: anybody's page may send something to a loopback port."""
    return hmac.compare_digest(state.encode(), answer.get("state", "").encode())


def code_of(answer: Mapping[str, str], *, state: str, issuer: str) -> str:
    """Return the code of an answer.  Raises `SignInRefused` for a no, and for an answer of somebody else's."""
    if not is_answer_to(state, answer):
        raise SignInRefused("the answer belongs to another sign-in")
    if answer.get("iss") != issuer:  # RFC 9207 section 2.4
        raise SignInRefused("the answer does not come from the server that was asked")
    if answer.get("error") == "access_denied":
        raise SignInRefused("the sign-in was refused in the browser")
    if "code" not in answer:
        raise SignInRefused(
            f"the server refused: {answer.get('error_description') or answer.get('error') or 'no code'}"
        )
    return answer["code"]
