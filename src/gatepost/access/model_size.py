"""How large a model is, counted as OpenFGA counts: the bytes of its protobuf form, which its limit is about."""

from __future__ import annotations

from collections.abc import Iterable

from gatepost.access.model import (
    AuthorizationModel,
    Computed,
    Condition,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Restriction,
    Rewrite,
    Type,
    Union,
    direct,
)


def size_of(model: AuthorizationModel) -> int:
    """The bytes of the model without its id."""
    types = (_part(_type(kind)) for kind in model.types.values())
    conditions = (_entry(name, _condition(each)) for name, each in model.conditions.items())
    return _text(model.schema) + sum(types) + sum(conditions)


def _part(size: int) -> int:
    """A field with a length: its number, the length as a varint, and the content."""
    return 1 + max(1, (size.bit_length() + 6) // 7) + size


def _text(text: str) -> int:
    return _part(len(text.encode("utf-8", "surrogatepass"))) if text else 0


def _entry(key: str, value: int) -> int:
    return _part(_text(key) + _part(value))


def _type(kind: Type) -> int:
    described = sum(_entry(name, _restrictions(direct(rewrite))) for name, rewrite in kind.relations.items())
    relations = sum(_entry(name, _rewrite(rewrite)) for name, rewrite in kind.relations.items())
    return _text(kind.name) + relations + (_part(described) if described else 0)


def _restrictions(wanted: Iterable[Restriction]) -> int:
    return sum(
        _part(_text(r.type) + _text(r.relation) + (_part(0) if r.wildcard else 0) + _text(r.condition))
        for r in dict.fromkeys(wanted)
    )


def _rewrite(rewrite: Rewrite) -> int:
    match rewrite:
        case Direct():
            return _part(0)
        case Computed(relation):
            return _part(_text(relation))
        case FromParent(relation, tupleset):
            return _part(_part(_text(tupleset)) + _part(_text(relation)))
        case Union(children) | Intersection(children):
            return _part(sum(_part(_rewrite(child)) for child in children))
        case Exclusion(base, subtract):
            return _part(_part(_rewrite(base)) + _part(_rewrite(subtract)))


def _condition(condition: Condition) -> int:
    parameters = sum(_entry(name, _parameter(kind)) for name, kind in condition.parameters)
    return _text(condition.name) + _text(condition.expression) + parameters


def _parameter(kind: str) -> int:
    _, generic, rest = kind.partition("<")
    return 2 + (_part(_parameter(rest[:-1])) if generic else 0)
