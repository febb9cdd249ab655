"""Addresses: which are well formed, and which may go without TLS."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def split_url(text: str) -> SplitResult:
    """Take an http or https URL apart.  Raises `ValueError` if it is none, or has a space, userinfo or a fragment."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text or "#" in text:
        raise ValueError("not a URL")
    parts = urlsplit(text)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc or parts.port == 0:
        raise ValueError("not an http URL")
    return parts


def origin(text: str) -> str:
    """Return `scheme://host[:port]` of a URL without path and query.  Raises `ValueError` if it has one."""
    parts = split_url(text)
    if parts.path not in {"", "/"} or parts.query or "?" in text:
        raise ValueError("more than an origin")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine, as RFC 6761 section 6.3 has it for `localhost`."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_everywhere(host: str) -> bool:
    """Tell whether a server on this address listens on every one, which no URL can name."""
    try:
        return not host or ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def is_private(text: str) -> bool:
    """Tell whether what goes over this URL can be read on the way only by this machine: https, or loopback."""
    parts = urlsplit(text)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")
