"""`password_sign_in = false`: a password opens nothing, wherever it is sent, but for admins at one door (#10, #11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.audit.record import AuditRecord
from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.directory.roles import assign_role, create_role, unassign_role
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.settings import ClaimRule
from gatepost.tokens.introspection import introspect
from tests.conftest import ADMIN, ADMIN_PASSWORD, OpenGate, settings_for
from tests.directory.people import GOOD_PASSWORD, person
from tests.server.calling import basic, bearer, ok, problem
from tests.sso.corp import CORP, come, said
from tests.sso.test_session_roles import tool_of
from tests.tokens.signing_in import by_cookie, cookie_for, make_user, pair_for

ORIGIN = {"Origin": "http://127.0.0.1:8420"}


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    base = settings_for(gate_url)
    gate = open_gate(
        replace(base, main=replace(base.main, password_sign_in=False), sso=replace(base.sso, providers=(CORP,)))
    )
    make_user(gate, "alice")
    return gate


def records(gate: Gatepost, event: str) -> list[AuditRecord]:
    return read_audit(gate, ADMIN, Wanted(), Filter(event=event)).items


def login(client: TestClient, name: str, password: str) -> httpx2.Response:
    return client.post("/api/v1/auth/login", json={"username": name, "password": password})


def form(path: str) -> Callable[[TestClient, str, str], httpx2.Response]:
    return lambda client, name, password: client.post(
        path, data={"username": name, "password": password, "next": "/"}, headers=ORIGIN
    )


def by_basic(client: TestClient, name: str, password: str) -> httpx2.Response:
    return client.get("/api/v1/me", headers=basic(name, password))


def at_the_token_endpoint(client: TestClient, name: str, password: str) -> httpx2.Response:
    return client.post(
        "/oauth2/token",
        data={"grant_type": "password", "client_id": "gatepost-cli", "username": name, "password": password},
    )


@pytest.mark.parametrize("send", [login, form("/login"), by_basic, at_the_token_endpoint])
@pytest.mark.parametrize("who", [("alice", GOOD_PASSWORD), ("admin", ADMIN_PASSWORD)], ids=["alice", "admin"])
def test_a_right_password_opens_nothing(client: TestClient, send: Any, who: tuple[str, str]) -> None:
    answer = send(client, *who)
    assert answer.status_code in (400, 401), answer.text
    assert "gp_session" not in answer.headers.get("set-cookie", "")
    assert "access_token" not in answer.text


def test_the_local_door_is_for_admins_and_says_so_in_the_trail(gate: Gatepost, client: TestClient) -> None:
    """The break-glass door, audited: whoever comes in by it, and whoever tries."""
    door = form("/login/local")
    assert door(client, "alice", GOOD_PASSWORD).status_code == 401
    assert door(client, "admin", ADMIN_PASSWORD).status_code == 303

    assert [(r.target, r.reason) for r in records(gate, "sign_in.failed")] == [("user:alice", "passwords are off")]
    [opened] = [r for r in records(gate, "session.opened") if r.subject == "user:admin"]
    assert opened.detail == {"local_door": True}


def test_a_role_that_a_provider_vouches_for_does_not_open_the_local_door(gate: Gatepost, client: TestClient) -> None:
    """It is another session's, and ends with that."""
    settings = replace(CORP, claims_map={"roles": ClaimRule("$.roles")}, admin_roles=("root",))
    session = come(gate, said(claims={"roles": ["root"]}), settings, linking=person("alice"))
    assert by_cookie(gate, session).roles == {"admin"}
    assert form("/login/local")(client, "alice", GOOD_PASSWORD).status_code == 401


def test_nobody_tries_passwords_where_they_are_changed(gate: Gatepost, client: TestClient) -> None:
    """One's own password: right or wrong, the answer is the same; but admins look after the local door's."""
    session = come(gate, said(), CORP, linking=person("alice"))
    path, new = "/api/v1/users/{}/password", "another-harbour-93-zinc"
    hers = {"Cookie": f"gp_session={session.secret}", **ORIGIN}

    answers = [
        problem(client.put(path.format("alice"), json={"current_password": tried, "password": new}, headers=hers), 409)
        for tried in (GOOD_PASSWORD, "wrong")
    ]

    assert answers[0] == answers[1]
    gate.journal.flush()
    [refused] = records(gate, "user.password_set")
    assert (str(refused.outcome), refused.target, refused.count) == ("refused", "user:alice", 2)
    client.cookies.clear()
    form("/login/local")(client, "admin", ADMIN_PASSWORD)
    changed = {"current_password": ADMIN_PASSWORD, "password": new}
    ok(client.put(path.format("admin"), json=changed, headers=ORIGIN), 204)


def test_what_came_of_a_password_before_counts_no_longer_but_for_admins(
    gate: Gatepost, client: TestClient, open_gate: OpenGate, gate_url: str
) -> None:
    """A password that was stolen is good for nothing from the moment that passwords are off: its sessions go on for days,
    and a session is all it takes to let in a tool of one's own.
    """
    before = open_gate(settings_for(gate_url))
    browser, hers, his = cookie_for(before), pair_for(before), pair_for(before, "admin", ADMIN_PASSWORD)
    tool = tool_of(before, browser)

    for sent in ({"Cookie": f"gp_session={browser.secret}"}, bearer(hers.access_token), bearer(tool.access_token)):
        problem(client.get("/api/v1/me", headers=sent), 401, "invalid_token")
    for spent in (hers, tool):
        problem(client.post("/api/v1/auth/refresh", json={"refresh_token": spent.refresh_token}), 401)
        assert introspect(gate, ADMIN, spent.access_token) == {"active": False}
        assert introspect(before, ADMIN, spent.access_token)["active"] is True
    with pytest.raises(InvalidToken):
        tool_of(gate, browser)
    assert client.get("/collections", headers={"Cookie": f"gp_session={browser.secret}"}).status_code == 303

    assert ok(client.get("/api/v1/me", headers=bearer(his.access_token)))["username"] == "admin"
    ok(client.post("/api/v1/auth/refresh", json={"refresh_token": his.refresh_token}))
    remove_assignee_of_admin(gate, client, his.access_token)
    # Nothing was ended: with passwords on again they count.
    assert by_cookie(before, browser).subject.id == "alice"


def remove_assignee_of_admin(gate: Gatepost, client: TestClient, token: str) -> None:
    """Whoever is no admin any more has no way in either, at once."""
    make_user(gate, "second")
    assign_role(gate, ADMIN, "admin", "user:second")
    unassign_role(gate, ADMIN, "admin", "user:admin")
    problem(client.get("/api/v1/me", headers=bearer(token)), 401, "invalid_token")


def test_a_provider_that_is_down_leaves_the_local_door(gate: Gatepost, client: TestClient) -> None:
    """IF-10: nobody listens at corp.example, and an admin gets in."""
    create_role(gate, ADMIN, "operator", ["audit:view"])
    assign_role(gate, ADMIN, "operator", "user:alice")
    assert client.get("/oauth/corp/login", headers=ORIGIN).status_code == 502
    assert form("/login/local")(client, "alice", GOOD_PASSWORD).status_code == 401  # audit:view is not everything
    assert form("/login/local")(client, "admin", ADMIN_PASSWORD).status_code == 303
