"""`/forward-auth`, asked as a gateway asks (trap 19: forward-auth bypassed; P-6, P-7)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.gateway.conftest import APP, URL, Ask, Gateway, behind_a_gateway
from tests.server.calling import api_token, basic, bearer, browser_session, ok, password_of, service_token, share
from tests.server.conftest import InProcess

FIVE = ("user", "email", "groups", "roles", "identity")
NAVIGATION = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate"}


def told(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    assert answer.content == b""
    return {name: answer.headers[f"x-gatepost-{name}"] for name in FIVE}


def part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return read


def cookie(gateway: Gateway, username: str) -> str:
    return f"__Host-gp_session={browser_session(gateway.client, username)}"


def test_who_is_calling(gateway: Gateway, ask: Ask) -> None:
    admin = gateway.people.admin
    ok(gateway.client.patch("/api/v1/users/ben", json={"email": "ben@corp.example"}, headers=admin))
    ok(gateway.client.patch("/api/v1/users/ben", json={"email_verified": True}, headers=admin))

    ben = told(ask(**gateway.people.ben))

    assert ben | {"identity": ""} == {
        "user": "ben",
        "email": "ben@corp.example",
        "groups": "data-team",
        "roles": "user",
        "identity": "",
    }
    keys = KeySet.import_key_set(ok(gateway.client.get("/.well-known/jwks.json")))
    token = jwt.decode(ben["identity"], keys, algorithms=["ES256"])
    assert token.header["typ"] == "gatepost-identity+jwt"
    assert token.claims["exp"] - token.claims["iat"] == 120
    del token.claims["exp"], token.claims["iat"], token.claims["jti"]
    assert token.claims == {
        "iss": URL,
        "aud": f"{URL}/forward-auth",
        "sub": "user:ben",
        "preferred_username": "ben",
        "email": "ben@corp.example",
        "email_verified": True,
        "groups": ["data-team"],
        "roles": ["user"],
    }


def test_what_is_empty_is_there_all_the_same(gateway: Gateway, ask: Ask) -> None:
    """A gateway that copies what it finds would let a visitor's own header through where there is none of ours."""
    cy = told(ask(**gateway.people.cy))

    assert (cy["email"], cy["groups"]) == ("", "")


def test_an_email_that_nobody_verified_is_not_passed_on(gateway: Gateway, ask: Ask) -> None:
    """People set their own: an application that knows its users by e-mail would let them in as somebody else."""
    ok(gateway.client.patch("/api/v1/users/cy", json={"email": "boss@corp.example"}, headers=gateway.people.cy))

    cy = told(ask(**gateway.people.cy))

    assert cy["email"] == ""
    assert "email" not in part(cy["identity"], 1)


def test_every_credential_of_the_api_counts(gateway: Gateway, ask: Ask) -> None:
    people, client = gateway.people, gateway.client
    personal, service = api_token(client, people.ann), service_token(client, people.admin)
    for headers, user in (
        (people.ann, "ann"),
        (bearer(personal), "ann"),
        (basic("ann", personal), "ann"),
        (basic("ann", password_of("ann")), "ann"),
        ({"Cookie": cookie(gateway, "ann")}, "ann"),
        (bearer(service), "service:etl"),
        (basic("etl", service), "service:etl"),
    ):
        assert told(ask(**headers))["user"] == user


def test_a_service_is_not_taken_for_the_person_of_its_name(gateway: Gateway, ask: Ask) -> None:
    service = service_token(gateway.client, gateway.people.admin, name="ann")

    assert told(ask(**bearer(service)))["user"] == "service:ann"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer gp_nonsense"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Digest x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !"},
        {"Cookie": "__Host-gp_session=gps_nonsense"},
        {"Cookie": "gp_session=gps_nonsense"},
        {},
    ],
    ids=str,
)
def test_a_bad_credential_and_none_is_401_with_the_way_to_the_door(ask: Ask, headers: dict[str, str]) -> None:
    answer = ask(**headers)

    assert answer.status_code == 401
    assert answer.headers["x-gatepost-sign-in"] == f"{URL}/login"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not [name for name in answer.headers if name.removeprefix("x-gatepost-") in FIVE]


