"""The outermost layer: what every request goes through before anything is asked of it.

Host → size → address → body → consistency → credential → same origin → principal → role → JSON → the application

The body comes before the caller is judged: whoever sends it takes the time they like, and what their credential was
worth when they began says nothing of the day on which they end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatepost import authn
from gatepost.audit.record import AuditRecord
from gatepost.authn.anonymous import anonymous_principal
from gatepost.authn.credential import read_credential
from gatepost.authn.narrowing import HEADER, narrow, unnarrowed
from gatepost.authn.pending import Pending
from gatepost.errors import GatepostError, InvalidRequest, InvalidToken, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Credential, Principal, SessionCookie
from gatepost.server import hasura, openfga
from gatepost.server.answered import Answered, Hot
from gatepost.server.bodies import Uploads, bounded, replayed, require_small
from gatepost.server.cookies import clear_session, is_secure
from gatepost.server.forward_auth import Answer, ForwardAuth
from gatepost.server.headers import AnswerHeaders
from gatepost.server.json_bodies import is_json, read_json
from gatepost.server.origin import (
    SAFE_METHODS,
    Headers,
    all_of,
    allowed_hosts,
    allowed_origins,
    client_address,
    is_trusted,
    require_our_host,
    require_same_origin,
)
from gatepost.server.paths import Kind, is_posted_elsewhere, kind_for
from gatepost.server.pools import Pools
from gatepost.server.problems import ServerError, oauth_problem, problem
from gatepost.store.revision import Revision

log = logging.getLogger("gatepost.server")

JSON_KINDS = (Kind.API, Kind.AUTHZEN, Kind.OPEN)
JUDGED_KINDS = (Kind.STORES, Kind.API, Kind.AUTHZEN, Kind.PAGE, Kind.SIGN_IN)  # where a credential is read
READ_FIRST = (*JUDGED_KINDS, Kind.OPEN)
MOST_REQUEST_ID = 1_024  # characters of an id that is answered
ASKED_ALL_DAY = frozenset({"GET /api/v1/revocations"})  # one wait after another, by every application that verifies
ALWAYS_ANSWERED = (Kind.HEALTH, Kind.STATIC)
MOST_CHAINS = 1_000  # kept, one for each address that asks
JSON = (b"content-type", b"application/json")
# A yes to a gateway is no page, and goes no further.  Whoever opens it in a browser is told no more than that: not even
# a page elsewhere, which could otherwise try whether somebody is signed in.
BARE_YES = ((b"cache-control", b"no-store"), (b"cross-origin-resource-policy", b"same-origin"))
ErrorPage = Callable[[Request, GatepostError], Response]


@dataclass(slots=True)
class Edge:
    """ASGI middleware around the whole application."""

    app: ASGIApp
    gate: Gatepost
    pools: Pools
    hot: dict[tuple[str, str], Hot]
    error_page: ErrorPage
    observe: Callable[[str, str, int, float], None]
    hosts: frozenset[str] = frozenset()
    chains: dict[str, Sequence[authn.Authenticator]] = field(default_factory=dict)
    origins: frozenset[str] = frozenset()
    forward_auth: ForwardAuth = field(init=False)
    headers: AnswerHeaders = field(init=False)
    uploads: Uploads = field(default_factory=Uploads)

    def __post_init__(self) -> None:
        self.forward_auth = ForwardAuth(self.gate, self.pools)
        self.headers = AnswerHeaders(self.gate)
        self.hosts = allowed_hosts(self.gate)
        self.origins = allowed_origins(self.gate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        kind, begun = kind_for(scope["method"], scope["path"], scope["headers"]), time.perf_counter()
        bare = scope["method"] == "HEAD" and kind in JSON_KINDS
        reply = Reply(send, self.headers, kind, bare=bare)
        if kind is Kind.AUTHZEN:
            reply.request_id = _request_id(scope["headers"])
        try:
            await self._answer({**scope, "method": "GET"} if bare else scope, receive, reply, kind)
        except GatepostError as error:
            await self._fail(scope, receive, reply, kind, error)
        except Exception:
            log.exception("a bug, at %s %s", scope["method"], kind)
            await self._fail(scope, receive, reply, kind, ServerError())
        finally:
            self.observe(kind, scope["method"], reply.status, time.perf_counter() - begun)

    async def _answer(self, scope: Scope, receive: Receive, reply: Reply, kind: Kind) -> None:
        headers: Headers = scope["headers"]
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise InvalidRequest("there is a NUL character in the address")
        if kind is Kind.FORWARD_AUTH:
            await self._for_gateway(scope, reply)
            return
        if kind is Kind.GATEWAY:
            self._find_application(scope)
        elif kind is not Kind.HEALTH:
            require_our_host(headers, self.hosts, self.gate.settings.main.public_url)
        require_small(headers)
        body = await self.uploads.whole(receive) if _is_read_first(scope, kind) else None
        main = self.gate.settings.main
        address = client_address((scope.get("client") or ("", 0))[0], headers, main.trusted_proxies)
        if kind not in ALWAYS_ANSWERED:
            await self._reach(headers)  # before the caller is judged: a revocation may be what is asked for
        if kind is Kind.HASURA and scope["method"] in ("GET", "POST"):
            body = await self.uploads.whole(receive)
            await reply.answer(
                await hasura.answer(self.gate, self.pools, scope, body, *self._ways_in(scope, kind, address))
            )
            return
        caller = await self._caller(scope, kind, address)
        if kind is Kind.AUTHZEN and scope["method"] == "POST" and not is_json(headers):
            raise InvalidRequest("Content-Type has to be application/json")
        hot = self._hot_at(scope, kind)
        if hot is not None:
            await reply.json(await self._asked(hot, caller, body or b""))
            return
        state = scope.setdefault("state", {})
        state.update(gate=self.gate, principal=caller, address=address, pools=self.pools)
        if body and kind in JSON_KINDS and is_json(headers):
            read_json(body)  # so that every route behind sees one meaning of it
        await self.app(scope, bounded(receive) if body is None else replayed(body, receive), reply)

    def _hot_at(self, scope: Scope, kind: Kind) -> Hot | None:
        """What answers here in front of the framework; None if that is the framework's work."""
        if kind is Kind.STORES:
            return openfga.hot_question(scope["path"]) if scope["method"] == "POST" else None
        if kind is Kind.API and scope["query_string"]:
            return None  # none of these takes a parameter: the framework says so
        return self.hot.get((scope["method"], scope["path"]))

    async def _asked(self, hot: Hot, caller: Principal, body: bytes) -> bytes | Answered:
        answer = await self.pools.soon(hot, self.gate, caller, body)
        return await self.pools.database(answer) if callable(answer) else answer

    async def _for_gateway(self, scope: Scope, reply: Reply) -> None:
        """A gateway asks.  Its host is judged there, and its body is none of our business."""
        peer = (scope.get("client") or ("", 0))[0]
        address = client_address(peer, scope["headers"], self.gate.settings.main.trusted_proxies)

        ways_in = self._ways_in(scope, Kind.FORWARD_AUTH, address)
        await reply.answer(await self.forward_auth.answer(scope, address, *ways_in))

    def _ways_in(
        self, scope: Scope, kind: Kind, address: str
    ) -> tuple[Callable[[Credential], Awaitable[Principal]], Callable[[Principal], None]]:
        """What authenticates a credential, and what notes the calls of services: for who reads credentials elsewhere."""

        async def authenticate(credential: Credential) -> Principal:
            return await self._authenticate(credential, kind, address)

        def note(caller: Principal) -> None:
            if caller.subject.type == "service":
                self._note_service_call(caller, scope)

        return authenticate, note

    def _find_application(self, scope: Scope) -> None:
        peer = (scope.get("client") or ("", 0))[0]
        believed = is_trusted(peer, self.gate.settings.main.trusted_proxies)
        application = self.forward_auth.applications.at(scope["headers"], believed=believed)
        scope.setdefault("state", {}).update(application=application)

    async def _caller(self, scope: Scope, kind: Kind, address: str) -> Principal:
        """Who is calling.  On pages only the cookie counts, and a stale one means signed out."""
        headers: Headers = scope["headers"]
        unsafe = scope["method"] not in SAFE_METHODS
        if kind not in JUDGED_KINDS or is_posted_elsewhere(scope["method"], scope["path"]):
            return anonymous_principal(address)
        is_page = kind in (Kind.PAGE, Kind.SIGN_IN)
        if is_page:
            headers = [(name, value) for name, value in headers if name != b"authorization"]
        credential = read_credential(headers, secure=is_secure(self.gate))
        if unsafe and (isinstance(credential, SessionCookie) or kind is Kind.SIGN_IN):
            require_same_origin(scope["headers"], self.origins)
        caller = await self._authenticate(credential, kind, address)
        if is_page:
            caller = unnarrowed(caller)
        if caller.subject.type == "service":
            self._note_service_call(caller, scope)
        if not is_page and (role := all_of(headers, HEADER)):
            if len(role) > 1:
                raise InvalidRequest("there is more than one X-Gatepost-Role header")
            caller = await self.pools.soon(narrow, self.gate, caller, role[0])
        return caller

    async def _authenticate(self, credential: Credential, kind: Kind, address: str) -> Principal:
        try:
            answer = await self.pools.soon(authn.authenticate, credential, self._chain(address), self.gate.now())
            if isinstance(answer, Pending):
                answer = await self.pools.for_work(answer.pool)(answer.work)
        except Unauthenticated:
            if kind not in (Kind.PAGE, Kind.SIGN_IN):
                raise
            return anonymous_principal(address)  # the page itself decides whether it asks for a sign-in
        except InvalidToken:
            if kind is Kind.SIGN_IN and isinstance(credential, SessionCookie):
                return anonymous_principal(address)
            raise
        return answer

    def _chain(self, address: str) -> Sequence[authn.Authenticator]:
        chain = self.chains.get(address)
        if chain is None:
            if len(self.chains) >= MOST_CHAINS:
                self.chains.clear()
            chain = self.chains[address] = authn.chain(self.gate, address)
        return chain

    def _note_service_call(self, caller: Principal, scope: Scope) -> None:
        """DH-17: each call made with a service token is on record, with who issued that token."""
        called = f"{scope['method']} {scope['path']}"[:300]
        record = AuditRecord.of(caller, "service.called", called, at=self.gate.now())
        if called in ASKED_ALL_DAY:
            self.gate.journal.note_now_and_then(record, place=caller.address)
        else:
            self.gate.journal.note(record)

    async def _reach(self, headers: Headers) -> None:
        """Catch up first, if the request asks for it."""
        for name, _ in headers:
            if name.startswith(b"gatepost-"):
                break
        else:
            return
        wanted = all_of(headers, b"gatepost-at-least")
        consistency = all_of(headers, b"gatepost-consistency")
        if len(wanted) > 1 or len(consistency) > 1:
            raise InvalidRequest("Gatepost-At-Least and Gatepost-Consistency are sent once each")
        if wanted:
            try:
                revision = Revision.parse(wanted[0])
            except ValueError as error:
                raise InvalidRequest(f"Gatepost-At-Least: {error}") from error
            if not self.gate.has_reached(revision):
                await self.pools.database(self.gate.reach, revision)
        if consistency:
            if consistency[0] not in ("higher", "minimize_latency"):
                raise InvalidRequest("Gatepost-Consistency: allowed is higher")
            if consistency[0] == "higher":
                await self.pools.database(self.gate.memory.catch_up)

    async def _fail(self, scope: Scope, receive: Receive, reply: Reply, kind: Kind, error: GatepostError) -> None:
        if reply.is_whole:
            return  # the framework has answered a bug already, and raises it again for the log
        if reply.status:
            raise error  # half an answer is out: the connection has to break
        if kind in (Kind.PAGE, Kind.SIGN_IN):
            scope.setdefault("state", {}).update(gate=self.gate, pools=self.pools)
            scope["state"].setdefault("principal", anonymous_principal(""))
            scope["state"].setdefault("address", "")
            response = self.error_page(Request(scope), error)
            if isinstance(error, InvalidToken):
                clear_session(response, self.gate)
        elif kind is Kind.OAUTH2:
            response = oauth_problem(error)
        elif kind is Kind.STORES:
            response = openfga.store_problem(error)
        else:
            response = problem(error)
        await response(scope, receive, reply)


