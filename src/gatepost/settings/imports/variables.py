"""Reading environment variables: an env file, a JSON object, or the `environment` of a Compose file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Leaf, parse_json, refusal
from gatepost.settings.imports.yaml import environment, read_yaml

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=(.*)", re.DOTALL)
# In single quotes nothing is escaped.  What is matched is never tried again, so that an open quote costs one look.
QUOTED = {"'": re.compile(r"'([^']*+)'"), '"': re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)}
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
    return environment(read_yaml(text))


def _from_json(text: str) -> Iterator[Leaf]:
    document = parse_json(text, refusal)
    if not isinstance(document, dict):
        raise refusal("is JSON, and must be an object from the names of variables to their values")
    for name, value in document.items():
        # What is a text in the environment may stand here as the JSON that it holds.
        yield Leaf(name, json.dumps(value) if isinstance(value, dict | list) else value)


def _from_lines(text: str) -> Iterator[Leaf]:
    text = text.replace("\r\n", "\n")
    position, number = 0, 1
    while position < len(text):
        end = text.find("\n", position)
        line = text[position : end if end >= 0 else len(text)]
        after = position + len(line)
        if line.strip() and not line.lstrip().startswith("#"):
            match = ASSIGNMENT.fullmatch(line)
            if match is None:
                raise refusal("must be written NAME=VALUE", number)
            value, after = _value(text, position + match.start(2), after, (match[1], number))
            yield Leaf(match[1], value, number)
        number += text.count("\n", position, after + 1)
        position = after + 1


def _value(text: str, start: int, end: int, place: tuple[str, int]) -> tuple[str, int]:
    """Return the value that begins at `start`, and where its line ends.  In quotes it may go on over several lines."""
    bare = text[start:end].strip()
    if bare[:1] not in QUOTED:
        return re.sub(r"(^|\s)#.*", "", bare).rstrip(), end
    name, line = place
    match = QUOTED[bare[0]].match(text, text.index(bare[0], start))
    if match is None:
        raise refusal(f"{shown(name)} begins with a quote that is not closed", line)
    newline = text.find("\n", match.end())
    end = newline if newline >= 0 else len(text)
    rest = text[match.end() : end].strip()
    if rest and not rest.startswith("#"):
        raise refusal(f"{shown(name)} has something behind its closing quote", line)
    if bare[0] == "'":
        return match[1], end
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[0]), match[1], flags=re.DOTALL), end
