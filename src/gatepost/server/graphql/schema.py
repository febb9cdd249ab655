"""The schema: every part's queries and mutations.  There are no subscriptions."""

from __future__ import annotations

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from gatepost.server.graphql import groups, operating, people, plans, questions, resources, roles, services, tokens
from gatepost.server.graphql.limits import Limits


@strawberry.type(description="What can be read.  Each field asks the operation that `/api/v1` asks.")
class Query(
    people.Queries,
    groups.Queries,
    roles.Queries,
    services.Queries,
    tokens.Queries,
    resources.Queries,
    questions.Queries,
    plans.Queries,
    operating.Queries,
):
    pass


@strawberry.type(description="What can be changed.  It takes a signed-in caller, whatever anonymous callers may read.")
class Mutation(
    people.Mutations,
    groups.Mutations,
    roles.Mutations,
    services.Mutations,
    tokens.Mutations,
    resources.Mutations,
    plans.Mutations,
    operating.Mutations,
):
    pass


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing here: `failures` does, and the library's lines would repeat what was sent."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    extensions=[Limits],
    config=StrawberryConfig(auto_camel_case=True),
)


def text() -> str:
    """The schema as docs/reference/schema.graphql has it."""
    return schema.as_str().rstrip() + "\n"
