"""Where a value came from, and the list in which everything that is wrong with the configuration collects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

SHOWN = 80  # characters of a bad value that a problem repeats
USERINFO = r"//[^\s\"]*@"


class EnvText(str):
    """The text of an environment variable: the only place where `true` and `5` are written as text."""

    __slots__ = ()


class Refused(Exception):
    """A value that is not allowed.  The sentence replaces "must be …" where a reason says more."""


class Reported(Refused):
    """A value that is not allowed, in parts that each have said so already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One key in one source, and what is needed to read its value.

    `source` is the path of the file or the name of the environment variable; `folder` is what relative paths are
    relative to.
    """

    source: str
    key: str
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    problems: list[str]

    def at(self, key: str) -> Place:
        return replace(self, key=f"{self.key}.{plain(key)}")

    def item(self, index: int) -> Place:
        return replace(self, key=f"{self.key}[{index}]")

    def refuse(self, sentence: str) -> None:
        """Note a problem that is not about a value given here."""
        self.problems.append(f"{self.source}: {self.key} {sentence}")

    def refuse_value(self, value: object, sentence: str, *, hidden: bool = False) -> None:
        """Note a problem with the value given here.  A hidden value is never repeated."""
        self.problems.append(f"{self.source}: {self.key} = {'(hidden)' if hidden else shown(value)}: {sentence}")


def shown(value: object) -> str:
    """Write a value as it may stand in a message: on one line, bounded, without the userinfo of a URL."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
        text = text if text.isprintable() else json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):
        text = f"({type(value).__name__})"
    text = re.sub(USERINFO, "//…@", text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def plain(name: str) -> str:
    """Write a name that somebody chose as it may stand in a message: itself, or quoted if it is no plain word."""
    return name if re.fullmatch(r"[\w.-]{1,80}", name) else shown(name)
