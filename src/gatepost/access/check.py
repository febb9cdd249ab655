"""Answer one question."""
from __future__ import annotations

from gatepost.access.decision import Decision
from gatepost.access.graph import Graph
from gatepost.principal import Question


def check(question: Question, graph: Graph) -> Decision:
    raise NotImplementedError
