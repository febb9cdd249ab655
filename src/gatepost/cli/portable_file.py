"""Reading what `gatepost export` wrote: every fault of every file, with its line, before anything is done."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gatepost.cli.portable import KINDS, NEEDED, NESTED, SECRET, Item, Row, cell_text
from gatepost.errors import ConfigurationError

LARGEST = 64 << 20  # bytes
STDIN = "-"


def read_items(files: Iterable[str], stdin: str, kind: str | None) -> list[Item]:
    """Read files whole, in the order in which their rows can be made.

    A CSV file's kind is `kind`, else its name's: `users.csv`.  Raises `ConfigurationError` with everything that is wrong.
    """
    items: list[Item] = []
    faults: list[str] = []
    for name in files:
        text = stdin if name == STDIN else _text(Path(name))
        shown = "standard input" if name == STDIN else name
        is_json = text.lstrip()[:1] in ("{", "[")
        for found in _from_json(shown, text) if is_json else _from_csv(shown, text, kind or Path(name).stem):
            if isinstance(found, Item):
                fault = _fault(found)
                faults += [f"{found.where}: {fault}"] if fault else []
                items.append(found)
            else:
                faults.append(found)
    if faults:
        raise ConfigurationError(faults)
    return _in_order(items)


def _text(file: Path) -> str:
    with file.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ConfigurationError([f"{file}: is longer than {LARGEST >> 20} MiB"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError([f"{file}: is not UTF-8 text"]) from None


def _from_csv(shown: str, text: str, kind: str) -> Iterator[Item | str]:
    if kind not in KINDS:
        yield f"{shown}: is named like no kind: give --kind, one of {', '.join(KINDS)}"
        return
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        faults = list(_header_faults(kind, header))
        yield from (f"{shown}:1: {fault}" for fault in faults)
        if faults:
            return
        for cells in reader:
            where = f"{shown}:{reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(header):
                yield f"{where}: has {len(cells)} cells where the first line has {len(header)}"
                continue
            given = {name: cell_text(cell) for name, cell in zip(header, cells, strict=True)}
            yield Item(where, kind, _typed({name: cell for name, cell in given.items() if cell}))
    except csv.Error as error:
        yield f"{shown}:{reader.line_num}: does not parse: {error}"


def _header_faults(kind: str, header: list[str]) -> Iterator[str]:
    for name in header:
        if name in SECRET:
            yield f"column {name} is a secret, which is not imported: people set their own"
        elif name not in KINDS[kind]:
            yield f"unknown column {name[:60]!r}: {kind} have {', '.join(KINDS[kind])}"
    for name in NEEDED[kind]:
        if name not in header:
            yield f"column {name} is missing"
    if len(set(header)) != len(header):
        yield "a column stands twice"


def _typed(row: Row) -> Row:
    if row.get("disabled") in ("true", "false"):
        row["disabled"] = row["disabled"] == "true"
    if isinstance(row.get("permissions"), str):
        row["permissions"] = row["permissions"].split()
    return row


def _from_json(shown: str, text: str) -> Iterator[Item | str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield f"{shown}: does not parse: {error}"
        return
    outer = [kind for kind in KINDS if kind not in dict(NESTED.values())]
    if not isinstance(document, Mapping):
        yield f"{shown}: must be a table with {', '.join(outer)}"
        return
    for kind, things in document.items():
        if kind not in outer or not isinstance(things, list):
            yield f"{shown}: {kind}: must be a list, and one of {', '.join(outer)}"
            continue
        for number, thing in enumerate(things, 1):
            where = f"{shown}: {kind} {number}"
            if isinstance(thing, Mapping):
                yield from _things(where, kind, thing)
            else:
                yield f"{where}: must be a table with {', '.join(KINDS[kind])}"


def _things(where: str, kind: str, thing: Mapping[str, Any]) -> Iterator[Item | str]:
    """One thing, and the members or assignees that stand in it."""
    inner, key = NESTED.get(kind, ("", ""))
    yield Item(where, kind, {name: value for name, value in thing.items() if name != inner and value is not None})
    holders = thing.get(inner, []) if inner else []
    for number, each in enumerate(holders if isinstance(holders, list) else [None], 1):
        if isinstance(each, Mapping):
            told = {name: value for name, value in each.items() if value is not None}
            yield Item(f"{where} {inner} {number}", inner, {key: thing.get("name"), **told})
        else:
            yield f"{where} {inner} {number}: must be a table with subject and expires_at"


def _fault(item: Item) -> str:
    """Say the first thing that is wrong with a row's form.  Names and the rest the server judges."""
    for name, value in item.row.items():
        if name in SECRET:
            return f"{name} is a secret, which is not imported: people set their own"
        if name not in KINDS[item.kind]:
            return f"unknown key {name[:60]!r}: {item.kind} have {', '.join(KINDS[item.kind])}"
        if name == "disabled":
            if not isinstance(value, bool):
                return "disabled must be true or false"
        elif name == "permissions":
            if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                return "permissions must be a list of type:action"
        elif not isinstance(value, str):
            return f"{name} must be a text"
    for name in NEEDED[item.kind]:
        if not item.row.get(name) and name != "permissions":
            return f"{name} is missing"
    return _time_fault(item.row.get("expires_at"))


def _time_fault(text: str | None) -> str:
    if text is None:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return "expires_at must be written as 2027-01-31T18:00:00Z"
    return "" if moment.tzinfo else "expires_at needs a zone: 2027-01-31T18:00:00Z"


def _in_order(items: list[Item]) -> list[Item]:
    """Put what others name before what names it, and each resource after the one that it is in."""
    parents = {item.row["resource"]: item.row.get("parent") for item in items if item.kind == "resources"}

    def depth(name: str | None, seen: frozenset[str]) -> int:
        return 0 if name is None or name in seen else 1 + depth(parents.get(name), seen | {name})

    order = list(KINDS)
    return sorted(
        items,
        key=lambda i: (order.index(i.kind), depth(i.row.get("parent"), frozenset()) if i.kind == "resources" else 0),
    )
