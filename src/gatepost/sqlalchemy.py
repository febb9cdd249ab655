"""Permission-aware queries: a filter for an application's own rows.

    query = select(Dataset).where(visible_to(principal, Dataset.id, type="dataset")).order_by(Dataset.id)
    page = session.scalars(query.where(Dataset.id > after).limit(50))     # the next page begins after the last id

The filter is decided when it is made and is of one moment.  It is complete: for somebody who may see everything by a
role it is `true`, for somebody who may see nothing `false`, and otherwise all ids travel as one bound value, whether ten
or a hundred thousand.  Page by the key, as above: an offset counts rows anew for each page and can skip some.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, String, Text, bindparam, false, true
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from gatepost.errors import ConfigurationError
from gatepost.gate import Gatepost
from gatepost.guard import Reach, Visitor
from gatepost.guard.embedded import reach_in
from gatepost.principal import Principal

__all__ = ["visible_to"]

Column = ColumnElement[Any] | InstrumentedAttribute[Any]


def visible_to(
    principal: Principal,
    column: Column,
    *,
    type: str,  # noqa: A002 - the type of the resource, as everywhere
    action: str = "view",
    gate: Gatepost | None = None,
) -> ColumnElement[bool]:
    """Return the filter for the rows whose `column` is the id of a resource that `principal` may do `action` to.

    The column holds text, integers or UUIDs, and the resource's id is their usual text.  A visitor of this package's
    middleware is asked about where they came in, a server too: then it blocks, so call it on a thread.  Any other
    principal needs the `gate`.  Raises `ConfigurationError` for a type or an action that the model does not have, and
    `Unavailable` when no answer can be given.
    """
    if isinstance(principal, Visitor) and gate is None:
        reach = principal.guard.reach(principal, type, action)
    elif gate is not None:
        reach = reach_in(gate, principal, type, action)
    else:
        raise ConfigurationError(["visible_to: a principal that came by no middleware needs gate="])
    return rows_within(reach, column)


def rows_within(reach: Reach, column: Column) -> ColumnElement[bool]:
    """The filter for what is within reach."""
    if reach.everything:
        return true()
    kept = _as_stored(reach.ids, column)
    if not kept:
        return false()
    return _Within(column, bindparam(None, kept, type_=_Ids(column.type), unique=True))


def _as_stored(ids: Sequence[str], column: Column) -> list[Any]:
    """The ids as values of the column, leaving out those that are the usual text of none: `007` is not row 7."""
    try:
        kind = column.type.python_type
    except NotImplementedError:
        kind = object
    if kind is str:
        return list(ids)
    read = _READERS.get(kind)
    if read is None:
        raise ConfigurationError([f"visible_to: {column} holds {kind.__name__}; allowed are text, integers and UUIDs"])
    return [value for text in ids if (value := read(text)) is not None and str(value) == text]


def _integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 19 else None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


_READERS: dict[type, Callable[[str], Any]] = {int: _integer, uuid.UUID: _uuid}


class _Ids(TypeDecorator[list[Any]]):
    """Many values of a column in one parameter: an array where there are arrays, else JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # A text column's own type may be bounded, and a length would cut off what does not fit.
        items = Text() if isinstance(self.of, String) else self.of
        return ARRAY(items) if dialect.name == "postgresql" else dialect.type_descriptor(Text())

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        if dialect.name == "postgresql" or value is None:
            return value
        process = self.of.dialect_impl(dialect).bind_processor(dialect)
        return json.dumps([process(each) for each in value] if process else value)


class _Within(FunctionElement[bool]):
    """A column that is one of a list that is bound as a whole: one statement for any number of ids."""

    name = "within"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> Any:  # noqa: ARG002 - whatever stands around it
        """Stand as it is.  SQLite, which has no booleans, would be given `(…) = 1`, and then uses no index."""
        return self


@compiles(_Within)
def _unsupported(_element: _Within, compiler: SQLCompiler, **_: Any) -> str:
    raise ConfigurationError([f"visible_to: {compiler.dialect.name} is not supported; SQLite and PostgreSQL are"])


@compiles(_Within, "sqlite")
def _of_json(element: _Within, compiler: SQLCompiler, **given: Any) -> str:
    column, ids = (compiler.process(each, **given) for each in element.clauses)
    if isinstance(next(iter(element.clauses)).type, String):
        column += " COLLATE BINARY"  # `dataset:Sales` is not the row `sales`, whatever the column thinks of letters
    return f"({column} IN (SELECT value FROM json_each({ids})))"  # noqa: S608 - both are compiled, the ids are bound


@compiles(_Within, "postgresql")
def _of_array(element: _Within, compiler: SQLCompiler, **given: Any) -> str:
    column, ids = (compiler.process(each, **given) for each in element.clauses)
    return f"({column} IN (SELECT unnest({ids})))"
