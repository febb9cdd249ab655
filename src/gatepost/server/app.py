"""Putting the server together: the edge around one application, whose routes are translations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost import __version__
from gatepost.errors import GatepostError, InvalidField, InvalidRequest, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.server import (
    authorize,
    authzen,
    console,
    device,
    forward_auth,
    graphql,
    health,
    oauth2,
    openfga,
    provider_logout,
    provider_pages,
    reference,
    revocation,
    well_known,
)
from gatepost.server.edge import Edge
from gatepost.server.hot import HOT
from gatepost.server.origin import SAFE_METHODS
from gatepost.server.paths import Kind, kind_of
from gatepost.server.pools import DATABASE_THREADS, Pools
from gatepost.server.problems import ServerError, oauth_problem, problem
from gatepost.server.rest import questions
from gatepost.server.rest import routes as rest
from gatepost.server.rest.faults import wrong_fields
from gatepost.server.rest.shapes import Problem
from gatepost.sso.states import providers_of

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class WrongMethod(GatepostError):
    """RFC 9110 section 15.5.6."""

    code = "method_not_allowed"
    status = 405


def create_app(gate: Gatepost) -> ASGIApp:
    """Return the whole server as one ASGI application.  It closes neither the gate nor its database.

    Raises `ConfigurationError` for a provider or issuer with a public key that is none.
    """
    providers_of(gate).prepare()
    pools = Pools(passwords=gate.passwords.at_once)
    metrics = health.Metrics(gate, pools)
    inner = _framework(gate, pools, metrics)
    edge: ASGIApp = Edge(inner, gate, pools, HOT, console.error_page, metrics.observe)
    if gate.settings.main.cors_origins:
        cors = CORSMiddleware(
            edge,
            allow_origins=list(gate.settings.main.cors_origins),
            allow_methods=["*"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "X-Gatepost-Role",
                "Gatepost-At-Least",
                "Gatepost-Consistency",
            ],
            expose_headers=["Gatepost-Revision", "WWW-Authenticate", "Retry-After"],
        )
        return _by_kind(edge, cors)
    return edge


def _by_kind(edge: ASGIApp, cors: ASGIApp) -> ASGIApp:
    """A gateway's question is none of a page elsewhere: a preflight that Envoy asks about would be answered with a yes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] == "http" and kind_of(scope["path"]) is Kind.FORWARD_AUTH
        await (edge if asks else cors)(scope, receive, send)

    return app


def _framework(gate: Gatepost, pools: Pools, metrics: health.Metrics) -> FastAPI:
    engine = graphql.Engine()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # The framework runs plain functions on a pool of its own; it is held to the same size as ours.
        anyio.to_thread.current_default_thread_limiter().total_tokens = DATABASE_THREADS
        yield
        engine.close()
        pools.close()

    app = FastAPI(
        title="Gatepost",
        version=__version__,
        summary="Sign-in and access control for data platforms",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    for routes in (
        rest.routes(),
        health.routes(metrics),
        well_known.routes(),
        authzen.routes(),
        openfga.routes(),
        oauth2.routes(),
        authorize.routes(),
        device.routes(),
        revocation.routes(),
        provider_pages.routes(),
        provider_logout.routes(),
        reference.routes(),
        graphql.routes(engine),
        forward_auth.routes(gate),
        console.routes(gate),
    ):
        app.router.routes.extend(routes)
    app.add_exception_handler(GatepostError, _on_gatepost_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_hang_up)
    app.add_exception_handler(Exception, _on_bug)
    reference.complete(app, Problem)
    return app


def _on_gatepost_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatepostError):
        raise error
    kind = kind_of(request.url.path)
    if kind in (Kind.PAGE, Kind.SIGN_IN):
        return console.error_page(request, error)
    if kind is Kind.STORES:
        return openfga.store_problem(error)
    return oauth_problem(error) if kind is Kind.OAUTH2 else problem(error)


def _on_validation_error(request: Request, error: Exception) -> Response:
    """Name each wrong field, as every other `InvalidField` does."""
    if not isinstance(error, RequestValidationError):
        raise error
    if _is_write(request) and request.state.principal.is_anonymous:
        return _on_gatepost_error(request, Unauthenticated("this needs a signed-in caller"))
    return _on_gatepost_error(request, InvalidField(wrong_fields(error, request.scope.get("route"))))


def _is_write(request: Request) -> bool:
    """Everything that is posted but the questions, which whoever is anonymous may ask about themselves."""
    path = request.url.path
    return kind_of(path) is Kind.API and request.method not in SAFE_METHODS and path not in questions.PATHS


def _allowed(request: Request) -> list[str]:
    """RFC 9110 section 10.2.1: every method of this address, whichever route has it.  Where GET is, HEAD is."""
    routes = request.app.router.routes
    found = {
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    }
    return [method for method in METHODS if method in found or (method == "HEAD" and "GET" in found)]


def _on_hang_up(request: Request, _error: Exception) -> Response:
    """Nobody reads this answer; it is here so that the log does not call it a bug."""
    return _on_gatepost_error(request, InvalidRequest("the caller hung up"))


def _on_bug(request: Request, _error: Exception) -> Response:
    """The framework raises the error again after this answer, and the edge logs it."""
    return _on_gatepost_error(request, ServerError())


def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        return _on_gatepost_error(request, NotFound("there is nothing at this address"))
    if error.status_code == 405:
        response = _on_gatepost_error(request, WrongMethod(f"{request.method} is not allowed here"))
        response.headers["Allow"] = ", ".join(_allowed(request))
        return response
    return _on_gatepost_error(request, InvalidRequest(str(error.detail)))
