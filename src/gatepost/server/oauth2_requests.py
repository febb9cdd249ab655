"""Reading a request to `/oauth2` (RFC 6749 section 3.2): its parameters, and the client that sends them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepost.errors import InvalidCredentials, InvalidRequest

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, as it says: its name, and its secret if it has one."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its parameters, each sent once, and its client."""

    sent: Mapping[str, str] = field(repr=False)
    client: Client
    address: str
    agent: str

    def __getitem__(self, name: str) -> str:
        """Raises `InvalidRequest` for what is not there."""
        if name not in self.sent:
            raise InvalidRequest(f"{name} is missing")
        return self.sent[name]

    def get(self, name: str) -> str:
        return self.sent.get(name, "")


async def read_request(request: Request) -> Asked:
    """Read a form.  Raises `InvalidRequest`, or `InvalidCredentials` for a client that cannot be told."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise InvalidRequest(f"the body has to be {FORM}")
    sent = single_values((await request.form()).multi_items())
    return Asked(sent, _client(request, sent), request.state.address, request.headers.get("user-agent", ""))


def single_values(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Section 3.1: a parameter that is sent twice makes the request invalid; one without a value is not there."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if not isinstance(value, str) or name in seen or "\0" in value:
            raise InvalidRequest("each parameter is a text, and sent once")
        seen.add(name)
        if value:
            found[name] = value
    return found


def _client(request: Request, sent: Mapping[str, str]) -> Client:
    """Section 2.3.1: the client and its secret, from the header or the body, but not from both."""
    headers = request.headers.getlist("authorization")
    if not headers:
        return Client(sent.get("client_id", ""), sent.get("client_secret", ""))
    if len(headers) > 1 or "client_secret" in sent:
        raise InvalidRequest("more than one way of authenticating the client")
    scheme, _, text = headers[0].partition(" ")
    if scheme.lower() != "basic":
        raise InvalidCredentials("clients authenticate with Basic, or in the body")
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidCredentials("Basic is not the base64 of UTF-8") from error
    name, secret = unquote_plus(name), unquote_plus(secret)
    if not colon:
        raise InvalidCredentials("Basic has no colon between the client and its secret")
    if sent.get("client_id", name) != name:
        raise InvalidRequest("client_id is not the client that authenticates")
    return Client(name, secret)


def answer(body: Mapping[str, Any]) -> Response:
    """Section 5.1: what holds tokens is kept nowhere."""
    return JSONResponse(dict(body), headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
