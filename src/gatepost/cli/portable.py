"""What `export` writes and `import` reads: eight kinds of rows, flat in CSV and nested in one JSON document.

No kind has a field for a password or a token.  What a provider vouches for is not exported: it comes with the next sign-in.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

# In the order in which they can be made: what others name comes before what names it.
KINDS: Mapping[str, tuple[str, ...]] = {
    "users": ("username", "display_name", "email", "external", "disabled"),
    "services": ("name", "description"),
    "groups": ("name", "description"),
    "roles": ("name", "description", "permissions"),
    "resources": ("resource", "display_name", "parent"),
    "members": ("group", "subject", "expires_at"),
    "assignees": ("role", "subject", "expires_at"),
    "grants": ("resource", "relation", "subject", "expires_at"),
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "users": ("username",),
    "services": ("name",),
    "groups": ("name",),
    "roles": ("name", "permissions"),
    "resources": ("resource",),
    "members": ("group", "subject"),
    "assignees": ("role", "subject"),
    "grants": ("resource", "relation", "subject"),
}
# In JSON, members stand in their group and assignees in their role.
NESTED = {"groups": ("members", "group"), "roles": ("assignees", "role")}
SECRET = frozenset({"password", "secret", "token", "hash", "api_key"})
Row = dict[str, Any]

# What a spreadsheet takes for the beginning of a formula gets a ' before it, and so does a ' itself.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a file, and where it stands there."""

    where: str
    kind: str
    row: Row

    def __str__(self) -> str:
        row = self.row
        match self.kind:
            case "members" | "assignees":
                return f"{row['subject']} in {row['group']}" if "group" in row else f"{row['subject']} as {row['role']}"
            case "grants":
                return f"{row['subject']} as {row['relation']} of {row['resource']}"
            case kind:
                return f"{kind[:-1]} {row[NEEDED[kind][0]]}"


def to_csv(kind: str, rows: Iterable[Row]) -> Iterator[str]:
    """Write rows as CSV (RFC 4180), a line at a time."""
    yield _line(KINDS[kind])
    for row in rows:
        yield _line([_cell(row.get(name)) for name in KINDS[kind]])


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else ""
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def cell_text(cell: str) -> str:
    """Read a cell as `to_csv` writes it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def nested(rows: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """Put members into their groups and assignees into their roles."""
    whole = {kind: [dict(row) for row in rows[kind]] for kind in KINDS if kind in rows and not _is_inner(kind)}
    for outer, (inner, key) in NESTED.items():
        if outer not in whole or inner not in rows:
            continue
        of: dict[str, list[Row]] = {}
        for row in rows[inner]:
            of.setdefault(row[key], []).append({name: value for name, value in row.items() if name != key})
        for thing in whole[outer]:
            thing[inner] = of.get(thing["name"], [])
    return whole


def _is_inner(kind: str) -> bool:
    return any(kind == inner for inner, _ in NESTED.values())


class Progress:
    """Says on standard error how far long work is, if that is a terminal; and leaves nothing behind."""

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self.done = 0
        self.shown = sys.stderr.isatty()

    def step(self, what: str) -> None:
        self.done += 1
        if self.shown:
            of = f" of {self.total}" if self.total is not None else ""
            click.echo(f"\r\x1b[K{what}: {self.done}{of}", err=True, nl=False)

    def end(self) -> None:
        if self.shown and self.done:
            click.echo("\r\x1b[K", err=True, nl=False)
