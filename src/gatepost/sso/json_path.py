"""Finding claims by JSONPath (RFC 9535): names, indexes, slices, wildcards and descendants.

No filters: the configuration refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

MAX_FOUND = 1000
_STEP = re.compile(
    r"\.\.(?P<deep>[A-Za-z_][A-Za-z0-9_-]*|\*)"
    r"|\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*|\*)"
    r"|\[(?P<index>-?[0-9]{1,9}|\*)\]"
    r"|\[(?P<from>[0-9]*):(?P<to>[0-9]*)\]"
    r"|\[(?:'(?P<single>[^']+)'|\"(?P<double>[^\"]+)\")\]"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path.  `one` tells whether the path can lead to one place only."""

    values: tuple[object, ...]
    one: bool


def find(path: str, document: object) -> Found:
    """Return what stands at `path`, in order, up to a bound.  Raises `ValueError` for a path that is none of ours."""
    values: Iterator[object] = iter((document,))
    one, position = path.startswith("$"), 1
    if not one:
        raise ValueError("a JSONPath begins with $")
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(f"{path[position:]!r} is not a step that is understood")
        values, position = _taken(values, step), step.end()
        one = one and not (step["deep"] or step["from"] is not None or "*" in (step["name"], step["index"]))
    return Found(tuple(islice(values, MAX_FOUND)), one)


def _taken(values: Iterator[object], step: re.Match[str]) -> Iterator[object]:
    for value in values:
        if step["deep"]:
            for inner in _within(value):
                yield from _children(inner, step["deep"])
        elif step["from"] is not None:
            if isinstance(value, list):
                yield from value[int(step["from"] or 0) : int(step["to"]) if step["to"] else None]
        elif step["index"] is not None:
            yield from _indexed(value, step["index"])
        else:
            yield from _children(value, step["name"] or step["single"] or step["double"], quoted=not step["name"])


def _children(value: object, name: str, *, quoted: bool = False) -> Iterator[object]:
    if name == "*" and not quoted:
        yield from _all(value)
    elif isinstance(value, Mapping) and name in value:
        yield value[name]


def _indexed(value: object, index: str) -> Iterator[object]:
    if index == "*":
        yield from _all(value)
    elif isinstance(value, list) and -len(value) <= int(index) < len(value):
        yield value[int(index)]


def _all(value: object) -> Iterator[object]:
    yield from value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()


def _within(value: object) -> Iterator[object]:
    yield value
    for child in _all(value):
        yield from _within(child)
