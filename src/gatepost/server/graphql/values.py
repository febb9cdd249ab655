"""What a request sends besides its fields: nothing reaches an operation that `/api/v1` would not have read.

A value comes in two ways, written in the document or as a variable.  Attacks, and where they end in either:

- a text that a database cannot hold, or a very long one
- a number beyond a double, which is infinite and spoils every comparison
- objects within objects without a bottom, lists without an end
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FloatValueNode,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NamedTypeNode,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    get_named_type,
    is_input_object_type,
    visit,
)

from gatepost.directory.given import MOST_TEXT, clean
from gatepost.errors import InvalidField, InvalidRequest
from gatepost.server.rest.plan_shapes import MOST_MODEL
from gatepost.sso.strict_json import MAX_DEPTH

MOST_IN_A_LIST = 200
LONG_TEXTS = {("DesiredState", "model"): MOST_MODEL}
"""What may be longer than other texts, if it comes as a variable."""


def require_values(document: DocumentNode, variables: Mapping[str, Any], schema: GraphQLSchema) -> None:
    """Raises `InvalidRequest` for what is too much, `InvalidField` for what cannot be stored."""
    visit(document, _Written())
    types = _types_of_variables(document, schema)
    for name, value in variables.items():
        _require_sent(value, f"variables.{name[:100]}", types.get(name))


class _Written(Visitor):
    """Looks at every value in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0

    def enter_list_value(self, node: ListValueNode, *_: Any) -> None:
        _require_short(node.values)
        self._enter()

    def leave_list_value(self, *_: Any) -> None:
        self.depth -= 1

    def enter_object_value(self, *_: Any) -> None:
        self._enter()

    def leave_object_value(self, *_: Any) -> None:
        self.depth -= 1

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise InvalidRequest(f"a value is nested too deeply: {MAX_DEPTH} levels at most")

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        _require_clean(node.value, "query")

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        _require_number(node.value)

    def enter_float_value(self, node: FloatValueNode, *_: Any) -> None:
        _require_number(node.value)


def _require_short(values: object) -> None:
    if isinstance(values, list | tuple) and len(values) > MOST_IN_A_LIST:
        raise InvalidRequest(f"at most {MOST_IN_A_LIST} items in one list")


def _require_number(text: str) -> None:
    if not math.isfinite(float(text)):
        raise InvalidField({"query": "a number is too large"})


def _require_clean(text: str, place: str, most: int = MOST_TEXT) -> None:
    if len(text) > most:
        raise InvalidField({place: f"a text is too long: {most} characters at most"})
    try:
        clean(text)
    except ValueError as error:
        raise InvalidField({place: str(error)}) from error


def _types_of_variables(document: DocumentNode, schema: GraphQLSchema) -> dict[str, Any]:
    """The named type that each variable has, where the schema knows it."""
    found = {}
    for node in document.definitions:
        for each in node.variable_definitions or () if isinstance(node, OperationDefinitionNode) else ():
            kind: Any = each.type
            while not isinstance(kind, NamedTypeNode):
                kind = kind.type
            found[each.variable.name.value] = schema.get_type(kind.name.value)
    return found


def _require_sent(value: object, place: str, kind: Any = None, most: int = MOST_TEXT) -> None:
    """What came in the body's JSON, which has been read strictly.  `kind` is the value's named type, if it is known."""
    if isinstance(value, str):
        _require_clean(value, place, most)
    elif isinstance(value, list):
        _require_short(value)
        for each in value:
            _require_sent(each, place, kind)
    elif isinstance(value, dict):
        known = kind.fields if is_input_object_type(kind) else {}
        for name, each in value.items():
            _require_clean(name, place)
            inside = get_named_type(known[name].type) if name in known else None
            _require_sent(each, place, inside, LONG_TEXTS.get((getattr(kind, "name", ""), name), MOST_TEXT))
