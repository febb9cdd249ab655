"""Text to words: the lexical half of the modelling language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gatepost.errors import InvalidModel

MAX_BYTES = 256 * 1024

WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-./]*")
_BLANK = re.compile(r"[ \t\r]+")
_PUNCTUATION = frozenset("[](),:#*<>")


@dataclass(frozen=True, slots=True)
class Word:
    """One piece of text with its place.  `kind` is `word`, `mark`, `newline`, `block` (the text in braces) or `end`."""

    kind: str
    text: str
    line: int
    column: int

    def __str__(self) -> str:
        match self.kind:
            case "newline":
                return "the end of the line"
            case "end":
                return "the end of the text"
            case "block":
                return "'{'"
        return repr(self.text)


def scan(text: str) -> Iterator[Word]:
    """Yield the words of `text`, an `end` last.  Raises `InvalidModel` with line and column.

    Line ends inside brackets and parentheses are left out, so that a list may run over several lines.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidModel(f"the model is larger than {MAX_BYTES // 1024} KiB")
    position, line, start, depth = 0, 1, 0, 0
    while position < len(text):
        char, column = text[position], position - start + 1
        if char == "\n":
            if depth == 0:
                yield Word("newline", char, line, column)
            position, line, start = position + 1, line + 1, position + 1
        elif blank := _BLANK.match(text, position):
            position = blank.end()
        elif char == "#" and (column == 1 or text[position - 1].isspace()):
            position = _line_end(text, position)
        elif char == "{":
            end = _block_end(text, position, line, column)
            yield Word("block", text[position + 1 : end], line, column)
            line += text.count("\n", position, end)
            start = max(start, text.rfind("\n", 0, end) + 1)
            position = end + 1
        elif char in _PUNCTUATION:
            depth = max(0, depth + (char in "[(") - (char in "])"))
            yield Word("mark", char, line, column)
            position += 1
        elif word := WORD.match(text, position):
            yield Word("word", word.group(), line, column)
            position = word.end()
        else:
            raise InvalidModel(f"unexpected character {char!a}", line=line, column=column)
    yield Word("end", "", line, position - start + 1)


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _block_end(text: str, position: int, line: int, column: int) -> int:
    """Find the brace that closes the one at `position`.  Those in the expression's quotes and comments do not count."""
    depth, quote = 0, ""
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif text.startswith("//", position):
            position = _line_end(text, position)
            continue
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    raise InvalidModel("expected '}' to close this '{'", line=line, column=column)
