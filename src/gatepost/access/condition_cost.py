"""What evaluating a condition may cost.  CEL bounds how often macros go round, and not what is done each time.

`x.all(a, y == y)` over nine thousand and fifty thousand numbers takes a minute, in which nothing else in the process
runs.  So the work is estimated from above before it is done: what would be too much stays undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST = 3_000_000  # steps of some 0.15 microseconds
ROUNDS = 10_000  # of all macros of an expression together: the library's own bound
TEXT = 16  # characters that are looked at in one step

MACRO = re.compile(r"\.\s*(all|exists|exists_one|filter|map)\s*\(")
_WALKS = re.compile(r"\bin\b|[=!]=|[<>+]|\b(?!all\b|exists\b|exists_one\b|filter\b|map\b)\w+\s*\(")


class Cost:
    """An expression's, by the size of the values that it is given."""

    def __init__(self, expression: str) -> None:
        self._macros = len(MACRO.findall(expression))
        self._walks = len(_WALKS.findall(expression))
        self._length = len(expression)
        self._literals = expression.count(",") + len(expression) // TEXT

    def steps(self, values: Iterable[object]) -> int:
        size = self._literals + sum(map(_size, values))
        # Macros may stand side by side as well as within one another: we take the worse.
        rounds = min(ROUNDS, size**self._macros) if self._macros < ROUNDS.bit_length() else ROUNDS
        return rounds * (1 + self._length // 8 + self._walks * size)


def _size(value: object) -> int:
    if isinstance(value, str):
        return 1 + len(value) // TEXT
    if isinstance(value, list | tuple):
        return 1 + sum(map(_size, value))
    if isinstance(value, dict):
        return 1 + sum(map(_size, value)) + sum(map(_size, value.values()))
    return 1
