"""What is wrong with a request, as the operations say it.

The framework finds what does not fit the shape of a body or a parameter, and tells it in the words of its own types.
Here each of its faults has a sentence of ours, which says what is allowed.  What was sent is not repeated: it may be a
secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from gatepost.directory.given import A_MOMENT, no_such_field

MOST_ERRORS = 20
MOST_NAME = 100  # of a field that nobody knows, when it is named in an error
AS_JSON = "sent with Content-Type: application/json"
OTHERWISE = "this is not what is taken here: see the reference"

_SENTENCES: Mapping[str, str] = {
    "missing": "needed",
    "string_type": "this has to be a text",
    "bool_type": "this has to be true or false",
    "list_type": "this has to be a list",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "this has to be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "this has to be a number"),
    **dict.fromkeys(("model_attributes_type", "model_type", "dict_type"), "this has to be an object"),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), A_MOMENT),
}
_BOUNDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_too_long": lambda bounds: f"too long: {bounds['max_length']} characters at most",
    "too_long": lambda bounds: f"too many: {bounds['max_length']} at most",
    "greater_than_equal": lambda bounds: f"too small: {bounds['ge']:g} or more",
    "less_than_equal": lambda bounds: f"too large: {bounds['le']:g} or less",
    "value_error": lambda bounds: str(bounds["error"]),
}


def wrong_fields(error: RequestValidationError, route: object) -> dict[str, str]:
    """Return each wrong field with its sentence.  `route` is the operation's, which knows what should have been sent."""
    found: dict[str, str] = {}
    field = route.body_field if isinstance(route, APIRoute) else None
    body = next(_shapes_in(field.field_info.annotation), None) if field else None
    for fault in error.errors()[:MOST_ERRORS]:
        found.setdefault(_place(fault["loc"]), _sentence(fault, body))
    return found


def _place(loc: Sequence[int | str]) -> str:
    """`desired.users[3].username`, as everything that reads a body calls it."""
    place = ""
    for part in loc[1:]:
        place += f"[{part}]" if isinstance(part, int) else f"{'.' if place else ''}{part[:MOST_NAME]}"
    return place or str(loc[0])


def _sentence(fault: Mapping[str, Any], body: type[BaseModel] | None) -> str:
    kind, loc = fault["type"], fault["loc"]
    if kind == "extra_forbidden":
        return no_such_field(_fields_at(body, loc[1:-1]))
    if kind in _BOUNDS:
        return _BOUNDS[kind](fault["ctx"])
    sentence = _SENTENCES.get(kind, OTHERWISE)
    if loc == ("body",):
        # What curl sends by itself says that it is a form, so no JSON is looked for in it.
        return f"needed: an object, {AS_JSON}" if kind == "missing" else f"{sentence}, {AS_JSON}"
    return sentence


def _fields_at(body: type[BaseModel] | None, place: Sequence[int | str]) -> list[str]:
    """The names that the object at this place of a body may have."""
    shape = body
    for part in place:
        if shape is not None and isinstance(part, str):
            field = shape.model_fields.get(part)
            shape = next(_shapes_in(field.annotation), None) if field else None
    return [] if shape is None else list(shape.model_fields)


def _shapes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for within in get_args(annotation):
        yield from _shapes_in(within)
