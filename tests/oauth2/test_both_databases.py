"""What is decided in the database, asked of both: single use, the counters, the end of what was issued."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.housekeeping import clear_away
from gatepost.tokens import authorization_codes, device_codes
from gatepost.tokens.authorization_codes import Shown
from gatepost.tokens.clients import CLIENT_ID
from gatepost.tokens.grants import Place
from gatepost.tokens.refresh_tokens import TokenPair
from tests.oauth2.conftest import REDIRECT, VERIFIER, Browser, Tool, error_of

HERE = Place(address="203.0.113.7")


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


def test_both_flows_from_the_first_question_to_the_last(person: Browser, tool: Tool, code: str) -> None:
    pair = tool.redeem(code).json()
    begun = tool.begin()
    assert error_of(tool.poll(begun["device_code"])) == "authorization_pending"
    assert error_of(tool.poll(begun["device_code"])) == "slow_down"
    page = person.post("/device", user_code=begun["user_code"])
    person.allow(page, path="/device/answer")
    other = tool.poll(begun["device_code"]).json()

    for each in (pair, other):
        assert tool.me(each["access_token"]).status_code == 200
        assert tool.post("/oauth2/revoke", token=each["refresh_token"], client_id=CLIENT_ID).status_code == 200
        assert tool.me(each["access_token"]).status_code == 401


def test_of_many_who_show_a_code_at_once_one_gets_tokens_and_nobody_keeps_them(
    gate: Gatepost, tool: Tool, code: str
) -> None:
    shown = Shown(client_id=CLIENT_ID, redirect_uri=REDIRECT, code=code, verifier=VERIFIER)

    def redeem(_: int) -> TokenPair | None:
        try:
            return authorization_codes.redeem(gate, shown, HERE)
        except InvalidToken:
            return None

    with ThreadPoolExecutor(6) as pool:
        pairs = [pair for pair in pool.map(redeem, range(6)) if pair is not None]

    assert len(pairs) == 1
    assert tool.me(pairs[0].access_token).status_code == 401


def test_of_many_devices_that_ask_at_once_one_gets_tokens(gate: Gatepost, person: Browser, tool: Tool) -> None:
    begun = tool.begin()
    person.allow(person.post("/device", user_code=begun["user_code"]), path="/device/answer")

    def poll(_: int) -> TokenPair | None:
        try:
            return device_codes.poll(gate, begun["device_code"], CLIENT_ID, HERE)
        except InvalidToken:
            return None

    with ThreadPoolExecutor(6) as pool:
        assert sum(pair is not None for pair in pool.map(poll, range(6))) == 1


def test_housekeeping_clears_both_tables(gate: Gatepost, tool: Tool, code: str) -> None:
    tool.begin()

    clear_away(gate)  # nothing is old yet

    assert tool.redeem(code).status_code == 200
