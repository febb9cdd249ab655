"""Configured applications on other origins may call the API with a token of their own; never with our cookie."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from tests.conftest import OpenGate, settings_for
from tests.server.calling import as_admin, browser_session, ok, problem
from tests.server.conftest import InProcess

APP = "https://app.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


@pytest.fixture
def client(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> TestClient:
    settings = settings_for(gate_url)
    return in_process(open_gate(replace(settings, main=replace(settings.main, cors_origins=(APP,)))))


def test_a_configured_origin_may_ask(client: TestClient) -> None:
    allowed = client.options("/api/v1/check", headers={"Origin": APP, **PREFLIGHT})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == APP
    answer = client.get("/api/v1/me", headers={**as_admin(client), "Origin": APP})
    assert ok(answer)["username"] == "admin"
    assert answer.headers["access-control-allow-origin"] == APP
    assert "Gatepost-Revision" in answer.headers["access-control-expose-headers"]
    refused = client.get("/api/v1/users", headers={"Origin": APP})
    problem(refused, 401)
    assert refused.headers["access-control-allow-origin"] == APP, "or the application could not read why"


def test_no_other_origin_may(client: TestClient) -> None:
    for origin in ("https://evil.example", "null", f"{APP}.evil.example", "http://app.example"):
        assert client.options("/api/v1/check", headers={"Origin": origin, **PREFLIGHT}).status_code == 400
        answer = client.get("/api/v1/me", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


def test_nobody_may_with_our_cookie(client: TestClient) -> None:
    session = {"Cookie": f"gp_session={browser_session(client, 'admin', 'an-admin-of-the-tests')}"}
    answer = client.post("/api/v1/groups", json={"name": "g"}, headers={**session, "Origin": APP})
    problem(answer, 403, "forbidden")
    assert "access-control-allow-credentials" not in answer.headers
    preflight = client.options("/api/v1/check", headers={"Origin": APP, **PREFLIGHT})
    assert "access-control-allow-credentials" not in preflight.headers


def test_nothing_is_allowed_unless_it_is_configured(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> None:
    client = in_process(open_gate(gate_url))
    answer = client.get("/api/v1/me", headers={"Origin": APP})
    assert not [name for name in answer.headers if name.startswith("access-control")]
