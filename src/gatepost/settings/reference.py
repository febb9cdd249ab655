"""Every key there is, for the reference page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from datetime import timedelta
from typing import Any

from gatepost.settings.kinds import Kind, say_duration
from gatepost.settings.sources import section_types, variable


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """One key: its path in the file, the variable that sets it (a table's keys have none), and what it means."""

    key: str
    variable: str
    type: str
    allowed: str
    default: str
    required: bool
    doc: str


def reference() -> list[KeyDoc]:
    """Return every key of the configuration, section by section, each table's keys after the table."""
    return [doc for name, type_ in section_types().items() for doc in keys_below(name, type_)]


def keys_below(path: str, type_: type) -> Iterator[KeyDoc]:
    for f in fields(type_):
        if "kind" not in f.metadata:
            continue
        kind: Kind = f.metadata["kind"]
        yield KeyDoc(
            key=f"{path}.{f.name}",
            variable="" if "[]" in path else variable(path, f.name),
            type=kind.name,
            allowed=kind.allowed,
            default=default_text(f),
            required=f.default is MISSING and f.default_factory is MISSING,
            doc=f.metadata["doc"],
        )
        if kind.rows is not None:
            yield from keys_below(f"{path}.{f.name}[]", kind.rows)


def default_text(f: Field[Any]) -> str:
    """Write a default as it would stand in the file; empty where there is none."""
    if f.metadata["default"] is not None:
        return str(f.metadata["default"])
    value = f.default_factory() if f.default_factory is not MISSING else f.default
    return "" if value is MISSING or value is None else toml(value)


def toml(value: object) -> str:
    if isinstance(value, timedelta):
        return f'"{say_duration(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
