"""`/graphql` over HTTP: what is read, what is refused before it is looked at, and how the answer goes out.

Attacks on this address, and where they end:

- another site's page posts with the visitor's cookie: the edge wants a proof of origin, and only JSON is read here, which
  no form can send (a browser that keeps Basic credentials sends those along, too)
- a link, an image or a prefetch changes something: a GET executes no mutation
- many operations in one request, past what limits a single one: an array of requests is refused
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import GatepostError, InvalidField, InvalidRequest
from gatepost.server.graphql.engine import Engine, Request
from gatepost.server.graphql.playground import page
from gatepost.server.json_bodies import is_json, read_json
from gatepost.server.paths import wants_page
from gatepost.server.problems import problem

if TYPE_CHECKING:
    from gatepost.server.graphql.running import Answer

# GraphQL over HTTP: with its own type a request that cannot be executed is a 400; older clients expect 200 throughout.
OWN_TYPE = "application/graphql-response+json"
OLD_TYPE = "application/json"


class NotByGet(GatepostError):
    """A mutation that came with GET."""

    code = "method_not_allowed"
    status = 405


def routes(engine: Engine) -> list[BaseRoute]:
    async def answer(http: HttpRequest) -> Response:
        """The same operations as GraphQL; a browser's GET opens the playground."""
        if http.method in ("GET", "HEAD"):
            if wants_page(http.scope["headers"]):
                return page()
            request = _read_address(http)
        else:
            request = _read_body(http, await http.body())
        state = http.state
        try:
            done = await engine(state.gate, state.principal, state.pools, request)
        except NotByGet as error:
            refused = problem(error)
            refused.headers["Allow"] = "POST"
            return refused
        return _response(http, done)

    return [Route("/graphql", answer, methods=["GET", "POST"])]


def _response(http: HttpRequest, done: Answer) -> Response:
    own = OWN_TYPE in http.headers.get("accept", "").lower()
    status = 400 if own and not done.is_executed else 200
    headers = {"Cache-Control": "no-store"}
    return Response(done.body, status, headers, media_type=OWN_TYPE if own else OLD_TYPE)


def _read_body(http: HttpRequest, body: bytes) -> Request:
    if not is_json(http.scope["headers"]):
        raise InvalidRequest("Content-Type has to be application/json")
    sent = read_json(body)
    if isinstance(sent, list):
        raise InvalidRequest("one request at a time: this is a list of them")
    if not isinstance(sent, dict):
        raise InvalidRequest("the body has to be an object with a query")
    return _read(sent, may_change=True)


def _read_address(http: HttpRequest) -> Request:
    sent: dict[str, Any] = dict(http.query_params)
    if len(sent) != len(http.query_params.multi_items()):
        raise InvalidRequest("a parameter is there more than once")
    for name in ("variables", "extensions"):
        if sent.get(name):
            sent[name] = read_json(sent[name].encode())
    return _read(sent, may_change=False)


def _read(sent: Mapping[str, Any], *, may_change: bool) -> Request:
    query, variables, name = sent.get("query"), sent.get("variables"), sent.get("operationName")
    wrong = {}
    if not isinstance(query, str) or not query.strip():
        wrong["query"] = "needed, as a text"
    if not isinstance(variables, dict | None):
        wrong["variables"] = "this has to be an object"
    if not isinstance(name, str | None):
        wrong["operationName"] = "this has to be a text"
    if wrong:
        raise InvalidField(wrong)
    return Request(query=str(query), variables=variables or {}, operation_name=name or None, may_change=may_change)
