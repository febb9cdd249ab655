"""Reading a credential off a request: syntax only (RFC 9110, 6750, 7617)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator

from gatepost.errors import InvalidRequest, InvalidToken
from gatepost.principal import BasicCredential, BearerToken, Credential, NoCredential, SessionCookie

COOKIE = "gp_session"
SECURE_COOKIE = "__Host-gp_session"
MOST_CHARACTERS = 20_000


def cookie_name(*, secure: bool) -> str:
    """On TLS only the `__Host-` cookie is ever read: no other host and no plain page can have set it."""
    return SECURE_COOKIE if secure else COOKIE


def read_credential(headers: Iterable[tuple[bytes, bytes]], *, secure: bool = True, cookie: str = "") -> Credential:
    """Return the one credential of a request.  Sent beats ambient: with `Authorization` no cookie is read.

    `cookie` names the one that counts, where it is not the console's.  Raises `InvalidRequest` for a header that is
    malformed or there twice, `InvalidToken` for two session cookies.
    """
    sent: list[bytes] = []
    cookies: list[bytes] = []
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"authorization":
            sent.append(value)
        elif lowered == b"cookie":
            cookies.append(value)
    if len(sent) > 1:
        raise InvalidRequest("there is more than one Authorization header")
    if sent:
        return _read_authorization(sent[0])
    return _read_cookie(cookies, cookie or cookie_name(secure=secure))


def _read_authorization(value: bytes) -> Credential:
    if len(value) > MOST_CHARACTERS:
        raise InvalidRequest("the Authorization header is too long")
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:  # here and below: that error has the credential in it, and is not passed on
        raise InvalidRequest("the Authorization header is not ASCII") from None
    scheme, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "bearer" if rest and " " not in rest:
            return BearerToken(rest)
        case "bearer":
            raise InvalidRequest("Bearer takes one token")
        case "basic":
            return _read_basic(rest)
        case _:
            raise InvalidRequest("unsupported authorization scheme: allowed are Bearer and Basic")


def _read_basic(text: str) -> BasicCredential:
    try:
        decoded = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise InvalidRequest("Basic is not the base64 of UTF-8") from None
    username, colon, secret = decoded.partition(":")
    if not colon:
        raise InvalidRequest("Basic has no colon between the username and the secret")
    return BasicCredential(username, secret)


def cookies_in(values: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Read `Cookie` headers, each name as the browser has it (RFC 6265 section 4.2.1).

    Only blanks and tabs are taken off.  A page of a sibling host may set a cookie whose name begins with a mark that is
    space to Python (U+0085, U+00A0) and goes on like ours: to a browser that is no `__Host-` cookie, and so anybody's.
    """
    for value in values:
        for part in value.decode("latin-1").split(";"):
            name, _, text = part.strip(" \t").partition("=")
            yield name, text


def _read_cookie(values: list[bytes], name: str) -> Credential:
    found = [secret for key, secret in cookies_in(values) if key == name and secret]
    if len(found) > 1:
        raise InvalidToken(detail="two session cookies: one of them was set by somebody else")
    return SessionCookie(found[0]) if found else NoCredential()
