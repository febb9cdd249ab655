"""An OpenID provider that does whatever a test tells it to, and remembers what it was asked.

It knows nothing of the other provider of the tests, and signs by other means, so that the two do not share a mistake.

    op.change.claims = lambda claims: {**claims, "aud": "somebody-else"}
"""

from __future__ import annotations

import hashlib
import html
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
from tests.certification.signing import Document, Sign, SigningKey, b64, compact, rsa_key

CLIENT_ID, CLIENT_SECRET = "rp-under-test", "a:secret with%odd/characters"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
Change = Callable[[Document], Document]
Answer = Callable[["Handler"], None]


def same(document: Document) -> Document:
    return document


def with_(**members: Any) -> Change:
    return lambda document: {**document, **members}


def without(*names: str) -> Change:
    return lambda document: {name: value for name, value in document.items() if name not in names}


@dataclass
class Changes:
    """What is different from an honest provider.  Each gets the honest document and answers what is sent."""

    discovery: Change = same
    jwks: Change = same
    header: Change = same
    claims: Change = same
    payload: Callable[[bytes], bytes] = bytes
    sign: Callable[[Sign], Sign] = lambda honest: honest
    tokens: Change = same
    userinfo: Change = same
    answer: Change = same  # to the browser
    before_signing: Callable[[], None] = lambda: None
    instead: dict[str, Answer] = field(default_factory=dict)  # by path: what answers there


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: Document
    form: Document
    headers: Mapping[str, str]


