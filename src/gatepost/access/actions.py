"""List actions: all that a subject may do with one resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gatepost.access.check import check, counts, subject_of
from gatepost.access.graph import Graph
from gatepost.errors import InvalidField, Unavailable
from gatepost.principal import ANYONE, PLATFORM, Question, permission


@dataclass(frozen=True, slots=True)
class Actions:
    """`allowed` are relations of the model in its order, then what roles alone give; `undecided` says why not known."""

    allowed: tuple[str, ...]
    undecided: Mapping[str, Unavailable] = field(default_factory=dict)


def actions(question: Question, graph: Graph, depth: int | None = None) -> Actions:
    """List what the question's subject may do with its resource; the question's own action is ignored.

    Raises `InvalidField` for a type or a relation that the model does not have.
    """
    with graph.lock:
        allowed: list[str] = []
        undecided: dict[str, Unavailable] = {}
        for action in _candidates(question, graph):
            try:
                if action not in allowed and check(replace(question, action=action), graph, depth).allowed:
                    allowed.append(action)
            except Unavailable as error:
                undecided[action] = error
        return Actions(tuple(allowed), undecided)


def _candidates(question: Question, graph: Graph) -> Iterator[str]:
    """The relations of the resource's type, and what the subject's roles hold beyond them."""
    edges, kind = graph.edges, question.resource.type
    definition = edges.compiled.model.types.get(kind)
    if definition is None:
        raise InvalidField({"resource": f"unknown type {kind}: one of {', '.join(edges.compiled.kinds)}"})
    yield from definition.relations
    if not counts(question.subject.type, "view", kind):
        return
    someone = subject_of(edges, question, graph.moment(question.context))
    for name in sorted(edges.names[value >> edges.compiled.bits] for value in someone.permissions):
        of, _, action = name.partition(".")
        if kind == PLATFORM.type:
            if ANYONE not in (of, action):
                yield permission(of, action)
        elif of in (kind, ANYONE) and action != ANYONE and action not in definition.relations:
            yield action
