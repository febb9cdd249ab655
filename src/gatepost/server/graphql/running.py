"""Executing one request, and writing its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError, StrawberryGraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from gatepost.errors import InvalidRequest
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.graphql.asking import Asking
from gatepost.server.graphql.endpoint import NotByGet
from gatepost.server.graphql.engine import Request
from gatepost.server.graphql.failures import shown_error
from gatepost.server.graphql.limits import require_short
from gatepost.server.graphql.schema import schema
from gatepost.server.pools import Pools


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer as JSON.  `is_executed` is false for a request of which nothing could be executed."""

    body: bytes = field(repr=False)
    is_executed: bool


async def execute(gate: Gatepost, caller: Principal, pools: Pools, request: Request) -> Answer:
    """Raises `InvalidRequest` and `NotByGet` for a request that names no operation that may be executed."""
    try:
        require_short(request.query)
    except InvalidRequest as error:
        return _answer(None, [GraphQLError(str(error), original_error=error)])
    allowed = [OperationType.QUERY, OperationType.MUTATION] if request.may_change else [OperationType.QUERY]
    try:
        result = await schema.execute(
            request.query,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
            context_value=Asking(gate, caller, pools),
            allowed_operation_types=allowed,
        )
    except InvalidOperationTypeError as error:
        if error.operation_type is OperationType.MUTATION:
            raise NotByGet("a mutation is sent with POST") from error
        raise InvalidRequest("there are queries and mutations, and no subscriptions") from error
    except (CannotGetOperationTypeError, MissingQueryError) as error:
        raise InvalidRequest("there is no such operation in the query") from error
    except StrawberryGraphQLError as error:
        raise InvalidRequest("this cannot be executed") from error
    return _answer(result.data, result.errors or ())


def _answer(data: Mapping[str, Any] | None, found: Iterable[GraphQLError]) -> Answer:
    errors = [shown_error(error) for error in found]
    # A request error has no path and leaves no data; a null that rose to the top has the path where it began.
    executed = data is not None or any("path" in error for error in errors)
    body = {"errors": errors} if errors else {}
    whole = {**body, "data": data} if executed else body
    return Answer(json.dumps(whole, separators=(",", ":")).encode(), executed)
