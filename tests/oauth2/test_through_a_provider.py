"""Signing a command-line tool in through an identity provider: the person goes there and back, and the tool has tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from gatepost.directory.pages import Wanted
from gatepost.gate import Gatepost
from gatepost.records import SessionRecord
from gatepost.sso.provider_logout import end_by_back_channel
from gatepost.sso.states import providers_of
from gatepost.tokens.session_list import list_sessions
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.oauth2.conftest import AsPeer, Browser, Tool, error_of, goes_to, principal, query_of
from tests.sso.provider_in_process import InProcessProvider, running_provider


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = lambda: dice.now().timestamp()
        provider.approve = "bob"
        yield provider


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    settings = settings_for(gate_url)
    provider = op.settings(session_max_age=timedelta(hours=3))
    gate = open_gate(replace(settings, sso=replace(settings.sso, providers=(provider,))))
    op.redirect_uris = {f"{gate.settings.main.public_url}/oauth/op/callback"}
    return gate


@pytest.fixture
def bob(gate: Gatepost, as_peer: AsPeer) -> Browser:
    return Browser(as_peer(gate), gate.settings.main.public_url)


def sign_in_there(bob: Browser, door: httpx2.Response) -> httpx2.Response:
    """From our door to the provider, where he says yes, and back to where he wanted to go."""
    assert goes_to(door) == "/login"
    assert "/oauth/op/login" in bob.get(door.headers["location"]).text
    leaving = bob.client.get("/oauth/op/login", params={"next": query_of(door)["next"]})
    bob.cookies.update(dict(leaving.cookies))
    there = httpx2.get(leaving.headers["location"], trust_env=False)
    back = bob.get(there.headers["location"].removeprefix(bob.origin))
    assert back.status_code == 303, back.text
    return bob.get(back.headers["location"])


def sessions(gate: Gatepost) -> dict[bool, SessionRecord]:
    """Bob's sessions, the browser's under True."""
    return {each.has_cookie: each for each in list_sessions(gate, principal("bob"), Wanted()).items}


@pytest.fixture
def pair(bob: Browser, tool: Tool) -> dict[str, str]:
    page = sign_in_there(bob, bob.get(tool.url()))
    answer: dict[str, str] = tool.redeem(query_of(bob.allow(page))["code"]).json()
    return answer


def test_the_code_flow_goes_through_the_provider(gate: Gatepost, tool: Tool, pair: dict[str, str]) -> None:
    assert tool.me(pair["access_token"]).json()["username"] == "bob"
    assert sessions(gate)[False].provider == "op"


def test_a_device_is_let_in_by_somebody_of_the_provider(bob: Browser, tool: Tool) -> None:
    begun = tool.begin()

    page = sign_in_there(bob, bob.get(f"/device?user_code={begun['user_code']}"))

    assert begun["user_code"] in page.text
    bob.allow(bob.post("/device", user_code=begun["user_code"]), path="/device/answer")
    assert tool.me(tool.poll(begun["device_code"]).json()["access_token"]).json()["username"] == "bob"


def test_it_lasts_no_longer_than_the_providers_word(
    gate: Gatepost, bob: Browser, tool: Tool, pair: dict[str, str], dice: FakeDice
) -> None:
    """Rule 11: a sign-in derived from the browser's does not outlive `session_max_age` either."""
    began = sessions(gate)[True].created_at
    dice.advance(timedelta(hours=2))
    later = tool.redeem(query_of(bob.allow(bob.get(tool.url())))["code"]).json()

    ends = {each.expires_at for each in list_sessions(gate, principal("bob"), Wanted()).items}
    assert ends == {began + timedelta(hours=3)}

    dice.advance(timedelta(hours=1))
    for each in (pair, later):
        refused = tool.token(grant_type="refresh_token", client_id="gatepost-cli", refresh_token=each["refresh_token"])
        assert error_of(refused) == "invalid_grant"


def test_a_sign_out_at_the_provider_ends_the_browsers_sign_in_and_not_the_tools(
    gate: Gatepost, op: InProcessProvider, tool: Tool, pair: dict[str, str]
) -> None:
    """P-2: it names the browser's session there.  One that names the person ends everything that is theirs."""
    provider = providers_of(gate).get("op")
    sub = op.people["bob"].sub

    assert end_by_back_channel(gate, provider, op.logout_token(sub=sub, sid="session-1")) == 1

    assert set(sessions(gate)) == {False}
    assert tool.me(pair["access_token"]).status_code == 200
    assert end_by_back_channel(gate, provider, op.logout_token(sub=sub)) == 1
    assert tool.me(pair["access_token"]).status_code == 401
