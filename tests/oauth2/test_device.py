"""Device authorization (RFC 8628), and what attackers try on it: phishing, guessing, polling, flooding."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import select

from gatepost.directory.pages import Wanted
from gatepost.directory.users import UserChange, change_user
from gatepost.gate import Gatepost
from gatepost.housekeeping import clear_away
from gatepost.store import tables
from gatepost.tokens.device_codes import MOST_WAITING
from gatepost.tokens.secrets import USER_CODE_LETTERS, new_user_code
from gatepost.tokens.session_list import list_sessions
from gatepost.tokens.throttle import network_of
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.oauth2.conftest import (
    ELSEWHERE,
    AsPeer,
    Browser,
    Tool,
    claims_of,
    error_of,
    goes_to,
    hidden,
    principal,
    query_of,
)


def look(person: Browser, user_code: str) -> httpx2.Response:
    return person.post("/device", user_code=user_code)


def answer(person: Browser, user_code: str, decision: str = "allow") -> httpx2.Response:
    return person.allow(look(person, user_code), decision, "/device/answer")


def state_of(gate: Gatepost) -> list[str]:
    with gate.database.read() as connection:
        return list(connection.execute(select(tables.device_codes.c.state)).scalars())


def test_a_device_waits_a_person_says_yes_and_it_has_tokens(
    gate: Gatepost, browser_of: Callable[..., Browser], tool: Tool, dice: FakeDice
) -> None:
    begun = tool.begin()
    assert set(begun) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert begun["verification_uri"] == f"{gate.settings.main.public_url}/device"
    assert begun["verification_uri_complete"] == f"{begun['verification_uri']}?user_code={begun['user_code']}"
    assert (begun["expires_in"], begun["interval"]) == (600, 5)
    assert error_of(tool.poll(begun["device_code"])) == "authorization_pending"
    browser = browser_of()
    door = browser.get("/device")
    assert goes_to(door) == "/login"
    done = browser.post("/login", username="ann", password="quay-seven-lantern", next=query_of(door)["next"])
    assert "Code" in browser.get(done.headers["location"]).text

    assert "may sign in" in answer(browser, begun["user_code"]).text

    pair = tool.poll(begun["device_code"]).json()
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert tool.me(pair["access_token"]).json()["username"] == "ann"
    assert claims_of(pair["access_token"])["client_id"] == "gatepost-cli"
    browser.post("/logout")
    assert tool.me(pair["access_token"]).status_code == 200


@pytest.mark.parametrize("write", [str.lower, lambda c: c.replace("-", ""), lambda c: f" {c.replace('-', ' ')} "])
def test_a_code_is_typed_as_people_type(write: Callable[[str], str], person: Browser, tool: Tool) -> None:
    begun = tool.begin()

    answer(person, write(begun["user_code"]))

    assert tool.poll(begun["device_code"]).status_code == 200


@pytest.mark.parametrize("typed", ["BBBB-BBBB", "1"])
def test_what_is_wrong_with_a_code_is_said_once_where_it_was_typed(typed: str, person: Browser) -> None:
    page = look(person, typed).text

    (said,) = re.findall(r'<span class="error" id="device-user_code-error">.*?</svg> *(.*?)</span>', page, re.DOTALL)
    assert page.lower().count(said.strip().lower()) == 1
    assert 'aria-invalid="true"' in page
    assert page.count("data-focus") == 1


def test_a_user_code_is_easy_to_type_and_spells_nothing(dice: FakeDice) -> None:
    codes = {new_user_code(dice) for _ in range(500)}

    assert len(codes) == 500
    assert all(len(code) == 8 for code in codes)
    assert set("".join(codes)) == set(USER_CODE_LETTERS)
    assert not set(USER_CODE_LETTERS) & set("AEIOUY01OI5")


# --- phishing --------------------------------------------------------------------------------------------------------


def test_a_link_with_the_code_in_it_approves_nothing(gate: Gatepost, person: Browser, tool: Tool) -> None:
    """Section 5.4: the link fills the field.  The person still reads the warning, and has to say yes twice."""
    begun = tool.begin()
    page = person.get(begun["verification_uri_complete"].removeprefix(gate.settings.main.public_url))

    assert begun["user_code"] in page.text
    assert 'name="request"' not in page.text
    assert state_of(gate) == ["pending"]

    look(person, begun["user_code"])

    assert state_of(gate) == ["pending"]


def test_the_person_sees_what_asks_and_from_where_and_is_warned(
    gate: Gatepost, person: Browser, as_peer: AsPeer
) -> None:
    attacker = Tool(as_peer(gate, ("198.51.100.66", 1)))
    begun = attacker.begin(scope="dataset:view", resource=ELSEWHERE)

    page = look(person, begun["user_code"]).text

    for text in (
        "198.51.100.66",
        "not",
        "gatepost-cli",
        "dataset:view",
        ELSEWHERE,
        begun["user_code"],
        "it is a trick",
    ):
        assert text in page


def test_what_a_device_says_of_itself_is_escaped(person: Browser, tool: Tool) -> None:
    tool.client.headers["user-agent"] = "<script>alert(1)</script>"

    assert "<script>alert" not in look(person, tool.begin()["user_code"]).text


@pytest.mark.parametrize("path", ["/device", "/device/answer"])
def test_no_other_site_types_a_code_or_approves_one(path: str, gate: Gatepost, person: Browser, tool: Tool) -> None:
    begun = tool.begin()
    sealed = hidden(look(person, begun["user_code"]).text, "request")

    data = {"user_code": begun["user_code"], "request": sealed, "decision": "allow"}
    refused = person.post(path, origin="https://evil.example", **data)

    assert refused.status_code == 403
    assert state_of(gate) == ["pending"]


def test_the_pages_cannot_be_framed(person: Browser, tool: Tool) -> None:
    for page in (person.get("/device"), look(person, tool.begin()["user_code"])):
        assert page.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_no_get_approves(gate: Gatepost, person: Browser, tool: Tool) -> None:
    sealed = hidden(look(person, tool.begin()["user_code"]).text, "request")

    assert person.get(f"/device/answer?decision=allow&request={sealed}").status_code == 405
    assert state_of(gate) == ["pending"]


def test_what_one_was_shown_another_cannot_approve(
    gate: Gatepost, person: Browser, browser_of: Callable[..., Browser], tool: Tool, dice: FakeDice
) -> None:
    page = look(person, tool.begin()["user_code"])

    assert browser_of("ben").allow(page, path="/device/answer").status_code == 400
    assert goes_to(browser_of().allow(page, path="/device/answer")) == "/login"
    assert person.allow(page, "maybe", "/device/answer").status_code == 400
    for wrong in ("", "x", hidden(page.text, "request")[:-3]):
        assert person.post("/device/answer", request=wrong, decision="allow").status_code == 400
    dice.advance(timedelta(minutes=11))
    assert person.allow(page, path="/device/answer").status_code in (400, 404)
    assert state_of(gate) == ["pending"]


def test_a_consent_page_of_the_other_flow_approves_no_device(gate: Gatepost, person: Browser, tool: Tool) -> None:
    tool.begin()
    page = person.get(tool.url())

    assert person.allow(page, path="/device/answer").status_code == 400


def test_whoever_is_signed_out_types_no_code(browser_of: Callable[..., Browser], tool: Tool) -> None:
    """There is no guessing without an account."""
    assert goes_to(look(browser_of(), tool.begin()["user_code"])) == "/login"


# --- answers ---------------------------------------------------------------------------------------------------------


def test_a_no_is_a_no(gate: Gatepost, person: Browser, tool: Tool) -> None:
    begun = tool.begin()

    assert "turned away" in answer(person, begun["user_code"], "deny").text

    assert error_of(tool.poll(begun["device_code"])) == "access_denied"
    assert look(person, begun["user_code"]).status_code == 422


def test_of_two_answers_the_first_counts(
    gate: Gatepost, person: Browser, browser_of: Callable[..., Browser], tool: Tool
) -> None:
    begun = tool.begin()
    ben = browser_of("ben")
    page, other = look(person, begun["user_code"]), look(ben, begun["user_code"])
    person.allow(page, "deny", "/device/answer")

    assert ben.allow(other, path="/device/answer").status_code == 404

    assert error_of(tool.poll(begun["device_code"])) == "access_denied"


def test_a_code_lasts_ten_minutes(person: Browser, tool: Tool, dice: FakeDice) -> None:
    waiting, allowed = tool.begin(), tool.begin()
    answer(person, allowed["user_code"])
    dice.advance(timedelta(minutes=10))

    assert error_of(tool.poll(waiting["device_code"])) == "expired_token"
    assert error_of(tool.poll(allowed["device_code"])) == "expired_token"
    assert look(person, waiting["user_code"]).status_code == 422


def test_a_code_that_was_used_comes_to_nothing_and_ends_what_came_of_it(person: Browser, tool: Tool) -> None:
    begun = tool.begin()
    answer(person, begun["user_code"])
    pair = tool.poll(begun["device_code"]).json()

    assert error_of(tool.poll(begun["device_code"])) == "invalid_grant"

    assert tool.me(pair["access_token"]).status_code == 401


@pytest.mark.parametrize("how", ["sign out", "disable"])
def test_a_yes_is_worth_nothing_when_its_session_is_over(how: str, gate: Gatepost, person: Browser, tool: Tool) -> None:
    begun = tool.begin()
    answer(person, begun["user_code"])
    if how == "disable":
        change_user(gate, ADMIN, "ann", UserChange(disabled=True))
    else:
        person.post("/logout")

    assert error_of(tool.poll(begun["device_code"])) == "invalid_grant"
    assert list_sessions(gate, principal("ann"), Wanted()).items == []


# --- polling ---------------------------------------------------------------------------------------------------------


def test_whoever_asks_too_often_is_slowed_down(person: Browser, tool: Tool, dice: FakeDice) -> None:
    """Section 3.5: each time the interval is five seconds longer, for good."""
    begun = tool.begin()
    code = begun["device_code"]
    assert error_of(tool.poll(code)) == "authorization_pending"
    dice.advance(timedelta(seconds=4))
    assert error_of(tool.poll(code)) == "slow_down"
    dice.advance(timedelta(seconds=9))
    assert error_of(tool.poll(code)) == "slow_down"
    dice.advance(timedelta(seconds=15))
    assert error_of(tool.poll(code)) == "authorization_pending"

    answer(person, begun["user_code"])

    assert tool.poll(code).status_code == 200


def test_the_interval_is_the_databases_not_the_workers(
    gate: Gatepost, second_gate: Gatepost, as_peer: AsPeer, person: Browser, tool: Tool, dice: FakeDice
) -> None:
    other = Tool(as_peer(second_gate))
    begun = tool.begin()
    assert error_of(other.poll(begun["device_code"])) == "authorization_pending"
    assert error_of(tool.poll(begun["device_code"])) == "slow_down"

    answer(person, begun["user_code"])

    pair = other.poll(begun["device_code"]).json()
    assert tool.me(pair["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("other", "expected", "status"),
    [
        ({"device_code": "gpd_" + "x" * 43}, "invalid_grant", 400),
        ({"device_code": "x"}, "invalid_grant", 400),
        ({"device_code": None}, "invalid_request", 400),
        ({"client_id": "etl"}, "invalid_client", 401),
        ({"client_id": None}, "invalid_client", 401),
        ({"client_secret": "x"}, "invalid_client", 401),
    ],
)
def test_a_code_is_the_clients_alone(
    other: dict[str, str | None], expected: str, status: int, person: Browser, tool: Tool
) -> None:
    begun = tool.begin()
    answer(person, begun["user_code"])

    assert error_of(tool.poll(begun["device_code"], **other), status) == expected


def test_the_user_code_is_no_device_code(person: Browser, tool: Tool) -> None:
    begun = tool.begin()
    answer(person, begun["user_code"])

    assert error_of(tool.poll(begun["user_code"])) == "invalid_grant"


# --- guessing and flooding -------------------------------------------------------------------------------------------


def test_guessing_codes_is_throttled(person: Browser, tool: Tool, dice: FakeDice) -> None:
    """The contract: passwords and device codes are throttled, with 429 and Retry-After."""
    for _ in range(5):
        assert look(person, "BBBB-BBBB").status_code == 422

    refused = look(person, "BBBB-BBBC")

    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    # The right one is not told from a wrong one now, and a right one later makes nobody forget the wrong ones.
    begun = tool.begin()
    assert look(person, begun["user_code"]).status_code == 429
    dice.advance(timedelta(seconds=61))
    assert look(person, begun["user_code"]).status_code == 200
    assert look(person, "BBBB-BBBD").status_code == 422
    assert look(person, "BBBB-BBBF").status_code == 429


@pytest.mark.parametrize("is_right", [True, False])
def test_codes_sent_at_once_are_answered_no_more_often_than_one_after_another(
    is_right: bool, gate: Gatepost, person: Browser, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: all pass the throttle before the first wrong one is counted."""
    code = tool.begin()["user_code"] if is_right else "CCCC-CCCC"
    really, beside = gate.sealer.derive, iter(range(5))

    def derive(purpose: str, text: str) -> list[str]:  # the first thing that is done once the throttle was passed
        for n in beside:
            assert look(person, f"BBBB-BBB{USER_CODE_LETTERS[n]}").status_code == 422
        return really(purpose, text)

    monkeypatch.setattr(gate.sealer, "derive", derive)

    assert look(person, code).status_code == 429