class HostileProvider:
    def __init__(self, host: str) -> None:
        self.change = Changes()
        self.keys: list[SigningKey] = [rsa_key("one")]
        self.sub, self.name = "248289761001", "jane"
        self.person: Document = {"preferred_username": "jane", "name": "Jane Doe"}
        self.userinfo: Document = {"email": "jane@op.example", "email_verified": True}
        self.asked: list[Asked] = []
        self.codes: dict[str, Document] = {}
        self.access_tokens: dict[str, str] = {}
        self.refresh_tokens: dict[str, Document] = {}
        self.now: Callable[[], float] = lambda: 0.0
        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.op = self
        self.issuer = f"http://{host}:{self.server.server_address[1]}"

    def settings(self, **changes: Any) -> ProviderSettings:
        given: dict[str, Any] = {
            "name": "op",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": Secret(CLIENT_SECRET),
            "http_timeout": timedelta(seconds=20),
        }
        return ProviderSettings(**{**given, **changes})

    def asked_for(self, path: str) -> list[Asked]:
        return [request for request in self.asked if request.path == path]

    def discovery(self) -> Document:
        paths = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": "keys",
            "end_session_endpoint": "end",
        }
        return {
            "issuer": self.issuer,
            **{name: f"{self.issuer}/{path}" for name, path in paths.items()},
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
        }

    def claims(self, **more: Any) -> Document:
        now = int(self.now())
        return {"iss": self.issuer, "sub": self.sub, "aud": CLIENT_ID, "iat": now, "exp": now + 300, **more}

    def sign(self, claims: Document, **header: Any) -> str:
        """Sign claims, through everything that is changed."""
        self.change.before_signing()
        key = self.keys[0]
        head = self.change.header({"alg": key.alg, "kid": key.kid, **header})
        payload = self.change.payload(json.dumps(self.change.claims(claims)).encode())
        return compact(head, payload, self.change.sign(key.sign))

    def logout_token(self, **claims: Any) -> str:
        """A logout token for the provider's one person, changed by `claims`; what is None is left out."""
        honest = self.claims(jti=secrets.token_hex(8), events={EVENT: {}}, sid="the-session")
        whole = {name: value for name, value in {**honest, **claims}.items() if value is not None}
        return self.sign(whole, typ="logout+jwt")

    def grant_code(self, request: Document) -> Document:
        """Say yes to an authorization request, and return what the browser brings back."""
        code = secrets.token_urlsafe(12)
        self.codes[code] = request
        return self.change.answer({"code": code, "state": request.get("state", "")})

    def redeem(self, code: str) -> Document | None:
        """The tokens for a code, for a single time."""
        request = self.codes.pop(code, None)
        if request is None:
            return None
        access_token, refresh_token = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self.access_tokens[access_token] = self.sub
        self.refresh_tokens[refresh_token] = request
        digest = (hashlib.sha512 if self.keys[0].alg == "EdDSA" else hashlib.sha256)(access_token.encode()).digest()
        at_hash = b64(digest[: len(digest) // 2])
        more = {"nonce": request["nonce"]} if "nonce" in request else {}
        id_token = self.sign(self.claims(at_hash=at_hash, sid="the-session", **self.person, **more))
        honest = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}
        offline = "offline_access" in request.get("scope", "").split()
        return self.change.tokens({**honest, "refresh_token": refresh_token} if offline else honest)

    def refresh(self, token: str) -> Document | None:
        """New tokens for a refresh token, without a nonce (OpenID Connect Core 12.2)."""
        if token not in self.refresh_tokens:
            return None
        access_token = secrets.token_urlsafe(12)
        self.access_tokens[access_token] = self.sub
        id_token = self.sign(self.claims(**self.person))
        return self.change.tokens(
            {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    op: HostileProvider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up on a hostile answer does right."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer(dict(parse_qsl(body.decode(), keep_blank_values=True)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Tests say what they need to."""

    def _answer(self, form: Document) -> None:
        op, parts = self.server.op, urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        op.asked.append(Asked(self.command, parts.path, query, form, dict(self.headers.items())))
        if parts.path in op.change.instead:
            self.close_connection = True
            op.change.instead[parts.path](self)
        elif parts.path == "/.well-known/openid-configuration":
            self.json(op.change.discovery(op.discovery()))
        elif parts.path == "/keys":
            self.json(op.change.jwks({"keys": [key.jwk() for key in op.keys]}))
        elif parts.path == "/authorize":
            self._authorize(op, query)
        elif parts.path == "/token":
            refreshed = form.get("grant_type") == "refresh_token"
            found = op.refresh(form["refresh_token"]) if refreshed else op.redeem(form.get("code", ""))
            self.json(found or {"error": "invalid_grant"}, 200 if found else 400)
        elif parts.path == "/userinfo":
            self._userinfo(op)
        elif parts.path == "/end":
            state = {"state": query["state"]} if "state" in query else {}
            self.redirect(f"{query['post_logout_redirect_uri']}?{urlencode(op.change.answer(state))}")
        else:
            self.json({"error": "not_found"}, 404)

    def _authorize(self, op: HostileProvider, query: Document) -> None:
        answer, target = op.grant_code(query), query["redirect_uri"]
        if query.get("response_mode") != "form_post":
            self.redirect(f"{target}?{urlencode(answer)}")
            return
        inputs = "".join(f'<input type="hidden" name="{k}" value="{html.escape(v)}">' for k, v in answer.items())
        self.send(200, f'<form method="post" action="{html.escape(target)}">{inputs}</form>'.encode(), "text/html")

    def _userinfo(self, op: HostileProvider) -> None:
        sub = op.access_tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
        if sub is None:
            self.json({"error": "invalid_token"}, 401)
        else:
            self.json(op.change.userinfo({"sub": sub, **op.userinfo}))

    def json(self, document: object, status: int = 200) -> None:
        self.send(status, json.dumps(document).encode(), "application/json")

    def redirect(self, location: str) -> None:
        self.send(302, b"", "text/plain", {"Location": location})

    def send(self, status: int, body: bytes, kind: str, more: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running(host: str = "localhost") -> Iterator[HostileProvider]:
    """Run a provider on a free port of loopback.  `host` is the name in its issuer."""
    op = HostileProvider(host)
    thread = threading.Thread(target=op.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield op
    finally:
        op.server.shutdown()
        op.server.server_close()
        thread.join()
