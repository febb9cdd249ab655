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


def format_model(model: AuthorizationModel) -> str:
    """Write the model in the modelling language, types first and conditions last."""
    parts = [f"model\n  schema {model.schema}"]
    parts += ["\n".join(_type(kind)) for kind in model.types.values()]
    parts += [_condition(condition) for condition in model.conditions.values()]
    return "\n\n".join(parts) + "\n"


def _type(kind: Type) -> Iterator[str]:
    yield f"type {kind.name}"
    if kind.relations:
        yield "  relations"
    for name, rewrite in kind.relations.items():
        yield f"    define {name}: {format_rewrite(rewrite)}"


def _condition(condition: Condition) -> str:
    parameters = ", ".join(f"{name}: {kind}" for name, kind in condition.parameters)
    return f"condition {condition.name}({parameters}) {{\n  {condition.expression}\n}}"


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
