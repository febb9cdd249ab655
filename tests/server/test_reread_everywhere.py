"""Groups read again at several providers: one that fails keeps no other from its turn, and each says what happened."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from gatepost.audit.trail import Filter, export_audit
from gatepost.directory.groups import create_group
from gatepost.gate import Gatepost
from tests.conftest import ADMIN, OpenGate
from tests.dice import FakeDice
from tests.server.calling import as_admin, ok, problem
from tests.server.conftest import InProcess
from tests.server.elsewhere import settings_with, sign_in
from tests.server.test_what_a_provider_leaves import GIVEN, SYNC
from tests.sso.provider_in_process import InProcessProvider, Raw, running_provider

PLAIN = {**GIVEN, "claims_map": {}}
ASK = {"query": 'mutation { syncUser(username: "bob") { provider failed groups { removed } } }'}


@pytest.fixture
def providers(dice: FakeDice) -> Iterator[tuple[InProcessProvider, InProcessProvider]]:
    with running_provider() as first, running_provider() as second:
        first.now = second.now = dice.clock
        yield first, second


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, providers: tuple[InProcessProvider, InProcessProvider]) -> Gatepost:
    first, second = providers
    gate = open_gate(settings_with(gate_url, first.settings(**PLAIN), second.settings(**PLAIN, name="second")))
    create_group(gate, ADMIN, "analysts")
    return gate


@pytest.fixture
def admin(gate: Gatepost, in_process: InProcess, providers: tuple[InProcessProvider, InProcessProvider]) -> TestClient:
    """Bob is signed in at both: at the second in the browser that linked it."""
    first, second = providers
    browser = in_process(gate)
    sign_in(browser, first)
    begun = browser.get("/oauth/second/login?link=true", headers={"Sec-Fetch-Site": "same-origin"})
    linked = browser.get("/oauth/second/callback", params=second.answer_to(begun.headers["location"], "bob"))
    assert linked.status_code == 303, linked.text
    sign_in(in_process(gate), first)
    client = in_process(gate)
    client.headers.update(as_admin(client))
    return client


def lose_groups(op: InProcessProvider) -> None:
    bob = op.people["bob"]
    op.people["bob"] = type(bob)(bob.sub, {**bob.claims, "groups": []})


@pytest.mark.parametrize("failing", [0, 1])
def test_one_that_fails_keeps_no_other_from_its_turn(
    admin: TestClient, providers: tuple[InProcessProvider, InProcessProvider], failing: int
) -> None:
    """Somebody who was sent away at the second provider kept its groups, for as long as the first one was down."""
    down, works = providers[failing], providers[1 - failing]
    down.tamper.raw["/token"] = Raw(status=500)
    lose_groups(works)

    said = {each["provider"]: each for each in ok(admin.post(SYNC))["items"]}

    names = ["op", "second"]
    failed, read = said[names[failing]], said[names[1 - failing]]
    assert (names[failing] in failed["failed"], failed["groups"]["removed"]) == (True, [])
    assert (read["failed"], read["groups"]["removed"]) == ("", ["analysts"])
    by_graphql = {each["provider"]: each for each in admin.post("/graphql", json=ASK).json()["data"]["syncUser"]}
    assert by_graphql[names[failing]]["failed"] == failed["failed"]


def test_a_refresh_token_that_one_does_not_take_any_more_ends_what_came_of_it_and_the_other_is_read(
    admin: TestClient, providers: tuple[InProcessProvider, InProcessProvider]
) -> None:
    providers[0].refresh_tokens.clear()
    lose_groups(providers[1])

    said = {each["provider"]: each for each in ok(admin.post(SYNC))["items"]}

    assert "does not take the refresh token" in said["op"]["failed"]
    assert said["second"]["groups"]["removed"] == ["analysts"]


def test_where_all_fail_that_is_the_answer_with_what_each_said(
    admin: TestClient, providers: tuple[InProcessProvider, InProcessProvider]
) -> None:
    for op in providers:
        op.tamper.raw["/token"] = Raw(status=500)

    detail = problem(admin.post(SYNC), 502, "provider_failed")["detail"]

    assert "op: " in detail
    assert "second: " in detail


def test_a_provider_that_echoes_what_it_was_sent_puts_no_secret_on_record(
    admin: TestClient,
    gate: Gatepost,
    providers: tuple[InProcessProvider, InProcessProvider],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The refresh token as its error: it would be in the answer, the trail, the provider's state and the log."""
    caplog.set_level(logging.DEBUG)
    secrets = [token for op in providers for token in op.refresh_tokens]
    for op in providers:
        echo = json.dumps({"error": next(iter(op.refresh_tokens)), "error_description": " ".join(secrets)})
        op.tamper.raw["/token"] = Raw(status=400, pieces=(echo.encode(),))

    answer = admin.post(SYNC)
    gate.journal.flush()

    states = admin.get("/api/v1/providers").text
    trail = repr(list(export_audit(gate, ADMIN, Filter())))
    assert answer.status_code == 502
    assert "of no known form" in trail + states + caplog.text, "the detail was looked at"
    assert [each for each in secrets if each in answer.text + states + trail + caplog.text] == []
