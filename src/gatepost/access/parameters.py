"""The values that a condition is given, from JSON to the types that its parameters have."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite

Value = object

MAX_NUMBER_TEXT = 40
MAPPED_BITS = 96  # before an IPv4 address within an IPv6 one

_DURATION = re.compile(r"([+-])?((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|ms|s|m|h)")
_MICROSECONDS = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "\u00b5s": Decimal(1),
    "ms": Decimal(1000),
    "s": Decimal(1_000_000),
    "m": Decimal(60_000_000),
    "h": Decimal(3_600_000_000),
}
_NETWORK = re.compile(r"[^/%]+/(0|[1-9][0-9]{0,2})", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_WRITTEN_MOMENT = re.compile(r"""(\btimestamp\s*\(\s*[rR]?["'][-+\d]+[Tt][:\d]+\.\d{6})(\d+)""", re.ASCII)
_INT, _UINT = (-(2**63), 2**63 - 1), (0, 2**64 - 1)


def convert(value: object, kind: str) -> Value:
    """Read a JSON value as a parameter of type `kind` (`int`, `list<string>`).

    Numbers may come as text, durations as Go writes them (`1h30m`), timestamps as RFC 3339.  Raises `ValueError`.
    """
    outer, _, inner = kind.partition("<")
    if outer == "list":
        if not isinstance(value, list | tuple):
            raise ValueError("expected a list")
        return [convert(each, inner[:-1]) for each in value]
    if outer == "map":
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError("expected an object")
        return {key: convert(each, inner[:-1]) for key, each in value.items()}
    return _READERS[outer](value)


def address(text: str) -> bytes:
    """Return an IPv4 or IPv6 address in the one spelling under which it is compared.  Raises `ValueError`.

    `::ffff:10.0.0.1` is 10.0.0.1: a server that listens on both kinds is told so of whoever comes by IPv4, and a rule
    about `10.0.0.0/8` means them.
    """
    found = ipaddress.ip_address(text)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found).encode()


def in_cidr(of: bytes, network: str) -> bool:
    """Tell whether an address is in a network `10.0.0.0/8`; one with a zone is in none.  Raises `ValueError`."""
    if not _NETWORK.fullmatch(network):
        raise ValueError("expected a network of the form address/bits")
    found, within = ipaddress.ip_address(of.decode()), ipaddress.ip_network(network, strict=False)
    if isinstance(within, ipaddress.IPv6Network) and within.prefixlen >= MAPPED_BITS:
        mapped = within.network_address.ipv4_mapped
        if mapped is not None:
            within = ipaddress.IPv4Network((mapped, within.prefixlen - MAPPED_BITS))
    return b"%" not in of and found in within


def in_microseconds(expression: str) -> str:
    """Return an expression in which each `timestamp("...")` is written as a parameter is read, at its old place.

    Python's moments end at the microsecond, and Go writes nine digits: what is finer is dropped.  A clock is no better
    than that, but the same moment has to be the same, given or written.
    """
    return _WRITTEN_MOMENT.sub(lambda found: found[1] + "0" * len(found[2]), expression)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")  # noqa: TRY004 - a wrong value of whoever asks, not of ours
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004 - a wrong value of whoever asks, not of ours
    return value


def _whole(bounds: tuple[int, int]) -> Callable[[object], int]:
    def read(value: object) -> int:
        if type(value) is int and bounds[0] <= value <= bounds[1]:
            return value  # a request may bring half a million of them
        number = _number(value)
        if number != number.to_integral_value() or not bounds[0] <= number <= bounds[1]:
            raise ValueError(f"expected a whole number from {bounds[0]} to {bounds[1]}")
        return int(number)

    return read


def _double(value: object) -> float:
    if type(value) is float and isfinite(value):
        return value
    number = float(_number(value))
    if not isfinite(number):
        raise ValueError("expected a number that a double can hold")
    return number


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("expected a number")  # noqa: TRY004
    text = str(value)
    if len(text) > MAX_NUMBER_TEXT or not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", text, re.ASCII):
        raise ValueError("expected a number")
    return Decimal(text)


def _duration(value: object) -> timedelta:
    text = _text(value)
    if text in ("0", "+0", "-0"):
        return timedelta()
    if len(text) > MAX_NUMBER_TEXT or not _DURATION.fullmatch(text):
        raise ValueError("expected a duration such as 1h30m")
    total = sum((Decimal(number) * _MICROSECONDS[unit] for number, unit in _PART.findall(text)), Decimal(0))
    if total != total.to_integral_value():
        raise ValueError("expected nothing finer than a microsecond")
    try:
        return timedelta(microseconds=int(-total if text.startswith("-") else total))
    except OverflowError:
        raise ValueError("expected a shorter duration") from None


def _timestamp(value: object) -> datetime:
    text = _text(value)
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("expected a timestamp such as 2030-01-31T12:00:00Z")
    return datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", text.upper()))


def _address(value: object) -> bytes:
    return address(_text(value))


def _any(value: object) -> Value:
    """As it is, but numbers are doubles: whether JSON has `1` or `1.0` means nothing, and an answer may hang on it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _double(value)
    if isinstance(value, list | tuple):
        return [_any(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _any(each) for key, each in value.items()}
    return value


_READERS: dict[str, Callable[[object], Value]] = {
    "any": _any,
    "bool": _bool,
    "string": _text,
    "int": _whole(_INT),
    "uint": _whole(_UINT),
    "double": _double,
    "duration": _duration,
    "timestamp": _timestamp,
    "ipaddress": _address,
}
