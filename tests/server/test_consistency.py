"""Reading one's writes on another server: `Gatepost-At-Least` and `Gatepost-Consistency`, with two on one database."""

from __future__ import annotations

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from tests.conftest import OpenGate
from tests.server.calling import Company, Headers, header, ok, problem, sign_in
from tests.server.conftest import InProcess

SALES = "/api/v1/resources/collection/sales"
NEWEST = {"Gatepost-Consistency": "higher"}


@pytest.fixture
def lagging(company: Company, open_gate: OpenGate, gate_url: str, in_process: InProcess) -> TestClient:
    """A second server on the same database, which hears of changes only when it has to."""
    return in_process(open_gate(gate_url, follow=False))


def share_with_cy(client: httpx2.Client, company: Company) -> str:
    body = {"subject": "user:cy", "relation": "viewer"}
    answer = client.post(f"{SALES}/access", json=body, headers=company.ann)
    assert answer.status_code == 201
    return str(answer.headers["gatepost-revision"])


def test_at_least_makes_the_other_server_catch_up(client: TestClient, company: Company, lagging: httpx2.Client) -> None:
    revision = share_with_cy(client, company)
    problem(lagging.get(SALES, headers=company.cy), 404)
    answer = lagging.get(SALES, headers={**company.cy, "Gatepost-At-Least": revision})
    assert ok(answer)["id"] == "sales"
    assert answer.headers["gatepost-revision"] == revision
    ok(lagging.get(SALES, headers=company.cy))


def test_so_does_higher_consistency(client: TestClient, company: Company, lagging: httpx2.Client) -> None:
    revision = share_with_cy(client, company)
    asked = {"action": "view", "resource": "collection:sales"}
    assert ok(lagging.post("/api/v1/check", json=asked, headers=company.cy))["allowed"] is False
    answer = lagging.post("/api/v1/check", json=asked, headers={**company.cy, **NEWEST})
    assert ok(answer) == {"allowed": True, "revision": revision}


def test_a_revocation_is_seen_before_the_caller_is_judged(
    client: TestClient, company: Company, lagging: httpx2.Client
) -> None:
    """Who is calling is part of what a request asks to be up to date on."""
    ok(lagging.get("/api/v1/me", headers=company.ann))
    ok(client.patch("/api/v1/users/ann", json={"disabled": True}, headers=company.admin))
    ok(lagging.get("/api/v1/me", headers=company.ann))
    problem(lagging.get("/api/v1/me", headers={**company.ann, **NEWEST}), 401, "invalid_token")


def test_a_new_role_can_be_chosen_at_once(client: TestClient, company: Company, lagging: httpx2.Client) -> None:
    put = client.put("/api/v1/roles/reader/assignees/user:cy", headers=company.admin)
    chosen: Headers = {**company.cy, "X-Gatepost-Role": "reader"}
    problem(lagging.get(SALES, headers=chosen), 403)
    ok(lagging.get(SALES, headers={**chosen, "Gatepost-At-Least": put.headers["gatepost-revision"]}))


def test_a_session_made_there_is_known_here(client: TestClient, company: Company, lagging: httpx2.Client) -> None:
    pair = sign_in(client, "ann")
    assert ok(lagging.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}))


@pytest.mark.parametrize("value", ["", "7", "abc", "xyz.1", "1.-1", "1.1.1", "1." + "9" * 400, "1.2 ", "ab.²"])
def test_a_revision_that_is_none_is_refused(client: httpx2.Client, company: Company, value: str) -> None:
    headers = [header(*pair) for pair in company.ann.items()] + [header("Gatepost-At-Least", value)]
    body = problem(client.get("/api/v1/me", headers=headers), 400, "invalid_request")
    assert "Gatepost-At-Least" in body["detail"]


def test_a_revision_that_was_never_given_is_409(client: httpx2.Client, gate: Gatepost, company: Company) -> None:
    ahead = f"{gate.memory.revision.epoch}.{gate.memory.revision.number + 1}"
    problem(client.get("/api/v1/me", headers={**company.ann, "Gatepost-At-Least": ahead}), 409, "conflict")


def test_a_revision_of_another_epoch_is_answered_from_the_newest_state(client: httpx2.Client, company: Company) -> None:
    ok(client.get("/api/v1/me", headers={**company.ann, "Gatepost-At-Least": "abc.999999"}))


def test_an_unknown_consistency_is_refused(client: httpx2.Client, company: Company) -> None:
    answer = client.get("/api/v1/me", headers={**company.ann, "Gatepost-Consistency": "whatever"})
    assert "Gatepost-Consistency" in problem(answer, 400)["detail"]
    twice = [*company.ann.items(), ("Gatepost-Consistency", "higher"), ("Gatepost-Consistency", "higher")]
    problem(client.get("/api/v1/me", headers=twice), 400)


def test_health_answers_whatever_else_is_asked(client: httpx2.Client) -> None:
    assert client.get("/healthz", headers={"Gatepost-At-Least": "abc.1", "Host": "elsewhere"}).status_code == 200
