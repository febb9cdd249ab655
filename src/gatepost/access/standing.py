"""Whether somebody still stands where they stood: for what is worked out from groups and roles, and kept."""

from __future__ import annotations

from gatepost.access.graph import Graph
from gatepost.access.patience import held
from gatepost.access.usersets import PLAIN, Narrowing, who
from gatepost.principal import Entity, Subject


def standing(
    subject: Entity, graph: Graph, groups: frozenset[str] = frozenset(), roles: frozenset[str] = frozenset()
) -> object:
    """What `groups_of` and `roles_of` read, to be compared by `is` alone with what was answered to the same question.

    The same object says that both answer as they did then.  A tuple written or gone, one whose time is over, a condition
    and another graph make another one.  Where the subject's memo is warm nobody waits for a lock.
    """
    edges = graph.edges
    sequence = edges.sequence
    if not (groups or roles or sequence & 1):
        value = edges.value(subject.type, subject.id)
        known = edges.memo[value >> edges.compiled.bits] if value else None
        if known is not None and edges.sequence == sequence:
            return known[0]
    with held(graph.lock):
        narrowing = Narrowing(None, groups, roles) if groups or roles else PLAIN
        return who(graph.edges, Subject.of(subject), narrowing, graph.moment()).mine
