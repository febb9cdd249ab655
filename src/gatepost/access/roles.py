"""What a subject carries: its groups, its roles, their permissions, and every tuple that reaches it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gatepost.access.edges import Who
from gatepost.access.graph import Graph
from gatepost.access.later import carried
from gatepost.access.patience import held, hurry
from gatepost.access.usersets import Narrowing, who
from gatepost.principal import Subject


def permissions_of(
    subject: Subject, graph: Graph, role: str | None = None, groups: Iterable[str] = (), roles: Iterable[str] = ()
) -> frozenset[str]:
    """The `type:action` patterns that the subject's roles hold; those of `role` alone if it is given."""
    with held(graph.lock):
        edges = graph.edges
        found = _who(graph, subject, Narrowing(role, frozenset(groups), frozenset(roles)))
        names = (edges.names[value >> edges.compiled.bits] for value in found.permissions)
        return frozenset(name.replace(".", ":", 1) for name in names)


def roles_of(subject: Subject, graph: Graph, groups: Iterable[str] = (), roles: Iterable[str] = ()) -> frozenset[str]:
    """The names of the roles that the subject has, its groups' included."""
    return frozenset(_names(subject, graph, "role", "assignee", groups, roles)) | frozenset(roles)


def groups_of(subject: Subject, graph: Graph, groups: Iterable[str] = ()) -> frozenset[str]:
    """The names of the groups that the subject is in, however deep."""
    return frozenset(_names(subject, graph, "group", "member", groups, ())) | frozenset(groups)


def grants_of(subject: Subject, graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield (object, relation) for everything that a subject or userset carries by tuples, its groups' included.

    Also what it carries under a condition.  A role's permissions come as (`role:NAME`, `permission`) tuples of the role,
    so they are not in here.
    """
    for each in carried(subject, graph):
        yield each.object, each.relation


def rights(subject: Subject, graph: Graph) -> list[tuple[str, str, str]]:
    """List (object, relation, via) for all tuples in force that reach the subject; `via` is whom the tuple names.

    Without what only a condition stands before.  Ordered.
    """
    return [(each.object, each.relation, each.via) for each in carried(subject, graph, conditional=False)]


def _names(
    subject: Subject, graph: Graph, kind: str, relation: str, groups: Iterable[str], roles: Iterable[str]
) -> Iterator[str]:
    with held(graph.lock):
        edges = graph.edges
        key = edges.compiled.relation_key(kind, relation)
        found = _who(graph, subject, Narrowing(None, frozenset(groups), frozenset(roles)))
        if key is not None:
            mask = edges.compiled.mask
            hurry(len(found.mine))
            for value in found.mine:
                if value & mask == key & mask and edges.relation_key(value) == key and value != found.value:
                    yield edges.names[value >> edges.compiled.bits]


def _who(graph: Graph, subject: Subject, narrowing: Narrowing) -> Who:
    return who(graph.edges, subject, narrowing, graph.moment())
