"""Tokens and sessions that end: rotation, the race of two tabs (trap 10), theft, signing out (trap 11; IF-X2)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
from starlette.testclient import TestClient

from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.server.calling import (
    Company,
    as_admin,
    bearer,
    browser_session,
    make_user,
    ok,
    password_of,
    problem,
    service_token,
    sign_in,
)
from tests.server.conftest import InProcess, Served

Pair = dict[str, str]


def refresh(client: httpx2.Client, pair: Pair) -> httpx2.Response:
    return client.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})


def test_two_tabs_that_refresh_at_once_get_the_same_successor(served: Served) -> None:
    """Trap 10, over real connections: nobody is signed out, and the family goes on."""
    running = served()
    pair = sign_in(running.client, "admin", "an-admin-of-the-tests")
    with ThreadPoolExecutor(8) as tabs:
        answers = list(tabs.map(lambda _: refresh(running.client, pair), range(8)))
    successors = {ok(answer)["refresh_token"] for answer in answers}
    assert len(successors) == 1
    for answer in answers:
        assert "set-cookie" not in answer.headers
        ok(running.client.get("/api/v1/me", headers=bearer(answer.json()["access_token"])))
    ok(refresh(running.client, {"refresh_token": successors.pop()}))


def test_a_spent_token_after_the_grace_is_theft(client: httpx2.Client, company: Company, dice: FakeDice) -> None:
    pair = sign_in(client, "ann")
    fresh = ok(refresh(client, pair))
    dice.advance(timedelta(seconds=4))
    problem(refresh(client, pair), 401, "invalid_token")
    problem(refresh(client, fresh), 401, "invalid_token")
    for one in (pair, fresh):
        problem(client.get("/api/v1/me", headers=bearer(one["access_token"])), 401, "invalid_token")
    ok(client.get("/api/v1/me", headers=company.ann)), "another sign-in of the same person goes on"
    found = ok(client.get("/api/v1/audit?event=session.ended&outcome=failed", headers=company.admin))["items"]
    assert [record["reason"] for record in found] == ["a spent refresh token came back"]


def test_a_spent_token_whose_successor_was_used_is_theft_at_once(client: httpx2.Client, company: Company) -> None:
    pair = sign_in(client, "ann")
    fresh = ok(refresh(client, pair))
    newest = ok(refresh(client, fresh))
    problem(refresh(client, pair), 401)
    problem(refresh(client, newest), 401)
    problem(client.get("/api/v1/me", headers=bearer(newest["access_token"])), 401)


def test_signing_out_holds_on_every_server(
    client: TestClient, company: Company, open_gate: OpenGate, gate_url: str, in_process: InProcess
) -> None:
    other = in_process(open_gate(gate_url, follow=False))
    newest = {"Gatepost-Consistency": "higher"}
    pair = sign_in(client, "ann")
    mine = bearer(pair["access_token"])
    ok(other.get("/api/v1/me", headers=mine))
    signed_out = client.post("/api/v1/auth/logout", headers=mine)
    assert signed_out.status_code == 204
    problem(client.get("/api/v1/me", headers=mine), 401)
    problem(other.get("/api/v1/me", headers={**mine, **newest}), 401)
    problem(refresh(other, pair), 401)
    problem(client.post("/api/v1/auth/logout", headers=mine), 401)


def test_signing_out_in_the_browser_ends_the_session(client: httpx2.Client, company: Company) -> None:
    session = {"Cookie": f"gp_session={browser_session(client, 'ann')}"}
    origin = {"Origin": str(client.base_url)}
    answer = client.post("/logout", headers={**session, **origin})
    assert answer.status_code == 303
    assert "gp_session=" in answer.headers["set-cookie"]
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    problem(client.get("/api/v1/me", headers=session), 401)
    assert client.post("/logout", headers={**session, **origin}).status_code in (303, 200)


def test_asking_to_sign_out_does_not(client: httpx2.Client, company: Company) -> None:
    """Trap 15: a link or an image must not sign anybody out."""
    session = {"Cookie": f"gp_session={browser_session(client, 'ann')}"}
    assert client.get("/logout", headers=session).status_code == 200
    ok(client.get("/api/v1/me", headers=session))
    problem(client.get("/api/v1/auth/logout", headers=session), 405)
    ok(client.get("/api/v1/me", headers=session))


def test_a_credential_of_no_session_is_not_signed_out(client: httpx2.Client, company: Company) -> None:
    service = bearer(service_token(client, company.admin))
    problem(client.post("/api/v1/auth/logout", headers=service), 409)
    ok(client.get("/api/v1/me", headers=service))


def test_a_new_password_ends_the_other_sessions(client: httpx2.Client, company: Company) -> None:
    browser = {"Cookie": f"gp_session={browser_session(client, 'ann')}"}
    pair = sign_in(client, "ann")
    new = {"password": "a-new-lantern-at-quay-9", "current_password": password_of("ann")}
    ok(client.put("/api/v1/users/ann/password", json=new, headers=company.ann), 204)
    ok(client.get("/api/v1/me", headers=company.ann))
    problem(client.get("/api/v1/me", headers=browser), 401)
    problem(client.get("/api/v1/me", headers=bearer(pair["access_token"])), 401)
    problem(refresh(client, pair), 401)


def test_a_name_that_is_used_again_is_another_person(client: httpx2.Client, company: Company) -> None:
    """Trap 24: neither tokens nor rights of the one who was deleted come back with the name."""
    make_user(client, company.admin, "dan")
    old = bearer(sign_in(client, "dan")["access_token"])
    ok(client.put("/api/v1/roles/admin/assignees/user:dan", headers=company.admin), 204)
    ok(client.delete("/api/v1/users/dan", headers=company.admin), 204)
    make_user(client, company.admin, "dan")
    problem(client.get("/api/v1/me", headers=old), 401)
    fresh = bearer(sign_in(client, "dan")["access_token"])
    assert ok(client.get("/api/v1/me", headers=fresh))["roles"] == ["user"]
    as_admin(client)