def test_a_new_address_does_not_start_the_guessing_anew(
    gate: Gatepost, browser_of: Callable[..., Browser], as_peer: AsPeer
) -> None:
    """The account is counted too, from everywhere."""
    statuses = []
    for number in range(6):
        browser = browser_of("ann", as_peer(gate, (f"198.51.100.{number}", 1)))
        statuses += [look(browser, "BBBB-BBBB").status_code for _ in range(4)]

    assert statuses == [422] * 20 + [429] * 4


@pytest.mark.parametrize("typed", ["", "BCDF", "BCDF-GHJKL", "AEIO-UAEI", "1234-5678", "BCDF-GHJ\N{KELVIN SIGN}" * 9])
def test_what_is_no_code_is_said_to_be_none_and_is_no_guess(typed: str, person: Browser) -> None:
    pages = [look(person, typed) for _ in range(7)]

    assert {page.status_code for page in pages} == {422}
    assert "eight letters" in pages[-1].text


def test_a_network_has_so_many_waiting_and_no_more(gate: Gatepost, tool: Tool, as_peer: AsPeer, dice: FakeDice) -> None:
    for _ in range(MOST_WAITING):
        tool.begin()

    refused = tool.post("/oauth2/device_authorization", client_id="gatepost-cli")

    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 600
    assert Tool(as_peer(gate, ("198.51.100.1", 1))).begin()
    dice.advance(timedelta(minutes=10))
    assert tool.begin()


