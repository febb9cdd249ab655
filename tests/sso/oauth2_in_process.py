"""A small forge on loopback, at which people sign in by plain OAuth 2.0, with the shapes that GitHub documents.

    with running_forge() as forge:
        provider = Provider(forge.settings(), now)
        params = forge.answer_to(begin(provider, …).url, "octocat")

It is honest unless a test tampers with it.  What it was asked is in `asked`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from gatepost.settings import ProviderSettings, Secret
from tests.sso.provider_in_process import Raw

CLIENT_ID = "Iv1.8a61f9b3a7aba766"
CLIENT_SECRET = "40-hex-digits-or-so"
Document = dict[str, Any]

OCTOCAT: Document = {
    "login": "octocat",
    "id": 583231,
    "node_id": "MDQ6VXNlcjU4MzIzMQ==",
    "type": "User",
    "site_admin": False,
    "name": "The Octocat",
    "company": None,
    "email": "octocat@shown.example",  # what the profile shows; nobody says that it is verified
    "created_at": "2011-01-25T18:44:36Z",
}


@dataclass
class Member:
    """Somebody with an account: what each address of the API answers about them."""

    user: Document
    emails: list[Document] = field(default_factory=list)
    orgs: list[Document] = field(default_factory=list)
    teams: list[Document] = field(default_factory=list)


def octocat() -> Member:
    return Member(
        user=dict(OCTOCAT),
        emails=[
            {"email": "second@octo.example", "primary": False, "verified": True, "visibility": None},
            {"email": "octocat@octo.example", "primary": True, "verified": True, "visibility": "private"},
        ],
        orgs=[{"login": "acme", "id": 1}, {"login": "github", "id": 9919}],
        teams=[{"slug": "data", "name": "Data", "organization": {"login": "acme", "id": 1}}],
    )


@dataclass(frozen=True)
class Asked:
    """One request: where, with which headers, and the form or the query."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


class Forge:
    """The state.  The HTTP side is `_Handler`."""

    def __init__(self) -> None:
        self.people = {"octocat": octocat()}
        self.asked: list[Asked] = []
        self.raw: dict[str, Raw] = {}
        self.user: Callable[[Document], Document] = lambda document: document
        self.token: Callable[[Document], Document] = lambda document: document
        self.iss = ""  # GitHub names its issuer in the answer (RFC 9207); empty: not this one
        self.always_form = False
        self._grants: dict[str, Document] = {}
        self._tokens: dict[str, str] = {}
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.forge = self
        self.at = f"http://127.0.0.1:{self.server.server_address[1]}"

    def settings(self, **changes: Any) -> ProviderSettings:
        """What `[[sso.providers]]` says, with the preset's keys filled in."""
        given: Document = {
            "name": "forge",
            "preset": "github",
            "protocol": "oauth2",
            "authorization_endpoint": f"{self.at}/login/oauth/authorize",
            "token_endpoint": f"{self.at}/login/oauth/access_token",
            "userinfo_endpoint": f"{self.at}/api/user",
            "client_id": CLIENT_ID,
            "client_secret": Secret(CLIENT_SECRET),
            "token_endpoint_auth_method": "client_secret_post",
            "scopes": ("read:user", "user:email"),
            "scopes_configured": True,
            "subject_claim": "id",
            "username_claim": "login",
            "http_timeout": timedelta(seconds=10),
        }
        return ProviderSettings(**{**given, **changes})

    def answer_to(self, url: str, name: str = "octocat") -> dict[str, str]:
        """Play the browser: approve the request in `url`, and return what the callback would get."""
        request = dict(parse_qsl(urlsplit(url).query))
        code = secrets.token_hex(10)
        self._grants[code] = {**request, "person": name}
        return {"code": code, "state": request["state"], **({"iss": self.iss} if self.iss else {})}

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def redeemed(self, form: Mapping[str, str]) -> Document:
        """What the token endpoint says: an error has the status 200, as at GitHub."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return {"error": "incorrect_client_credentials", "error_description": "The client_id is incorrect."}
        grant = self._grants.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if grant is None or grant["redirect_uri"] != form.get("redirect_uri") or grant["code_challenge"] != challenge:
            return {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
        access_token = f"gho_{secrets.token_hex(18)}"
        self._tokens[access_token] = grant["person"]
        return self.token({"access_token": access_token, "scope": "read:user,user:email", "token_type": "bearer"})

    def member(self, authorization: str) -> Member | None:
        return self.people.get(self._tokens.get(authorization.removeprefix("Bearer "), ""))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    forge: Forge

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what several tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(dict(parse_qsl(body.decode(), keep_blank_values=True)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Tests say what they need to."""

    def _answer(self, form: Mapping[str, str]) -> None:
        forge, path = self.server.forge, urlsplit(self.path).path
        forge.asked.append(Asked(path, dict(self.headers.items()), form))
        if path in forge.raw:
            raw = forge.raw[path]
            self._send(raw.status, b"".join(raw.pieces), raw.headers)
        elif path == "/login/oauth/access_token" and self.command == "POST":
            self._token(forge, form)
        else:
            self._api(forge, path, form)

    def _token(self, forge: Forge, form: Mapping[str, str]) -> None:
        document = forge.redeemed(form)
        if "json" in self.headers.get("Accept", "") and not forge.always_form:
            self._json(document)
        else:
            encoded = urlencode(document).encode()
            self._send(200, encoded, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})

    def _api(self, forge: Forge, path: str, form: Mapping[str, str]) -> None:
        member = forge.member(self.headers.get("Authorization", ""))
        if member is None:
            self._json({"message": "Bad credentials", "status": "401"}, 401)
            return
        start = (int(form.get("page", "1")) - 1) * int(form.get("per_page", "30"))
        page = slice(start, start + int(form.get("per_page", "30")))
        answers: Mapping[str, Any] = {
            "/api/user": forge.user(member.user),
            "/api/user/emails": member.emails[page],
            "/api/user/orgs": member.orgs[page],
            "/api/user/teams": member.teams[page],
        }
        self._json(answers.get(path, {"message": "Not Found"}), 200 if path in answers else 404)

    def _json(self, document: object, status: int = 200) -> None:
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json; charset=utf-8"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running_forge() -> Iterator[Forge]:
    forge = Forge()
    thread = threading.Thread(target=forge.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        forge.server.shutdown()
        forge.server.server_close()
        thread.join()
