"""Which addresses we call, and where a browser may be sent back to."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from gatepost.settings.urls import is_loopback

MAX_NEXT = 2048
STEPS = "/oauth/"  # what is below leads to a provider and back
_UNQUOTE_ROUNDS = 4
_HOST = re.compile(r"[a-z0-9._:%-]+", re.ASCII)
_TRANSLATED = ip_network("64:ff9b::/96")  # RFC 6052 section 2.1: an IPv4 address, by way of a translator
# Where clouds keep secrets on an address that is not link-local: Amazon, Google, Alibaba, and Azure.
_OF_CLOUDS = frozenset(map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16")))


def why_not_callable(url: str, *, allow_insecure: bool) -> str:
    """Return why Gatepost must not call `url`, or an empty text if it may.

    Plain http is for loopback, and elsewhere for a provider with `allow_insecure`.
    """
    if any(c <= " " or c > "~" or c == "\\" for c in url):
        return "has a character that an address cannot have"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("https", "http") or not host:
        return "is not an http address"
    if parts.username is not None or parts.password is not None:
        return "has a user name in it"
    if parts.fragment:
        return "has a fragment"
    if _HOST.fullmatch(host) is None:  # it stands in a Content-Security-Policy, too
        return "has a host that there cannot be"
    if parts.scheme == "http" and not is_loopback(host) and not allow_insecure:
        return "is not https"
    return ""


def hosts_of(*urls: str | None) -> frozenset[str]:
    """The hosts of addresses that the configuration names, wherever they are."""
    return frozenset(urlsplit(url).hostname or "" for url in urls if url)


def is_off_limits(address: str) -> bool:
    """Tell whether an IP address is this machine's own, or good on the nearest wire alone, where clouds keep secrets.

    It is the address that a connection has in the end: names lead anywhere, and `127.1` is spelt in many ways.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    real = (_within(parsed) if isinstance(parsed, IPv6Address) else None) or parsed
    return real.is_loopback or real.is_unspecified or real.is_link_local or real in _OF_CLOUDS


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that another one leads to: mapped (RFC 4291 section 2.5.5.2), 6to4 (RFC 3056), or translated."""
    translated = IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None
    return address.ipv4_mapped or address.sixtofour or translated


def why_not_listed(url: str, issuer: str, *, allow_insecure: bool) -> str:
    """Return why Gatepost must not call an address that an issuer's own document lists, or an empty text if it may.

    An issuer elsewhere has nothing to ask of this machine: what listens here on loopback mostly asks nobody who calls.
    """
    if reason := why_not_callable(url, allow_insecure=allow_insecure):
        return reason
    if is_loopback(urlsplit(url).hostname or "") and not is_loopback(urlsplit(issuer).hostname or ""):
        return "is on this machine, and its issuer is not"
    return ""


def safe_next(wanted: str | None, default: str = "/") -> str:
    """Return the path of ours to go on to after the sign-in, or `default` for anything else.

    The steps of a sign-in are no place to go on to: an answer is used up, and the link of another identity is begun on a
    page of ours, and not by whoever thought out this path.
    """
    path = text = safe_path(wanted, default)
    for _ in range(_UNQUOTE_ROUNDS):
        if text.startswith(STEPS):
            return default
        text = unquote(text, errors="replace")
    return path


def safe_path(wanted: str | None, default: str = "/") -> str:
    """Return a path of the server that it is asked for at, or `default` for anything that could leave it.

    A browser reads `//host`, `/\\host` and `/<tab>/host` as another host, and a proxy in front may decode once more
    than we do, so every spelling of them is refused, however often it was percent-encoded.  An `@` is fine further
    down: user names may be e-mail addresses.
    """
    if not wanted or len(wanted) > MAX_NEXT or not wanted.isascii():
        return default
    text = wanted
    for _ in range(_UNQUOTE_ROUNDS):
        if not _stays_here(text):
            return default
        decoded = unquote(text, errors="replace")
        if decoded == text:
            return wanted
        text = decoded
    return default


def _stays_here(text: str) -> bool:
    path = text.partition("?")[0].partition("#")[0]
    return (
        text.startswith("/")
        and not text.startswith("//")
        and "\\" not in text
        and "//" not in path
        and "@" not in path.split("/")[1]
        and not any(c < " " or c == "\x7f" or "\x80" <= c <= "\xa0" for c in text)
        and not any(segment in (".", "..") for segment in path.split("/"))
    )
