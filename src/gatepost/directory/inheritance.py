"""What a relation gives beyond its own object: to what is inside it, as `view from parent` says."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost.access import AuthorizationModel
from gatepost.access.given import relations_given_by
from gatepost.access.model import Exclusion, FromParent, Intersection, Rewrite, Union, direct


def relations_given_below(model: AuthorizationModel, kind: str, relation: str) -> frozenset[tuple[str, str]]:
    """Every (type, relation) that whoever has `relation` to a `kind` also has to what is inside it, however deep."""
    given: set[tuple[str, str]] = set()
    todo = [(kind, relation)]
    while todo:
        above, held = todo.pop()
        for inner, wanted, tupleset, name in _inherited(model):
            takes = {restriction.type for restriction in direct(model.types[inner].relations[tupleset])}
            if wanted == held and above in takes:
                fresh = {(inner, also) for also in relations_given_by(model, inner, name)} - given
                given |= fresh
                todo.extend(fresh)
    return frozenset(given)


def relations_from_above(model: AuthorizationModel, kind: str) -> frozenset[str]:
    """The relations of a `kind` that can come from what it is inside of."""
    own = {name for inner, _, _, name in _inherited(model) if inner == kind}
    return frozenset(also for name in own for also in relations_given_by(model, kind, name))


def _inherited(model: AuthorizationModel) -> Iterator[tuple[str, str, str, str]]:
    """Yield (type, relation wanted there, tupleset, relation that comes of it)."""
    for kind, definition in model.types.items():
        for name, rewrite in definition.relations.items():
            for part in _from_parents(rewrite):
                if part.tupleset in definition.relations:
                    yield kind, part.relation, part.tupleset, name


def _from_parents(rewrite: Rewrite) -> list[FromParent]:
    match rewrite:
        case FromParent():
            return [rewrite]
        case Union(children) | Intersection(children):
            return [found for child in children for found in _from_parents(child)]
        case Exclusion(base, _):
            return _from_parents(base)
        case _:
            return []
