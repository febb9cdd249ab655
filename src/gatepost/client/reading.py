"""JSON into frozen dataclasses.  Members we do not know are left out, so that an older client reads a newer server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Generic, TypeVar, cast, get_args, get_origin, get_type_hints

from gatepost.client.errors import NotGatepost

T = TypeVar("T")
Reader = Callable[[object], T]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.  `next_cursor` is None on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None = None


def one(cls: type[T]) -> Reader[T]:
    """Return a reader for one `cls`.  The reader raises `NotGatepost` for JSON that is not of that shape."""
    return lambda value: cast(T, _read(cls, value, cls.__name__))


def page_of(cls: type[T]) -> Reader[Page[T]]:
    """Return a reader for `{items, next_cursor}`."""

    def read(value: object) -> Page[T]:
        found = value if isinstance(value, Mapping) else {}
        items, cursor = found.get("items"), found.get("next_cursor")
        if not isinstance(cursor, str | None):
            raise NotGatepost(f"the answer is not a list of {cls.__name__}")
        return Page(_items(cls, items), cursor)

    return read


def bare_list_of(cls: type[T]) -> Reader[Page[T]]:
    """Return a reader for a list that has no pages."""
    return lambda value: Page(_items(cls, value))


def _items(cls: type[T], value: object) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise NotGatepost(f"the answer is not a list of {cls.__name__}")
    return tuple(cast(T, _read(cls, item, cls.__name__)) for item in value)


def nothing(value: object) -> None:
    """Read an answer whose body does not matter."""


def text(value: object) -> str:
    """Read an answer that is not JSON."""
    return value if isinstance(value, str) else ""


def as_it_is(value: object) -> object:
    """Read JSON as JSON."""
    return value


@cache
def _shape(cls: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(cls)
    return tuple(
        (member.name, hints[member.name], member.default is MISSING and member.default_factory is MISSING)
        for member in fields(cls)
    )


def _object(cls: type, value: object) -> object:
    if not isinstance(value, Mapping):
        raise NotGatepost(f"the answer is not a {cls.__name__}")
    given: dict[str, object] = {}
    for name, hint, required in _shape(cls):
        if value.get(name) is not None:
            given[name] = _read(hint, value[name], f"{cls.__name__}.{name}")
        elif required:
            raise NotGatepost(f"the answer has no {cls.__name__}.{name}")
    return cls(**given)


def _read(hint: Any, value: object, where: str) -> object:
    """Read one value by its type hint; `where` names it in an error."""
    if get_origin(hint) is UnionType:
        return _read(next(arm for arm in get_args(hint) if arm is not type(None)), value, where)
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_read(get_args(hint)[0], item, where) for item in value)
    if hint is object:
        return value
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint, value)
    if hint is datetime and isinstance(value, str):
        return _time(value, where)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise NotGatepost(f"the answer's {where} is not what it should be")


def _time(text: str, where: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise NotGatepost(f"the answer's {where} is not a time") from None
