"""`/oauth2/revoke` (RFC 7009) and `/oauth2/introspect` (RFC 7662): ending tokens, and telling services of them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta

import httpx2
import pytest

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.directory.users import UserChange, change_user
from gatepost.gate import Gatepost
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.oauth2.conftest import ELSEWHERE, Browser, Tool, error_of, principal, query_of

MakeService = Callable[..., str]
INACTIVE = {"active": False}


@pytest.fixture
def pair(tool: Tool, code: str) -> dict[str, str]:
    answer: dict[str, str] = tool.redeem(code).json()
    return answer


def revoke(tool: Tool, token: str | None, **other: str | None) -> httpx2.Response:
    return tool.post("/oauth2/revoke", token=token, **{"client_id": "gatepost-cli", **other})


def refresh(tool: Tool, pair: dict[str, str]) -> httpx2.Response:
    return tool.token(grant_type="refresh_token", client_id="gatepost-cli", refresh_token=pair["refresh_token"])


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
@pytest.mark.parametrize("hint", [None, "refresh_token", "access_token", "nonsense"])
def test_either_token_ends_the_sign_in(which: str, hint: str | None, tool: Tool, pair: dict[str, str]) -> None:
    """The hint is a hint: a wrong one changes nothing (section 2.1)."""
    done = revoke(tool, pair[which], token_type_hint=hint)

    assert done.status_code == 200
    assert done.content == b""
    assert done.headers["cache-control"] == "no-store"
    assert tool.me(pair["access_token"]).status_code == 401
    assert error_of(refresh(tool, pair)) == "invalid_grant"


def test_a_spent_refresh_token_still_ends_its_family(tool: Tool, pair: dict[str, str]) -> None:
    renewed = refresh(tool, pair).json()

    assert revoke(tool, pair["refresh_token"]).status_code == 200

    assert tool.me(renewed["access_token"]).status_code == 401


def test_the_sign_in_of_a_password_is_ended_by_its_holder(tool: Tool) -> None:
    pair = tool.client.post("/api/v1/auth/login", json={"username": "ann", "password": "quay-seven-lantern"}).json()

    assert tool.post("/oauth2/revoke", token=pair["refresh_token"]).status_code == 200

    assert tool.me(pair["access_token"]).status_code == 401


@pytest.mark.parametrize("token", ["nonsense", "gpr_" + "x" * 43, "a.b.c", "gps_x", "gpc_x", "\u00fc", "x" * 20_000])
def test_a_token_that_is_none_is_no_error(token: str, tool: Tool) -> None:
    """Section 2.2: there is nothing left to end."""
    assert revoke(tool, token).status_code == 200
    assert tool.post("/oauth2/revoke", token=token).status_code == 200


def test_what_is_over_already_is_no_error(tool: Tool, pair: dict[str, str], dice: FakeDice) -> None:
    assert revoke(tool, pair["refresh_token"]).status_code == 200
    assert revoke(tool, pair["refresh_token"]).status_code == 200
    dice.advance(timedelta(hours=1))
    assert revoke(tool, pair["access_token"]).status_code == 200


def test_another_client_ends_nothing(tool: Tool, pair: dict[str, str]) -> None:
    for token in (pair["refresh_token"], pair["access_token"]):
        assert error_of(revoke(tool, token, client_id="etl")) == "invalid_request"
    assert error_of(revoke(tool, pair["refresh_token"], client_secret="x"), 401) == "invalid_client"
    assert error_of(revoke(tool, None)) == "invalid_request"
    assert tool.me(pair["access_token"]).status_code == 200


def test_tokens_that_are_revoked_elsewhere_are_refused_by_their_shape(
    gate: Gatepost, tool: Tool, service: MakeService
) -> None:
    """Section 2.2.1.  Whoever leaked one must not believe that it is over; whether there is such a one is not told."""
    real = issue_api_token(gate, principal("ann"), WantedToken(name="script")).secret
    answers = [revoke(tool, token) for token in (real, "gp_" + "x" * 38)]
    assert [error_of(answer) for answer in answers] == ["unsupported_token_type"] * 2
    assert answers[0].content == answers[1].content
    assert tool.me(real).status_code == 200

    secret = service("etl", "reader")
    access = tool.token(grant_type="client_credentials", client_id="etl", client_secret=secret).json()["access_token"]
    assert error_of(revoke(tool, access, client_id="etl", client_secret=secret)) == "unsupported_token_type"


def test_the_end_holds_in_every_process(
    gate: Gatepost, second_gate: Gatepost, tool: Tool, pair: dict[str, str]
) -> None:
    second_gate.memory.catch_up()

    revoke(tool, pair["refresh_token"])

    second_gate.memory.catch_up()
    (ended,) = second_gate.memory.ended
    assert gate.memory.has_ended(ended)


# --- introspection ---------------------------------------------------------------------------------------------------


def ask(tool: Tool, token: str, name: str, secret: str) -> dict[str, object]:
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    answer = tool.client.post("/oauth2/introspect", data={"token": token}, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, object] = answer.json()
    assert tool.post("/oauth2/introspect", token=token, client_id=name, client_secret=secret).json() == body
    return body


def test_a_gateway_learns_what_an_access_token_is(
    gate: Gatepost, tool: Tool, pair: dict[str, str], service: MakeService
) -> None:
    told = ask(tool, pair["access_token"], "gateway", service())

    now = int(gate.dice.clock())
    jti = told.pop("jti")
    assert isinstance(jti, str)
    assert jti
    assert told == {
        "active": True,
        "token_type": "Bearer",
        "iss": gate.settings.main.public_url,
        "aud": gate.settings.main.public_url,
        "sub": "user:ann",
        "username": "ann",
        "client_id": "gatepost-cli",
        "scope": "*:*",
        "iat": now,
        "exp": now + 1800,
    }


def test_a_gateway_learns_what_an_api_token_is(gate: Gatepost, tool: Tool, service: MakeService) -> None:
    wanted = WantedToken(name="script", scopes=("dataset:view",), expires_at=gate.now() + timedelta(hours=1))
    issued = issue_api_token(gate, principal("ann"), wanted)

    told = ask(tool, issued.secret, "gateway", service())

    assert (told["active"], told["sub"], told["scope"], told["jti"]) == (
        True,
        "user:ann",
        "dataset:view",
        issued.token.id,
    )
    assert told["exp"] == int(gate.dice.clock()) + 3600


def test_asking_about_a_token_is_not_using_it(gate: Gatepost, tool: Tool, service: MakeService) -> None:
    issued = issue_api_token(gate, principal("ann"), WantedToken(name="script"))
    ask(tool, issued.secret, "gateway", service())
    gate.journal.flush()

    (row,) = tool.client.get(
        "/api/v1/tokens", headers={"Authorization": f"Basic {base64.b64encode(b'ann:quay-seven-lantern').decode()}"}
    ).json()["items"]

    assert row["last_used_at"] is None


def test_each_question_is_on_record(gate: Gatepost, tool: Tool, pair: dict[str, str], service: MakeService) -> None:
    """DH-17: whatever is done with a service token names the service and who issued its token."""
    ask(tool, pair["access_token"], "gateway", service())
    gate.journal.flush()

    (record,) = read_audit(gate, ADMIN, Wanted(), Filter(event="service.called")).items

    assert (record.subject, record.issuer, record.count) == ("service:gateway", "user:admin", 2)


def test_whatever_is_over_is_inactive(
    gate: Gatepost, person: Browser, tool: Tool, pair: dict[str, str], service: MakeService, dice: FakeDice
) -> None:
    secret = service()
    api = issue_api_token(gate, principal("ann"), WantedToken(name="x", expires_at=gate.now() + timedelta(minutes=40)))
    assert ask(tool, api.secret, "gateway", secret)["active"] is True
    dice.advance(timedelta(minutes=31))
    assert ask(tool, pair["access_token"], "gateway", secret) == INACTIVE
    renewed = refresh(tool, pair).json()["access_token"]
    assert ask(tool, renewed, "gateway", secret)["active"] is True
    dice.advance(timedelta(minutes=10))
    assert ask(tool, api.secret, "gateway", secret) == INACTIVE
    revoke(tool, renewed)
    assert ask(tool, renewed, "gateway", secret) == INACTIVE


def test_the_disabled_have_no_active_token(
    gate: Gatepost, tool: Tool, pair: dict[str, str], service: MakeService
) -> None:
    secret = service()
    api = issue_api_token(gate, principal("ann"), WantedToken(name="x")).secret
    change_user(gate, ADMIN, "ann", UserChange(disabled=True))

    assert ask(tool, pair["access_token"], "gateway", secret) == INACTIVE
    assert ask(tool, api, "gateway", secret) == INACTIVE


def test_a_service_without_decision_ask_knows_its_own_tokens_alone(
    gate: Gatepost, tool: Tool, pair: dict[str, str], service: MakeService
) -> None:
    """No oracle: what is somebody else's reads exactly as what there is not."""
    secret = service("etl", "reader")
    other = service("other", "reader")
    api = issue_api_token(gate, principal("ann"), WantedToken(name="x")).secret
    mine = tool.token(grant_type="client_credentials", client_id="etl", client_secret=secret).json()["access_token"]

    for own in (secret, mine):
        assert ask(tool, own, "etl", secret)["sub"] == "service:etl"
    for token in (pair["access_token"], api, other, "gp_" + "x" * 38, "x"):
        assert ask(tool, token, "etl", secret) == INACTIVE


