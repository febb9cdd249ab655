"""THEN: the audit trail over HTTP, its filters and forms, and that no secret is ever in it, in a log or in an answer."""

from __future__ import annotations

import csv
import io
import json
import logging
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from gatepost.gate import Gatepost
from tests.dice import FakeDice
from tests.server.calling import (
    Company,
    api_token,
    basic,
    bearer,
    browser_session,
    make_user,
    ok,
    password_of,
    problem,
    service_token,
    sign_in,
)

MEMBERS = {
    "id",
    "at",
    "revision",
    "event",
    "outcome",
    "subject",
    "actor",
    "issuer",
    "method",
    "credential_id",
    "target",
    "reason",
    "address",
    "count",
    "detail",
}


def read(client: httpx2.Client, company: Company, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = ok(client.get("/api/v1/audit", params=query, headers=company.admin))["items"]
    return items


def test_every_change_is_on_record_newest_first(client: httpx2.Client, company: Company) -> None:
    records = read(client, company)
    assert all(set(record) == MEMBERS for record in records)
    assert [r["id"] for r in records] == sorted((r["id"] for r in records), reverse=True)
    events = [record["event"] for record in records]
    for event in ("user.created", "group.created", "group.member_added", "resource.created", "session.opened"):
        assert event in events
    made = next(record for record in records if record["event"] == "resource.created")
    assert (made["subject"], made["target"], made["outcome"]) == ("user:ann", "collection:sales", "done")
    assert made["revision"]
    assert made["address"] == "203.0.113.7"


def test_filters(client: httpx2.Client, company: Company, dice: FakeDice) -> None:
    before = dice.now()
    dice.advance(timedelta(minutes=1))
    ok(client.post("/api/v1/groups", json={"name": "late"}, headers=company.admin), 201)
    assert {r["event"] for r in read(client, company, event="user.created")} == {"user.created"}
    assert {r["event"].partition(".")[0] for r in read(client, company, event="group.*")} == {"group"}
    assert {r["subject"] for r in read(client, company, subject="user:ann")} == {"user:ann"}
    assert {r["target"] for r in read(client, company, target="collection:sales")} == {"collection:sales"}
    assert [r["target"] for r in read(client, company, since=(before + timedelta(seconds=1)).isoformat())] == [
        "group:late"
    ]
    assert "group:late" not in {r["target"] for r in read(client, company, until=before.isoformat())}
    assert read(client, company, event="100%", subject="user:_nn") == []
    assert read(client, company, event="%*") == [], "a sign of the database's language means itself"
    problem(client.get("/api/v1/groups/late", headers=company.cy), 404)
    problem(client.get("/api/v1/groups/late", headers=company.cy), 404)
    (refused,) = read(client, company, outcome="refused", subject="user:cy")
    assert refused["event"].startswith("refused.")
    assert refused["count"] == 2, "repeated refusals are added up"


def test_a_page_at_a_time(client: httpx2.Client, company: Company) -> None:
    whole = [record["id"] for record in read(client, company)]
    found, cursor = [], ""
    while cursor is not None:
        page = ok(client.get("/api/v1/audit", params={"limit": 4, "cursor": cursor}, headers=company.admin))
        assert len(page["items"]) <= 4
        found += [record["id"] for record in page["items"]]
        cursor = page["next_cursor"]
    assert found == whole


def test_a_call_of_a_service_is_logged_with_who_issued_its_token(
    client: httpx2.Client, company: Company, gate: Gatepost
) -> None:
    """DH-17."""
    service = bearer(service_token(client, company.admin, "etl", "reader"))
    for _ in range(3):
        ok(client.get("/api/v1/resources/collection/sales", headers=service))
    form = {
        "grant_type": "client_credentials",
        "client_id": "etl",
        "client_secret": service["Authorization"].removeprefix("Bearer "),
    }
    access = bearer(ok(client.post("/oauth2/token", data=form))["access_token"])
    ok(client.get("/api/v1/me", headers=access))
    calls = read(client, company, event="service.called", issuer="user:admin")
    assert {(c["subject"], c["issuer"]) for c in calls} == {("service:etl", "user:admin")}
    by_target = {c["target"]: (c["method"], c["count"]) for c in calls}
    assert by_target["GET /api/v1/resources/collection/sales"] == ("service_token", 3)
    assert by_target["GET /api/v1/me"] == ("access_token", 1)
    assert read(client, company, event="service.called", issuer="user:ann") == []


def test_what_was_refused_is_on_record(client: httpx2.Client, company: Company) -> None:
    problem(client.patch("/api/v1/resources/collection/sales", json={"display_name": "x"}, headers=company.cy), 404)
    client.post("/api/v1/auth/login", json={"username": "ann", "password": "wrong-wrong"})
    client.post("/api/v1/auth/login", json={"username": "my-Passw0rd-in-the-wrong-field", "password": "x"})
    refused = read(client, company, outcome="refused")
    assert {r["target"] for r in refused if r["event"] == "sign_in.failed"} == {"user:ann", "user:unknown"}
    assert any(r["target"] == "collection:sales" and r["subject"] == "user:cy" for r in refused)
    assert "my-Passw0rd" not in json.dumps(refused)


def test_as_lines_of_json(client: httpx2.Client, company: Company) -> None:
    answer = client.get("/api/v1/audit?event=user.*", headers={**company.admin, "Accept": "application/jsonl"})
    assert answer.headers["content-type"] == "application/jsonl"
    records = [json.loads(line) for line in answer.text.splitlines()]
    assert records == read(client, company, event="user.*")


def test_as_csv_without_formulas(client: httpx2.Client, company: Company) -> None:
    """A cell that a spreadsheet would compute is a text."""
    evil = ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)"]
    for number, name in enumerate(evil):
        make_user(client, company.admin, f"{name[0]}evil{number}", display_name=name, password=password_of("ann"))
    answer = client.get("/api/v1/audit?event=user.created", headers={**company.admin, "Accept": "text/csv"})
    assert answer.headers["content-type"].partition(";")[0] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert set(rows[0]) == MEMBERS
    assert [row["id"] for row in rows] == [r["id"] for r in read(client, company, event="user.created")]
    cells = [cell for row in rows for cell in row.values()]
    assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r") for cell in cells)


