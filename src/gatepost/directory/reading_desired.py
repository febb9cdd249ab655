"""Desired state as a file or a program has it, read into what plans are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from gatepost.directory.desired import Desired
from gatepost.directory.given import MOST_TEXT, moment, no_such_field, why_no_text
from gatepost.errors import InvalidField

MOST = 20_000  # of one kind
MOST_MODEL = 262_144  # characters
LONGER = {"desired.model": MOST_MODEL}


def read_desired(given: Mapping[str, object]) -> Desired:
    """Read `{users, services, groups, roles, grants, model}`.  Raises `InvalidField` that names the place."""
    found = _object(Desired, given, "desired")
    assert isinstance(found, Desired)  # noqa: S101 - what was asked for
    return found


@cache
def _shape(cls: type) -> Mapping[str, tuple[Any, bool]]:
    hints = get_type_hints(cls)
    return {member.name: (hints[member.name], member.default is MISSING) for member in fields(cls)}


def _object(cls: type, given: object, place: str) -> object:
    if not isinstance(given, Mapping):
        raise InvalidField({place: "this has to be an object"})
    shape = _shape(cls)
    for name in given:
        if name not in shape:
            raise InvalidField({f"{place}.{str(name)[:100]}": no_such_field(shape)})
    found: dict[str, object] = {}
    for name, (hint, required) in shape.items():
        if name in given:
            found[name] = _value(hint, given[name], f"{place}.{name}")
        elif required:
            raise InvalidField({f"{place}.{name}": "needed"})
    return cls(**found)


def _value(hint: Any, given: object, place: str) -> object:
    """Read one value by its type hint."""
    if get_origin(hint) is UnionType:
        return None if given is None else _value(get_args(hint)[0], given, place)
    if get_origin(hint) is tuple:
        return _list(get_args(hint)[0], given, place)
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint, given, place)
    if hint is datetime:
        return _moment(given, place)
    if hint is bool:
        if not isinstance(given, bool):
            raise InvalidField({place: "this has to be true or false"})
        return given
    if sentence := why_no_text(given, LONGER.get(place, MOST_TEXT)):
        raise InvalidField({place: sentence})
    return given


def _list(hint: Any, given: object, place: str) -> tuple[object, ...]:
    if not isinstance(given, list | tuple):
        raise InvalidField({place: "this has to be a list"})
    if len(given) > MOST:
        raise InvalidField({place: f"too many: {MOST} at most"})
    return tuple(_value(hint, each, f"{place}[{index}]") for index, each in enumerate(given))


def _moment(given: object, place: str) -> datetime | None:
    """A time, or one as JSON has it."""
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError as error:
            raise InvalidField({place: "this has to be a time with a zone"}) from error
    return moment(given, place)
