"""Reading `agraph.cfg`: a directive a line, with comments, and lines that go on behind a backslash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Keys, Leaf, refusal

ARGUMENT = re.compile(
    r'[\s,]*(?P<name>[A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]+))(?=[\s,]|\Z)',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its name, what stands behind it, and the line (from 1) on which it begins."""

    name: str
    rest: str = field(repr=False)
    line: int


def directives(text: str) -> Iterator[Directive]:
    """Yield the directives in order.  A comment may stand between the lines of one."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate(re.split(r"\r?\n", text), 1):
        bare = uncommented(line).strip()
        if not bare and (not parts or line.strip()):
            continue  # an empty line ends a directive; a comment does not
        start = start if parts else number
        goes_on = bare.endswith("\\")
        parts.append(bare.removesuffix("\\").strip())
        if not goes_on:
            yield from directive(" ".join(parts), start)
            parts = []
    yield from directive(" ".join(parts), start)


def directive(line: str, number: int) -> Iterator[Directive]:
    words = line.split(None, 1)
    if words:
        yield Directive(shown(words[0]), words[1] if len(words) > 1 else "", number)


def uncommented(line: str) -> str:
    """Return a line without its comment: a # at its beginning, or behind a space and outside quotes."""
    quoted = False
    for index, character in enumerate(line):
        if character == '"' and (index == 0 or line[index - 1] != "\\"):
            quoted = not quoted
        elif character == "#" and not quoted and (not line[:index].strip() or line[index - 1].isspace()):
            return line[:index]
    return line


def arguments(directive: Directive) -> Keys:
    """Read `name="value", name="value"`.  Raises `ConfigurationError` that names the argument before the mistake."""
    keys = Keys("OAuth", str.lower, directive.line)
    position, last = 0, "OAuth"
    rest = directive.rest.strip(" \t,")
    while position < len(rest):
        match = ARGUMENT.match(rest, position)
        if match is None:
            raise refusal(
                f'what stands behind {last} must be written name="value", with a comma between', directive.line
            )
        last, position = match["name"], match.end()
        value = match["bare"] if match["quoted"] is None else unescaped(match["quoted"])
        keys.put(last, Leaf(f"OAuth.{last.lower()}", value, directive.line))
    return keys


def unescaped(text: str) -> str:
    r"""Resolve `\\` and `\"`.  Another backslash stays: it belongs to a regular expression or to what it leaves."""
    return re.sub(r'\\([\\"])', r"\1", text)
