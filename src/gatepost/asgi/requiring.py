"""`require`: what a visitor has to be allowed, as a decorator of an endpoint or as a dependency of one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast, overload

from starlette.requests import HTTPConnection

from gatepost.asgi.lanes import Lanes
from gatepost.asgi.middleware import KEY, LANES
from gatepost.asgi.refusal import refuse
from gatepost.errors import ConfigurationError, GatepostError, Unauthenticated
from gatepost.guard import Template, Visitor, now
from gatepost.guard.visitor import entity
from gatepost.principal import Entity

P = ParamSpec("P")
R = TypeVar("R")


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Return who sent a request.  Raises `ConfigurationError` where no `Authentication` stands before the application."""
    visitor = connection.scope.get(KEY)
    if not isinstance(visitor, Visitor):
        raise ConfigurationError(["there is no gatepost.asgi.Authentication before this application"])
    return visitor


async def may(connection: HTTPConnection, action: str, resource: str | Entity) -> bool:
    """Tell whether the visitor may do `action` to `resource`, without blocking the loop."""
    visitor = visitor_of(connection)
    return await _lanes(connection).soon(visitor.guard.may, visitor, action, entity(resource))


async def authorize(
    connection: HTTPConnection, action: str, resource: str | Entity, *, seen_by: str = "view"
) -> Visitor:
    """Return the visitor if they may do `action` to `resource`.

    Raises `Refused`: 401 for whoever is anonymous, 404 for what the visitor cannot see (`seen_by`), 403 for what they can.
    """
    visitor = visitor_of(connection)
    try:
        await _lanes(connection).soon(visitor.guard.require, visitor, action, entity(resource), seen_by)
    except GatepostError as error:
        refuse(connection, error)
    return visitor


def _lanes(connection: HTTPConnection) -> Lanes:
    lanes: Lanes = connection.scope[LANES]
    return lanes


class Requirement:
    """An action on a resource that the path names; see `require`."""

    def __init__(self, action: str, resource: str, seen_by: str = "view") -> None:
        self.action = action
        self.template = Template(resource)
        self.seen_by = seen_by
        # Who asks for the signature, or whether this is awaited, is shown the form that a dependency has.
        self.__wrapped__ = self.check

    async def check(self, connection: HTTPConnection) -> Visitor:
        """Return the visitor if they may.  Raises `Refused`."""
        return await authorize(connection, self.action, self._resource(connection), seen_by=self.seen_by)

    def check_here(self, connection: HTTPConnection) -> Visitor:
        """As `check`, waiting on this thread."""
        visitor, resource = visitor_of(connection), self._resource(connection)
        try:
            now(visitor.guard.require(visitor, self.action, resource, self.seen_by))
        except GatepostError as error:
            refuse(connection, error)
        return visitor

    def _resource(self, connection: HTTPConnection) -> Entity:
        try:
            return self.template.fill(connection.path_params)
        except GatepostError as error:
            # Whoever is anonymous is asked to sign in whatever they ask for, also for what cannot be there.
            anonymous = visitor_of(connection).is_anonymous
            refuse(connection, Unauthenticated("this needs a signed-in caller") if anonymous else error)

    @overload
    def __call__(self, target: HTTPConnection) -> Awaitable[Visitor]: ...
    @overload
    def __call__(self, target: Callable[P, R]) -> Callable[P, R]: ...
    def __call__(self, target: Any = None, **named: Any) -> Any:
        given = target if target is not None else next(iter(named.values()), None)
        if isinstance(given, HTTPConnection):
            return self.check(given)
        if callable(given):
            return self._guarded(given)
        raise ConfigurationError([f"{self!r} stands before an endpoint, or in Depends(...)"])

    def _guarded(self, endpoint: Callable[P, R]) -> Callable[P, R]:
        if inspect.isclass(endpoint):
            raise ConfigurationError([f"{self!r} stands before a function: before each method of {endpoint.__name__}"])
        if inspect.iscoroutinefunction(endpoint):

            @functools.wraps(endpoint)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                await self.check(_connection_among(endpoint, args, kwargs))
                return await endpoint(*args, **kwargs)

            return cast("Callable[P, R]", awaited)

        @functools.wraps(endpoint)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            self.check_here(_connection_among(endpoint, args, kwargs))
            return endpoint(*args, **kwargs)

        return called

    def __repr__(self) -> str:
        return f"require({self.action!r}, {self.template.text!r})"


def require(action: str, resource: str, *, seen_by: str = "view") -> Requirement:
    """Let in only whoever may do `action` to `resource`, such as `dataset:{id}` with a parameter of the path.

    Stands before an endpoint that takes the request or websocket, or in FastAPI's `Depends`.  Whoever is anonymous gets
    401, whoever cannot see it (`seen_by`) 404, anyone else 403.  Raises `ConfigurationError` for what is no resource.
    """
    return Requirement(action, resource, seen_by)


def _connection_among(endpoint: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> HTTPConnection:
    for value in (*args, *kwargs.values()):
        if isinstance(value, HTTPConnection):
            return value
    name = getattr(endpoint, "__name__", repr(endpoint))
    raise ConfigurationError([f"require(...) needs the request: let {name} take `request: Request`"])
