"""Turning an error into GraphQL's: our own with their code and status, a bug as `server_error`, without a detail.

What was sent is not repeated, for it may be a secret: the library's own sentences quote it.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError, ValueNode, VariableDefinitionNode, print_ast

from gatepost.errors import Conflict, GatepostError, InvalidField
from gatepost.server.problems import ServerError, body_of

log = logging.getLogger("gatepost.server")

MOST_MESSAGE = 500
AS_IN = {"DateTime": ", such as 2030-01-31T12:00:00Z"}
_QUOTED = re.compile(r"""((?:Block)?String|Name|Int|Float) (['"]).*\2""", re.DOTALL)
_FOUND = re.compile(r"""[,.]? found:? [{\["'].*""", re.DOTALL | re.IGNORECASE)
_OF_REST = {"cursor": "after", "limit": "first"}
# A variable's own name is the caller's, and `dataset:q_3` is somebody's.
_FIELD = re.compile(r"(?!variables\.)[a-z0-9_.\[\]]+")
# The library's sentences of a value that does not fit; what else is in them quotes it.
_EXPECTED = re.compile(
    r"Expected value of (?:non-null )?type '([^']+)'"
    r"|Argument '\w+' has invalid value: Expected variable '\$\w+' provided to non-null type '([^']+)'"
    r"|(\w+) cannot represent "
)
_UNREAD = re.compile(r"Value cannot represent an? (\w+): ")


def shown_error(error: GraphQLError) -> dict[str, Any]:
    """One member of `errors`."""
    ours = _in_words_of_graphql(_ours(error))
    shown: dict[str, Any] = {"message": str(ours) if ours is not None else _unquoted(error)}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        shown["path"] = error.path
    members = body_of(ours) if ours is not None else {"code": "invalid_request", "status": 400}
    shown["extensions"] = {name: members[name] for name in ("code", "status", "errors", "items") if name in members}
    return shown


def _ours(error: GraphQLError) -> GatepostError | None:
    """The error of ours behind it: a bug's is `ServerError`; None for a request that is no good GraphQL."""
    behind = error.original_error
    while isinstance(behind, GraphQLError):  # a value that does not fit, which a field or a variable found
        if behind.original_error is None:
            return None
        behind = behind.original_error
    if isinstance(behind, GatepostError):
        if behind.detail or behind.status >= 500:
            log.info("%s %s: %s", behind.status, behind.code, behind.detail or behind)
        return behind
    if behind is None and not error.path:
        return None
    log.error("a bug, at /graphql", exc_info=behind or error)
    return ServerError()


def _in_words_of_graphql(error: GatepostError | None) -> GatepostError | None:
    """The same error with what it names as the schema spells it, for the operations speak as Python and REST do."""
    if type(error) is InvalidField:
        return InvalidField({_spelled(name): text for name, text in error.fields.items()}, detail=error.detail)
    if type(error) is Conflict and error.settled_by:
        sentence = str(error).removesuffix(f" ({error.settled_by})")
        return Conflict(sentence, detail=error.detail, items=error.items, settled_by=_spelled(error.settled_by))
    return error


def _spelled(name: str) -> str:
    if not _FIELD.fullmatch(name):
        return name
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), _OF_REST.get(name, name))


def _unquoted(error: GraphQLError) -> str:
    """The library's sentence, without the value that it quotes."""
    if isinstance(error, GraphQLSyntaxError):
        return _QUOTED.sub(r"\1", error.message)[:MOST_MESSAGE]
    node = error.nodes[0] if error.nodes else None
    if isinstance(node, VariableDefinitionNode):
        return f"${node.variable.name.value}: the value does not fit its type, {print_ast(node.type)}"
    if isinstance(node, ValueNode):
        expected = _EXPECTED.match(error.message)
        if expected is None:
            return "this value does not fit"
        return f"expected is a value of type {expected[expected.lastindex or 0]}"
    if unread := _UNREAD.match(error.message):  # a scalar's own sentence: it quotes the value, and says no place
        return f"expected is a value of type {unread[1]}{AS_IN.get(unread[1], '')}"
    return _FOUND.sub("", error.message)[:MOST_MESSAGE]