def test_no_header_but_a_credential_lets_anybody_in(gateway: Gateway) -> None:
    """Trap 19: what went wrong at others, by the header that did it."""
    for name, value in (
        ("X-Gatepost-User", "admin"),
        ("X_Gatepost_User", "admin"),
        ("X-Forwarded-User", "admin"),
        ("X-Auth-Request-User", "admin"),
        ("Remote-User", "admin"),
        ("X-Forwarded-Uri", "/healthz"),
        ("X-Original-URI", "/static/x?y=/healthz#/public"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("User-Agent", "kube-probe/1.0"),
        ("User-Agent", "GoogleHC/1.0"),
        ("X-Gatepost-Role", "admin"),
    ):
        assert gateway.client.get("/forward-auth", headers={name: value}).status_code == 401, name


def test_a_visitors_identity_headers_change_nothing(gateway: Gateway) -> None:
    sent = [(name, value) for name, value in gateway.people.cy.items()]
    for spelling in ("X-Gatepost-User", "x-gatepost-user", "X_Gatepost_User", "X-Gatepost-Roles", "X-Gatepost-Groups"):
        sent += [(spelling, "admin"), (spelling, "root")]

    cy = told(gateway.client.get("/forward-auth", headers=sent))

    assert (cy["user"], cy["groups"], cy["roles"]) == ("cy", "", "user")


def test_groups_are_told_apart_whatever_is_in_their_names(gateway: Gateway, ask: Ask) -> None:
    """A name may hold a comma; in the list it is %2C, and no name has a percent sign."""
    for name in ("a,admins", "z&=+~$"):
        ok(gateway.client.post("/api/v1/groups", json={"name": name}, headers=gateway.people.admin), 201)
        path = f"/api/v1/groups/{name.replace(',', '%2C')}/members/user:ben"
        ok(gateway.client.put(path, headers=gateway.people.admin), 204)

    ben = told(ask(**gateway.people.ben))

    assert ben["groups"] == "a%2Cadmins,data-team,z&=+~$"
    assert part(ben["identity"], 1)["groups"] == ["a,admins", "data-team", "z&=+~$"]


def test_an_email_of_any_letters_stays_in_its_header(gateway: Gateway, ask: Ask) -> None:
    admin, mail = gateway.people.admin, "bjørn%0d@corp.example"
    ok(gateway.client.patch("/api/v1/users/ben", json={"email": mail}, headers=admin))
    ok(gateway.client.patch("/api/v1/users/ben", json={"email_verified": True}, headers=admin))

    assert told(ask(**gateway.people.ben))["email"] == "bj%C3%B8rn%250d@corp.example"


def test_a_token_takes_no_role_along_that_is_beyond_its_scope(gateway: Gateway, ask: Ask) -> None:
    admin, client = gateway.people.admin, gateway.client
    narrow = api_token(client, admin, scopes=["collection:view"])
    ok(client.post("/api/v1/roles", json={"name": "seer", "permissions": ["collection:view"]}, headers=admin), 201)
    ok(client.put("/api/v1/roles/seer/assignees/user:admin", headers=admin), 204)
    ok(client.post("/api/v1/roles", json={"name": "blank", "permissions": []}, headers=admin), 201)
    ok(client.put("/api/v1/roles/blank/assignees/user:admin", headers=admin), 204)

    found = told(ask(**bearer(narrow)))

    assert found["roles"] == "seer"
    assert part(found["identity"], 1)["scope"] == "collection:view"
    assert "admin" in told(ask(**admin))["roles"].split(",")


def test_an_identity_is_no_access_token_and_an_access_token_no_identity(gateway: Gateway, ask: Ask) -> None:
    identity = told(ask(**gateway.people.ann))["identity"]
    access = gateway.people.ann["Authorization"].removeprefix("Bearer ")

    assert gateway.client.get("/api/v1/me", headers=bearer(identity)).status_code == 401
    assert ask(**bearer(identity)).status_code == 401
    assert part(access, 0)["typ"] != part(identity, 0)["typ"]
    assert part(access, 1)["aud"] != part(identity, 1)["aud"]


def test_an_identity_is_signed_once_a_minute_and_lives_two(gateway: Gateway, ask: Ask, dice: FakeDice) -> None:
    headers = {"Cookie": cookie(gateway, "ann")}
    first = told(ask(**headers))["identity"]
    dice.advance(timedelta(seconds=59))
    again = told(ask(**headers))["identity"]
    dice.advance(timedelta(seconds=2))
    later = told(ask(**headers))["identity"]

    assert again == first
    assert later != first
    assert part(later, 1)["iat"] - part(first, 1)["iat"] == 61


def test_a_yes_is_kept_by_nobody_and_shown_to_no_page_elsewhere(gateway: Gateway, ask: Ask) -> None:
    """It sets nothing else: each header costs the gateway and us, and no browser sees them."""
    yes, no = ask(**gateway.people.ann), ask()

    assert {name for name in yes.headers if not name.startswith("x-gatepost-")} == {
        "cache-control",
        "content-length",
        "cross-origin-resource-policy",
    }
    assert (yes.headers["cache-control"], no.headers["cache-control"]) == ("no-store", "no-store")
    assert yes.headers["cross-origin-resource-policy"] == no.headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in no.headers["content-security-policy"], "which a browser may be shown"


def test_what_changes_holds_with_the_next_request(gateway: Gateway, ask: Ask) -> None:
    people, client = gateway.people, gateway.client
    before = told(ask(**people.cy))
    ok(client.put("/api/v1/groups/data-team/members/user:cy", headers=people.admin), 204)
    after = told(ask(**people.cy))

    assert (before["groups"], after["groups"]) == ("", "data-team")
    assert part(after["identity"], 1)["groups"] == ["data-team"]
    ok(client.patch("/api/v1/users/cy", json={"disabled": True}, headers=people.admin))
    assert ask(**people.cy).status_code == 401


def test_a_session_that_is_over_is_over_here(gateway: Gateway, ask: Ask) -> None:
    sent = cookie(gateway, "ann")
    told(ask(Cookie=sent))
    gateway.client.post("/logout", headers={"Cookie": sent, "Origin": URL})

    assert ask(Cookie=sent).status_code == 401


QUESTION = "/forward-auth?resource=collection:sales&action={}"


def test_a_permission_is_asked_for(gateway: Gateway, ask: Ask) -> None:
    people = gateway.people
    share(gateway.client, people.ann, "user:ben")

    assert told(ask(QUESTION.format("edit"), **people.ann))["user"] == "ann"
    assert told(ask(QUESTION.format("view"), **people.ben))["user"] == "ben"
    assert ask(QUESTION.format("edit"), **people.ben).status_code == 403
    assert ask(QUESTION.format("view"), **people.cy).status_code == 403, "403, not 404: it is the gateway's resource"
    assert ask("/forward-auth?resource=collection:none&action=view", **people.cy).status_code == 403
    assert ask(QUESTION.format("view")).status_code == 401


def test_whoever_is_anonymous_passes_only_with_a_permission(gateway: Gateway, ask: Ask) -> None:
    share(gateway.client, gateway.people.ann, "anonymous:*")

    assert set(told(ask(QUESTION.format("view"))).values()) == {""}
    assert ask(QUESTION.format("edit")).status_code == 401
    assert ask().status_code == 401


def test_a_scope_and_a_role_narrow_the_question_and_nothing_that_is_passed_on(gateway: Gateway, ask: Ask) -> None:
    people, client = gateway.people, gateway.client
    narrow = bearer(api_token(client, people.ann, scopes=["collection:view"]))

    assert ask(QUESTION.format("view"), **narrow).status_code == 200
    assert ask(QUESTION.format("edit"), **narrow).status_code == 403
    assert ask(QUESTION.format("view"), X_Gatepost_Role="admin", **people.ann).status_code == 403
    ok(client.put("/api/v1/roles/reader/assignees/user:admin", headers=people.admin), 204)
    delete = QUESTION.format("delete")
    assert told(ask(delete, **people.admin)) == told(ask(X_Gatepost_Role="reader", **people.admin))
    assert ask(delete, X_Gatepost_Role="reader", **people.admin).status_code == 403


NONSENSE = [
    "resource=collection:sales",
    "action=view",
    "resource=collection:sales&action=view&resource=collection:open",
    "resource=collection:sales&action=view&action=edit",
    "resource=collection:sales&action=view&subject=user:ann",
    "resource=collection:&action=view",
    "resource=collection&action=view",
    "resource=collection:*&action=view",
    "resource=collection:sales%23viewer&action=view",
    "resource=collection:sales%20x&action=view",
    "resource=collection:sales%00&action=view",
    "resource=collection:sales&action=",
    "resource=collection:sales&action=fly",
    "resource=rocket:x&action=view",
    "redirect=maybe",
    "redirect",
    "resource=collection:%ff&action=view",
]


def test_a_question_that_makes_no_sense_lets_nobody_pass(gateway: Gateway, ask: Ask) -> None:
    """It may be a part of the visitor's path that the gateway has copied there."""
    for query in NONSENSE:
        answer = ask(f"/forward-auth?{query}", **gateway.people.admin)
        assert answer.status_code in (400, 422), query
        assert not [name for name in answer.headers if name.removeprefix("x-gatepost-") in FIVE]


def test_a_browser_is_sent_to_the_door_if_the_gateway_asks_for_it(ask: Ask) -> None:
    told_uri = {"X-Forwarded-Uri": "/reports?year=2026"}
    sent = ask("/forward-auth?redirect=true", **NAVIGATION, **told_uri)
    plain = ask(**NAVIGATION, **told_uri)

    door = f"{URL}/login?next=%2Freports%3Fyear%3D2026"
    assert (sent.status_code, sent.headers["location"]) == (302, door)
    assert (plain.status_code, plain.headers["x-gatepost-sign-in"]) == (401, door)
    assert plain.headers["x-gatepost-redirect"] == door


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/json"},
        {"Accept": "*/*"},
        {},
        NAVIGATION | {"Sec-Fetch-Mode": "cors"},
        NAVIGATION | {"X-Requested-With": "XMLHttpRequest"},
        NAVIGATION | {"Authorization": "Bearer gp_old"},
        NAVIGATION | {"X-Forwarded-Method": "POST"},
        {"Accept": "text/html", "Sec-WebSocket-Key": "x", "Upgrade": "websocket"},
    ],
    ids=str,
)
def test_a_program_gets_401(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = gateway.client.get("/forward-auth?redirect=true", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["x-gatepost-sign-in"]
    assert "x-gatepost-redirect" not in answer.headers


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example/", "/%2f%2fevil.example", "x"]
)
def test_signing_in_leads_nowhere_else(ask: Ask, path: str) -> None:
    assert ask(X_Forwarded_Uri=path).headers["x-gatepost-sign-in"] == f"{URL}/login"


def test_a_forwarded_address_is_a_trusted_proxys_to_say(gateway: Gateway) -> None:
    answer = gateway.client.get("/forward-auth", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 421
    for host in ("gate.example", "gatepost:8420"):  # Traefik asks by the name that it knows us by
        theirs = gateway.client.get("/forward-auth", headers={"Host": host, "X-Forwarded-Host": "app.example"})
        assert theirs.headers["x-gatepost-sign-in"] == f"{APP}/.gatepost/sign-in"


@pytest.mark.parametrize(
    ("proof", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": APP}, 403),
        ({"Origin": URL}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
    ],
    ids=str,
)
def test_a_cookie_on_what_changes_something_needs_a_proof_of_origin(
    gateway: Gateway, proof: dict[str, str], status: int
) -> None:
    """Another site's form, and another site's socket, carry the cookie of a visitor who is signed in."""
    sent = {"Cookie": cookie(gateway, "ann")}
    for unsafe in (
        {"X-Forwarded-Method": "POST"},
        {"X-Original-Method": "DELETE"},
        {"X-Original-Method": "GET", "X-Forwarded-Method": "PUT"},
        {"X-Original-Method": "get"},
        {"Sec-WebSocket-Key": "x"},
        {"Sec-WebSocket-Version": "13"},  # of HTTP/2, which has neither a key nor Upgrade (RFC 8441 section 5)
        {"X-Forwarded-Method": "CONNECT"},
    ):
        assert gateway.client.get("/forward-auth", headers=sent | proof | unsafe).status_code == status, unsafe
        answer = gateway.client.get("/forward-auth", headers=gateway.people.ann | proof | unsafe)
        assert answer.status_code == 200, "a credential that is sent is nobody else's doing"


def test_envoy_asks_with_the_method_and_the_path_that_it_holds_back(gateway: Gateway) -> None:
    """Its query is the visitor's, and says nothing of what is asked."""
    client, sent = gateway.client, cookie(gateway, "ann")
    share(client, gateway.people.ann, "anonymous:*")
    query = "resource=collection:sales&action=view&redirect=true"

    assert client.get(f"/forward-auth/reports?{query}", headers={"Accept": "text/html"}).status_code == 401
    answer = client.get("/forward-auth/reports?year=2026")
    assert answer.headers["x-gatepost-sign-in"] == f"{URL}/login?next=%2Freports%3Fyear%3D2026"
    assert client.get("/forward-auth/reports", headers={"Cookie": sent}).status_code == 200
    assert client.post("/forward-auth/reports", headers={"Cookie": sent}).status_code == 403
    assert client.post("/forward-auth/reports", headers={"Cookie": sent, "Origin": URL}).status_code == 200


def test_a_question_behind_a_slash_lets_nobody_pass(gateway: Gateway, ask: Ask) -> None:
    """A slip in a gateway's configuration: the question would be taken for the visitor's own query, and not be asked."""
    slip = "/forward-auth/?resource=collection:sales&action=view"

    for caller in (gateway.people.cy, gateway.people.ann, {}):
        assert ask(slip, **caller).status_code == 400
    assert ask("/forward-auth/?resource=collection:sales", **gateway.people.cy).status_code == 200
    assert ask("/forward-auth/?page=2", **gateway.people.cy).status_code == 200
    assert ask("/forward-auth/x?resource=collection:sales&action=view", **gateway.people.cy).status_code == 200


def test_what_cannot_be_known_is_neither_yes_nor_no(
    gateway: Gateway, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.gate.memory, "_stale_for", -1.0)

    assert ask(**gateway.people.ann).status_code == 503


def test_a_preflight_is_no_way_in(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> None:
    """Envoy asks with the visitor's method: what answers pages of other origins must not answer for it."""
    settings = behind_a_gateway(settings_for(gate_url))
    elsewhere = "https://elsewhere.example"
    client = in_process(open_gate(replace(settings, main=replace(settings.main, cors_origins=(elsewhere,)))))
    preflight = {"Origin": elsewhere, "Access-Control-Request-Method": "GET"}

    assert client.options("/api/v1/me", headers=preflight).status_code == 200
    assert client.options("/forward-auth/reports", headers=preflight).status_code == 401
    assert client.options("/forward-auth", headers=preflight).status_code == 401
