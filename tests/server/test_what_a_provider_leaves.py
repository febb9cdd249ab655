"""After a sign-in elsewhere, over HTTP: the roles of the session, groups read again, and a provider that is taken out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from gatepost.directory.groups import create_group
from gatepost.directory.roles import assign_role, create_role
from gatepost.gate import Gatepost
from gatepost.settings import ClaimRule
from gatepost.tokens.refresh_tokens import TokenPair
from gatepost.tokens.secrets import digest
from gatepost.tokens.sessions import NewSession, read_session
from tests.conftest import ADMIN, ADMIN_PASSWORD, OpenGate, settings_for
from tests.dice import FakeDice
from tests.server.calling import as_admin, bearer, ok, problem
from tests.server.conftest import InProcess, Served
from tests.server.elsewhere import settings_with, sign_in
from tests.sso.provider_in_process import InProcessProvider, Raw, running_provider
from tests.sso.test_session_roles import tool_of

CLAIMS = {"roles": ClaimRule(path="$.roles"), "default_role": ClaimRule(path="$.roles[0]")}
GIVEN: dict[str, Any] = {
    "claims_map": CLAIMS,
    "scopes": ("openid", "groups", "offline_access"),
    "scopes_configured": True,
    "http_timeout": timedelta(seconds=30),  # a busy machine is no provider that fails
}
SYNC = "/api/v1/users/bob/sync"
EDIT = {"action": "edit", "resource": "dataset:d"}


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    gate = open_gate(settings_with(gate_url, op.settings(**GIVEN)))
    create_role(gate, ADMIN, "curator", ["dataset:edit"])
    create_group(gate, ADMIN, "analysts")
    return gate


@pytest.fixture
def browser(gate: Gatepost, in_process: InProcess, op: InProcessProvider) -> TestClient:
    browser = in_process(gate)
    bob = op.people["bob"]
    op.people["bob"] = type(bob)(bob.sub, {**bob.claims, "roles": ["reader", "curator"]})
    sign_in(browser, op)
    return browser


@pytest.fixture
def admin(gate: Gatepost, in_process: InProcess) -> TestClient:
    client = in_process(gate)
    client.headers.update(as_admin(client))
    return client


def pair_of(gate: Gatepost, browser: TestClient) -> TokenPair:
    """Tokens of a command-line tool that this browser let in."""
    record = read_session(gate, digest(browser.cookies["gp_session"]))
    assert record is not None
    return tool_of(gate, NewSession(record, ""))


def may_edit(client: TestClient, **headers: str) -> bool:
    return bool(
        ok(client.post("/api/v1/check", json=EDIT, headers={"Origin": str(client.base_url), **headers}))["allowed"]
    )


def test_me_shows_them_and_the_header_chooses_among_them(browser: TestClient) -> None:
    """HA-X5: absent = the default role; one's own by name; a foreign one is refused."""
    assert ok(browser.get("/api/v1/me"))["roles"] == ["curator", "reader", "user"]
    assert not may_edit(browser)
    assert may_edit(browser, **{"X-Gatepost-Role": "curator"})
    named = {"X-Gatepost-Role": "admin", "Origin": str(browser.base_url)}
    problem(browser.post("/api/v1/check", json=EDIT, headers=named), 403)


def test_a_tools_access_token_is_like_the_browser(gate: Gatepost, browser: TestClient, in_process: InProcess) -> None:
    tool = in_process(gate)
    tool.headers.update(bearer(pair_of(gate, browser).access_token))
    me = ok(tool.get("/api/v1/me"))
    assert (me["roles"], me["provider"]) == (["curator", "reader", "user"], "op")
    assert not may_edit(tool)
    assert may_edit(tool, **{"X-Gatepost-Role": "curator"})


def test_on_pages_all_of_them_count(gate: Gatepost, browser: TestClient) -> None:
    """Nobody can name a role there, so the default one does not shut the others out."""
    create_role(gate, ADMIN, "auditor", ["audit:view"])
    assign_role(gate, ADMIN, "auditor", "user:bob")
    assert browser.get("/audit").status_code == 200
    problem(browser.get("/api/v1/audit"), 403)


def test_rights_say_whose_word_it_is(browser: TestClient, admin: TestClient) -> None:
    for client in (browser, admin):
        rights = ok(client.get("/api/v1/users/bob/rights"))
        assert {(each["role"], each["provider"]) for each in rights["vouched"]} == {("curator", "op"), ("reader", "op")}
        assert all(each["expires_at"] and each["session"] for each in rights["vouched"])


def test_pages_show_them_as_the_providers(browser: TestClient, gate: Gatepost, in_process: InProcess) -> None:
    assert "curator" in browser.get("/").text
    admins = in_process(gate)
    admins.post("/login", data=LOGIN, headers={"Origin": str(admins.base_url)})
    page = admins.get("/users/bob").text
    shown = page[page.index("/roles/curator") :]
    assert "read-only: changed there" in shown[: shown.index("</li>")]


