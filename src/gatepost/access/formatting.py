"""Model to text, so that reading the text again gives the same model."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost.access.model import (
    AuthorizationModel,
    Computed,
    Condition,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Rewrite,
    Type,
    Union,
)
from gatepost.access.scan import WORD, scan
from gatepost.errors import InvalidModel


def format_model(model: AuthorizationModel) -> str:
    """Write the model in the modelling language, types first and conditions last.

    Raises `InvalidModel` for what the language has no words for and the JSON form has: direct types that do not stand
    first, and names with other characters.
    """
    parts = [f"model\n  schema {model.schema}"]
    parts += ["\n".join(_type(kind)) for kind in model.types.values()]
    parts += [_condition(condition) for condition in model.conditions.values()]
    return "\n\n".join(parts) + "\n"


def _type(kind: Type) -> Iterator[str]:
    yield f"type {_word(kind.name)}"
    if kind.relations:
        yield "  relations"
    for name, rewrite in kind.relations.items():
        first = _direct_first(rewrite)
        if any(isinstance(part, Direct) for part in list(_leaves(first))[1:]):
            raise InvalidModel(f"{kind.name}#{name} has direct types in a place where the language cannot write them")
        yield f"    define {_word(name)}: {format_rewrite(first)}"


def _word(name: str) -> str:
    if not WORD.fullmatch(name):
        raise InvalidModel(f"the language cannot write the name {name!a}")
    return name


def _direct_first(rewrite: Rewrite) -> Rewrite:
    """The same relation with its direct types as far to the front as they may be moved."""
    match rewrite:
        case Union(children):
            return Union(tuple(sorted(map(_direct_first, children), key=_begins_otherwise)))
        case Intersection(children):
            return Intersection(tuple(sorted(map(_direct_first, children), key=_begins_otherwise)))
        case Exclusion(base, subtract):
            return Exclusion(_direct_first(base), _direct_first(subtract))
    return rewrite


def _begins_otherwise(rewrite: Rewrite) -> bool:
    return not isinstance(next(_leaves(rewrite)), Direct)


def _leaves(rewrite: Rewrite) -> Iterator[Rewrite]:
    """Yield what is written, from left to right, without the operators."""
    match rewrite:
        case Union(children) | Intersection(children):
            for child in children:
                yield from _leaves(child)
        case Exclusion(base, subtract):
            yield from _leaves(base)
            yield from _leaves(subtract)
        case _:
            yield rewrite


def _condition(condition: Condition) -> str:
    parameters = ", ".join(f"{_word(name)}: {kind}" for name, kind in condition.parameters)
    block = f"{{\n  {condition.expression}\n}}"
    if not _is_one_block(block):
        raise InvalidModel(f"the language cannot write the braces and quotes of condition {condition.name}")
    return f"condition {_word(condition.name)}({parameters}) {block}"


def _is_one_block(text: str) -> bool:
    try:
        return [word.kind for word in scan(text)] == ["block", "end"]
    except InvalidModel:
        return False


def format_rewrite(rewrite: Rewrite) -> str:
    """Write one definition, as it stands after `define name:`."""
    match rewrite:
        case Direct(restrictions):
            return f"[{', '.join(str(restriction) for restriction in restrictions)}]"
        case Computed(relation):
            return relation
        case FromParent(relation, tupleset):
            return f"{relation} from {tupleset}"
        case Union(children):
            return " or ".join(_operand(child) for child in children)
        case Intersection(children):
            return " and ".join(_operand(child) for child in children)
        case Exclusion(base, subtract):
            return f"{_operand(base)} but not {_operand(subtract)}"


def _operand(rewrite: Rewrite) -> str:
    text = format_rewrite(rewrite)
    return f"({text})" if isinstance(rewrite, Union | Intersection | Exclusion) else text
