"""`/healthz`, `/readyz` and `/metrics`: for probes and operators, without a name of anybody."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.memory import Memory
from tests.conftest import OpenGate, settings_for
from tests.server.calling import Company, basic, bearer, ok, problem, service_token
from tests.server.conftest import InProcess

LABELS = {"kind", "method", "status", "le", "provider"}


def test_alive_and_ready(client: httpx2.Client, gate: Gatepost) -> None:
    assert ok(client.get("/healthz")) == {"status": "ok"}
    ready = ok(client.get("/readyz"))
    assert (ready["status"], ready["revision"]) == ("ready", str(gate.memory.revision))
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path, headers={"Host": "10.2.3.4"}).status_code == 200, "a probe calls by address"
        assert client.get(path, headers=bearer("gp_bad")).status_code == 200, "and whatever credential it sends"


def test_before_the_graph_is_loaded_it_is_alive_and_not_ready(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a graph answers nothing: 503 with Retry-After, which is not a no."""
    gate = open_gate(gate_url, follow=False)  # whoever follows the log loads again what is taken away here
    client = in_process(gate)
    monkeypatch.setattr(gate.memory, "_published", None)
    monkeypatch.setattr(gate.memory, "_head", None)
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
    assert answer.json()["reason"]
    for method, path in (("GET", "/api/v1/me"), ("GET", "/api/v1/resources")):
        problem(client.request(method, path), 503, "temporarily_unavailable")
    asked = {"action": "view", "resource": "collection:sales"}
    problem(client.post("/api/v1/check", json=asked), 503, "temporarily_unavailable")
    assert client.get("/metrics").status_code == 200
    assert client.get("/login").status_code < 500 or client.get("/login").status_code == 503


@pytest.fixture
def stale(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> tuple[Gatepost, TestClient]:
    settings = settings_for(gate_url)
    access = replace(settings.access, stale_for=timedelta(minutes=5))
    gate = open_gate(replace(settings, access=access), follow=False)
    return gate, in_process(gate)


def test_without_the_database_it_answers_for_a_while_and_then_refuses(
    stale: tuple[Gatepost, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, client = stale
    memory: Memory = gate.memory
    asked = {"action": "view", "resource": "collection:sales"}
    monkeypatch.setattr(memory, "_fresh_at", memory._fresh_at - 200)
    assert ok(client.post("/api/v1/check", json=asked))["allowed"] is False
    assert ok(client.get("/readyz"))["behind_seconds"] >= 200
    monkeypatch.setattr(memory, "_fresh_at", memory._fresh_at - 200)
    problem(client.post("/api/v1/check", json=asked), 503, "temporarily_unavailable")
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    memory.catch_up()
    ok(client.post("/api/v1/check", json=asked))
    assert client.get("/readyz").status_code == 200


def test_metrics_count_without_naming_anybody(client: httpx2.Client, company: Company) -> None:
    ok(client.get("/api/v1/users/ann", headers=company.admin))
    client.get("/api/v1/me", headers=basic("secret-name", "secret-word"))
    client.get("/secret-page?secret=1")
    client.request("SECRET", "/api/v1/me")
    ok(client.get("/api/v1/me", headers=bearer(service_token(client, company.admin, "secret-service"))))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    for name in ("ann", "secret", "sales", "data-team", "203.0.113"):
        assert name not in text.lower(), name
    labels = set(re.findall(r'[{,](\w+)="', text))
    assert labels <= LABELS
    assert re.search(r'gatepost_requests_total\{kind="api",method="GET",status="200"\} [1-9]', text)
    assert re.search(r'gatepost_requests_total\{kind="api",method="GET",status="401"\} [1-9]', text)
    assert re.search(r'gatepost_request_seconds_count\{kind="api"\} [1-9]', text), "time is taken, too"
    for name in ("gatepost_tuples", "gatepost_revision", "gatepost_behind_seconds", "gatepost_passwords_waiting"):
        assert re.search(rf"^{name} \d", text, re.MULTILINE), name