def test_one_reads_what_became_of_ones_own_groups(browser: TestClient, admin: TestClient) -> None:
    mine = {"event": "groups.synchronised", "target": "user:bob"}
    [record] = ok(browser.get("/api/v1/audit", params=mine))["items"]
    assert record["detail"]["why"] == {"analysts": "op lists analysts"}
    for other in ({**mine, "target": "user:admin"}, {**mine, "event": "user.*"}, {"target": "user:bob"}):
        problem(browser.get("/api/v1/audit", params=other), 403)
    assert ok(admin.get("/api/v1/audit", params=mine))["items"] == [record]


# -- reading groups again ----------------------------------------------------------------------------------------------


def test_sync_answers_what_was_done_and_why(browser: TestClient, admin: TestClient, op: InProcessProvider) -> None:
    bob = op.people["bob"]
    op.people["bob"] = type(bob)(bob.sub, {**bob.claims, "groups": ["new"]})

    answer = admin.post(SYNC)

    [done] = ok(answer)["items"]
    assert (done["provider"], done["groups"]["removed"], done["groups"]["left_out"]) == ("op", ["analysts"], ["new"])
    assert done["groups"]["why"] == {"analysts": "op does not list it any more"}
    assert answer.headers["gatepost-revision"]
    assert ok(browser.get("/api/v1/me"))["groups"] == []


def test_sync_says_what_is_in_its_way(
    gate: Gatepost, browser: TestClient, admin: TestClient, op: InProcessProvider
) -> None:
    op.tamper.raw["/token"] = Raw(status=500)
    assert "op" in problem(admin.post(SYNC), 502, "provider_failed")["detail"]
    op.tamper.raw.clear()
    ok(admin.post(SYNC))
    op.refresh_tokens.clear()
    problem(admin.post(SYNC), 409)
    problem(browser.get("/api/v1/me"), 401)
    assert "next sign-in" in problem(admin.post(SYNC), 409)["detail"]
    problem(admin.post("/api/v1/users/nobody/sync"), 404)


def test_who_may_not_sync_is_told_of_nobody_but_themselves(browser: TestClient) -> None:
    ours = {"Origin": str(browser.base_url)}
    problem(browser.post(SYNC, headers=ours), 403)
    for other in ("admin", "nobody"):
        problem(browser.post(f"/api/v1/users/{other}/sync", headers=ours), 404)


def test_a_slow_provider_holds_up_nobody_else(served: Served, op: InProcessProvider) -> None:
    """It is asked on a pool of its own.  The provider answers when the test says so, and not before."""
    asked, answer = threading.Event(), threading.Event()
    running = served(lambda settings: settings_with_provider(settings, op))
    with running.another_client() as bob:
        op.approve = "bob"
        begun = bob.get("/oauth/op/login")
        back = bob.get(bob.get(begun.headers["location"]).headers["location"])
        assert back.status_code == 303, back.text

    def wait(document: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        answer.wait(20)
        return document

    op.tamper.token = wait
    token = bearer(ok(running.client.post("/api/v1/auth/login", json=LOGIN))["access_token"])
    with running.another_client() as slow:
        call = threading.Thread(target=lambda: slow.post(SYNC, headers=token))
        call.start()
        try:
            assert asked.wait(20)
            for _ in range(10):
                ok(running.client.get("/api/v1/users", headers=token))
            assert "gatepost_provider_calls_waiting 1.0" in running.client.get("/metrics").text
        finally:
            answer.set()
            call.join(20)


LOGIN = {"username": "admin", "password": ADMIN_PASSWORD}


def settings_with_provider(settings: Any, op: InProcessProvider) -> Any:
    given = {name: value for name, value in GIVEN.items() if name != "claims_map"}
    return replace(settings, sso=replace(settings.sso, providers=(op.settings(**given),)))


# -- a provider that is taken out --------------------------------------------------------------------------------------


def test_everything_that_rests_on_a_provider_ends_when_it_is_taken_out(
    gate: Gatepost, browser: TestClient, open_gate: OpenGate, gate_url: str, in_process: InProcess
) -> None:
    """(g), infrahq/infra#2260: session, access token and refresh token; what a password opened goes on."""
    pair = pair_of(gate, browser)
    later = open_gate(settings_for(gate_url))
    without_it = in_process(later)
    admins = as_admin(without_it)

    problem(without_it.get("/api/v1/me", headers=bearer(pair.access_token)), 401, "invalid_token")
    problem(without_it.post("/api/v1/auth/refresh", json={"refresh_token": pair.refresh_token}), 401)
    session = {"Cookie": f"gp_session={browser.cookies['gp_session']}"}
    problem(without_it.get("/api/v1/me", headers=session), 401)
    ok(without_it.get("/api/v1/me", headers=admins))
    assert ok(without_it.get("/api/v1/users/bob/rights", headers=admins))["vouched"] == []

    ok(in_process(gate).get("/api/v1/me", headers=bearer(pair.access_token)))  # and nothing was taken away for good
