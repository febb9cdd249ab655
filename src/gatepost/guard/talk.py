"""What a guard asks a Gatepost server over HTTP, and how its answers read here."""

from __future__ import annotations

import logging
import ssl
import threading
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2

from gatepost.authn.credential import cookie_name
from gatepost.errors import ConfigurationError, Forbidden, InvalidToken, Throttled, Unauthenticated, Unavailable
from gatepost.guard.visitor import ROLE
from gatepost.principal import BasicCredential, BearerToken, Credential, SessionCookie
from gatepost.settings.urls import is_loopback

log = logging.getLogger("gatepost.guard")

READ_SECONDS = 10.0
CONNECT_SECONDS = 3.0
CONNECTIONS = httpx2.Limits(max_connections=50, max_keepalive_connections=10)
PAGE = 1_000
Headers = Mapping[str, str]


class Talk:
    """One server, and the service that this application is there (its name and its token)."""

    def __init__(self, server: str, client: tuple[str, str], verify: ssl.SSLContext | None = None) -> None:
        self.url = server.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise ConfigurationError(["server: allowed is an address such as https://gatepost.example"])
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ConfigurationError(["server: tokens go there, and so plain http is for this machine only"])
        self.is_secure = parts.scheme == "https"
        self.own = {"Authorization": _basic(*client)}
        self._verify = verify
        self._made: httpx2.Client | None = None
        self._making = threading.Lock()

    @property
    def _http(self) -> httpx2.Client:
        """Made when it is first needed, and so after a fork."""
        with self._making:
            if self._made is None:
                verify = True if self._verify is None else self._verify
                self._made = httpx2.Client(base_url=self.url, limits=CONNECTIONS, trust_env=False, verify=verify)
            return self._made

    def close(self) -> None:
        """Close the connections; a question after this makes new ones."""
        with self._making:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def introspect(self, token: str) -> Mapping[str, Any]:
        """RFC 7662.  A refusal is about us and not about the token, so it is no answer."""
        return self._object(self._sent("POST", "/oauth2/introspect", self.own, data={"token": token}), ours=True)

    def me(self, shown: Headers) -> Mapping[str, Any]:
        """Who the bearer of a credential is.  Raises `InvalidToken` if it is a bad one."""
        return self._object(self._sent("GET", "/api/v1/me", shown))

    def revocations(self, after: str, wait: float) -> Mapping[str, Any]:
        """What was revoked after a revision, waiting for news.  Raises `Unavailable`."""
        asked = {"wait": str(wait), **({"after": after} if after else {})}
        answer = self._sent("GET", "/api/v1/revocations", self.own, params=asked, read=wait + READ_SECONDS)
        return self._object(answer, ours=True)

    def check(self, shown: Headers, questions: Sequence[Mapping[str, Any]]) -> list[bool | None]:
        """Ask some questions at once.  None for what the model does not know."""
        ours = shown is self.own
        sent = self._sent("POST", "/api/v1/check/batch", shown, json={"checks": list(questions)})
        return [result["allowed"] for result in self._object(sent, ours=ours)["results"]]

    def ids(self, shown: Headers, subject: str, action: str, kind: str) -> list[str]:
        """Every id of a type that a subject may do `action` to, page by page."""
        found: list[str] = []
        token = ""
        kind_of_subject, _, name = subject.partition(":")
        while True:
            question = {
                "subject": {"type": kind_of_subject, "id": name},
                "action": {"name": action},
                "resource": {"type": kind},
                "page": {"limit": PAGE, **({"token": token} if token else {})},
            }
            sent = self._sent("POST", "/access/v1/search/resource", shown, json=question)
            answer = self._object(sent, ours=shown is self.own)
            found += [result["id"] for result in answer["results"]]
            token = answer["page"]["next_token"]
            if not token:
                return found

    def _sent(
        self, method: str, path: str, headers: Headers, *, read: float = READ_SECONDS, **content: Any
    ) -> httpx2.Response:
        timeout = httpx2.Timeout(read, connect=CONNECT_SECONDS)
        try:
            return self._http.request(method, path, headers=dict(headers), timeout=timeout, **content)
        except httpx2.HTTPError as error:
            raise Unavailable("Gatepost cannot be asked now", detail=f"{type(error).__name__}: {error}") from error

    def _object(self, answer: httpx2.Response, *, ours: bool = False) -> Mapping[str, Any]:
        if answer.is_success:
            members: object = _json(answer)
            if isinstance(members, dict):
                return members
        if ours and answer.status_code in (401, 403):
            log.error("Gatepost refuses this application's own client (%s): it takes decision:ask", answer.status_code)
        elif not ours:
            _raise_what_the_caller_did(answer)
        raise Unavailable("Gatepost cannot be asked now", detail=f"{answer.status_code} from {answer.url.path}")


def _raise_what_the_caller_did(answer: httpx2.Response) -> None:
    members = _json(answer)
    said = str(members.get("detail", "")) if isinstance(members, dict) else ""
    code = members.get("code") if isinstance(members, dict) else ""
    match answer.status_code:
        case 401 if code == Unauthenticated.code:
            raise Unauthenticated(said)
        case 401:
            raise InvalidToken(detail="the server refuses it")
        case 403:
            raise Forbidden(said)
        case 422 | 400:
            raise ConfigurationError([f"Gatepost does not know what was asked: {said}"])
        case 429:
            wait = answer.headers.get("Retry-After", "")
            raise Throttled(said, retry_after=int(wait) if wait.isdecimal() else 1)


def _json(answer: httpx2.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _basic(username: str, secret: str) -> str:
    return "Basic " + b64encode(f"{username}:{secret}".encode()).decode("ascii")


def shown_again(credential: Credential, role: str | None, address: str, *, secure: bool) -> Headers:
    """The headers that show a visitor's own credential to the server, and nothing else that they sent."""
    headers = {ROLE.decode(): role} if role is not None else {}
    if address:
        headers["X-Forwarded-For"] = address  # believed where main.trusted_proxies names this application
    match credential:
        case BearerToken(token):
            headers["Authorization"] = f"Bearer {token}"
        case BasicCredential(username, secret):
            headers["Authorization"] = _basic(username, secret)
        case SessionCookie(secret):
            headers["Cookie"] = f"{cookie_name(secure=secure)}={secret}"
    return headers
