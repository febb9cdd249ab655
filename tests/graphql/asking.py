"""Asking `/graphql` as the tests do, and what an error has to look like."""

from __future__ import annotations

import re
from typing import Any

import httpx2
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from gatepost.server.graphql.schema import schema
from tests.server.calling import Headers

GRAPHQL_ALONE = ("viewerCan",)
"""What GraphQL says of a thing, and REST does not."""
MEMBERS = {"code", "status", "errors", "items"}


def send(client: httpx2.Client, query: str, headers: Headers | None = None, **variables: Any) -> httpx2.Response:
    body = {"query": query, "variables": variables}
    return client.post("/graphql", json=body, headers=headers or {})


def ask(client: httpx2.Client, query: str, headers: Headers | None = None, **variables: Any) -> dict[str, Any]:
    """The data of an answer without errors."""
    answer = send(client, query, headers, **variables)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert "errors" not in body, body
    data: dict[str, Any] = body["data"]
    return data


def refused(client: httpx2.Client, query: str, headers: Headers | None = None, **variables: Any) -> dict[str, Any]:
    """The first error of an answer that has one."""
    answer = send(client, query, headers, **variables)
    body = answer.json()
    assert body.get("errors"), body
    error: dict[str, Any] = body["errors"][0]
    assert set(error) <= {"message", "locations", "path", "extensions"}
    assert set(error["extensions"]) <= MEMBERS
    assert error["message"]
    return error


def code_of(error: dict[str, Any]) -> tuple[str, int]:
    return error["extensions"]["code"], error["extensions"]["status"]


def everything_of(name: str, depth: int = 2, leave_out: tuple[str, ...] = ()) -> str:
    """A selection of every field of a type that needs no argument and is no list with pages."""
    kind = schema._schema.get_type(name)
    assert isinstance(kind, GraphQLObjectType)
    parts = []
    for field_name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if field_name in (*GRAPHQL_ALONE, *leave_out) or inner.name.endswith("Connection"):
            continue
        if is_leaf_type(inner):
            parts.append(field_name)
        elif depth > 0:
            parts.append(f"{field_name} {everything_of(inner.name, depth - 1)}")
    return "{ " + " ".join(parts) + " }"


def as_rest(value: Any) -> Any:
    """An answer under the names of `/api/v1`, with its way of writing UTC."""
    if isinstance(value, dict):
        return {re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name): as_rest(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_rest(each) for each in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", value):
        return value.replace("+00:00", "Z")
    return value


def as_graphql(value: Any) -> Any:
    """A body of `/api/v1` under GraphQL's names."""
    if isinstance(value, dict):
        return {re.sub(r"_([a-z])", lambda m: m[1].upper(), name): as_graphql(each) for name, each in value.items()}
    return [as_graphql(each) for each in value] if isinstance(value, list) else value


def nodes(connection: dict[str, Any]) -> list[Any]:
    return [edge["node"] for edge in connection["edges"]]
