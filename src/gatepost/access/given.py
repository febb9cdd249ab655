"""What a relation gives: the relations of the same object that whoever holds it also has."""

from __future__ import annotations

from gatepost.access.model import AuthorizationModel, Computed, Exclusion, Intersection, Rewrite, Union


def relations_given_by(model: AuthorizationModel, kind: str, relation: str) -> frozenset[str]:
    """Every relation of `kind` that `relation` can give on the same object, itself among them.

    An intersection or exclusion may in the end give less; whoever asks this compares rights, and must not ask too little.
    """
    definition = model.types.get(kind)
    if definition is None or relation not in definition.relations:
        return frozenset()
    given = {relation}
    while more := {
        name
        for name, rewrite in definition.relations.items()
        if name not in given and any(used in given for used in _computed_from(rewrite))
    }:
        given |= more
    return frozenset(given)


def _computed_from(rewrite: Rewrite) -> list[str]:
    match rewrite:
        case Computed(relation):
            return [relation]
        case Union(children) | Intersection(children):
            return [name for child in children for name in _computed_from(child)]
        case Exclusion(base, _):
            return _computed_from(base)
        case _:
            return []
