"""What anybody may do as often as they like leaves a bounded number of rows, however often they do it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.conftest import ADMIN, OpenGate
from tests.dice import FakeDice
from tests.server.calling import bearer, ok
from tests.server.conftest import InProcess
from tests.server.elsewhere import query_of, settings_with
from tests.sso.provider_in_process import InProcessProvider

MANY = 60


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    return open_gate(settings_with(gate_url, op.settings(http_timeout=timedelta(seconds=30))))


def count(gate: Gatepost, name: str, *where: Any) -> int:
    gate.journal.flush(whole=False)
    with gate.database.read() as connection:
        table = tables.metadata.tables[name]
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def come_back_with(browser: TestClient, path: str, **answer: str) -> int:
    state = query_of(browser.get(path).headers["location"])["state"]
    status = browser.get("/oauth/op/callback", params={"state": state, **answer}).status_code
    browser.cookies.clear()
    return status


@pytest.mark.parametrize("answer", [{"code": "made up"}, {"error": "access_denied"}, {}])
@pytest.mark.parametrize("path", ["/oauth/op/login", "/oauth/op/login?try=true"])
def test_sign_ins_that_come_to_nothing_leave_no_handles(
    gate: Gatepost, in_process: InProcess, path: str, answer: dict[str, str]
) -> None:
    browser = in_process(gate)
    statuses = {come_back_with(browser, path, **answer) for _ in range(MANY // 4)}

    assert statuses <= {200, 400, 403, 502}
    assert count(gate, "used_once") == 0


@pytest.mark.parametrize("trial", ["", "?try=true"])
def test_an_attempt_that_the_provider_took_serves_once_all_the_same(
    gate: Gatepost, in_process: InProcess, op: InProcessProvider, trial: str
) -> None:
    browser = in_process(gate)
    begun = browser.get(f"/oauth/op/login{trial}").headers["location"]
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    answer = op.answer_to(begun, "bob")
    browser.cookies.clear()
    assert browser.get("/oauth/op/callback", params=answer, headers=cookies).status_code in (200, 303)

    assert count(gate, "used_once") == 1
    browser.cookies.clear()
    again = browser.get("/oauth/op/callback", params=answer, headers=cookies)
    assert (again.status_code, "finished already" in again.text) == (400, True)
    assert op.requests["/token"] == 1


def test_dry_runs_of_nobody_are_a_few_records_from_wherever_and_for_as_long_as_they_come(
    gate: Gatepost, in_process: InProcess, dice: FakeDice
) -> None:
    """One a second, each from another address, was one row each."""
    tried = tables.audit.c.event == "provider.tried"
    browsers = [in_process(gate, (f"192.0.2.{number}", 5000)) for number in range(3)]
    for number in range(MANY):
        come_back_with(browsers[number % 3], "/oauth/op/login?try=true", code="made up")
        dice.advance(timedelta(seconds=1))
        count(gate, "audit")

    assert count(gate, "audit", tried) == 1
    gate.journal.flush()
    with gate.database.read() as connection:
        assert connection.execute(select(func.sum(tables.audit.c.count)).where(tried)).scalar_one() == MANY


def test_an_application_that_waits_for_revocations_all_day_is_no_row_each_time(
    gate: Gatepost, in_process: InProcess, dice: FakeDice
) -> None:
    wanted = WantedServiceToken(name="shop", role="decider")
    token = issue_service_token(gate, ADMIN, wanted).secret
    client = in_process(gate)
    for _ in range(MANY // 4):
        ok(client.get("/api/v1/revocations?wait=0", headers=bearer(token)))
        dice.advance(timedelta(seconds=30))
        count(gate, "audit")

    called = tables.audit.c.event == "service.called"
    assert count(gate, "audit", called) == 1
    gate.journal.flush()
    with gate.database.read() as connection:
        found = connection.execute(select(tables.audit.c.issuer, tables.audit.c.count).where(called)).all()
    assert {issuer for issuer, _ in found} == {"user:admin"}
    assert sum(number for _, number in found) == MANY // 4
