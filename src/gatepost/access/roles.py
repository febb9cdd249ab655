"""What a subject carries."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

from gatepost.access.graph import Graph
from gatepost.principal import Subject


def permissions_of(
    subject: Subject, graph: Graph, role: str | None = None, groups: Iterable[str] = (), roles: Iterable[str] = ()
) -> frozenset[str]:
    """`type:action` patterns of all roles (of `role` only, if given)."""
    raise NotImplementedError


def roles_of(subject: Subject, graph: Graph, groups: Iterable[str] = (), roles: Iterable[str] = ()) -> frozenset[str]:
    raise NotImplementedError


def groups_of(subject: Subject, graph: Graph, groups: Iterable[str] = ()) -> frozenset[str]:
    """Names, nested ones included."""
    raise NotImplementedError


def grants_of(subject: Subject, graph: Graph) -> Iterator[tuple[str, str]]:
    """Everything reachable over reverse edges: (object, relation)."""
    raise NotImplementedError


def rights(subject: Subject, graph: Graph) -> list[tuple[str, str, str]]:
    """(object, relation, via): effective, each with its source."""
    raise NotImplementedError