class Reply:
    """Sends an answer, with the headers that every answer of its kind has.

    A `bare` one answers HEAD: the headers of the GET, and no body (RFC 9110 section 9.3.2).
    """

    def __init__(self, send: Send, headers: AnswerHeaders, kind: Kind, *, bare: bool = False) -> None:
        self._send = send
        self._headers = headers
        self._kind = kind
        self._bare = bare
        self.status = 0
        self.is_whole = False
        self.request_id: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            sent: list[tuple[bytes, bytes]] = list(message.get("headers", []))
            present = {name.lower() for name, _ in sent}
            extra = [*self._headers.of(self._kind), *self.request_id]
            message = {**message, "headers": sent + [pair for pair in extra if pair[0] not in present]}
        if self._bare and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.is_whole = True

    async def json(self, answer: bytes | Answered) -> None:
        """Send a whole answer, whose headers are none of those that every answer has: nothing is merged."""
        self.status = 200
        body, own = (answer, ()) if isinstance(answer, bytes) else answer
        length = (b"content-length", str(len(body)).encode())
        headers = [length, JSON, *own, *self._headers.of(self._kind), *self.request_id]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"" if self._bare else body})
        self.is_whole = True

    async def answer(self, answer: Answer) -> None:
        """Send a whole answer to a gateway."""
        self.status = answer.status
        more: Sequence[tuple[bytes, bytes]] = BARE_YES
        if answer.status != 200 or answer.body:
            present = {name for name, _ in answer.headers}
            more = [pair for pair in self._headers.of(self._kind) if pair[0] not in present]
        headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body)), *more]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": answer.body})
        self.is_whole = True


def _request_id(headers: Headers) -> list[tuple[bytes, bytes]]:
    """AuthZEN 1.0 section 10.1.4: the answer carries the id that the request came with."""
    sent = [value for name, value in headers if name == b"x-request-id"]
    return [(b"x-request-id", sent[0])] if sent and len(sent[0]) <= MOST_REQUEST_ID else []


def _is_read_first(scope: Scope, kind: Kind) -> bool:
    """Tell whether a request has a body that is read before somebody is judged by it."""
    method = scope["method"]
    return kind in READ_FIRST and method not in SAFE_METHODS and not is_posted_elsewhere(method, scope["path"])
