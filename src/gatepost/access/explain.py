"""Why?"""

from __future__ import annotations

from dataclasses import dataclass

from gatepost.access.graph import Graph
from gatepost.principal import Question


@dataclass(frozen=True, slots=True)
class Step:
    """One tuple or rule on the way: `text` is what a person reads."""

    object: str
    relation: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer with its reasons."""

    allowed: bool
    path: tuple[Step, ...]
    sentence: str
    tried: tuple[str, ...] = ()
    would_allow: tuple[str, ...] = ()


def explain(question: Question, graph: Graph) -> Explanation:
    raise NotImplementedError
