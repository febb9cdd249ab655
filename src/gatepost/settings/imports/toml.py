"""Writing TOML: values, keys and comments, none of which can be mistaken for another whatever they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from textwrap import wrap

WIDTH = 110  # characters of a comment's line


def written(value: object) -> str:
    """Write a text, number, boolean, list or mapping as TOML has it on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key(str(name))} = {written(item)}" for name, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(item) for item in value) + "]"
    raise TypeError(f"TOML has no {type(value).__name__} here")


def quoted(text: str) -> str:
    """Write a basic string.  JSON's escapes are TOML's too, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


def shown(text: str) -> str:
    """Write what somebody else chose as it may stand in a comment: on one line, printable, and bounded."""
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return line if len(line) <= 200 else line[:199] + "…"


def comment(sentence: str, indent: str = "") -> Iterator[str]:
    """Yield the lines of a comment, wrapped; no character of the sentence ends the comment."""
    lines = wrap(one_line(sentence), WIDTH, break_long_words=False, break_on_hyphens=False)
    for index, line in enumerate(lines):
        yield f"# {indent}{'  ' if index and indent else ''}{line}"


def one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)
