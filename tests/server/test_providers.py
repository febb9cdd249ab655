"""What operators see of providers and delegated issuers over HTTP: `/api/v1/providers` and `/metrics`."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.settings import DelegatedIssuer, DelegatedSettings
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.server.calling import as_admin, make_user, ok, problem
from tests.server.calling import bearer as with_token
from tests.server.calling import sign_in as sign_in_here
from tests.server.conftest import InProcess
from tests.server.elsewhere import settings_with, sign_in
from tests.sso.provider_in_process import InProcessProvider, Raw, running_provider

HERE = "http://127.0.0.1:8420"


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    issuer = DelegatedIssuer(name="gateway", issuer=op.issuer, audience=("elsewhere",))
    settings = settings_with(gate_url, op.settings(), op.settings(name="second", front_channel_logout=False))
    return open_gate(replace(settings, delegated=DelegatedSettings(issuers=(issuer,))))


def metric(client: TestClient, name: str, source: str) -> float | None:
    found = re.search(rf'^{name}\{{kind="\w+",provider="{source}"\}} (\S+)$', client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else None


def test_each_provider_and_issuer_is_there_before_anybody_asked_it(client: TestClient, op: InProcessProvider) -> None:
    listed = ok(client.get("/api/v1/providers", headers=as_admin(client)))["items"]

    assert [(it["kind"], it["name"], it["status"]) for it in listed] == [
        ("provider", "op", "unknown"),
        ("provider", "second", "unknown"),
        ("issuer", "gateway", "unknown"),
    ]
    assert op.requests.total() == 0, "nobody is asked for a list"


def test_the_addresses_to_register_are_told(client: TestClient) -> None:
    first, second, gateway = ok(client.get("/api/v1/providers", headers=as_admin(client)))["items"]

    assert first["addresses"] == {
        "redirect_uri": f"{HERE}/oauth/op/callback",
        "post_logout_redirect_uri": f"{HERE}/oauth/op/signed-out",
        "initiate_login_uri": f"{HERE}/oauth/op/login",
        "backchannel_logout_uri": f"{HERE}/oauth/op/logout",
        "frontchannel_logout_uri": f"{HERE}/oauth/op/logout",
    }
    assert "frontchannel_logout_uri" not in second["addresses"]
    assert gateway["addresses"] == {}


def test_a_look_asks_that_one_and_says_what_is_wrong(client: TestClient, op: InProcessProvider) -> None:
    admin = as_admin(client)
    seen = ok(client.post("/api/v1/providers/op/look", headers=admin))
    assert (seen["status"], seen["keys_known"], seen["message"]) == ("up", 1, "")

    op.tamper.raw["/jwks"] = Raw(status=500)
    seen = ok(client.post("/api/v1/providers/gateway/look", headers=admin))
    assert (seen["status"], seen["message"]) == ("down", "gateway: the key set answered 500")
    listed = ok(client.get("/api/v1/providers", headers=admin))["items"]
    assert [it["status"] for it in listed] == ["up", "unknown", "down"]


def test_looking_takes_the_permission_and_a_name_that_is_configured(client: TestClient, op: InProcessProvider) -> None:
    """An attacker would have us call providers, or make a pool of threads for each name they think of."""
    admin = as_admin(client)
    make_user(client, admin, "ann")
    ann = with_token(sign_in_here(client, "ann")["access_token"])

    problem(client.post("/api/v1/providers/op/look"), 401)
    problem(client.post("/api/v1/providers/op/look", headers=ann), 403)
    problem(client.post("/api/v1/providers/nobody/look", headers=ann), 403)
    problem(client.post("/api/v1/providers/nobody/look", headers=admin), 404)
    assert op.requests.total() == 0


def test_metrics_tell_how_each_is_doing(client: TestClient, op: InProcessProvider, dice: FakeDice) -> None:
    assert metric(client, "gatepost_provider_up", "op") is None, "nobody knows yet"
    assert metric(client, "gatepost_provider_failures_total", "gateway") == 0
    sign_in(client, op)
    assert metric(client, "gatepost_provider_up", "op") == 1
    assert metric(client, "gatepost_provider_last_success_timestamp_seconds", "op") == dice.clock()
    assert metric(client, "gatepost_provider_key_fetches_total", "op") == 1

    op.tamper.raw["/.well-known/openid-configuration"] = Raw(status=503)
    client.cookies.clear()
    client.post("/api/v1/providers/gateway/look", headers=as_admin(client))
    assert metric(client, "gatepost_provider_up", "gateway") == 0
    assert metric(client, "gatepost_provider_failures_total", "gateway") == 1
    assert metric(client, "gatepost_provider_up", "second") is None, "one that is down says nothing of another"


def test_nobody_makes_a_series_by_asking(client: TestClient) -> None:
    before = client.get("/metrics").text.count("gatepost_provider_failures_total{")
    for name in ("x", "op%22", "__proto__"):
        client.get(f"/oauth/{name}/login")
        client.post(f"/api/v1/providers/{name}/look", headers=as_admin(client))
    assert client.get("/metrics").text.count("gatepost_provider_failures_total{") == before == 3


def test_a_scrape_asks_nobody(gate: Gatepost, in_process: InProcess, op: InProcessProvider) -> None:
    assert in_process(gate).get("/metrics").status_code == 200
    assert op.requests.total() == 0


def test_the_doctor_asks_each_and_answers_line_by_line(client: TestClient, op: InProcessProvider) -> None:
    op.tamper.raw["/jwks"] = Raw(status=503)
    answer = ok(client.post("/api/v1/doctor", headers=as_admin(client)))

    checks = {check["name"]: check for check in answer["checks"]}
    assert answer["status"] == "fail"
    assert checks["provider: op"] == {"name": "provider: op", "status": "fail", "message": "the key set answered 503"}
    assert checks["issuer: gateway"]["status"] == "fail"
    assert checks["database"]["status"] == checks["signing keys"]["status"] == "ok"


def test_the_doctor_takes_an_administrator(client: TestClient, op: InProcessProvider) -> None:
    problem(client.post("/api/v1/doctor"), 401)
    make_user(client, as_admin(client), "ann")
    ann = with_token(sign_in_here(client, "ann")["access_token"])
    problem(client.post("/api/v1/doctor", headers=ann), 403)
    assert op.requests.total() == 0


def test_a_provider_that_does_not_answer_does_not_hold_up_the_doctor(
    client: TestClient, op: InProcessProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.server.rest.running.LONGEST_LOOK", 0.05)
    answer = threading.Event()
    op.tamper.discovery = lambda document: (answer.wait(5), document)[1]
    try:
        checks = ok(client.post("/api/v1/doctor", headers=as_admin(client)))["checks"]
    finally:
        answer.set()
    assert {check["name"] for check in checks} >= {"database", "signing keys", "provider: op"}
