"""Reading files of desired state: YAML, JSON, TOML, or a model in OpenFGA's language; several are read as one.

A fault is told with its file.  What is wrong within a field the server says.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from gatepost.errors import ConfigurationError

LARGEST = 1 << 20  # bytes, as for the body of a request
STDIN = "-"
# The kinds of things, each with its fields; those in a list of holders take a subject alone as well.
KINDS: Mapping[str, frozenset[str]] = {
    "users": frozenset({"username", "display_name", "email", "external", "disabled"}),
    "services": frozenset({"name", "description"}),
    "groups": frozenset({"name", "description", "members"}),
    "roles": frozenset({"name", "description", "permissions", "assignees"}),
    "resources": frozenset({"resource", "type", "id", "display_name", "parent", "owner"}),
    "grants": frozenset({"resource", "relation", "subject", "expires_at"}),
}
HOLDERS = ("members", "assignees")
MODEL = "model"
SECRET = frozenset({"password", "secret", "token", "client_secret"})

State = dict[str, Any]


def read_states(files: Iterable[str], stdin: str) -> State:
    """Read files into one desired state.  Raises `ConfigurationError` with everything that is wrong."""
    whole: State = {}
    faults: list[str] = []
    for name in files:
        try:
            document = _parsed(name, stdin)
        except ConfigurationError as error:
            faults += error.problems
            continue
        found = [f"{_shown(name)}: {fault}" for fault in _faults(document)]
        faults += found
        if not found:
            faults += [f"{_shown(name)}: {fault}" for fault in _take(whole, document)]
    if faults:
        raise ConfigurationError(faults)
    return whole


def _shown(name: str) -> str:
    return "standard input" if name == STDIN else name


def _parsed(name: str, stdin: str) -> Any:
    text = stdin if name == STDIN else _text(Path(name))
    shown = _shown(name)
    if len(text) > LARGEST:
        raise ConfigurationError([f"{shown}: is longer than {LARGEST >> 20} MiB"])
    try:
        match Path(name).suffix.lower():
            case ".fga":
                return {MODEL: text}
            case ".json":
                return json.loads(text)
            case ".toml":
                return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([f"{shown}: does not parse: {error}"]) from None
    from gatepost.cli.yaml_file import read_yaml  # lazily: most commands read no YAML

    return read_yaml(text, shown)


def _text(file: Path) -> str:
    with file.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError([f"{file}: is not UTF-8 text"]) from None


def _faults(document: Any) -> Iterator[str]:
    """Say everything that is wrong with the form of one document."""
    if not isinstance(document, dict):
        yield f"must be a table with {', '.join((*KINDS, MODEL))}"
        return
    for kind, things in document.items():
        if kind == MODEL:
            if not isinstance(things, str):
                yield "model must be the text of a model"
        elif kind not in KINDS:
            yield f"unknown key {kind}: allowed are {', '.join((*KINDS, MODEL))}"
        elif not isinstance(things, list):
            yield f"{kind} must be a list"
        else:
            for number, thing in enumerate(things, 1):
                yield from _thing_faults(f"{kind} {number}", thing, KINDS[kind])


def _thing_faults(where: str, thing: Any, fields: frozenset[str]) -> Iterator[str]:
    if not isinstance(thing, dict):
        yield f"{where}: must be a table with {', '.join(sorted(fields))}"
        return
    for field in thing:
        if str(field) in SECRET:
            yield f"{where}: {field} is a secret, which no file holds: people set their own"
        elif field not in fields:
            yield f"{where}: unknown key {field}: allowed are {', '.join(sorted(fields))}"
    if ("type" in thing) != ("id" in thing) or ("type" in thing and "resource" in thing):
        yield f"{where}: a resource is named by resource (type:id), or by type and id"
    for field in HOLDERS:
        holders = thing.get(field, [])
        if not isinstance(holders, list) or not all(isinstance(each, str | dict) for each in holders):
            yield f"{where}: {field} must be a list of subjects"


def _take(whole: State, document: State) -> Iterator[str]:
    """Add one document.  A model is given once."""
    for kind, things in document.items():
        if kind == MODEL:
            if MODEL in whole:
                yield "a model is given by another file already"
            whole[MODEL] = things
        else:
            whole.setdefault(kind, []).extend(_plain(thing) for thing in things)


def _plain(value: Any) -> Any:
    """Write a thing as the API takes it: a subject alone is a holder, and a time of TOML's a text."""
    if isinstance(value, dict):
        if {"type", "id"} <= value.keys():
            rest = {name: member for name, member in value.items() if name not in ("type", "id")}
            return {"resource": f"{value['type']}:{value['id']}", **rest}
        return {name: _holders(member) if name in HOLDERS else _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value.isoformat() if isinstance(value, datetime | date) else value


def _holders(holders: list[Any]) -> list[Any]:
    return [{"subject": each} if isinstance(each, str) else _plain(each) for each in holders]
