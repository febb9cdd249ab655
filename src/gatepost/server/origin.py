"""Whether a request is meant for us, and whether it comes from us: `Host`, `Origin`, and addresses behind proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from gatepost.errors import Forbidden, InvalidRequest, Misdirected
from gatepost.gate import Gatepost

Headers = Sequence[tuple[bytes, bytes]]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def all_of(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def allowed_hosts(gate: Gatepost) -> frozenset[str]:
    """The `Host` values that are ours: the public URL's, and those of applications behind a gateway.

    Where no public URL was configured this is somebody's own machine, and every name of it is meant.
    """
    main = gate.settings.main
    public = urlsplit(main.public_url)
    hosts = {public.netloc.lower()}
    default = {"http": 80, "https": 443}.get(public.scheme)
    if public.port == default or public.port is None:
        hosts |= {f"{public.hostname}", f"{public.hostname}:{default}"}
    hosts |= _other_names(gate)
    hosts |= {host.host.lower() for host in gate.settings.forward_auth.hosts}
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


def require_same_origin(headers: Headers, ours: frozenset[str]) -> None:
    """Raise `Forbidden` unless a page of ours sent this.

    Browsers send `Origin` with every unsafe request; it cannot be forged by another site's page.
    """
    origins = all_of(headers, b"origin")
    sites = all_of(headers, b"sec-fetch-site")
    if len(origins) == 1 and origins[0] in ours:
        return
    if not origins and sites == ["same-origin"]:
        return
    raise Forbidden("this request came from another site, or does not say where it comes from (Origin)")


def client_address(
    peer: str, headers: Headers, trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> str:
    """Where the request comes from.  `X-Forwarded-For` counts only as far as trusted proxies vouch for it."""
    address = _unmapped(peer)
    if not trusted or not _is_within(address, trusted):
        return address
    for part in reversed(",".join(all_of(headers, b"x-forwarded-for")).split(",")):
        candidate = _unmapped(part.strip())
        if not _is_address(candidate):
            return address
        address = candidate
        if not _is_within(address, trusted):
            return address
    return address


def _unmapped(text: str) -> str:
    """An IPv4 address as such (RFC 4291 section 2.5.5.2): a socket that listens on both families says `::ffff:10.0.0.1`.

    Networks are configured as IPv4, and whoever is throttled must not start anew by the other spelling.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return text if mapped is None else str(mapped)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_within(text: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    if not _is_address(text):
        return False
    address = ipaddress.ip_address(text)
    return any(address in network for network in networks)
