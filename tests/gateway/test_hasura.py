"""Hasura's webhook and claims, as Hasura asks and reads them (HA-10, HA-14, HA-X3, HA-X5, HA-X9, HA-X10, HA-X11)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from gatepost.settings import Settings
from tests.conftest import OpenGate, settings_for
from tests.server.calling import Company, api_token, bearer, browser_session, ok, service_token, settle, sign_in
from tests.server.conftest import InProcess

NAMESPACE = "https://hasura.io/jwt/claims"
Change = Callable[[Settings], Settings]
Made = Callable[[Change], Company]


@pytest.fixture
def made(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> Made:
    return lambda change: settle(in_process(open_gate(change(settings_for(gate_url)))))


@pytest.fixture
def people(made: Made) -> Company:
    return made(lambda settings: settings)


def webhook(client: httpx2.Client, how: str, headers: dict[str, str]) -> httpx2.Response:
    if how == "GET":
        return client.get("/hasura/webhook", headers=headers)
    request = {"variables": None, "operationName": "Me", "query": "query Me { me }"}
    return client.post("/hasura/webhook", json={"headers": headers, "request": request})


both = pytest.mark.parametrize("how", ["GET", "POST"])


@both
def test_session_variables(people: Company, how: str) -> None:
    answer = webhook(people.client, how, people.ben)

    assert ok(answer) == {
        "X-Hasura-Role": "user",
        "X-Hasura-User-Id": "ben",
        "X-Hasura-Allowed-Roles": '{"user"}',
        "X-Hasura-Groups": '{"data-team"}',
        "Cache-Control": "max-age=60",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


@both
def test_a_role_is_asked_for_and_has_to_be_ones_own(people: Company, how: str) -> None:
    client, admin = people.client, people.admin
    ok(client.put("/api/v1/roles/reader/assignees/group:data-team%23member", headers=admin), 204)

    def role(name: str, value: str) -> tuple[int, str]:
        answer = webhook(client, how, people.ben | {name: value})
        return answer.status_code, answer.json().get("X-Hasura-Role", "")

    assert role("X-Hasura-Role", "reader") == (200, "reader")
    assert role("x-hasura-ROLE", "user") == (200, "user")
    for wrong in ("admin", "Reader", "", "reader,user", "anonymous", "*"):
        assert role("X-Hasura-Role", wrong) == (401, ""), wrong


@both
def test_admin_is_nobodys_role_by_the_way(people: Company, how: str) -> None:
    """Before it Hasura asks nothing, so whoever has another role asks for it by name."""
    client, admin = people.client, people.admin
    assert ok(webhook(client, how, admin))["X-Hasura-Role"] == "admin", "the only one"
    ok(client.put("/api/v1/roles/user/assignees/user:admin", headers=admin), 204)

    assert ok(webhook(client, how, admin))["X-Hasura-Role"] == "user"
    assert ok(webhook(client, how, admin | {"x-hasura-role": "admin"}))["X-Hasura-Role"] == "admin"


@both
def test_what_the_caller_says_of_itself_is_dropped(people: Company, how: str) -> None:
    """HA-X9, trap 22: a session variable that somebody sends is not one."""
    sent = {
        "X-Hasura-User-Id": "admin",
        "x-hasura-allowed-roles": "{admin}",
        "X-Hasura-Org": "7",
        "X-Hasura-Admin-Secret": "x",
    }
    said = ok(webhook(people.client, how, people.ben | sent))

    assert said == ok(webhook(people.client, how, people.ben))


@both
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer gp_nonsense"},
        {"Authorization": "Bearer"},
        {"Authorization": "Digest x"},
        {"Authorization": "Basic !"},
        {"Authorization": ""},
        {"Cookie": "gp_session=gps_nonsense"},
        {"Cookie": "gp_session=gps_nonsense", "Sec-Fetch-Site": "same-origin"},
        {"X-Hasura-Role": "user"},
    ],
    ids=str,
)
def test_a_bad_credential_is_401_and_never_anything_else(people: Company, how: str, headers: dict[str, str]) -> None:
    answer = webhook(people.client, how, headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"


def test_two_credentials_are_none(people: Company) -> None:
    for name in ("Authorization", "X-Hasura-Role"):
        headers = people.ben | {name: people.ben.get(name, "user"), name.upper(): "user"}
        assert webhook(people.client, "POST", headers).status_code == 401


@both
def test_without_a_credential(made: Made, how: str) -> None:
    """HA-X9: anonymous where that is allowed, and never where something bad was sent."""
    client = made(lambda settings: settings).client
    said = ok(webhook(client, how, {"X-Hasura-User-Id": "admin"}))
    assert said == {
        "X-Hasura-Role": "anonymous",
        "X-Hasura-Allowed-Roles": '{"anonymous"}',
        "Cache-Control": "max-age=60",
    }
    assert ok(webhook(client, how, {"x-hasura-role": "anonymous"}))["X-Hasura-Role"] == "anonymous"
    assert webhook(client, how, {"x-hasura-role": "user"}).status_code == 401


@both
def test_without_a_credential_where_nobody_is_anonymous(made: Made, how: str) -> None:
    closed = made(lambda settings: replace(settings, main=replace(settings.main, allow_anonymous_access=False)))
    assert webhook(closed.client, how, {}).status_code == 401
    assert ok(webhook(closed.client, how, closed.ben))["X-Hasura-User-Id"] == "ben"


def test_hasuras_own_credential_is_not_its_callers(people: Company) -> None:
    """What comes with the POST itself is Hasura's."""
    body: dict[str, object] = {"headers": {}, "request": None}
    answer = people.client.post("/hasura/webhook", json=body, headers=people.admin)

    assert ok(answer)["X-Hasura-Role"] == "anonymous"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"headers": []}', b'{"headers": {"a": 1}}', b'{"headers": {}, "headers": {}}']
)
def test_a_body_that_is_not_hasuras(people: Company, body: bytes) -> None:
    assert people.client.post("/hasura/webhook", content=body).status_code == 400


