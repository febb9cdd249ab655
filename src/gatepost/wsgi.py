"""Gatepost in a Flask application, or any other that speaks WSGI.

    app.wsgi_app = Authentication(app.wsgi_app, gate=gate)

    @app.get("/datasets/<id>")
    @require("view", "dataset:{id}")
    def read_dataset(id): ...

Flask itself is not imported.  Where Werkzeug is, a refusal is an exception of its, with the answer inside.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from gatepost.errors import ConfigurationError, GatepostError, Unauthenticated
from gatepost.guard import Doorway, Shown, Template, Visitor, now
from gatepost.guard.visitor import OURS, ROLE, entity
from gatepost.principal import Entity
from gatepost.problems import MEDIA_TYPE, body_of, headers_of, is_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment  # noqa: F401 - named in a text below

__all__ = ["Authentication", "Visitor", "authorize", "current_principal", "may", "require", "visitor"]

P = ParamSpec("P")
R = TypeVar("R")

KEY = "gatepost"
MOST_WRAPPERS = 10  # around a Flask application, looked through
log = logging.getLogger("gatepost.wsgi")

_calling: ContextVar[Visitor | None] = ContextVar("gatepost_visitor", default=None)


class Authentication(Doorway["WSGIApplication"]):
    """Puts the `Visitor` of each request into `environ["gatepost"]`.  The options are those of `gatepost.guard.Doorway`."""

    def _prepare(self) -> None:
        _answer_within(self.app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            visitor = self._visitor(environ)
        except GatepostError as error:
            return _send_problem(error, start_response)
        inner = {name: value for name, value in environ.items() if not _is_ours(name)}
        begun = False

        def noticed(*answer: Any) -> Callable[[bytes], object]:
            nonlocal begun
            begun = True
            return start_response(*answer)

        try:
            with _calls(visitor):
                return self.app({**inner, KEY: visitor}, noticed)
        except GatepostError as error:
            if not is_answer(error):
                raise
            return _send_problem(error, start_response, begun=begun)

    def _visitor(self, environ: WSGIEnvironment) -> Visitor:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        shown = Shown(
            headers=_headers(environ),
            method=environ["REQUEST_METHOD"],
            path=path,
            peer=environ.get("REMOTE_ADDR", ""),
        )
        try:
            return now(self.guard.visitor(shown))
        except Unauthenticated as error:
            return self._stranger(shown, error)

    def close(self) -> None:
        """Stop following a server.  The gate of an embedded one is the application's to close."""
        self.guard.close()


def visitor() -> Visitor:
    """Whoever sent the request that this thread is at.  Raises `ConfigurationError` outside of one."""
    found = _calling.get()
    if found is None:
        raise ConfigurationError(["no request is under way behind gatepost.wsgi.Authentication"])
    return found


def current_principal() -> Visitor:
    """Whoever is signed in.  Refuses with 401 whoever is anonymous."""
    found = visitor()
    if found.is_anonymous:
        _refuse(Unauthenticated("this needs a signed-in caller"))
    return found


def may(action: str, resource: str | Entity) -> bool:
    """Tell whether the visitor may do `action` to `resource`."""
    return visitor().may(action, resource)


def authorize(action: str, resource: str | Entity, *, seen_by: str = "view") -> Visitor:
    """Return the visitor if they may do `action` to `resource`; refuse with 401, 403 or 404 if not."""
    found = visitor()
    try:
        found.require(action, entity(resource), seen_by=seen_by)
    except GatepostError as error:
        _refuse(error)
    return found


def require(action: str, resource: str, *, seen_by: str = "view") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let in only whoever may do `action` to `resource`, such as `dataset:{id}` with an argument of the view.

    Whoever is anonymous gets 401, whoever cannot see it (`seen_by`) 404, anyone else 403.  Raises `ConfigurationError`
    for what is no resource.
    """
    template = Template(resource)

    def guarded(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                thing = template.fill(kwargs)
            except GatepostError as error:
                current_principal()  # whoever is anonymous is asked to sign in, also for what cannot be there
                _refuse(error)
            authorize(action, thing, seen_by=seen_by)
            return view(*args, **kwargs)

        return called

    return guarded


def _refuse(error: GatepostError) -> NoReturn:
    """Raise what the framework answers as it is: Flask would make a 500 of an error that it does not know."""
    if "werkzeug" not in sys.modules:
        raise error
    from werkzeug.exceptions import HTTPException
    from werkzeug.wrappers import Response

    body = json.dumps(body_of(error))
    raise HTTPException(response=Response(body, error.status, headers_of(error), mimetype=MEDIA_TYPE)) from error


def _answer_within(app: Any) -> None:
    """Have a Flask application behind `app` answer what Gatepost refuses, wherever in it that is raised.

    Flask makes a 500 of an error that it does not know, and lets nobody outside know what it was.  `app` is its
    `wsgi_app`, or a wrapper around that, as Werkzeug's `ProxyFix` is.  A handler that the application has stays.
    """
    for _ in range(MOST_WRAPPERS):
        owner = getattr(app, "__self__", app)
        if hasattr(owner, "register_error_handler"):
            with suppress(AssertionError):  # of one that has been asked already, and takes no handlers any more
                if GatepostError not in owner.error_handler_spec[None][None]:
                    owner.register_error_handler(GatepostError, _answer)
            return
        app = getattr(app, "app", None)


def _answer(error: GatepostError) -> tuple[str, int, dict[str, str]]:
    """An error as what Flask makes an answer of.  Raises what is none for the visitor: that is a bug, as any other."""
    if not is_answer(error):
        raise error
    _note(error)
    return json.dumps(body_of(error)), error.status, {**headers_of(error), "Content-Type": MEDIA_TYPE}


def _send_problem(error: GatepostError, start_response: StartResponse, *, begun: bool = False) -> list[bytes]:
    _note(error)
    body = json.dumps(body_of(error)).encode()
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), *headers_of(error).items()]
    status = f"{error.status} {HTTPStatus(error.status).phrase}"
    if begun:  # with what went wrong in hand, a server forgets an answer that was begun and is not out yet (PEP 3333)
        start_response(status, headers, sys.exc_info())
    else:
        start_response(status, headers)
    return [body]


def _note(error: GatepostError) -> None:
    if error.detail or error.status >= 500:
        log.info("%s %s: %s", error.status, error.code, error.detail or error)


@contextmanager
def _calls(found: Visitor) -> Iterator[None]:
    """While the application works on a request, and not a moment longer: the next one on this thread is another's."""
    token = _calling.set(found)
    try:
        yield
    finally:
        _calling.reset(token)


def _headers(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    """The headers as they were sent.  A server joins those that were there twice with a comma (RFC 3875 section 4.1.18)."""
    return [
        (name[5:].lower().replace("_", "-").encode("latin-1"), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]


def _is_ours(name: str) -> bool:
    plain = name.removeprefix("HTTP_").lower().replace("_", "-").encode("latin-1", "replace")
    return name.startswith("HTTP_") and plain.startswith(OURS) and plain != ROLE
