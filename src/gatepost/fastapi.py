"""FastAPI dependencies, with Gatepost's credentials shown in the application's OpenAPI.

app.add_middleware(Authentication, gate=gate)

@app.get("/datasets/{id}")
async def read(id: str, who: Annotated[Visitor, Depends(requires("view", "dataset:{id}"))]): ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.openapi.models import APIKey, HTTPBase
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.openapi.models import SecurityBase as Described
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from gatepost.asgi import Authentication, Refused, Visitor, authorize, may
from gatepost.asgi.refusal import refuse
from gatepost.asgi.requiring import Requirement, visitor_of
from gatepost.authn.credential import COOKIE
from gatepost.errors import Unauthenticated

__all__ = ["Authentication", "Refused", "Visitor", "any_principal", "authorize", "current_principal", "may", "requires"]


class _Shown(SecurityBase):
    """A way to sign in, for the description alone: the middleware has judged the credential long before."""

    def __init__(self, scheme_name: str, model: Described) -> None:
        self.scheme_name = scheme_name
        self.model = model

    async def __call__(self) -> None:
        return None


bearer = _Shown(
    "Bearer",
    BearerModel(description="A Gatepost access token, API token or service token, or a configured issuer's token."),
)
basic = _Shown("Basic", HTTPBase(scheme="basic", description="A username with a password, or with an API token."))
cookie = _Shown(
    "Session",
    APIKey.model_validate(
        {"in": "cookie", "name": COOKIE, "description": "Gatepost's session; on TLS its name is __Host-gp_session."}
    ),
)


async def _schemes(
    _bearer: Annotated[None, Depends(bearer)],
    _basic: Annotated[None, Depends(basic)],
    _cookie: Annotated[None, Depends(cookie)],
) -> None:
    """What an endpoint takes, in its OpenAPI: any one of them."""


Schemes = Annotated[None, Depends(_schemes)]


async def current_principal(connection: HTTPConnection, _schemes: Schemes) -> Visitor:
    """Whoever is signed in.  Raises `Refused` (401) for whoever is anonymous."""
    visitor = visitor_of(connection)
    if visitor.is_anonymous:
        refuse(connection, Unauthenticated("this needs a signed-in caller"))
    return visitor


async def any_principal(connection: HTTPConnection, _schemes: Schemes) -> Visitor:
    """Whoever is calling, also without a credential where Gatepost allows that."""
    return visitor_of(connection)


def requires(action: str, resource: str, *, seen_by: str = "view") -> Callable[..., Awaitable[Visitor]]:
    """Return a dependency that lets in only whoever may do `action` to `resource`, such as `dataset:{id}`.

    Raises as `gatepost.asgi.require` does; what it gives is the visitor.
    """
    requirement = Requirement(action, resource, seen_by)

    async def required(connection: HTTPConnection, _schemes: Schemes) -> Visitor:
        return await requirement.check(connection)

    return required
