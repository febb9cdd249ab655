"""A small OpenID provider on loopback, honest unless a test tampers with it.

    with running_provider(people=PEOPLE) as op:
        op.approve = "bob"                      # /authorize answers at once; None shows a page with a button a person
        op.tamper.claims = lambda claims: {**claims, "aud": "somebody-else"}

Other test folders use it too: `op.settings()` is what Gatepost needs to sign people in here.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any, cast
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey

from gatepost.settings import ProviderSettings, Secret

CLIENT_ID = "gatepost"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
CLIENT_SECRET = "s3cret:with/odd+characters%"
Document = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody the provider knows.  `claims` go into the ID token, `userinfo` only where that is asked."""

    sub: str
    claims: Mapping[str, Any]
    userinfo: Mapping[str, Any] = field(default_factory=dict)


PEOPLE = {
    "bob": Person(
        "10769150350006150715113082367",
        {
            "preferred_username": "bob",
            "name": "Bob Ross",
            "email": "bob@example.org",
            "email_verified": True,
            "groups": ["analysts"],
        },
    ),
    "carol": Person(
        "carol-sub",
        {
            "preferred_username": "carol",
            "name": "Carol Diaz",
            "email": "carol@example.org",
            "email_verified": False,
            "groups": [],
        },
    ),
}


