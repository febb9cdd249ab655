"""Whether a request is meant for this server: `Host`, and which origins are its own pages'."""

from __future__ import annotations

from urllib.parse import urlsplit

from gatepost.authn.origin import SAFE_METHODS, Headers, all_of, client_address, is_trusted, require_same_origin
from gatepost.errors import InvalidRequest, Misdirected
from gatepost.gate import Gatepost

__all__ = [
    "SAFE_METHODS",
    "Headers",
    "all_of",
    "allowed_hosts",
    "allowed_origins",
    "client_address",
    "is_trusted",
    "require_our_host",
    "require_same_origin",
]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def allowed_hosts(gate: Gatepost) -> frozenset[str]:
    """The `Host` values that are ours: the public URL's.  On an application's host there is only what its gateway needs.

    Where no public URL was configured this is somebody's own machine, and every name of it is meant.
    """
    main = gate.settings.main
    public = urlsplit(main.public_url)
    hosts = {public.netloc.lower()}
    default = {"http": 80, "https": 443}.get(public.scheme)
    if public.port == default or public.port is None:
        hosts |= {f"{public.hostname}", f"{public.hostname}:{default}"}
    hosts |= _other_names(gate)
    return frozenset(hosts)


def _other_names(gate: Gatepost) -> set[str]:
    main = gate.settings.main
    public = urlsplit(main.public_url)
    if main.public_url_configured or public.hostname not in ("127.0.0.1", "localhost", "::1"):
        return set()
    return {f"{name}:{public.port}" for name in LOOPBACK}


def allowed_origins(gate: Gatepost) -> frozenset[str]:
    """What our own pages say of where they come from: never an application's behind a gateway."""
    public_url = gate.settings.main.public_url
    return frozenset({public_url} | {f"{urlsplit(public_url).scheme}://{name}" for name in _other_names(gate)})


def require_our_host(headers: Headers, hosts: frozenset[str], public_url: str) -> None:
    """Raise `Misdirected` for a `Host` that is not ours: links and cookies are made for one address only."""
    sent = all_of(headers, b"host")
    if len(sent) != 1:
        raise InvalidRequest("exactly one Host header is needed")
    if sent[0].lower() not in hosts:
        raise Misdirected(f"this is {public_url}: use that address, or set main.public_url")
