"""`/forward-auth`: 200 with who is calling, 401 with where to sign in, 403; anything else means that nobody may pass.

It is answered in front of the framework, and without I/O once the session is in memory.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.types import Scope

from gatepost import authn
from gatepost.authn.credential import read_credential
from gatepost.authn.narrowing import HEADER, narrow
from gatepost.authn.session import of_session
from gatepost.directory.evaluation import Asked as Question
from gatepost.directory.evaluation import evaluate
from gatepost.directory.profiles import known_profile, read_profile
from gatepost.errors import (
    Forbidden,
    GatepostError,
    InvalidCredentials,
    InvalidRequest,
    InvalidToken,
    NotFound,
    Unauthenticated,
)
from gatepost.gate import Gatepost
from gatepost.principal import Credential, Entity, NoCredential, Principal, SessionCookie
from gatepost.records import Profile
from gatepost.server.forward_auth.applications import Application, Applications, applications
from gatepost.server.forward_auth.asked import Asked, read_asked, way_back
from gatepost.server.forward_auth.identity import NOBODY, IdentityHeaders, Pairs
from gatepost.server.forward_auth.tickets import open_session
from gatepost.server.origin import Headers, all_of, is_trusted, require_same_origin
from gatepost.server.pools import Pools
from gatepost.server.problems import body_of, headers_of
from gatepost.tokens.secrets import digest

Authenticate = Callable[[Credential], Awaitable[Principal]]
SIGN_IN = b"x-gatepost-sign-in"
REDIRECT = b"x-gatepost-redirect"  # the same address, only where a browser would follow it
NOT_SIGNED_IN = (Unauthenticated, InvalidToken, InvalidCredentials)
NO = (Forbidden, NotFound)


class Answer(NamedTuple):
    """One whole answer to a gateway."""

    status: int
    headers: Pairs
    body: bytes = b""


class ForwardAuth:
    """Answers gateways."""

    def __init__(self, gate: Gatepost, pools: Pools) -> None:
        self._gate = gate
        self._pools = pools
        self._headers = IdentityHeaders(gate)
        self.applications: Applications = applications(gate)

    async def answer(
        self, scope: Scope, address: str, authenticate: Authenticate, note: Callable[[Principal], None]
    ) -> Answer:
        """Answer one question of somebody at `address`.  `authenticate` is for all but cookies.

        Raises what is neither a 401 nor a 403: the gateway has to refuse then, and whoever configures it learns why.
        """
        believed = is_trusted((scope.get("client") or ("", 0))[0], self._gate.settings.main.trusted_proxies)
        application = self.applications.at(scope["headers"], believed=believed)
        asked = read_asked(scope)
        try:
            caller = await self._caller(scope["headers"], application, asked, authenticate, address)
            note(caller)
            named = all_of(scope["headers"], HEADER)
            if named or asked.question is not None:
                await self._pools.soon(self._require, named, caller, asked)
            return Answer(200, await self._identity(caller, application))
        except NOT_SIGNED_IN as error:
            return _refused(error, 401, application, asked, *way_back(scope, asked, believed=believed))
        except NO as error:
            return _refused(error, 403, application, asked)

    async def _caller(
        self, headers: Headers, application: Application, asked: Asked, authenticate: Authenticate, address: str
    ) -> Principal:
        try:
            credential = read_credential(headers, cookie=application.cookie)
        except InvalidRequest as error:
            raise InvalidToken(str(error)) from error  # a visitor's fault, so that the gateway can tell the visitor
        if isinstance(credential, SessionCookie):
            if asked.needs_proof:
                require_same_origin(headers, application.origins)
            return await self._of_session(credential, application, address)
        if isinstance(credential, NoCredential) and asked.question is None:
            raise Unauthenticated("this needs a signed-in caller")
        return await authenticate(credential)

    async def _of_session(self, cookie: SessionCookie, application: Application, address: str) -> Principal:
        elsewhere = application.host
        key = open_session(self._gate, elsewhere, cookie.secret) if elsewhere else digest(cookie.secret)
        answer = of_session(self._gate, key, self._gate.now(), address)
        if isinstance(answer, authn.Pending):
            return await self._pools.for_work(answer.pool)(answer.work)
        return answer

    def _require(self, named: list[str], caller: Principal, asked: Asked) -> None:
        """Ask for the permission.  A role that the visitor names narrows that question, and nothing that is passed on."""
        if len(named) > 1:
            raise Forbidden("there is more than one X-Gatepost-Role header")
        if named:
            caller = narrow(self._gate, caller, named[0])
        if asked.question is None:
            return
        resource, action = asked.question
        decision = evaluate(self._gate, caller, Question(action=action, resource=resource))
        if decision.allowed:
            return
        self._gate.refused(caller, action, Entity.parse(resource), decision)
        if caller.is_anonymous:
            raise Unauthenticated("this needs a signed-in caller")
        raise Forbidden("this is not allowed to whoever is signed in", detail=str(decision.reason))

    async def _identity(self, caller: Principal, application: Application) -> Pairs:
        if caller.is_anonymous:
            return NOBODY
        profile: Profile | None = None
        if caller.subject.type == "user":
            profile = known_profile(self._gate, caller.subject.id)
            if profile is None:
                profile = await self._pools.database(read_profile, self._gate, caller.subject.id)
        return await self._pools.soon(self._headers.about, caller, profile, application.audience)


def _refused(
    error: GatepostError,
    status: int,
    application: Application,
    asked: Asked,
    next_: str = "/",
    is_browser: bool = False,
) -> Answer:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers_of(error).items()]
    headers.append((b"content-type", b"application/problem+json"))
    if status == 401:
        url = application.sign_in_url(next_).encode()
        if is_browser and asked.redirect:
            return Answer(302, [(b"location", url), (b"cache-control", b"no-store")])
        headers.append((SIGN_IN, url))
        if is_browser:
            headers.append((REDIRECT, url))
    return Answer(status, headers, json.dumps(body_of(error)).encode())
