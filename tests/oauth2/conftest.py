"""The server in the process, and whoever signs in through it: a person with a browser, and a command-line tool.

client    the ASGI application of `gate`, as somebody at PEER would reach it; it keeps no cookies
person    Ann in her browser: signed in at /login, with the cookie and the Origin that a browser sends
tool      the command line: PKCE, state, and the token endpoint
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.server.app import create_app
from gatepost.settings import TokensSettings
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.conftest import ADMIN, OpenGate, settings_for

PASSWORD = "quay-seven-lantern"
PEER = ("203.0.113.7", 40_000)
VERIFIER = "v" * 50
REDIRECT = "http://127.0.0.1:43123/callback"
ELSEWHERE = "https://files.example"

AsPeer = Callable[..., TestClient]
Params = dict[str, str | None]


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    text = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims


def query_of(response: httpx2.Response) -> dict[str, str]:
    """What the redirect of an answer carries, each parameter once."""
    assert response.status_code == 303, response.text
    sent = parse_qs(urlsplit(response.headers["location"]).query)
    assert all(len(values) == 1 for values in sent.values())
    return {name: values[0] for name, values in sent.items()}


def goes_to(response: httpx2.Response) -> str:
    return str(response.headers["location"].partition("?")[0])


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


def error_of(response: httpx2.Response, status: int = 400) -> str:
    """The code of an RFC 6749 section 5.2 error."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert set(body) == {"error", "error_description"}
    assert all(" " <= c <= "~" and c not in '"\\' for c in body["error_description"])
    return str(body["error"])


@dataclass
class Browser:
    """One person's browser: it sends its cookie, and its Origin with each form."""

    client: TestClient
    origin: str
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> httpx2.Response:
        return self._done(self.client.get(path, headers=self._headers()))

    def post(self, path: str, origin: str | None = None, **data: str) -> httpx2.Response:
        headers = {**self._headers(), "Origin": self.origin if origin is None else origin}
        return self._done(self.client.post(path, data=data, headers=headers))

    def sign_in(self, username: str) -> None:
        done = self.post("/login", username=username, password=PASSWORD)
        assert done.status_code == 303, done.text

    def allow(self, page: httpx2.Response, decision: str = "allow", path: str = "/oauth2/authorize") -> httpx2.Response:
        assert page.status_code == 200, page.text
        return self.post(path, request=hidden(page.text, "request"), decision=decision)

    def _headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**self.headers, **({"Cookie": cookie} if cookie else {})}

    def _done(self, response: Any) -> httpx2.Response:
        self.cookies.update(dict(response.cookies))
        self.client.cookies.clear()
        answer: httpx2.Response = response
        return answer


@dataclass
class Tool:
    """A command-line client, with the parameters of a good request."""

    client: TestClient

    def url(self, **other: str | None) -> str:
        params: Params = {
            "response_type": "code",
            "client_id": "gatepost-cli",
            "redirect_uri": REDIRECT,
            "state": "a-state",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        return "/oauth2/authorize?" + urlencode(_without_none({**params, **other}))

    def post(self, path: str, /, **params: str | None) -> httpx2.Response:
        answer: httpx2.Response = self.client.post(path, data=_without_none(params))
        return answer

    def token(self, **params: str | None) -> httpx2.Response:
        return self.post("/oauth2/token", **params)

    def redeem(self, code: str, /, **other: str | None) -> httpx2.Response:
        good: Params = {
            "grant_type": "authorization_code",
            "client_id": "gatepost-cli",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return self.token(**{**good, **other})

    def begin(self, **other: str | None) -> dict[str, Any]:
        answer = self.post("/oauth2/device_authorization", **{"client_id": "gatepost-cli", **other})
        assert answer.status_code == 200, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    def poll(self, device_code: str, /, **other: str | None) -> httpx2.Response:
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        good: Params = {"grant_type": grant, "client_id": "gatepost-cli", "device_code": device_code}
        return self.token(**{**good, **other})

    def me(self, access_token: str) -> httpx2.Response:
        answer: httpx2.Response = self.client.get("/api/v1/me", headers={"Authorization": f"Bearer {access_token}"})
        return answer


def _without_none(params: Params) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    settings = settings_for(gate_url)
    gate = open_gate(replace(settings, tokens=replace(TokensSettings(), audiences=(ELSEWHERE,))))
    for name in ("ann", "ben"):
        create_user(gate, ADMIN, NewUser(username=name, password=PASSWORD))
    return gate


@pytest.fixture
def as_peer() -> Iterator[AsPeer]:
    """The server of a gate, as somebody at an address of their own reaches it."""
    with ExitStack() as opened:

        def make(gate: Gatepost, peer: tuple[str, int] = PEER) -> TestClient:
            client = TestClient(
                create_app(gate),
                base_url=gate.settings.main.public_url,
                raise_server_exceptions=False,
                follow_redirects=False,
                client=peer,
            )
            return opened.enter_context(client)

        yield make


@pytest.fixture
def client(gate: Gatepost, as_peer: AsPeer) -> TestClient:
    return as_peer(gate)


@pytest.fixture
def browser_of(gate: Gatepost, client: TestClient) -> Callable[..., Browser]:
    def make(username: str = "", at: TestClient | None = None) -> Browser:
        browser = Browser(at or client, gate.settings.main.public_url)
        if username:
            browser.sign_in(username)
        return browser

    return make


@pytest.fixture
def person(browser_of: Callable[..., Browser]) -> Browser:
    return browser_of("ann")


@pytest.fixture
def tool(client: TestClient) -> Tool:
    return Tool(client)


@pytest.fixture
def code(person: Browser, tool: Tool) -> str:
    return query_of(person.allow(person.get(tool.url())))["code"]


@pytest.fixture
def service(gate: Gatepost) -> Callable[..., str]:
    """Make a service and return its token."""

    def make(name: str = "gateway", role: str = "decider") -> str:
        return issue_service_token(gate, ADMIN, WantedServiceToken(name=name, role=role)).secret

    return make


def principal(username: str) -> Principal:
    return Principal(subject=Entity("user", username), method=Method.EMBEDDED, scope=None)