def test_a_network_is_an_address_or_the_64_of_an_ipv6_one() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("testclient") == "testclient"


@pytest.mark.parametrize(
    ("other", "expected", "status"),
    [
        ({"client_id": "etl"}, "invalid_client", 401),
        ({"client_id": None, "scope": "dataset:view"}, "invalid_client", 401),
        ({"client_secret": "x"}, "invalid_client", 401),
        ({"scope": "nonsense"}, "invalid_scope", 400),
        ({"scope": '"\u00fc\\'}, "invalid_scope", 400),
        ({"resource": "https://evil.example"}, "invalid_target", 400),
    ],
)
def test_a_wrong_beginning(other: dict[str, str | None], expected: str, status: int, tool: Tool) -> None:
    params: dict[str, str | None] = {"client_id": "gatepost-cli", **other}

    assert error_of(tool.post("/oauth2/device_authorization", **params), status) == expected


def test_a_device_gets_the_audience_that_it_began_with_or_none(tool: Tool) -> None:
    """RFC 8707 section 2.2."""
    begun = tool.begin(resource=ELSEWHERE)
    for other in ("http://127.0.0.1:8420", "https://evil.example"):
        assert error_of(tool.poll(begun["device_code"], resource=other)) == "invalid_target"
    assert error_of(tool.poll(begun["device_code"], resource=ELSEWHERE)) == "authorization_pending"


def test_the_database_holds_neither_code_and_forgets_them(gate: Gatepost, tool: Tool, dice: FakeDice) -> None:
    begun = tool.begin()
    letters = begun["user_code"].replace("-", "")
    with gate.database.read() as connection:
        (row,) = connection.execute(select(tables.device_codes)).all()
    kept = json.dumps([str(value) for value in row])

    assert begun["device_code"] not in kept
    assert letters not in kept
    assert letters not in row.user_code

    dice.advance(timedelta(days=2))
    clear_away(gate)

    assert state_of(gate) == []
    assert error_of(tool.poll(begun["device_code"])) == "invalid_grant"
