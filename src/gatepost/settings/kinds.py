"""The kinds of value a key can have: each says what is allowed and turns what was written into what the code uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gatepost.settings.place import EnvText, Place, Refused, Reported

UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
LONGEST_TEXT = 4096  # characters; nothing that is configured is longer, and a message need not cope with more
BROKEN: Any = object()  # stands for a value that was refused, and whose problem is noted


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of one kind are read.

    `allowed` completes "must be …".  A structured kind is JSON in an environment variable, any other is the text
    as it stands.  `rows` is the dataclass of each table where the kind is a list of tables.
    """

    name: str
    allowed: str
    read: Callable[[object, Place], object]
    structured: bool = False
    secret: bool = False
    optional: bool = False
    rows: type | None = None


def key(kind: Kind, doc: str, *, default: str | None = None) -> dict[str, Any]:
    """Describe a field as a key of the configuration: its kind, its doc sentence, its default where it is derived."""
    return {"kind": kind, "doc": doc, "default": default}


def attempt(kind: Kind, value: object, place: Place) -> Any:
    """Read a value, or note what is wrong with it and return `BROKEN`."""
    if kind.optional and value == "":
        return None  # an empty text takes an optional key back to "not set", in the file and in the environment
    try:
        return kind.read(value, place)
    except Reported:
        return BROKEN
    except Refused as refused:
        place.refuse_value(value, str(refused) or f"must be {kind.allowed}", hidden=kind.secret)
        return BROKEN


def optional(kind: Kind) -> Kind:
    return Kind(kind.name, kind.allowed, kind.read, kind.structured, kind.secret, optional=True)


def read_text(value: object, _: Place) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_TEXT or not value.isprintable():
        raise Refused
    return str(value)


def read_boolean(value: object, _: Place) -> bool:
    if isinstance(value, EnvText) and value.lower() in {"true", "1", "false", "0"}:
        return value.lower() in {"true", "1"}
    if not isinstance(value, bool):
        raise Refused("must be true, false, 1 or 0" if isinstance(value, EnvText) else "must be true or false")
    return value


TEXT = Kind("text", "a text of 1 to 4096 printable characters", read_text)
BOOLEAN = Kind("boolean", "true or false", read_boolean)


def say_duration(span: timedelta) -> str:
    """Write a duration as it is configured, in the largest unit that leaves no rest."""
    for unit in ("d", "h", "m", "s", "ms"):
        if span % UNITS[unit] == timedelta(0) and (span or unit == "s"):
            return f"{span // UNITS[unit]}{unit}"
    return str(span)


def duration(shortest: str, longest: str) -> Kind:
    low, high = parse_duration(shortest), parse_duration(longest)

    def read(value: object, _: Place) -> timedelta:
        span = parse_duration(value) if isinstance(value, str) and DURATION.fullmatch(value) else None
        if span is None or not low <= span <= high:
            raise Refused
        return span

    return Kind("duration", f"a duration from {shortest} to {longest}, written like 500ms, 60s, 30m, 12h or 7d", read)


def parse_duration(text: str) -> timedelta:
    """Read `30m`.  Raises `ValueError` if it is not a number with a unit."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration")
    return int(match[1]) * UNITS[match[2]]


def integer(low: int, high: int) -> Kind:
    def read(value: object, _: Place) -> int:
        if isinstance(value, EnvText) and re.fullmatch(r"[0-9]{1,9}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Refused
        return value

    return Kind("integer", f"a whole number from {low} to {high}", read)


def choice(*words: str) -> Kind:
    def read(value: object, _: Place) -> str:
        if not isinstance(value, str) or value not in words:
            raise Refused
        return str(value)

    return Kind("text", "one of " + ", ".join(f'"{word}"' for word in words), read)


def matching(name: str, pattern: str, allowed: str) -> Kind:
    def read(value: object, _: Place) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):  # compiled when needed: imports are fast
            raise Refused
        return str(value)

    return Kind(name, allowed, read)


def many(kind: Kind) -> Kind:
    def read(value: object, place: Place) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Refused
        items = tuple(attempt(kind, item, place.item(index)) for index, item in enumerate(value))
        if any(item is BROKEN for item in items):
            raise Reported
        return items

    return Kind(f"list of {kind.name}", f"a list, each {kind.allowed}", read, structured=True, secret=kind.secret)


def mapping(names: Kind, values: Kind, allowed: str) -> Kind:
    def read(value: object, place: Place) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise Refused
        pairs = {
            attempt(names, name, place): attempt(values, item, place.at(str(name))) for name, item in value.items()
        }
        if BROKEN in pairs or any(item is BROKEN for item in pairs.values()):
            raise Reported
        return pairs

    return Kind("table", allowed, read, structured=True)


def tables(row: type) -> Kind:
    """Describe a list of tables.  They are read by the reader of sections, which knows their keys."""

    def read(value: object, place: Place) -> object:
        raise NotImplementedError(f"{place.key} is read as a list of {row.__name__}")

    return Kind("list of tables", "a list of tables", read, structured=True, rows=row)
