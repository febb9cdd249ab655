"""Whoever sends a body takes the time they like.  What their credential is worth is judged when all of it is there.

The attack: to begin a request, to be signed out, disabled or deleted, and to end the request a day later.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from starlette.types import Message, Scope

from gatepost.directory.users import NewPassword, UserChange, change_user, delete_user, set_password
from gatepost.gate import Gatepost
from gatepost.server.app import create_app
from gatepost.tokens.api_tokens import WantedToken, issue_api_token, revoke_api_token
from gatepost.tokens.sessions import sign_out
from tests.conftest import ADMIN
from tests.directory.people import GOOD_PASSWORD
from tests.loops import in_a_loop
from tests.server.calling import Headers, basic, bearer
from tests.tokens.signing_in import by_basic, by_bearer, by_cookie, cookie_for, make_user, pair_for

Coming = Callable[[Gatepost], tuple[Headers, Callable[[], object]]]


def with_a_token(gate: Gatepost) -> tuple[Headers, Callable[[], object]]:
    caller = by_basic(gate, "alice", GOOD_PASSWORD)
    issued = issue_api_token(gate, caller, WantedToken(name="mine"))
    return bearer(issued.secret), lambda: revoke_api_token(gate, caller, issued.token.id)


def with_a_session(gate: Gatepost) -> tuple[Headers, Callable[[], object]]:
    pair = pair_for(gate)
    return bearer(pair.access_token), lambda: sign_out(gate, by_bearer(gate, pair.access_token))


def with_a_password(gate: Gatepost) -> tuple[Headers, Callable[[], object]]:
    new = NewPassword(password="new-plover-zinc-11")
    return basic("alice", GOOD_PASSWORD), lambda: set_password(gate, ADMIN, "alice", new)


def and_is_disabled(gate: Gatepost) -> tuple[Headers, Callable[[], object]]:
    return with_a_session(gate)[0], lambda: change_user(gate, ADMIN, "alice", UserChange(disabled=True))


def and_is_somebody_else(gate: Gatepost) -> tuple[Headers, Callable[[], object]]:
    def made_anew() -> None:
        delete_user(gate, ADMIN, "alice")
        make_user(gate, "alice", "new-plover-zinc-11")

    return basic("alice", GOOD_PASSWORD), made_anew


def status_of(gate: Gatepost, path: str, headers: Headers, body: bytes, meanwhile: Callable[[], object]) -> int:
    """Ask as somebody whose body comes only once `meanwhile` was done."""
    statuses: list[int] = []

    async def receive() -> Message:
        meanwhile()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    sent = {"host": "127.0.0.1:8420", "content-type": "application/json", "content-length": str(len(body))} | headers
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("203.0.113.7", 40_000),
        "server": ("127.0.0.1", 8420),
    }
    in_a_loop(create_app(gate), scope, receive, send)
    return statuses[0]


CHECK = ("/api/v1/check", {"action": "user:view", "resource": "platform:main"})
OTHERS = (
    ("/api/v1/explain", {"action": "user:view", "resource": "platform:main"}),
    ("/graphql", {"query": "{ viewer { username } }"}),
    ("/access/v1/evaluation", {"subject": {"type": "user", "id": "alice"}, "action": {"name": "user:view"}}),
    ("/stores/main/check", {"tuple_key": {"user": "user:alice", "relation": "view", "object": "collection:sales"}}),
)


@pytest.mark.parametrize(
    ("coming", "path", "asked"),
    [
        *((coming, *CHECK) for coming in (with_a_token, with_a_password, and_is_disabled, and_is_somebody_else)),
        *((with_a_session, *asked) for asked in (CHECK, *OTHERS)),
    ],
)
def test_a_request_that_ends_later_is_judged_then(
    gate: Gatepost, coming: Coming, path: str, asked: dict[str, object]
) -> None:
    make_user(gate)
    headers, end = coming(gate)

    assert status_of(gate, path, headers, json.dumps(asked).encode(), lambda: None) != 401
    assert status_of(gate, path, headers, json.dumps(asked).encode(), end) == 401


def test_a_form_that_ends_later_is_judged_then(gate: Gatepost) -> None:
    """It asks whether a device waits with a code, which only somebody who is signed in may."""
    make_user(gate)
    session = cookie_for(gate)
    caller = by_cookie(gate, session)
    form = {"cookie": f"gp_session={session.secret}", "origin": gate.settings.main.public_url}
    headers = form | {"content-type": "application/x-www-form-urlencoded"}

    assert status_of(gate, "/device", headers, b"user_code=BBBB-BBBB", lambda: None) == 422
    assert status_of(gate, "/device", headers, b"user_code=BBBB-BBBB", lambda: sign_out(gate, caller)) != 422
