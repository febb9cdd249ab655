"""Reading environment variables: an env file, a JSON object, or the `environment` of a Compose file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Leaf, parse_json, refusal
from gatepost.settings.imports.yaml import environments, read_yaml

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=(.*)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def read_variables(text: str) -> dict[str, Leaf]:
    """Return the variables by name, each once.

    Raises:
        ConfigurationError: if the text is none of the three forms, or a name has two values.
    """
    found: dict[str, Leaf] = {}
    for leaf in _leaves(text):
        before = found.setdefault(leaf.label, leaf)
        if before.value != leaf.value:
            raise leaf.refuse("stands twice, with two values")
    return found


def _leaves(text: str) -> Iterator[Leaf]:
    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if first.lstrip().startswith(("{", "[")):
        return _from_json(text)
    if ASSIGNMENT.match(first):
        return _from_lines(text)
    return environments(read_yaml(text))


def _from_json(text: str) -> Iterator[Leaf]:
    document = parse_json(text, refusal)
    if not isinstance(document, dict):
        raise refusal("is JSON, and must be an object from the names of variables to their values")
    for name, value in document.items():
        # What is a text in the environment may stand here as the JSON that it holds.
        yield Leaf(name, json.dumps(value) if isinstance(value, dict | list) else value)


def _from_lines(text: str) -> Iterator[Leaf]:
    lines = re.split(r"\r?\n", text)
    index = 0
    while index < len(lines):
        start, line = index + 1, lines[index]
        index += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = ASSIGNMENT.fullmatch(line)
        if match is None:
            raise refusal("must be written NAME=VALUE", start)
        name, value = match[1], match[2].strip()
        while value[:1] in {"'", '"'} and _end_of_quotes(value) is None:
            if index == len(lines):
                raise refusal(f"{shown(name)} begins with a quote that is not closed", start)
            value += "\n" + lines[index]
            index += 1
        yield Leaf(name, _unquoted(value, name, start), start)


def _end_of_quotes(value: str) -> int | None:
    """Return where the quotes that a value begins with are closed.  In single quotes nothing is escaped."""
    pattern = r"'[^']*'" if value[0] == "'" else r'"(?:[^"\\]|\\.)*"'
    match = re.match(pattern, value, re.DOTALL)
    return match.end() if match else None


def _unquoted(value: str, name: str, line: int) -> str:
    if value[:1] not in {"'", '"'}:
        return re.sub(r"(^|\s)#.*", "", value).rstrip()
    end = _end_of_quotes(value)
    rest = value[end:].strip()
    if rest and not rest.startswith("#"):
        raise refusal(f"{shown(name)} has something behind its closing quote", line)
    inner = value[1 : (end or 0) - 1]
    if value[0] == "'":
        return inner
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[0]), inner, flags=re.DOTALL)
