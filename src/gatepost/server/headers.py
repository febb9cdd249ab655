"""The headers that every answer carries."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from gatepost.gate import Gatepost
from gatepost.server.paths import Kind
from gatepost.store.revision import Head

ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NO_STORE = ((b"cache-control", b"no-store"),)
REVISED = (Kind.API, Kind.AUTHZEN, Kind.STORES, Kind.OPEN, Kind.OAUTH2)
API_POLICY = ((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),)


@lru_cache(maxsize=16)
def page_policy(form_targets: str) -> bytes:
    """Nothing inline, nothing from elsewhere.  A form may end at a provider only where a sign-in starts."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        f"form-action 'self'{form_targets}; frame-ancestors 'none'; base-uri 'none'"
    ).encode()


class AnswerHeaders:
    """Those that an answer does not set itself.  They are put together once for each kind and revision."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        self._head: Head | None = None
        self._kept: dict[Kind, list[tuple[bytes, bytes]]] = {}

    def of(self, kind: Kind) -> list[tuple[bytes, bytes]]:
        """Return a list that is everybody's: it is not to be changed."""
        memory = self._gate.memory
        head = memory.head if memory.is_loaded else None
        if head is not self._head:
            self._head, self._kept = head, {}
        kept = self._kept.get(kind)
        if kept is None:
            kept = self._kept[kind] = _headers(self._gate, kind)
        return kept


def _headers(gate: Gatepost, kind: Kind) -> list[tuple[bytes, bytes]]:
    headers = list(_fixed(kind, gate.settings.main.public_url.startswith("https:"), _form_targets(gate, kind)))
    if kind in REVISED and gate.memory.is_loaded:
        headers.append((b"gatepost-revision", str(gate.memory.revision).encode()))
        headers.append((b"vary", b"Authorization, Cookie"))
    return headers


@lru_cache(maxsize=64)
def _fixed(kind: Kind, secure: bool, form_targets: str) -> tuple[tuple[bytes, bytes], ...]:
    """The part that is the same for all answers of a kind."""
    headers = list(ALWAYS)
    if secure:
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    if kind is Kind.STATIC:
        return (*headers, (b"content-security-policy", page_policy("")))
    headers += NO_STORE
    if kind in (Kind.PAGE, Kind.SIGN_IN):
        headers.append((b"content-security-policy", page_policy(form_targets)))
        headers.append((b"x-frame-options", b"DENY"))
    else:
        headers += API_POLICY
    return tuple(headers)


def _form_targets(gate: Gatepost, kind: Kind) -> str:
    if kind is not Kind.SIGN_IN:
        return ""
    urls = [p.authorization_endpoint or p.issuer for p in gate.settings.sso.providers]
    urls += [host.public_url for host in gate.settings.forward_auth.hosts]  # who came from there is sent back
    origins = {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in urls if url}
    return "".join(f" {origin}" for origin in sorted(origins))
