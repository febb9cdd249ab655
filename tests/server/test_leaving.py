"""RP-initiated logout: ours ends whatever happens, the provider is asked next, and nothing is claimed that is not known
(AG-9, CO-X6, P-2, P-12, trap 15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.sso.keys import read_unverified
from tests.conftest import ADMIN_PASSWORD, OpenGate
from tests.dice import FakeDice
from tests.server.conftest import InProcess
from tests.server.elsewhere import HERE, OURS, is_signed_in, query_of, settings_with, sign_in
from tests.sso.provider_in_process import PEOPLE, InProcessProvider, Raw, running_provider, without

SIGNED_OUT = "/oauth/op/signed-out"


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    return open_gate(settings_with(gate_url, op.settings()))


@pytest.fixture
def browser(gate: Gatepost, in_process: InProcess) -> TestClient:
    return in_process(gate)


def leave(browser: TestClient) -> str:
    """Sign out, and answer where the browser is sent."""
    answer = browser.post("/logout", headers=OURS)
    assert answer.status_code == 303, answer.text
    assert not is_signed_in(browser)
    return str(answer.headers["location"])


def test_the_browser_goes_to_the_provider_with_hint_address_and_state(
    browser: TestClient, op: InProcessProvider
) -> None:
    sign_in(browser, op)

    target = leave(browser)

    assert target.startswith(f"{op.issuer}/end-session?")
    sent = query_of(target)
    assert sent["post_logout_redirect_uri"] == f"{HERE}{SIGNED_OUT}"
    assert read_unverified(sent["id_token_hint"]).claims["sub"] == PEOPLE["bob"].sub
    assert len(sent["state"]) == 43


def test_the_old_cookie_is_worthless_afterwards(browser: TestClient, op: InProcessProvider) -> None:
    sign_in(browser, op)
    old = browser.cookies["gp_session"]
    leave(browser)

    browser.cookies.set("gp_session", old)

    assert browser.get("/api/v1/me").status_code == 401


def test_coming_back_with_the_state_is_the_end_of_it(browser: TestClient, op: InProcessProvider) -> None:
    sign_in(browser, op)
    state = query_of(leave(browser))["state"]

    answer = browser.get(SIGNED_OUT, params={"state": state})

    assert answer.status_code == 200
    assert "Your session here is over, and Example says that yours there is, too" in answer.text
    assert browser.get(SIGNED_OUT, params={"state": state}).status_code == 400  # it was good for one return


@pytest.mark.parametrize("state", [{"state": "wrong"}, {}, {"state": ""}, {"state": ["a", "b"]}], ids=str)
def test_a_wrong_or_absent_state_is_said_to_be_one(
    browser: TestClient, op: InProcessProvider, state: dict[str, str]
) -> None:
    """P-12: RP-initiated logout with wrong or no state."""
    sign_in(browser, op)
    leave(browser)

    answer = browser.get(SIGNED_OUT, params=state)

    assert answer.status_code == 400
    assert "does not belong to a sign-out that was begun in this browser" in answer.text


def test_the_state_is_of_that_browser_and_that_time(
    browser: TestClient, in_process: InProcess, gate: Gatepost, op: InProcessProvider, dice: FakeDice
) -> None:
    sign_in(browser, op)
    state = query_of(leave(browser))["state"]

    assert in_process(gate).get(SIGNED_OUT, params={"state": state}).status_code == 400
    dice.advance(timedelta(hours=1))
    assert browser.get(SIGNED_OUT, params={"state": state}).status_code == 400


def test_a_sealed_cookie_that_was_changed_is_none(browser: TestClient, op: InProcessProvider) -> None:
    sign_in(browser, op)
    state = query_of(leave(browser))["state"]
    browser.cookies.set("gp_leaving", "junk.junk", domain="127.0.0.1", path="/")

    assert browser.get(SIGNED_OUT, params={"state": state}).status_code == 400


def test_who_was_not_signing_out_is_sent_to_the_door(browser: TestClient) -> None:
    answer = browser.get(SIGNED_OUT)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("trouble", ["down", "no endpoint"])
def test_a_provider_that_fails_keeps_nobody_signed_in(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, op: InProcessProvider, dice: FakeDice, trouble: str
) -> None:
    """Trap 15: our session ends in any case, and the page says what may still be open."""
    gate = open_gate(settings_with(gate_url, op.settings()))
    browser = in_process(gate)
    sign_in(browser, op)
    dice.advance(timedelta(hours=1, minutes=1))  # what is known of the provider has to be asked again
    if trouble == "down":
        op.tamper.raw["/.well-known/openid-configuration"] = Raw(status=500)
        dice.advance(timedelta(hours=10))
        cold = in_process(open_gate(settings_with(gate_url, op.settings())))  # a replica that knows nothing of it
        cold.cookies.update(browser.cookies)
        browser = cold
    else:
        op.tamper.discovery = without("end_session_endpoint")

    target = leave(browser)

    assert target == f"{SIGNED_OUT}?open=true"
    page = browser.get(target)
    assert page.status_code == 200
    assert "Your session at Example may still be open" in page.text


def test_a_provider_that_is_taken_out_takes_its_sessions_along(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, op: InProcessProvider
) -> None:
    """(g), infrahq/infra#2260: nobody is left who could end them."""
    browser = in_process(open_gate(settings_with(gate_url, op.settings())))
    sign_in(browser, op)
    without_it = in_process(open_gate(settings_with(gate_url)))
    without_it.cookies.update(browser.cookies)

    assert without_it.get("/api/v1/me").status_code == 401
    answer = without_it.post("/logout", headers=OURS)
    assert answer.status_code == 303
    assert urlsplit(answer.headers["location"]).netloc == ""


