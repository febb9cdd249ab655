"""`/api/v1/plans`: what it answers to whom, and the revision of what was applied."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.server.calling import Company, Headers, api_token, as_admin, bearer, ok, problem

TEAM: dict[str, Any] = {"desired": {"groups": [{"name": "planned", "members": [{"subject": "user:cy"}]}]}}


def planned(client: httpx2.Client, who: Headers) -> dict[str, Any]:
    plan = ok(client.post("/api/v1/plans", json=TEAM, headers=who))
    return {**TEAM, "revision": plan["revision"], "digest": plan["digest"]}


def test_a_plan_is_applied_once_and_answers_its_revision(client: httpx2.Client, company: Company) -> None:
    admin = as_admin(client)
    wanted = planned(client, admin)

    answer = client.post("/api/v1/plans/apply", json=wanted, headers=admin)

    assert [step["target"] for step in ok(answer)["steps"]] == ["group:planned", "group:planned#member@user:cy"]
    assert answer.headers["gatepost-revision"] == answer.json()["revision"] != wanted["revision"]
    again = problem(client.post("/api/v1/plans/apply", json=wanted, headers=admin), 409)
    assert "changed underneath" in again["detail"]


def test_who_may_not_is_told_so(client: httpx2.Client, company: Company) -> None:
    admin = as_admin(client)
    wanted = planned(client, admin)
    for path, body in (("/api/v1/plans", TEAM), ("/api/v1/plans/apply", wanted)):
        problem(client.post(path, json=body), 401)
        problem(client.post(path, json=body, headers=company.cy), 403)
    narrow = bearer(api_token(client, admin, scopes=["group:view", "group:create", "group:edit"]))
    ok(client.post("/api/v1/plans", json=TEAM, headers=narrow))
    assert "plan:apply" in problem(client.post("/api/v1/plans/apply", json=wanted, headers=narrow), 403)["detail"]
    problem(client.get("/api/v1/groups/planned", headers=admin), 404)


@pytest.mark.parametrize(
    "desired",
    [
        {"grops": []},
        {"users": [{"username": "x", "password": "plover-zinc-93-harbour"}]},
        {"groups": [{"name": "a b"}]},
        {"groups": [{"name": "x", "members": [{"subject": "user:cy", "expires_at": "2030-01-01T00:00:00"}]}]},
        {"grants": [{"resource": "sales", "relation": "viewer", "subject": "user:cy"}]},
        {"model": "model\n  nonsense"},
    ],
)
def test_what_does_not_read_well_is_422(client: httpx2.Client, company: Company, desired: dict[str, Any]) -> None:
    answer = client.post("/api/v1/plans", json={"desired": desired}, headers=as_admin(client))

    assert "plover" not in answer.text
    problem(answer, 422)


def test_a_step_that_cannot_be_done_is_named(client: httpx2.Client, company: Company) -> None:
    admin = as_admin(client)
    place = "group:planned#member@user:leaving"
    body: dict[str, Any] = {"desired": {"groups": [{"name": "planned", "members": [{"subject": "user:leaving"}]}]}}
    told = problem(client.post("/api/v1/plans", json=body, headers=admin), 422)
    assert told["errors"] == {place: "there is no user:leaving"}

    ok(client.post("/api/v1/users", json={"username": "leaving"}, headers=admin), 201)
    plan = ok(client.post("/api/v1/plans", json=body, headers=admin))
    ok(client.delete("/api/v1/users/leaving", headers=admin), 204)
    wanted = {**body, "revision": plan["revision"], "digest": plan["digest"]}
    told = problem(client.post("/api/v1/plans/apply", json=wanted, headers=admin), 422)

    assert told["detail"].startswith(f"create {place}: ")
    assert list(told["errors"]) == [place]
    problem(client.get("/api/v1/groups/planned", headers=admin), 404)
