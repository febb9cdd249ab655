"""One call as a value: what is sent, whether it may be sent twice, and how its answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import quote

from gatepost.client.errors import Misconfigured
from gatepost.client.reading import Page, Reader, page_of
from gatepost.principal import Entity

T = TypeVar("T")
API = "/api/v1"
JSON = "application/json"
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request to the API.  `path` is percent-encoded already; `body` may hold a secret and is not in the `repr`.

    `form` is sent in place of a JSON body, as OAuth has it.

    `repeatable` says that sending it twice does what sending it once does.
    `authenticated` is False where the call itself is how one signs in.  `cursor` is what the API calls the place where
    the next page begins.
    """

    method: str
    path: str
    read: Reader[T]
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = field(default=None, repr=False)
    repeatable: bool = False
    authenticated: bool = True
    accept: str = JSON
    form: Mapping[str, str] | None = field(default=None, repr=False)
    cursor: str = "cursor"

    def page_after(self, cursor: str) -> Call[T]:
        """The same call for the page that begins at `cursor`."""
        if self.body is not None:
            return replace(self, body={**self.body, self.cursor: cursor})
        return replace(self, params={**self.params, self.cursor: cursor})


def path_of(*segments: str, base: str = API) -> str:
    """Join segments under `base`, each percent-encoded whole: `group:analysts%23member`, `a%2Fb`.

    Raises `Misconfigured` for a segment that no encoding keeps apart from the path's own words.
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Misconfigured(f"{segment!r} is not a name")
    return f"{base}/" + "/".join(quote(segment, safe=":@*!$&'()+,;=~") for segment in segments)


def entity_of(text: str) -> Entity:
    """Read `type:id`.  Raises `Misconfigured`."""
    try:
        return Entity.parse(text)
    except ValueError as error:
        raise Misconfigured(str(error)) from None


def resource_path(text: str, *segments: str) -> str:
    """Return where a resource written `type:id` is, or what is below it."""
    entity = entity_of(text)
    return path_of("resources", entity.type, entity.id, *segments)


def call(
    method: str,
    path: str,
    read: Reader[T],
    *,
    params: Mapping[str, object] | None = None,
    body: Mapping[str, object] | None = None,
    repeatable: bool | None = None,
    authenticated: bool = True,
) -> Call[T]:
    """Build a call.  Params and members of the body that are None are left out."""
    return Call(
        method,
        path,
        read,
        params={name: _text(value) for name, value in (params or {}).items() if value is not None},
        body=None if body is None else {name: _json(value) for name, value in body.items() if value is not None},
        repeatable=method in _REPEATABLE if repeatable is None else repeatable,
        authenticated=authenticated,
    )


def listed(
    at: str | tuple[str, ...], cls: type[T], limit: int | None, cursor: str | None, **filters: str | None
) -> Call[Page[T]]:
    """Build a call for one page of a list under `/api/v1`."""
    segments = (at,) if isinstance(at, str) else at
    return call("GET", path_of(*segments), page_of(cls), params={"limit": limit, "cursor": cursor, **filters})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(_json(value))


def _json(value: object) -> object:
    """Return times as RFC 3339 and tuples as lists.  Raises `Misconfigured` for a time without a zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Misconfigured("a time needs a zone: without one nobody knows when it is")
        return value.isoformat()
    if isinstance(value, tuple | frozenset | set):
        return [_json(item) for item in value]
    return value
