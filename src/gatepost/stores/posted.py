"""A model as it was posted: what OpenFGA refuses before it reads it as one.

Members of no good shape are not judged here: whoever reads the model does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gatepost.stores.bodies import RELATION, TYPE, Body, member, require
from gatepost.stores.errors import StoreError, invalid
from gatepost.stores.models import MEMBERS

DEEPEST = 64  # what is nested deeper is no JSON that we read


def posted_model(sent: Body, message: str) -> dict[str, Any]:
    """The members of a model, as far as they can be judged without reading it.  Raises `StoreError`."""
    posted = {name: member(sent, name) for name in MEMBERS}
    if not posted["type_definitions"]:
        sentence = f"invalid {message}.TypeDefinitions: value must contain at least 1 item(s)"
        raise StoreError("type_definitions_too_few_items", sentence)
    if posted["schema_version"] not in ("1.1", "1.2"):
        raise invalid(f"invalid {message}.SchemaVersion: value must be in list [1.1 1.2]")
    _require_good_names(posted)
    return posted


def _require_good_names(posted: Body) -> None:
    for kind in _objects(posted.get("type_definitions")):
        name = kind.get("type")
        if isinstance(name, str):
            require(name, TYPE, "TypeDefinition.Type")
        for relation, rewrite in _members(kind.get("relations")):
            _require_relation(relation)
            _require_both_sides(rewrite)
    for name, condition in _members(posted.get("conditions")):
        require(name, RELATION, "Condition.Name")
        for parameter, _ in _members(condition.get("parameters") if isinstance(condition, dict) else None):
            require(parameter, RELATION, f"Condition.Parameters[{parameter}]")


def _require_relation(name: str) -> None:
    if re.fullmatch(RELATION, name, re.ASCII) is None:
        sentence = f'invalid TypeDefinition.Relations[{name}]: value does not match regex pattern "{RELATION}"'
        raise StoreError("relations_invalid_pattern", sentence)


def _require_both_sides(rewrite: object, depth: int = 0) -> None:
    if not isinstance(rewrite, dict) or depth > DEEPEST:
        return
    difference = rewrite.get("difference")
    if isinstance(difference, dict):
        for side, code in (("base", "difference_base_missing_value"), ("subtract", "subtract_base_missing_value")):
            if difference.get(side) is None:
                raise StoreError(code, f"invalid Difference.{side.capitalize()}: value is required")
            _require_both_sides(difference[side], depth + 1)
    for name in ("union", "intersection"):
        children = rewrite.get(name)
        for child in _objects(children.get("child") if isinstance(children, dict) else None):
            _require_both_sides(child, depth + 1)


def _objects(value: object) -> Iterator[dict[str, Any]]:
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield each


def _members(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
