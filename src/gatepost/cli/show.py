"""Answers for people: plain aligned columns.  And for scripts: JSON."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import click

_WIDE = frozenset("WF")
_JOINERS = "\u200c\u200d"
_NARROWEST_GAP = "  "


def as_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def as_table(rows: Iterable[object], columns: Sequence[str]) -> None:
    """Print rows under their headings; columns that are empty in every row are left out."""
    table = [[text_of(row.get(name) if isinstance(row, Mapping) else row) for name in columns] for row in rows]
    if not table:
        click.echo("nothing", err=True)
        return
    shown = [i for i in range(len(columns)) if any(line[i] for line in table)] or [0]
    lines = [[columns[i].replace("_", " ").upper() for i in shown], *([line[i] for i in shown] for line in table)]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(shown))]
    for line in lines:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo(_NARROWEST_GAP.join(padded).rstrip())


def as_card(value: object) -> None:
    """Print one thing, a line for each of its members that has a value."""
    if not isinstance(value, Mapping):
        click.echo(text_of(value))
        return
    named = [(str(name).replace("_", " "), text_of(member)) for name, member in value.items()]
    width = max((_width(name) for name, text in named if text), default=0)
    for name, text in named:
        if text:
            click.echo(f"{name}{' ' * (width - _width(name))}{_NARROWEST_GAP}{text}")


def text_of(value: object) -> str:
    """Write a value for a person.  Control characters are spelled out: a display name must not steer a terminal."""
    if value is None or value is False or value == "":
        return ""
    if value is True:
        return "yes"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={text_of(member)}" for name, member in value.items() if member not in (None, "", []))
    if isinstance(value, list | tuple):
        return ", ".join(text_of(item) for item in value)
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode() for c in str(value))


def _is_harmless(character: str) -> bool:
    """Wide spaces and joiners are in people's names, and steer nothing."""
    return character.isprintable() or unicodedata.category(character) == "Zs" or character in _JOINERS


def _width(text: str) -> int:
    return sum(
        2 if unicodedata.east_asian_width(c) in _WIDE else 1
        for c in text
        if not unicodedata.combining(c) and c not in _JOINERS
    )