@dataclass
class Raw:
    """An answer as bytes, sent instead of the honest one.  `pause` seconds go between `pieces`."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    pieces: tuple[bytes, ...] = (b"{}",)
    pause: float = 0
    head_pause: float = 0  # dribbles the headers


def _same(document: Document) -> Document:
    return document


@dataclass
class Tamper:
    """What a test changes.  Every member gets the honest value and returns the one that is sent."""

    discovery: Callable[[Document], Document] = _same
    jwks: Callable[[Document], Document] = _same
    header: Callable[[Document], Document] = _same
    claims: Callable[[Document], Document] = _same
    payload: Callable[[bytes], bytes] = lambda payload: payload
    id_token: Callable[[str], str] = lambda token: token
    token: Callable[[Document], Document] = _same
    userinfo: Callable[[Document], Document] = _same
    redirect: Callable[[Document], Document] = _same
    raw: dict[str, Raw] = field(default_factory=dict)  # by path: /jwks, /token, …


def with_(**members: Any) -> Callable[[Document], Document]:
    """Return a tampering that sets members."""
    return lambda document: {**document, **members}


def without(name: str) -> Callable[[Document], Document]:
    """Return a tampering that takes a member out."""
    return lambda document: {key: value for key, value in document.items() if key != name}


@cache
def make_key(kid: str, kind: str = "RSA") -> Key:
    key = RSAKey.generate_key(2048) if kind == "RSA" else ECKey.generate_key("P-256")
    return type(key).import_key({**key.as_dict(private=True), "kid": kid, "use": "sig"})


class InProcessProvider:
    """The provider's state.  The HTTP side is `_Handler`."""

    def __init__(self, people: Mapping[str, Person], host: str) -> None:
        self.people = dict(people)
        self.tamper = Tamper()
        self.approve: str | None = None
        self.algorithm = "RS256"
        self.keys: list[Key] = [make_key("first")]
        self.requests: Counter[str] = Counter()
        self.grants: dict[str, Document] = {}
        self.access_tokens: dict[str, str] = {}
        self.refresh_tokens: dict[str, Document] = {}  # given for the scope offline_access, each good once
        self.ended: list[Document] = []
        self.revoked: SimpleQueue[str] = SimpleQueue()  # what was given back (RFC 7009)
        self.client_secret: str | None = CLIENT_SECRET
        self.redirect_uris: set[str] = set()  # empty: any, for tests that do not care
        self.now: Callable[[], float] = time.time
        self.server = _Server((("127.0.0.1", 0)), _Handler)
        self.server.op = self
        self.issuer = f"http://{host}:{self.server.server_address[1]}"

    def settings(self, **changes: Any) -> ProviderSettings:
        """Return what `[[sso.providers]]` says about this provider, with changes."""
        given: dict[str, Any] = {
            "name": "op",
            "display_name": "Example",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": Secret(CLIENT_SECRET) if self.client_secret else None,
            "token_endpoint_auth_method": "client_secret_basic" if self.client_secret else "none",
            "groups_claim": "groups",
            "http_timeout": timedelta(seconds=10),
        }
        return ProviderSettings(**{**given, **changes})

    def discovery(self) -> Document:
        at = self.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "userinfo_endpoint": f"{at}/userinfo",
            "jwks_uri": f"{at}/jwks",
            "end_session_endpoint": f"{at}/end-session",
            "revocation_endpoint": f"{at}/revoke",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email", "groups"],
            # It offers what must never be taken: what counts is Gatepost's own list.
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self) -> Document:
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def rotate(self, kid: str, kind: str = "RSA") -> None:
        """Sign with a new key from now on, and publish only that."""
        self.keys = [make_key(kid, kind)]
        self.algorithm = "RS256" if kind == "RSA" else "ES256"

    def claims(self, person: Person, grant: Document, access_token: str) -> Document:
        now = int(self.now())
        digest = hashlib.sha256(access_token.encode()).digest()
        return {
            "iss": self.issuer,
            "sub": person.sub,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "auth_time": now - 5,
            "nonce": grant.get("nonce", ""),
            "at_hash": base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode(),
            "sid": "session-1",
            **person.claims,
        }

    def sign(self, claims: Document, header: Mapping[str, Any] | None = None) -> str:
        """Sign claims as an ID token, through everything the test tampers with."""
        head = self.tamper.header({"alg": self.algorithm, "kid": self.keys[0].kid, "typ": "JWT", **(header or {})})
        payload = self.tamper.payload(json.dumps(self.tamper.claims(claims)).encode())
        registry = jws.JWSRegistry(algorithms=[str(head.get("alg"))], strict_check_header=False)
        registry.max_header_length = 1 << 20
        registry.max_payload_length = 1 << 22
        try:
            token = jws.serialize_compact(head, payload, self.keys[0], registry=registry)
        except Exception:  # noqa: BLE001 - a header that the library will not sign is what some tests are about
            parts = [
                base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (json.dumps(head).encode(), payload)
            ]
            token = ".".join([*parts, "c2lnbmF0dXJl"])
        return self.tamper.id_token(token)

    def token(self, header: Mapping[str, Any] | None = None, /, **claims: Any) -> str:
        """Sign a token for the audience `gatepost`, good for five minutes.  A claim that is None is left out."""
        now = int(self.now())
        whole = {"iss": self.issuer, "sub": "someone", "aud": CLIENT_ID, "iat": now, "exp": now + 300, **claims}
        return self.sign({name: value for name, value in whole.items() if value is not None}, header)

    def logout_token(self, header: Mapping[str, Any] | None = None, /, **claims: Any) -> str:
        """Sign a logout token as OpenID Connect Back-Channel Logout 1.0 has it.  It names nobody unless told."""
        given = {"sub": None, "jti": secrets.token_urlsafe(8), "events": {LOGOUT_EVENT: {}}, **claims}
        return self.token({"typ": "logout+jwt", **(header or {})}, **given)

    def issue_code(self, request: Document, name: str) -> Document:
        """Approve an authorization request as `name`, and return the parameters of the answer."""
        code = secrets.token_urlsafe(16)
        self.grants[code] = {**request, "person": name}
        return self.tamper.redirect({"code": code, "state": request.get("state", ""), "iss": self.issuer})

    def answer_to(self, url: str, name: str = "bob") -> dict[str, str]:
        """Play the browser: approve the request in `url` as `name`, and return what the callback would get."""
        return cast(dict[str, str], self.issue_code(dict(parse_qsl(urlsplit(url).query)), name))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    op: InProcessProvider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what several tests are about."""


class _Handler(BaseHTTPRequestHandler):
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
        parts = urlsplit(self.path)
        op = self.server.op
        op.requests[parts.path] += 1
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path in op.tamper.raw:
            self._raw(op.tamper.raw[parts.path])
            return
        routes: Mapping[str, Callable[[], None]] = {
            "/.well-known/openid-configuration": lambda: self._json(op.tamper.discovery(op.discovery())),
            "/jwks": lambda: self._json(op.tamper.jwks(op.jwks())),
            "/authorize": lambda: self._authorize(op, query),
            "/approve": lambda: self._approve(op, form),
            "/token": lambda: self._token(op, form),
            "/userinfo": lambda: self._userinfo(op),
            "/revoke": lambda: self._revoke(op, form),
            "/end-session": lambda: self._end_session(op, query | form),
        }
        routes.get(parts.path, lambda: self._json({"error": "not_found"}, 404))()

    def _authorize(self, op: InProcessProvider, query: Document) -> None:
        known = query.get("client_id") == CLIENT_ID
        if not known or (op.redirect_uris and query.get("redirect_uri") not in op.redirect_uris):
            self._page("<h1>Unknown client or redirect_uri</h1>", 400)
        elif op.approve is not None:
            self._send_back(query, op.issue_code(query, op.approve))
        else:
            hidden = f'<input type="hidden" name="request" value="{html.escape(urlencode(query))}">'
            buttons = "".join(
                f'<button name="person" value="{html.escape(n)}">{html.escape(n)}</button>' for n in op.people
            )
            refuse = '<button name="person" value="">Refuse</button>'
            self._page(
                f'<h1>Example provider</h1><form method="post" action="/approve">{hidden}{buttons}{refuse}</form>'
            )

    def _approve(self, op: InProcessProvider, form: Document) -> None:
        request = dict(parse_qsl(form["request"], keep_blank_values=True))
        if form["person"]:
            self._send_back(request, op.issue_code(request, form["person"]))
        else:
            self._send_back(request, {"error": "access_denied", "state": request.get("state", ""), "iss": op.issuer})

    def _send_back(self, request: Document, answer: Document) -> None:
        if request.get("response_mode") == "form_post":
            inputs = "".join(f'<input type="hidden" name="{k}" value="{html.escape(v)}">' for k, v in answer.items())
            target = html.escape(request["redirect_uri"])
            script = "<script>document.forms[0].submit()</script>"
            self._page(f'<form method="post" action="{target}">{inputs}<button>Continue</button></form>{script}')
        else:
            self._send(302, b"", {"Location": f"{request['redirect_uri']}?{urlencode(answer)}"})

    def _token(self, op: InProcessProvider, form: Document) -> None:
        if not self._is_client(op, form):
            self._json({"error": "invalid_client"}, 401)
            return
        if form.get("grant_type") == "refresh_token":
            # A nonce is of the sign-in, and OpenID Connect Core 12.2 leaves it out here.
            grant = op.refresh_tokens.pop(form.get("refresh_token", ""), None)
        else:
            grant = op.grants.pop(form.get("code", ""), None)
            if grant and (form.get("redirect_uri") != grant.get("redirect_uri") or not _proves(grant, form)):
                grant = None
        if grant is None:
            self._json({"error": "invalid_grant"}, 400)
            return
        access_token = secrets.token_urlsafe(16)
        op.access_tokens[access_token] = grant["person"]
        id_token = op.sign(op.claims(op.people[grant["person"]], grant, access_token))
        honest: Document = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": id_token,
        }
        if "offline_access" in str(grant.get("scope", "")).split():
            honest["refresh_token"] = secrets.token_urlsafe(24)
            op.refresh_tokens[honest["refresh_token"]] = {**grant, "nonce": ""}
        self._json(op.tamper.token(honest))

    def _is_client(self, op: InProcessProvider, form: Document) -> bool:
        if op.client_secret is None:
            return form.get("client_id") == CLIENT_ID and "Authorization" not in self.headers
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        if self.headers.get("Authorization", "").startswith("Basic "):
            pair = base64.b64decode(self.headers["Authorization"][6:]).decode().partition(":")
            given = (unquote_plus(pair[0]), unquote_plus(pair[2]))
        return given == (CLIENT_ID, op.client_secret)

    def _revoke(self, op: InProcessProvider, form: Document) -> None:
        if not self._is_client(op, form):
            self._json({"error": "invalid_client"}, 401)
            return
        op.refresh_tokens.pop(form.get("token", ""), None)
        op.revoked.put(form.get("token", ""))
        self._send(200, b"", {})

    def _userinfo(self, op: InProcessProvider) -> None:
        name = op.access_tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
        if name is None:
            self._json({"error": "invalid_token"}, 401)
            return
        person = op.people[name]
        self._json(op.tamper.userinfo({"sub": person.sub, **person.claims, **person.userinfo}))

    def _end_session(self, op: InProcessProvider, query: Document) -> None:
        op.ended.append(query)
        if target := query.get("post_logout_redirect_uri"):
            state = f"?{urlencode({'state': query['state']})}" if "state" in query else ""
            self._send(302, b"", {"Location": f"{target}{state}"})
        else:
            self._page("<h1>Signed out</h1>")

    def _json(self, document: Document, status: int = 200) -> None:
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _page(self, body: str, status: int = 200) -> None:
        page = f"<!doctype html><title>Example provider</title>{body}"
        self._send(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _raw(self, raw: Raw) -> None:
        self.close_connection = True
        lines = [f"HTTP/1.1 {raw.status} Tampered", *(f"{name}: {value}" for name, value in raw.headers.items())]
        for line in [*lines, "Connection: close", ""]:
            self.wfile.write(f"{line}\r\n".encode())
            self.wfile.flush()
            time.sleep(raw.head_pause)
        for piece in raw.pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(raw.pause)


def _proves(grant: Document, form: Document) -> bool:
    """Check the verifier (RFC 7636 section 4.6)."""
    if "code_challenge" not in grant:
        return True
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == str(grant["code_challenge"])


@contextmanager
def running_provider(people: Mapping[str, Person] = PEOPLE, host: str = "127.0.0.1") -> Iterator[InProcessProvider]:
    """Run a provider on a free port.  `host` is the name in its issuer: `localhost` makes it another site than ours."""
    op = InProcessProvider(people, host)
    thread = threading.Thread(target=op.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield op
    finally:
        op.server.shutdown()
        op.server.server_close()
        thread.join()
