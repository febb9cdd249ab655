"""What evaluating a condition may cost.  CEL bounds how often macros go round, and not what is done each time.

`x.all(a, y == y)` over nine thousand and fifty thousand numbers takes a minute, in which nothing else in the process
runs.  So the work is estimated from above before it is done: what would be too much stays undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MOST = 3_000_000  # steps of some 0.15 microseconds
ROUNDS = 10_000  # of all macros of an expression together: the library's own bound
TEXT = 16  # characters that are looked at in one step

MACRO = re.compile(r"\.\s*(all|exists|exists_one|filter|map)\s*\(")
_WALKS = re.compile(r"\bin\b|[=!]=|[<>+]|\b(?!all\b|exists\b|exists_one\b|filter\b|map\b)\w+\s*\(")


_MATCHES = re.compile(r"\bmatches\s*\(")
_CONTAINS = re.compile(r"\bcontains\s*\(")
_WRITTEN = r"""\(\s*[rR]?("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*\)"""
_PATTERN = re.compile(r"\.\s*matches\s*" + _WRITTEN)
_NEEDLE = re.compile(r"\.\s*contains\s*" + _WRITTEN)
_REPEATED = re.compile(r"\{\s*([0-9]+)|,\s*([0-9]+)\s*\}")

SEARCHED = 5_000  # pairs of a character that is looked for and one that is looked at, in one step
MATCHED = 5  # the same, of a pattern and a text: at worst every state of the pattern is at every character
MOST_REPEATED = 1_000  # the library's own bounds: of `{n}`, and of the states that a pattern may have
MOST_STATES = 350_000
CLASS = 100  # states that `\pL` may take


class Cost:
    """An expression's, by the size of the values that it is given."""

    def __init__(self, expression: str) -> None:
        self._macros = len(MACRO.findall(expression))
        self._walks = len(_WALKS.findall(expression))
        self._length = len(expression)
        self._literals = expression.count(",") + len(expression) // TEXT
        self._sums = 1 + expression.count("+")
        patterns, needles = _PATTERN.findall(expression), _NEEDLE.findall(expression)
        self._states = sum(map(_states, patterns))
        self._needles = sum(map(len, needles))
        self._own_states = _states_of_any(expression)
        # Patterns and needles that come from the values, or are put together, are as long as the longest text may be.
        self._given_patterns = len(_MATCHES.findall(expression)) - len(patterns)
        self._given_needles = len(_CONTAINS.findall(expression)) - len(needles)

    def steps(self, given: Iterable[object]) -> int:
        values = list(given)
        size = self._literals + sum(map(_size, values))
        # Macros may stand side by side as well as within one another: we take the worse.
        rounds = min(ROUNDS, size**self._macros) if self._macros < ROUNDS.bit_length() else ROUNDS
        return rounds * (1 + self._length // 8 + self._walks * size + self._searches(values))

    def _searches(self, values: list[object]) -> int:
        """The work of `matches` and `contains`, which grows with the text and with what is looked for in it."""
        if not (self._states or self._needles or self._given_patterns or self._given_needles):
            return 0
        longest = self._sums * max([self._length, *(len(text) for value in values for text in _texts(value))])
        states = self._states
        if self._given_patterns:
            worst = max([self._own_states, *(_states_of_any(text) for value in values for text in _texts(value))])
            states += self._given_patterns * self._sums * worst
        needles = self._needles + self._given_needles * longest // 4
        return states + longest * states // MATCHED + longest * needles // SEARCHED


def _states(pattern: str) -> int:
    """How many states a pattern may have, from above."""
    numbers = [number for pair in _REPEATED.findall(pattern) for number in pair if number]
    repeated = max([1, *(int(number) if len(number) < 5 else MOST_REPEATED for number in numbers)])
    classes = CLASS if re.search(r"\\+[pP]", pattern) else 1
    return min(len(pattern) * min(repeated, MOST_REPEATED) * classes, MOST_STATES)


def _states_of_any(text: str) -> int:
    """How many states a pattern may have that this is a part of."""
    return min(len(text) * (MOST_REPEATED if "{" in text else 1) * (CLASS if "\\" in text else 1), MOST_STATES)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for each in (*value, *value.values()):
            yield from _texts(each)


def _size(value: object) -> int:
    if isinstance(value, str):
        return 1 + len(value) // TEXT
    if isinstance(value, list | tuple):
        return 1 + sum(map(_size, value))
    if isinstance(value, dict):
        return 1 + sum(map(_size, value)) + sum(map(_size, value.values()))
    return 1