def test_what_is_no_bearer_token_is_inactive(
    person: Browser, tool: Tool, pair: dict[str, str], service: MakeService
) -> None:
    """A refresh token in a gateway's hands is a mistake that must not look like a sign-in."""
    secret = service()
    forged = pair["access_token"][:-8] + "AAAAAAAA"
    cookie = next(iter(person.cookies.values()))

    for token in (pair["refresh_token"], forged, cookie, "a.b.c", "\u00fc", "x" * 20_000):
        assert ask(tool, token, "gateway", secret) == INACTIVE


def test_a_token_for_elsewhere_says_for_whom_it_is(person: Browser, tool: Tool, service: MakeService) -> None:
    back = person.allow(person.get(tool.url(resource=ELSEWHERE)))
    access = tool.redeem(query_of(back)["code"]).json()["access_token"]

    assert ask(tool, access, "gateway", service())["aud"] == ELSEWHERE


def test_whoever_asks_has_to_be_a_service(
    gate: Gatepost, tool: Tool, pair: dict[str, str], service: MakeService
) -> None:
    secret, access = service(), pair["access_token"]
    api = issue_api_token(gate, ADMIN_BY_HAND, WantedToken(name="x")).secret
    for name, wrong in (
        (None, None),
        ("gateway", None),
        ("gatepost-cli", None),
        ("gateway", "gp_" + "x" * 38),
        ("other", secret),
        ("admin", api),
        ("ann", "quay-seven-lantern"),
    ):
        refused = tool.post("/oauth2/introspect", token=access, client_id=name, client_secret=wrong)
        assert error_of(refused, 401) == "invalid_client"
        assert refused.headers["www-authenticate"].startswith("Basic ")
    cookie_only = tool.client.post("/oauth2/introspect", data={"token": access}, headers={"Cookie": "gp_session=x"})
    assert error_of(cookie_only, 401) == "invalid_client"
    assert error_of(tool.post("/oauth2/introspect", client_id="gateway", client_secret=secret)) == "invalid_request"


ADMIN_BY_HAND = principal("admin")
