"""The code flow of command-line tools (RFC 6749, 7636, 8252, 8707, 9207), and what attackers try on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.directory.users import UserChange, change_user
from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.tokens.session_list import end_session, list_sessions
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.oauth2.conftest import (
    ELSEWHERE,
    REDIRECT,
    VERIFIER,
    AsPeer,
    Browser,
    Tool,
    challenge_of,
    claims_of,
    error_of,
    goes_to,
    hidden,
    principal,
    query_of,
)


def test_a_person_signs_in_agrees_and_the_tool_has_tokens(
    gate: Gatepost, browser_of: Callable[..., Browser], tool: Tool
) -> None:
    browser = browser_of()
    door = browser.get(tool.url())
    assert goes_to(door) == "/login"
    done = browser.post("/login", username="ann", password="quay-seven-lantern", next=query_of(door)["next"])
    page = browser.get(done.headers["location"])
    assert "127.0.0.1:43123" in page.text

    back = browser.allow(page)

    assert goes_to(back) == REDIRECT
    answer = query_of(back)
    assert set(answer) == {"code", "state", "iss"}
    assert answer["state"] == "a-state"
    assert answer["iss"] == gate.settings.main.public_url
    redeemed = tool.redeem(answer["code"])
    assert redeemed.headers["cache-control"] == "no-store"
    pair = redeemed.json()
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert tool.me(pair["access_token"]).json()["username"] == "ann"
    renewed = tool.token(
        grant_type="refresh_token", client_id="gatepost-cli", refresh_token=pair["refresh_token"]
    ).json()
    assert tool.me(renewed["access_token"]).status_code == 200


def test_the_sign_in_of_a_tool_is_listed_and_goes_on_when_the_browser_signs_out(
    gate: Gatepost, person: Browser, tool: Tool, code: str
) -> None:
    """P-2: only disabling, or ending it by name, ends it."""
    access = tool.redeem(code).json()["access_token"]
    assert len(list_sessions(gate, principal("ann"), Wanted()).items) == 2

    assert person.post("/logout").status_code == 303

    assert tool.me(access).status_code == 200
    (session,) = list_sessions(gate, principal("ann"), Wanted()).items
    assert not session.has_cookie
    end_session(gate, principal("ann"), session.id)
    assert tool.me(access).status_code == 401


def test_disabling_the_person_ends_it(gate: Gatepost, tool: Tool, code: str) -> None:
    pair = tool.redeem(code).json()

    change_user(gate, ADMIN, "ann", UserChange(disabled=True))

    assert tool.me(pair["access_token"]).status_code == 401
    refused = tool.token(grant_type="refresh_token", client_id="gatepost-cli", refresh_token=pair["refresh_token"])
    assert error_of(refused) == "invalid_grant"


# --- the redirect address --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:43123/callback",
        "http://127.0.0.1.evil.example:80/callback",
        "http://127.0.0.1:43123@evil.example/callback",
        "http://evil.example/callback",
        "https://127.0.0.1:43123/callback",
        "http://127.0.0.1:43123/callback/",
        "http://127.0.0.1:43123/callback/../x",
        "http://127.0.0.1:43123/callback.html",
        "http://127.0.0.1:43123//evil.example",
        "http://127.0.0.1:43123/r/evil.example",
        "http://127.0.0.1:43123/%2e%2e",
        "http://127.0.0.1:43123?x=y",
        "http://127.0.0.1:43123/callback?next=//evil.example",
        "http://127.0.0.1:43123/callback#fragment",
        "http://127.0.0.1:43123/callback\n",
        "http://127.0.0.1:43123/callback\r\nSet-Cookie: x=y",
        "http://127.0.0.1:43123\\@evil.example/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:\N{FULLWIDTH DIGIT FOUR}3123/callback",
        "http://127.1:43123/callback",
        "http://2130706433:43123/callback",
        "http://0.0.0.0:43123/callback",
        "http://127.0.0.2:43123/callback",
        "http://[::]:43123/callback",
        "http://[::ffff:127.0.0.1]:43123/callback",
        "http://[0:0:0:0:0:0:0:1]:43123/callback",
        "HTTP://127.0.0.1:43123/callback",
        "//127.0.0.1:43123/callback",
        "javascript:alert(1)",
        "urn:ietf:wg:oauth:2.0:oob",
        "",
    ],
)
def test_no_other_address_ever_gets_an_answer(address: str, person: Browser, tool: Tool) -> None:
    """What is wrong before the address is trusted is a page.  Nothing is redirected, the refusal neither."""
    answer = person.get(tool.url(redirect_uri=address))

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert 'name="request"' not in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/callback",
        "http://[::1]:65535/callback",
        "http://127.0.0.1:43123/",
        "http://127.0.0.1:43123",
        "http://127.0.0.1:43123/signed-in",
    ],
)
def test_any_port_of_the_two_loopback_addresses_will_do(address: str, person: Browser, tool: Tool) -> None:
    """RFC 8252 section 7.3."""
    back = person.allow(person.get(tool.url(redirect_uri=address)))

    assert goes_to(back) == address
    assert tool.redeem(query_of(back)["code"], redirect_uri=address).status_code == 200


@pytest.mark.parametrize("client_id", ["gatepost", "gatepost-cli2", "GATEPOST-CLI", "etl", ""])
def test_an_unknown_client_is_told_on_a_page(client_id: str, person: Browser, tool: Tool) -> None:
    answer = person.get(tool.url(client_id=client_id))

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_second_client_or_address_is_told_on_a_page(name: str, person: Browser, tool: Tool) -> None:
    answer = person.get(f"{tool.url()}&{name}=http%3A%2F%2Fevil.example")

    assert answer.status_code == 400
    assert "location" not in answer.headers


# --- what goes back to the client ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="implicit"),
        pytest.param({"response_type": "code token"}, "unsupported_response_type", id="hybrid"),
        pytest.param({"response_type": None}, "invalid_request", id="no type"),
        pytest.param({"response_mode": "fragment"}, "invalid_request", id="mode"),
        pytest.param({"code_challenge": None}, "invalid_request", id="no PKCE"),
        pytest.param({"code_challenge_method": None}, "invalid_request", id="no method means plain"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="plain"),
        pytest.param({"code_challenge_method": "s256"}, "invalid_request", id="almost"),
        pytest.param({"code_challenge": VERIFIER}, "invalid_request", id="not a digest"),
        pytest.param({"code_challenge": challenge_of(VERIFIER) + "="}, "invalid_request", id="padded"),
        pytest.param({"scope": "dataset:view nonsense"}, "invalid_scope", id="scope"),
        pytest.param({"scope": '"\u00fc\\'}, "invalid_scope", id="a scope that cannot be repeated"),
        pytest.param({"scope": "openid"}, "invalid_scope", id="we are no OpenID provider"),
        pytest.param({"resource": "https://evil.example"}, "invalid_target", id="audience"),
    ],
)
def test_a_wrong_request_goes_back_to_the_client_with_state_and_issuer(
    other: dict[str, str | None], expected: str, gate: Gatepost, person: Browser, tool: Tool
) -> None:
    answer = person.get(tool.url(**other))

    assert goes_to(answer) == REDIRECT
    told = query_of(answer)
    assert told["error"] == expected
    assert told["state"] == "a-state"
    assert told["iss"] == gate.settings.main.public_url
    assert told["error_description"].isascii()
    assert not set(told["error_description"]) & set('"\\')


def test_a_parameter_that_is_sent_twice_makes_the_request_invalid(person: Browser, tool: Tool) -> None:
    """RFC 6749 section 3.1, also where one of the two is empty; of two states neither is passed back."""
    scopes, states = (query_of(person.get(tool.url() + more)) for more in ("&scope=a:b&scope=", "&state=another"))

    assert scopes["error"] == states["error"] == "invalid_request"
    assert scopes["state"] == "a-state"
    assert "state" not in states


@pytest.mark.parametrize("state", ["x" * 513, "\r\nSet-Cookie: a=b", "ü"])
def test_a_state_that_is_none_is_refused(state: str, person: Browser, tool: Tool) -> None:
    answer = person.get(tool.url(state=state))

    assert query_of(answer)["error"] == "invalid_request"
    assert "set-cookie" not in answer.headers


def test_a_state_comes_back_as_it_was(person: Browser, tool: Tool) -> None:
    state = "a b&c=d%20\"<>'\\~"

    assert query_of(person.allow(person.get(tool.url(state=state))))["state"] == state
    assert "state" not in query_of(person.allow(person.get(tool.url(state=None))))


# --- consent ---------------------------------------------------------------------------------------------------------


def test_the_person_is_asked_each_time(person: Browser, tool: Tool, code: str) -> None:
    """RFC 8252 section 8.6: any program can say that it is this client."""
    assert tool.redeem(code).status_code == 200

    again = person.get(tool.url() + "&prompt=none&decision=allow")

    assert again.status_code == 200
    assert "Allow" in again.text


def test_no_get_approves(gate: Gatepost, person: Browser, tool: Tool) -> None:
    page = person.get(tool.url())
    sealed = hidden(page.text, "request")

    answer = person.get(f"/oauth2/authorize?decision=allow&request={sealed}")

    assert answer.status_code == 400
    with gate.database.read() as connection:
        assert connection.execute(select(tables.authorization_codes)).all() == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:43123"])
def test_no_other_site_approves(origin: str, gate: Gatepost, person: Browser, tool: Tool) -> None:
    """Rule 6: a cookie on an unsafe method needs a same-origin proof."""
    page = person.get(tool.url())

    answer = person.post("/oauth2/authorize", origin=origin, request=hidden(page.text, "request"), decision="allow")

    assert answer.status_code == 403
    with gate.database.read() as connection:
        assert connection.execute(select(tables.authorization_codes)).all() == []


def test_the_page_cannot_be_framed_and_may_send_its_form_to_the_one_address(person: Browser, tool: Tool) -> None:
    for address, allowed in ((REDIRECT, "http://127.0.0.1:43123"), ("http://[::1]:9/callback", "http:")):
        headers = person.get(tool.url(redirect_uri=address)).headers
        assert headers["x-frame-options"] == "DENY"
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy["frame-ancestors"] == "'none'"
        assert policy["default-src"] == "'none'"
        assert policy["form-action"] == f"'self' {allowed}"
        assert headers["cache-control"] == "no-store"


def test_what_is_approved_is_what_was_read(person: Browser, tool: Tool) -> None:
    """Form fields beside the sealed request change nothing, and a changed one is refused."""
    page = person.get(tool.url(scope="dataset:view"))
    sealed = hidden(page.text, "request")

    more = {"scope": "*:*", "redirect_uri": "http://127.0.0.1:666/callback", "code_challenge": challenge_of("w" * 50)}
    back = person.post("/oauth2/authorize", request=sealed, decision="allow", **more)
    assert goes_to(back) == REDIRECT
    assert tool.redeem(query_of(back)["code"]).json()["scope"] == "dataset:view"

    changed = sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB")
    for wrong in (changed, "", "x", "a.b", sealed.partition(".")[2]):
        assert person.post("/oauth2/authorize", request=wrong, decision="allow").status_code == 400


def test_what_one_was_shown_another_cannot_approve(
    person: Browser, browser_of: Callable[..., Browser], tool: Tool, dice: FakeDice
) -> None:
    """The page is for the session that it was shown in: nobody else's, not Ann's other one, and not for long."""
    page = person.get(tool.url())

    assert browser_of("ben").allow(page).status_code == 400
    assert browser_of("ann").allow(page).status_code == 400
    assert person.post("/oauth2/authorize", request=hidden(page.text, "request"), decision="maybe").status_code == 400
    dice.advance(timedelta(minutes=11))
    assert person.allow(page).status_code == 400


def test_whoever_is_signed_out_approves_nothing(
    person: Browser, browser_of: Callable[..., Browser], tool: Tool
) -> None:
    page = person.get(tool.url())

    answer = browser_of().allow(page)

    assert goes_to(answer) == "/login"


def test_a_no_goes_back_and_is_on_record(gate: Gatepost, person: Browser, tool: Tool) -> None:
    told = query_of(person.allow(person.get(tool.url()), "deny"))

    assert told["error"] == "access_denied"
    assert told["state"] == "a-state"
    assert "code" not in told
    gate.journal.flush()
    assert [r.event for r in read_audit(gate, ADMIN, Wanted(), Filter(event="client.denied")).items]


def test_what_is_asked_is_shown_escaped(person: Browser, tool: Tool) -> None:
    page = person.get(tool.url(scope="dataset:view collection:*", resource=ELSEWHERE)).text

    for text in ("gatepost-cli", "dataset:view", "collection:*", ELSEWHERE, "ann"):
        assert text in page
    assert "<script>" not in person.get(tool.url(state='"><script>alert(1)</script>')).text


# --- the code --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param({"code_verifier": "w" * 50}, "invalid_grant", id="another verifier"),
        pytest.param({"code_verifier": None}, "invalid_request", id="no verifier"),
        pytest.param({"code_verifier": challenge_of(VERIFIER)}, "invalid_grant", id="the challenge as verifier"),
        pytest.param({"code_verifier": "v" * 42}, "invalid_request", id="short"),
        pytest.param({"code_verifier": "v" * 129}, "invalid_request", id="long"),
        pytest.param({"redirect_uri": "http://127.0.0.1:43124/callback"}, "invalid_grant", id="another address"),
        pytest.param({"redirect_uri": "http://127.0.0.1:43123/"}, "invalid_grant", id="another path"),
        pytest.param({"redirect_uri": None}, "invalid_request", id="no address"),
        pytest.param({"client_secret": "x"}, "invalid_client", id="a secret"),
        pytest.param({"client_id": "gatepost"}, "invalid_client", id="another client"),
        pytest.param({"client_id": None}, "invalid_client", id="no client"),
        pytest.param({"code": "gpc_" + "x" * 43}, "invalid_grant", id="a guess"),
        pytest.param({"code": "x"}, "invalid_grant", id="no code"),
        pytest.param({"code": "gpc_\u00fc"}, "invalid_grant", id="not ASCII"),
    ],
)
def test_an_intercepted_code_is_worth_nothing(
    other: dict[str, str | None], expected: str, tool: Tool, code: str, gate: Gatepost
) -> None:
    """RFC 7636 section 1: whoever sees the redirect does not know the verifier."""
    answer = tool.redeem(code, **other)

    assert error_of(answer, 401 if expected == "invalid_client" else 400) == expected
    assert len(list_sessions(gate, principal("ann"), Wanted()).items) == 1


def test_a_code_that_was_shown_with_a_wrong_verifier_is_over(tool: Tool, code: str) -> None:
    """Somebody has it who should not: there is no second guess."""
    assert error_of(tool.redeem(code, code_verifier="w" * 50)) == "invalid_grant"

    assert error_of(tool.redeem(code)) == "invalid_grant"


def test_a_code_used_twice_ends_the_tokens_that_came_of_it(gate: Gatepost, tool: Tool, code: str) -> None:
    """RFC 6749 section 4.1.2."""
    pair = tool.redeem(code).json()
    assert tool.me(pair["access_token"]).status_code == 200

    assert error_of(tool.redeem(code)) == "invalid_grant"

    assert tool.me(pair["access_token"]).status_code == 401
    refused = tool.token(grant_type="refresh_token", client_id="gatepost-cli", refresh_token=pair["refresh_token"])
    assert error_of(refused) == "invalid_grant"
    (record,) = [
        r for r in read_audit(gate, ADMIN, Wanted(), Filter(event="session.ended")).items if "came back" in r.reason
    ]
    assert record.subject == "user:ann"


def test_a_code_is_good_for_a_minute(tool: Tool, code: str, dice: FakeDice) -> None:
    dice.advance(timedelta(seconds=60))

    assert error_of(tool.redeem(code)) == "invalid_grant"


def test_a_code_dies_with_the_session_that_approved_it(person: Browser, tool: Tool, code: str) -> None:
    person.post("/logout")

    assert error_of(tool.redeem(code)) == "invalid_grant"


def test_a_code_dies_with_the_account(gate: Gatepost, tool: Tool, code: str) -> None:
    change_user(gate, ADMIN, "ann", UserChange(disabled=True))

    assert error_of(tool.redeem(code)) == "invalid_grant"


def test_the_database_holds_no_code(gate: Gatepost, code: str) -> None:
    with gate.database.read() as connection:
        (row,) = connection.execute(select(tables.authorization_codes)).all()

    assert code not in json.dumps([str(value) for value in row])
    assert code.encode() not in row.digest


def test_another_process_redeems_a_code_and_sees_its_replay(
    gate: Gatepost, second_gate: Gatepost, as_peer: AsPeer, tool: Tool, code: str
) -> None:
    """Workers and replicas share nothing but the database."""
    other = Tool(as_peer(second_gate))
    pair = other.redeem(code).json()
    assert tool.me(pair["access_token"]).status_code == 200

    assert error_of(tool.redeem(code)) == "invalid_grant"

    second_gate.memory.catch_up()
    assert other.me(pair["access_token"]).status_code == 401


# --- how much, and for whom ------------------------------------------------------------------------------------------


def test_a_narrower_scope_holds_and_cannot_grow_again(person: Browser, tool: Tool) -> None:
    back = person.allow(person.get(tool.url(scope="dataset:view")))
    pair = tool.redeem(query_of(back)["code"]).json()
    assert pair["scope"] == "dataset:view"
    made = tool.client.post(
        "/api/v1/resources",
        json={"type": "collection", "id": "sales"},
        headers={"Authorization": f"Bearer {pair['access_token']}"},
    )
    assert made.status_code == 403

    wider = tool.token(
        grant_type="refresh_token", client_id="gatepost-cli", refresh_token=pair["refresh_token"], scope="*:*"
    )

    assert error_of(wider) == "invalid_scope"


def test_a_token_for_another_audience_is_refused_here(person: Browser, tool: Tool) -> None:
    """RFC 8707: and its refresh token gives no token for Gatepost itself."""
    back = person.allow(person.get(tool.url(resource=ELSEWHERE)))
    pair = tool.redeem(query_of(back)["code"]).json()

    assert claims_of(pair["access_token"])["aud"] == ELSEWHERE
    assert tool.me(pair["access_token"]).status_code == 401
    refresh = {"grant_type": "refresh_token", "client_id": "gatepost-cli", "refresh_token": pair["refresh_token"]}
    assert error_of(tool.token(**refresh, resource="http://127.0.0.1:8420")) == "invalid_target"
    assert claims_of(tool.token(**refresh).json()["access_token"])["aud"] == ELSEWHERE


def test_no_code_is_redeemed_for_another_audience_than_the_approved_one(person: Browser, tool: Tool) -> None:
    """RFC 8707 section 2.2: neither what nobody approved, nor in silence something else than was asked for."""
    code = query_of(person.allow(person.get(tool.url())))["code"]
    for other in (ELSEWHERE, "https://evil.example"):
        assert error_of(tool.redeem(code, resource=other)) == "invalid_target"
    pair = tool.redeem(code, resource="http://127.0.0.1:8420").json()
    assert claims_of(pair["access_token"])["aud"] == "http://127.0.0.1:8420"


@pytest.mark.parametrize("client_id", ["gatepost", "etl", None])
def test_a_refresh_token_is_its_clients(client_id: str | None, tool: Tool, code: str) -> None:
    refresh = tool.redeem(code).json()["refresh_token"]

    refused = tool.token(grant_type="refresh_token", client_id=client_id, refresh_token=refresh)

    assert error_of(refused) == "invalid_grant"
    again = tool.token(grant_type="refresh_token", client_id="gatepost-cli", refresh_token=refresh)
    assert again.status_code == 200


def test_a_token_says_which_client_it_is_for(tool: Tool, code: str) -> None:
    claims = claims_of(tool.redeem(code).json()["access_token"])

    assert claims["client_id"] == "gatepost-cli"
    assert claims["sub"] == "user:ann"