def test_the_next_sign_in_of_that_browser_asks_again(
    browser: TestClient, in_process: InProcess, gate: Gatepost, op: InProcessProvider
) -> None:
    """AG-9: the provider's session may go on, and would sign the same person in without a word."""
    assert "prompt" not in sign_in(browser, op)
    leave(browser)

    assert query_of(browser.get("/oauth/op/login?prompt=none").headers["location"])["prompt"] == "login"
    assert sign_in(browser, op)["prompt"] == "login"
    assert "prompt" not in query_of(browser.get("/oauth/op/login").headers["location"])
    assert "prompt" not in sign_in(in_process(gate), op)


def test_a_session_of_a_password_goes_nowhere_else(browser: TestClient) -> None:
    form = {"username": "admin", "password": ADMIN_PASSWORD}
    assert browser.post("/login", data=form, headers=OURS).status_code == 303
    assert is_signed_in(browser)

    assert leave(browser) == "/login?done=signed-out"
    assert "gp_ask_again" not in browser.cookies


def test_only_our_own_page_signs_anybody_out(browser: TestClient, op: InProcessProvider) -> None:
    """Trap 15: a GET asks, and another site's form does nothing."""
    sign_in(browser, op)

    assert browser.get("/logout").status_code == 200
    assert browser.post("/logout", headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser.post("/logout").status_code == 403
    assert is_signed_in(browser)


def test_the_form_may_end_at_the_provider_and_nowhere_else(browser: TestClient, op: InProcessProvider) -> None:
    """A browser holds a form to `form-action` through every redirect."""
    sign_in(browser, op)

    policy = browser.get("/logout").headers["content-security-policy"]

    assert f"form-action 'self' {op.issuer};" in policy
    assert "frame-ancestors 'none'" in policy


def test_session_max_age_ends_the_session_however_busy_it_is(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, op: InProcessProvider, dice: FakeDice
) -> None:
    """After that the provider is asked again."""
    browser = in_process(open_gate(settings_with(gate_url, op.settings(session_max_age=timedelta(hours=2)))))
    sign_in(browser, op)
    for _ in range(3):
        assert is_signed_in(browser)
        dice.advance(timedelta(minutes=39))
    assert is_signed_in(browser)

    dice.advance(timedelta(minutes=3))

    assert browser.get("/api/v1/me").status_code == 401