@both
def test_a_cookie_needs_a_proof_of_origin(people: Company, how: str) -> None:
    client = people.client
    cookie = {"Cookie": f"gp_session={browser_session(client, 'ben')}"}
    ours = str(client.base_url).rstrip("/")

    assert webhook(client, how, cookie).status_code == 401
    assert webhook(client, how, cookie | {"Origin": "https://evil.example"}).status_code == 401
    assert ok(webhook(client, how, cookie | {"Origin": ours}))["X-Hasura-User-Id"] == "ben"
    assert ok(webhook(client, how, cookie | {"Sec-Fetch-Site": "same-origin"}))["X-Hasura-User-Id"] == "ben"


def test_a_token_is_worth_no_more_at_hasura(people: Company) -> None:
    """Nobody asks us there about its scope: a role goes along only where all that it permits is within."""
    client, admin = people.client, people.admin
    ok(client.put("/api/v1/roles/reader/assignees/user:admin", headers=admin), 204)
    reads = bearer(api_token(client, admin, scopes=["*:view"]))

    assert ok(webhook(client, "GET", reads))["X-Hasura-Allowed-Roles"] == '{"reader"}'
    assert webhook(client, "GET", reads | {"x-hasura-role": "admin"}).status_code == 401
    nothing = bearer(api_token(client, people.ben, scopes=["knowledge:view"]))
    assert webhook(client, "GET", nothing).status_code == 401


def test_services_and_people_of_one_name_are_two(people: Company) -> None:
    service = service_token(people.client, people.admin, name="ben")

    said = ok(webhook(people.client, "GET", bearer(service)))
    assert (said["X-Hasura-User-Id"], said["X-Hasura-Role"]) == ("service:ben", "reader")


def test_a_disabled_person_is_out_at_once(people: Company) -> None:
    ok(people.client.patch("/api/v1/users/ben", json={"disabled": True}, headers=people.admin))

    assert webhook(people.client, "POST", people.ben).status_code == 401


def claims(token: str) -> dict[str, Any]:
    text = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return read


def with_claims(settings: Settings) -> Settings:
    return replace(settings, tokens=replace(settings.tokens, hasura_claims=True))


def test_hasuras_claims_in_access_tokens(made: Made) -> None:
    people = made(with_claims)
    client, admin = people.client, people.admin
    assert claims(sign_in(client, "ben")["access_token"])[NAMESPACE] == {
        "x-hasura-allowed-roles": ["user"],
        "x-hasura-default-role": "user",
        "x-hasura-user-id": "ben",
    }
    ok(client.put("/api/v1/roles/reader/assignees/user:ben", headers=admin), 204)
    pair = sign_in(client, "ben")
    found = claims(pair["access_token"])[NAMESPACE]
    assert (found["x-hasura-allowed-roles"], found["x-hasura-default-role"]) == (["reader", "user"], "user")
    assert ok(client.get("/api/v1/me", headers=bearer(pair["access_token"])))["username"] == "ben"

    ok(client.delete("/api/v1/roles/reader/assignees/user:ben", headers=admin), 204)
    renewed = ok(client.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}))["access_token"]
    assert claims(renewed)[NAMESPACE]["x-hasura-allowed-roles"] == ["user"]


def test_a_token_without_a_role_has_no_claims_of_hasuras(made: Made) -> None:
    """An empty list of allowed roles is an error there."""
    people = made(with_claims)
    ok(people.client.delete("/api/v1/roles/user/assignees/user:cy", headers=people.admin), 204)

    assert NAMESPACE not in claims(sign_in(people.client, "cy")["access_token"])


def test_a_services_token_carries_its_role(made: Made) -> None:
    people = made(with_claims)
    secret = service_token(people.client, people.admin)
    form = {"grant_type": "client_credentials", "client_id": "etl", "client_secret": secret, "scope": "*:view"}
    token = ok(people.client.post("/oauth2/token", data=form))["access_token"]

    assert claims(token)[NAMESPACE]["x-hasura-default-role"] == "reader"
    assert claims(token)[NAMESPACE]["x-hasura-user-id"] == "service:etl"


def test_without_the_setting_there_are_none(people: Company) -> None:
    assert NAMESPACE not in claims(sign_in(people.client, "ben")["access_token"])
