"""Hasura's authentication webhook: whom a request to a GraphQL engine comes from, and as which role.

Hasura passes on what its own caller sent: as headers with GET, as `{"headers": …, "request": …}` with POST.  It reads 200
as session variables and 401 as a refusal, and fails on anything else, so a credential that is bad in any way is 401.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.types import Scope

from gatepost.access import groups_of
from gatepost.authn.credential import read_credential
from gatepost.errors import Forbidden, GatepostError, InvalidCredentials, InvalidRequest, InvalidToken, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Credential, Principal, SessionCookie, Subject
from gatepost.server.cookies import is_secure
from gatepost.server.forward_auth import Answer
from gatepost.server.json_bodies import read_json
from gatepost.server.origin import Headers, all_of, allowed_origins, require_same_origin
from gatepost.server.pools import Pools
from gatepost.server.problems import body_of, headers_of
from gatepost.tokens.hasura import hasura_roles
from gatepost.tokens.identity_tokens import shown_name

ROLE = b"x-hasura-role"
ANONYMOUS = "anonymous"
# Hasura asks once for a WebSocket, and closes it after this time: so long may it outlive a revocation.
MOST_SECONDS = 60
MOST_HEADERS = 200
REFUSED = (Forbidden, InvalidCredentials, InvalidToken, Unauthenticated)


async def answer(
    gate: Gatepost,
    pools: Pools,
    scope: Scope,
    body: bytes,
    authenticate: Callable[[Credential], Awaitable[Principal]],
    note: Callable[[Principal], None],
) -> Answer:
    """Answer Hasura.  Raises only what is Hasura's own fault, or ours."""
    given: Headers = _given(body) if scope["method"] == "POST" else scope["headers"]
    try:
        caller = await authenticate(_credential(gate, given))
        note(caller)
        said = await pools.soon(_variables, gate, caller, all_of(given, ROLE))
    except REFUSED as error:
        return _refused(error)
    text = json.dumps(said | {"Cache-Control": f"max-age={MOST_SECONDS}"}).encode()
    return Answer(200, [(b"content-type", b"application/json")], text)


def _given(body: bytes) -> Headers:
    """The headers that Hasura's caller sent.  Raises `InvalidRequest` for a body that is not Hasura's."""
    sent = read_json(body)
    headers = sent.get("headers") if isinstance(sent, dict) else None
    if not isinstance(headers, dict) or len(headers) > MOST_HEADERS:
        raise InvalidRequest("the body has to be an object with the headers of the request")
    given: list[tuple[bytes, bytes]] = []
    for name, value in headers.items():
        if not isinstance(value, str):
            raise InvalidRequest("a header has to be a text")
        # What is no ASCII is in no credential of ours; here it must only not be taken for something else.
        given.append((name.lower().encode("utf-8", "replace"), value.encode("utf-8", "replace")))
    return given


def _credential(gate: Gatepost, given: Headers) -> Credential:
    """What a caller of Hasura proves itself with.

    A GraphQL request is a POST, so a cookie needs a proof of origin.  Hasura withholds `Origin` from a webhook of GET.
    """
    try:
        credential = read_credential(given, secure=is_secure(gate))
    except InvalidRequest as error:
        raise InvalidToken(str(error)) from error
    if isinstance(credential, SessionCookie):
        require_same_origin(given, allowed_origins(gate))
    return credential


def _variables(gate: Gatepost, caller: Principal, wanted: list[str]) -> dict[str, str]:
    """The session variables, all of them texts.  Nothing that the caller sent is among them but a role of its own."""
    if len(wanted) > 1:
        raise Forbidden("there is more than one x-hasura-role header")
    if caller.is_anonymous:
        if wanted not in ([], [ANONYMOUS]):
            raise Unauthenticated("this role takes a signed-in caller")
        return {"X-Hasura-Role": ANONYMOUS, "X-Hasura-Allowed-Roles": listed((ANONYMOUS,))}
    roles = hasura_roles(
        gate, caller.subject, caller.scope, groups=caller.groups, roles=caller.roles, default=caller.role
    )
    if roles is None:
        raise Forbidden("whoever is calling has no role")
    if wanted and wanted[0] not in roles.allowed:
        raise Forbidden("x-hasura-role names a role that the caller does not have")
    groups = groups_of(Subject.of(caller.subject), gate.memory.graph, caller.groups)
    return {
        "X-Hasura-Role": wanted[0] if wanted else roles.default,
        "X-Hasura-User-Id": shown_name(caller.subject),
        "X-Hasura-Allowed-Roles": listed(roles.allowed),
        "X-Hasura-Groups": listed(tuple(sorted(groups))),
    }


def listed(names: tuple[str, ...]) -> str:
    """A list as PostgreSQL writes an array, which is how Hasura's rules read one."""
    quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in quoted) + "}"


def _refused(error: GatepostError) -> Answer:
    unauthorized = InvalidToken(str(error))
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers_of(unauthorized).items()]
    headers.append((b"content-type", b"application/problem+json"))
    return Answer(401, headers, json.dumps(body_of(unauthorized)).encode())
