"""Pages as HTML: one Jinja environment that escapes everything, and what every page is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from pathlib import Path
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gatepost.errors import Conflict, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console.assets import asset
from gatepost.server.console.moments import date_text, exact, moment, stamp
from gatepost.server.console.naming import Names
from gatepost.server.console.navigation import navigation
from gatepost.server.console.notices import NOTICES
from gatepost.server.cookies import is_secure
from gatepost.sso.addresses import safe_next

TEMPLATES = Path(__file__).with_name("templates")
SEEN = "gp_seen"
SEEN_FOR = 30


@lru_cache
def environment() -> Environment:
    """The one environment.  An undefined name is an error here, not an empty text on somebody's screen."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(moment=moment, stamp=stamp, exact=exact, date_text=date_text)
    made.globals.update(url=url, asset=asset)
    return made


def url(*parts: str, **query: str | None) -> str:
    """A path below this server, each part percent-encoded; what has no value is left out of the query."""
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    wanted = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(wanted)}" if wanted else path


def gate_of(request: Request) -> Gatepost:
    gate: Gatepost = request.state.gate
    return gate


def caller_of(request: Request) -> Principal:
    caller: Principal = request.state.principal
    return caller


def catch_up(request: Request) -> None:
    """Let the visitor read their own writes, whichever worker answers: the browser carries the last revision."""
    seen = request.cookies.get(SEEN)
    if seen:
        try:
            gate_of(request).reach(seen)
        except (ValueError, Conflict):
            return  # from another life of this database: the newest state is the best answer then


def visit(show: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A page that answers GET.  Where anonymous visitors see nothing, they are asked to sign in."""

    @wraps(show)
    def handler(request: Request) -> Response:
        gate, caller = gate_of(request), caller_of(request)
        if caller.is_anonymous and not gate.settings.main.allow_anonymous_access:
            raise Unauthenticated("this needs a signed-in caller")
        catch_up(request)
        return show(request)

    return handler


def own(show: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A page for whoever is signed in."""

    @wraps(show)
    def handler(request: Request) -> Response:
        gate_of(request).require_signed_in(caller_of(request))
        return show(request)

    return visit(handler)


def render(
    request: Request,
    template: str,
    shared: Mapping[str, object] | None = None,
    *,
    status: int = 200,
    navigates: bool = True,
    **values: object,
) -> Response:
    """Answer a page.  Without `navigates` nothing is asked of the graph, so that even its failure can be shown."""
    gate, caller = gate_of(request), caller_of(request)
    names = Names(gate, caller)
    given = {
        "visitor": caller,  # "caller" means something else to Jinja's macros
        "names": names,
        "status": status,
        "path": request.url.path,
        "door": url("login", next=_kept(request.url.path)),
        "now": gate.now(),
        "navigation": navigation(gate, caller, request.url.path) if navigates else (),
        "notice": NOTICES.get(request.query_params.get("done", "")),
        "wrong": None,
    }
    text = environment().get_template(template).render({**given, **(shared or {}), **values})
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})


def _kept(path: str) -> str | None:
    """Where to go on after signing in from here; nowhere in particular from a step of a sign-in."""
    return path if safe_next(path) == path else None


def go_to(request: Request, address: str, done: str = "") -> Response:
    """After a change: go on to a page with GET, so that a reload changes nothing again."""
    if done:
        path, mark, fragment = address.partition("#")
        address = f"{path}{'&' if '?' in path else '?'}{urlencode({'done': done})}{mark}{fragment}"
    response = RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
    revision = str(gate_of(request).memory.revision)
    response.set_cookie(
        SEEN, revision, max_age=SEEN_FOR, httponly=True, samesite="lax", secure=is_secure(gate_of(request))
    )
    return response
