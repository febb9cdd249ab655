"""Handing out for longer than one holds something: 403, and the answer says until when."""

from __future__ import annotations

from datetime import timedelta

import httpx2

from tests.dice import NOON
from tests.server.calling import Company, ok, problem

T = NOON + timedelta(hours=2)


def test_the_answer_says_until_when(client: httpx2.Client, company: Company) -> None:
    sales = "/api/v1/resources/collection/sales/access"
    for_a_time = {"subject": "user:cy", "relation": "owner", "expires_at": T.isoformat()}
    ok(client.post(sales, json=for_a_time, headers=company.ann), 201)
    to_oneself = {"subject": "user:cy", "relation": "owner"}
    refused = problem(client.post(sales, json=to_oneself, headers=company.cy), 403, "forbidden")
    assert "until 2026-11-22 14:00:00 UTC" in refused["detail"]
    shared = {"subject": "user:ben", "relation": "editor", "expires_at": T.isoformat()}
    ok(client.post(sales, json=shared, headers=company.cy), 201)

    admins = "/api/v1/roles/admin/assignees/user:cy"
    ok(client.put(admins, json={"expires_at": T.isoformat()}, headers=company.admin), 204)
    refused = problem(client.put(admins, headers=company.cy), 403, "forbidden")
    assert "until 2026-11-22 14:00:00 UTC" in refused["detail"]
