"""Where a request comes from: `Origin`, for what a browser sends by itself, and addresses behind proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from functools import lru_cache

from gatepost.errors import Forbidden

Headers = Sequence[tuple[bytes, bytes]]

MOST_ADDRESSES = 4_096  # whose spelling and network are remembered
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def all_of(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def require_same_origin(headers: Headers, ours: Collection[str]) -> None:
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


def is_trusted(peer: str, trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Tell whether what this peer says of a forwarded request is believed."""
    return bool(trusted) and _is_within(_unmapped(peer), trusted)


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


@lru_cache(MOST_ADDRESSES)
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


@lru_cache(MOST_ADDRESSES)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_within(text: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return _is_in_one_of(text, tuple(networks))


@lru_cache(MOST_ADDRESSES)
def _is_in_one_of(text: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    """Gateways ask with each request, and from the same few addresses: reading one takes as long as all the rest."""
    if not _is_address(text):
        return False
    address = ipaddress.ip_address(text)
    return any(address in network for network in networks)
