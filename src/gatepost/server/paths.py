"""What kind of place a path is: which credential counts there, and how an error looks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Kind(StrEnum):
    """Where a request goes."""

    API = "api"  # any credential; problem+json
    AUTHZEN = "authzen"  # as API; only JSON is read, and the request's id is answered
    STORES = "stores"  # as API; OpenFGA's requests and errors
    OPEN = "open"  # no credential is read: sign-in and discovery; problem+json
    OAUTH2 = "oauth2"  # the client authenticates in the protocol; RFC 6749's errors
    HEALTH = "health"  # no credential, and any Host: probes know neither
    STATIC = "static"
    PROVIDER = "provider"  # an identity provider calls: no credential of ours, no proof of origin; JSON
    FORWARD_AUTH = "forward_auth"  # a gateway asks: any credential, also of an application's host
    HASURA = "hasura"  # Hasura asks: the credential is in what it passes on
    GATEWAY = "gateway"  # on an application's host: no credential of ours is there
    SIGN_IN = "sign_in"  # a page; the form itself needs a same-origin proof
    PAGE = "page"  # the session cookie only; errors are pages


_EXACT = {
    "/healthz": Kind.HEALTH,
    "/readyz": Kind.HEALTH,
    "/metrics": Kind.HEALTH,
    "/openapi.json": Kind.OPEN,
    "/api/v1/auth/login": Kind.OPEN,
    "/api/v1/auth/refresh": Kind.OPEN,
    "/api/v1/auth/providers": Kind.OPEN,
    "/login": Kind.SIGN_IN,
    "/login/local": Kind.SIGN_IN,
    "/oauth2/authorize": Kind.PAGE,
    "/graphql": Kind.API,
    "/forward-auth": Kind.FORWARD_AUTH,
    "/hasura/webhook": Kind.HASURA,
    "/stores": Kind.STORES,
    "/favicon.ico": Kind.STATIC,
}

_PREFIXES = (
    ("/api/", Kind.API),
    ("/stores/", Kind.STORES),
    ("/access/v1/", Kind.AUTHZEN),
    ("/oauth2/", Kind.OAUTH2),
    ("/forward-auth/", Kind.FORWARD_AUTH),  # Envoy puts the path that it asks about behind ours
    ("/.gatepost/", Kind.GATEWAY),
    ("/.well-known/", Kind.OPEN),
    ("/static/", Kind.STATIC),
    ("/reference", Kind.STATIC),
    ("/oauth/", Kind.SIGN_IN),
)

_SLASHES = 3  # of /oauth/{provider}/logout
_POSTED_ELSEWHERE = ("/callback", "/login")


def kind_of(path: str) -> Kind:
    """What is not known by name is a page."""
    kind = _EXACT.get(path)
    if kind is not None:
        return kind
    if path.startswith("/stores/") and path.split("/")[3:5] == ["access", "v1"]:
        return Kind.AUTHZEN
    if path.startswith("/oauth/") and path.endswith("/logout") and path.count("/") == _SLASHES:
        return Kind.PROVIDER
    for prefix, prefixed in _PREFIXES:
        if path.startswith(prefix):
            return prefixed
    return Kind.PAGE


def is_posted_elsewhere(method: str, path: str) -> bool:
    """Whether a page of another site may post here: a provider's answer, and a sign-in that it asks for.

    No cookie of ours is read then, whatever the browser sends along: the one is only kept, and the other only starts.
    """
    if method != "POST" or not path.startswith("/oauth/") or path.count("/") != _SLASHES:
        return False
    return path.endswith(_POSTED_ELSEWHERE)


def wants_page(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Tell whether a browser asks for a page: programs do not name `text/html`."""
    return any(name == b"accept" and b"text/html" in value.lower() for name, value in headers)


def kind_for(method: str, path: str, headers: Sequence[tuple[bytes, bytes]]) -> Kind:
    """As `kind_of`.  The playground holds nothing about anybody, so no credential is read for it, good or bad."""
    if path == "/graphql" and method in ("GET", "HEAD") and wants_page(headers):
        return Kind.STATIC
    return kind_of(path)