def test_a_formula_is_neutralised_wherever_it_stands() -> None:
    from gatepost.audit.export import _cell

    for text in ("=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"):
        assert _cell(text) == f"'{text}"
    for text in ("user:a=b", "", "x-y"):
        assert _cell(text) == text
    assert _cell({"a": "=1"}) == '{"a": "=1"}'
    assert _cell(None) == ""


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html", "text/csv;q=0, application/json"])
def test_json_unless_another_form_is_asked_for(client: httpx2.Client, company: Company, accept: str) -> None:
    answer = client.get("/api/v1/audit", headers={**company.admin, "Accept": accept})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/jsonl"])
def test_it_takes_audit_view(client: httpx2.Client, company: Company, accept: str) -> None:
    """A refusal is no half a file, whatever form was asked for."""
    problem(client.get("/api/v1/audit", headers={"Accept": accept}), 401)
    problem(client.get("/api/v1/audit", headers={**company.cy, "Accept": accept}), 403)
    reading = bearer(api_token(client, company.admin, scopes=["user:view"]))
    problem(client.get("/api/v1/audit", headers={**reading, "Accept": accept}), 403)


def test_no_secret_is_in_an_answer_a_log_or_the_trail(
    client: httpx2.Client, company: Company, caplog: pytest.LogCaptureFixture, gate: Gatepost
) -> None:
    """Rule 5: shown once, kept as digests, never logged."""
    caplog.set_level(logging.DEBUG)
    pair = sign_in(client, "ann")
    session = browser_session(client, "ann")
    api, service = api_token(client, company.ann), service_token(client, company.admin)
    secrets = {
        "password": password_of("ann"),
        "access": pair["access_token"],
        "refresh": pair["refresh_token"],
        "session": session,
        "API token": api,
        "service token": service,
    }
    tries = [
        client.get("/api/v1/me", headers=bearer(api)),
        client.get("/api/v1/me", headers={"Cookie": f"gp_session={session}"}),
        client.get("/api/v1/me", headers=basic("ben", api)),
        client.get("/api/v1/me", headers=basic("ann", password_of("ann"))),
        client.get("/api/v1/me", headers=bearer(pair["access_token"] + "x")),
        client.get("/api/v1/tokens", headers=company.ann),
        client.get("/api/v1/service-tokens", headers=company.admin),
        client.get("/api/v1/sessions?owner=*", headers=company.admin),
        client.get("/api/v1/users", headers=company.admin),
        client.get("/api/v1/users/ann/rights", headers=company.admin),
        client.get("/", headers={"Cookie": f"gp_session={session}"}),
        client.get("/metrics"),
        client.get("/openapi.json"),
        client.get("/api/v1/audit?limit=500", headers=company.admin),
        client.get("/api/v1/audit", headers={**company.admin, "Accept": "text/csv"}),
    ]
    gate.journal.flush()
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("gatepost"))
    for name, secret in secrets.items():
        for answer in tries:
            assert secret not in answer.text, f"the {name} is in the answer of {answer.request.url}"
            assert secret not in str(answer.headers), f"the {name} is in a header of {answer.request.url}"
        assert secret not in ours, f"the {name} is in the log"
    stored = b"".join(p.read_bytes() for p in _files_of(gate))
    for name, secret in secrets.items():
        assert secret.encode() not in stored, f"the {name} is in the database"


def _files_of(gate: Gatepost) -> list[Any]:
    from gatepost.store.database import sqlite_file

    file = sqlite_file(gate.database.engine)
    assert file is not None
    return [path for path in file.parent.glob(f"{file.name}*") if path.is_file()]
