"""A dry run (`/oauth/{provider}/login?try=true`): everything is shown to whom it concerns, and nothing is changed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from gatepost.audit.trail import Filter, export_audit
from gatepost.directory.groups import create_group
from gatepost.directory.roles import create_role
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.gate import Gatepost
from gatepost.settings import ClaimRule
from gatepost.store import tables
from tests.conftest import ADMIN, ADMIN_PASSWORD, OpenGate
from tests.dice import FakeDice
from tests.server.conftest import InProcess
from tests.server.elsewhere import OURS, is_signed_in, settings_with, sign_in
from tests.sso.oauth2_in_process import running_forge
from tests.sso.provider_in_process import InProcessProvider, Person, Raw, running_provider, with_, without

TRY = "/oauth/op/login?try=true"
TERMINAL = "&terminal=40123&terminal_state=0123456789abcdef"
UNCHANGED = ("used_once", "audit", "throttles")  # that an attempt was used is noted, and that a dry run was made


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


Start = Callable[..., TestClient]


@pytest.fixture
def start(open_gate: OpenGate, sqlite_url: str, op: InProcessProvider, in_process: InProcess) -> Start:
    """A browser at a Gatepost whose provider is configured as the test says; `.gate` is that Gatepost."""

    def run(**changes: Any) -> TestClient:
        gate = open_gate(settings_with(sqlite_url, op.settings(**changes)))
        browser = in_process(gate)
        browser.gate = gate  # type: ignore[attr-defined]
        return browser

    return run


def gate_of(browser: TestClient) -> Gatepost:
    gate: Gatepost = browser.gate  # type: ignore[attr-defined]
    return gate


def as_admin(browser: TestClient) -> TestClient:
    form = {"username": "admin", "password": ADMIN_PASSWORD}
    assert browser.post("/login", data=form, headers=OURS).status_code == 303
    return browser


def try_out(browser: TestClient, op: InProcessProvider, name: str = "bob") -> Response:
    started = browser.get(TRY + TERMINAL)
    assert started.status_code == 303, started.text
    return browser.get("/oauth/op/callback", params=op.answer_to(started.headers["location"], name))


def result_of(page: Response) -> dict[str, Any]:
    """What the page would send to the terminal: the same as it shows."""
    assert page.status_code == 200, page.text
    (found,) = re.findall(r'name="result" value="([^"]*)"', page.text)
    result: dict[str, Any] = json.loads(html.unescape(found))
    return result


def came(result: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["came"] for step in result["steps"]}


def rows(gate: Gatepost) -> dict[str, list[Any]]:
    with gate.database.read() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table))))
            for name, table in tables.metadata.tables.items()
            if name not in UNCHANGED
        }


def test_it_shows_what_would_be_and_changes_nothing(start: Start, op: InProcessProvider) -> None:
    browser = as_admin(start(role_map={"analysts": "curator", "nobody": "admin"}))
    gate = gate_of(browser)
    create_group(gate, ADMIN, "analysts", "")
    create_role(gate, ADMIN, "curator", ["collection:edit"], "")
    op.people["bob"] = Person("sub-1", {**op.people["bob"].claims, "groups": ["analysts", "unknown", "a b"]})
    before, revision, session = rows(gate), gate.memory.revision, browser.cookies["gp_session"]

    page = try_out(browser, op)

    result = result_of(page)
    assert result["failed"] is None
    assert set(came(result).values()) == {"passed"}
    assert (result["username"], result["subject"]) == ("bob", "sub-1")
    assert result["groups"]["names"] == result["groups"]["added"] == ["analysts"]
    assert result["groups"]["left_out"] == ["a b", "unknown"]
    assert result["roles"]["names"] == ["curator", "user"]
    assert result["account"] == "user:bob, which would be made"
    assert rows(gate) == before
    assert gate.memory.revision == revision
    assert browser.cookies["gp_session"] == session
    assert not [name for name in browser.cookies if name.startswith("gp_login_")]
    for shown in ("This sign-in would succeed", "analysts", "curator", "unknown", "bob@example.org", "added"):
        assert shown in page.text
    create_user(gate, ADMIN, NewUser(username="bob"))  # the name is still free


def test_only_that_it_was_made_is_on_record(start: Start, op: InProcessProvider) -> None:
    browser = as_admin(start(allowed_groups=("nobody",)))
    gate = gate_of(browser)
    gate.journal.flush()
    before = [record.event for record in export_audit(gate, ADMIN, Filter())]

    try_out(browser, op)

    gate.journal.flush()
    records = list(export_audit(gate, ADMIN, Filter()))
    new = [record for record in records if record.event not in before or record.event == "provider.tried"]
    assert [(r.event, r.target, r.subject, r.outcome) for r in new] == [
        ("provider.tried", "provider:op", "user:admin", "failed")
    ]
    assert new[0].reason.startswith("admission: ")


def test_whom_it_knows_already(start: Start, op: InProcessProvider, in_process: InProcess) -> None:
    """What is added and removed is told against what the account has."""
    browser = start(group_sync="mirror")
    gate = gate_of(browser)
    for name in ("analysts", "pilots"):
        create_group(gate, ADMIN, name, "")
    sign_in(in_process(gate), op, groups=["analysts"])
    op.people["bob"] = Person(op.people["bob"].sub, {**op.people["bob"].claims, "groups": ["pilots"]})

    result = result_of(try_out(as_admin(browser), op))

    assert result["account"] == "user:bob, which this identity opens already"
    groups = result["groups"]
    assert (groups["names"], groups["added"], groups["removed"]) == (["pilots"], ["pilots"], ["analysts"])
    assert groups["why"] == {"analysts": "op does not list it any more", "pilots": "op lists pilots"}
    assert "Taken away" in try_out(browser, op).text


@pytest.mark.parametrize(
    ("settings", "tamper", "failed", "said"),
    [
        ({}, {"redirect": with_(iss="https://evil.example")}, "answer", "not from Example"),
        ({}, {"redirect": lambda answer: {**answer, "error": "access_denied"}}, "answer", "refused or cancelled"),
        ({}, {"redirect": without("code")}, "answer", "has no code"),
        ({}, {"claims": with_(aud="another")}, "tokens", "aud: not for this client"),
        ({}, {"claims": with_(nonce="x")}, "tokens", "nonce: of another sign-in"),
        ({}, {"raw": {"/token": Raw(status=503)}}, "tokens", "the token request answered 503"),
        ({"groups_claim": "roles"}, {"userinfo": with_(sub="x")}, "tokens", "about somebody else"),
        ({"allowed_domains": ("corp.example",)}, {}, "admission", "no verified e-mail domain"),
        ({"allowed_tenants": ("t",), "username_claim": "upn"}, {}, "admission", "no tenant"),
        ({"username_claim": "upn"}, {}, "username", "no usable claim upn"),
        ({"claims_map": {"roles": ClaimRule(path="$.missing")}}, {}, "roles", "no usable roles at $.missing"),
        ({"auto_create_users": False}, {}, "account", "there is no account for bob"),
        ({"claims_map": {"default_role": ClaimRule(path="$.groups[0]")}}, {}, "default_role", "not have analysts"),
    ],
)
def test_the_first_check_that_fails_is_named(
    start: Start, op: InProcessProvider, settings: dict[str, Any], tamper: dict[str, Any], failed: str, said: str
) -> None:
    """In the order in which a sign-in runs them; and a sign-in fails as well."""
    browser = as_admin(start(**settings))
    for name, what in tamper.items():
        setattr(op.tamper, name, what)

    page = try_out(browser, op)

    result = result_of(page)
    order = [step["name"] for step in result["steps"]]
    at = order.index(failed)
    assert result["failed"] == failed
    assert said in result["steps"][at]["said"]
    assert {step["came"] for step in result["steps"][:at]} == {"passed"}
    assert "would be refused" in page.text
    assert said in html.unescape(page.text)
    started = browser.get("/oauth/op/login").headers["location"]
    assert browser.get("/oauth/op/callback", params=op.answer_to(started)).status_code in (400, 403, 502)


@pytest.mark.parametrize("list_", ["allowed_groups", "allowed_domains", "allowed_tenants"])
def test_whoever_is_not_let_in_is_shown_all_the_same(start: Start, op: InProcessProvider, list_: str) -> None:
    """One thing that does not fit hides no other: the lists may be all that is wrong."""
    browser = as_admin(start(**{list_: ("no-such.example",)}))
    create_group(gate_of(browser), ADMIN, "analysts", "")
    result = result_of(try_out(browser, op))
    assert (result["failed"], result["username"]) == ("admission", "bob")
    assert result["groups"]["names"] == ["analysts"]
    assert browser.get("/api/v1/users/bob").status_code == 404


def test_roles_that_the_claims_carry_are_the_sessions(start: Start, op: InProcessProvider) -> None:
    browser = as_admin(start(claims_map={"roles": ClaimRule(path="$.realm_access.roles")}, admin_roles=("boss",)))
    create_role(gate_of(browser), ADMIN, "curator", ["collection:edit"], "")
    claims = {**op.people["bob"].claims, "realm_access": {"roles": ["curator", "boss", "offline_access"]}}
    op.people["bob"] = Person("sub-1", claims)

    roles = result_of(try_out(browser, op))["roles"]

    assert roles["for_session"] == ["admin", "curator"]
    assert (roles["names"], roles["left_out"]) == (["admin", "curator", "user"], ["boss", "offline_access"])


def test_a_provider_that_is_down_fails_the_first_check(start: Start, op: InProcessProvider) -> None:
    op.tamper.raw["/.well-known/openid-configuration"] = Raw(status=500)
    result = result_of(as_admin(start()).get(TRY + TERMINAL))
    assert result["failed"] == "provider"
    assert set(came(result).values()) == {"failed", "not_reached"}


def test_a_clash_is_shown_to_an_admin(start: Start, op: InProcessProvider) -> None:
    browser = as_admin(start())
    create_user(gate_of(browser), ADMIN, NewUser(username="bob"))
    result = result_of(try_out(browser, op))
    assert (result["failed"], result["account"]) == ("account", "")
    assert "belongs to another account" in result["steps"][-2]["said"] + result["steps"][-1]["said"]
    with gate_of(browser).database.read() as connection:
        assert connection.execute(select(tables.conflicts)).all() == []


def test_a_disabled_account_is_shown_to_an_admin(start: Start, op: InProcessProvider, in_process: InProcess) -> None:
    browser = start()
    sign_in(in_process(gate_of(browser)), op)
    change_user(gate_of(browser), ADMIN, "bob", UserChange(disabled=True))
    result = result_of(try_out(as_admin(browser), op))
    assert result["failed"] == "account"
    assert "disabled" in next(step for step in result["steps"] if step["name"] == "account")["said"]


@pytest.mark.parametrize("signed_in", [False, True])
def test_it_tells_nobody_else_which_accounts_there_are(
    start: Start, op: InProcessProvider, in_process: InProcess, signed_in: bool
) -> None:
    """A visitor sees the own claims, and the same whether the account exists, is disabled, or belongs to another."""
    browser = start()
    gate = gate_of(browser)
    create_group(gate, ADMIN, "analysts", "")
    create_group(gate, ADMIN, "by-hand", "")
    asker = in_process(gate)
    if signed_in:
        create_user(gate, ADMIN, NewUser(username="ann", password="quay-seven-lantern"))
        asker.post("/login", data={"username": "ann", "password": "quay-seven-lantern"}, headers=OURS)

    def looks() -> dict[str, Any]:
        result = result_of(try_out(asker, op))
        result.pop("at")
        return result

    before = looks()
    assert came(before)["account"] == "hidden"
    assert before["groups"]["names"] == ["analysts"]
    assert before["roles"]["names"] == ["user"]
    assert before["account"] == ""
    create_user(gate, ADMIN, NewUser(username="bob"))
    assert looks() == before
    change_user(gate, ADMIN, "bob", UserChange(disabled=True))
    assert looks() == before
    assert is_signed_in(asker) is signed_in


def test_what_went_wrong_in_detail_is_for_admins(start: Start, op: InProcessProvider) -> None:
    browser = start()
    op.tamper.claims = with_(aud="another")
    said = next(step for step in result_of(try_out(browser, op))["steps"] if step["came"] == "failed")["said"]
    assert said == "op: its ID token is not valid"


def test_no_secret_is_shown(start: Start, op: InProcessProvider) -> None:
    claims = {
        **op.people["bob"].claims,
        "apikey": "sk-1234",
        "odd": "gp_0123456789abcdef",
        "inner": {"list": ["eyJhbGciOiJub25lIn0.e30."], "access_token": "t0ken", "fine": "to see"},
        "markup": "<script>alert(1)</script>",
    }
    op.people["bob"] = Person("sub-1", claims)
    started = as_admin(browser := start()).get(TRY + TERMINAL)
    params = op.answer_to(started.headers["location"])

    page = browser.get("/oauth/op/callback", params=params)

    text = html.unescape(page.text)
    for secret in ("sk-1234", "gp_0123", "eyJhbGci", "t0ken", params["code"], params["state"], *op.access_tokens):
        assert secret not in text
    assert "to see" in text
    assert "<script>alert" not in page.text
    names = {claim["name"] for claim in result_of(page)["claims"]}
    assert "nonce" not in names
    assert {"sub", "iss", "aud", "inner"} <= names


def test_each_claim_says_where_it_came_from(start: Start, op: InProcessProvider) -> None:
    op.people["bob"] = Person("sub-1", {"preferred_username": "bob"}, {"email": "bob@example.org", "groups": ["x"]})
    sources = {claim["name"]: claim["source"] for claim in result_of(try_out(start(), op))["claims"]}
    assert (sources["preferred_username"], sources["email"], sources["groups"]) == ("ID token", "userinfo", "userinfo")


def test_at_a_provider_of_plain_oauth_2(open_gate: OpenGate, sqlite_url: str, in_process: InProcess) -> None:
    with running_forge() as forge:
        browser = as_admin(in_process(open_gate(settings_with(sqlite_url, forge.settings()))))
        started = browser.get("/oauth/forge/login?try=true" + TERMINAL).headers["location"]
        result = result_of(browser.get("/oauth/forge/callback", params=forge.answer_to(started)))
        assert (result["failed"], result["username"]) == (None, "octocat")
        sources = {claim["name"]: claim["source"] for claim in result["claims"]}
        assert (sources["iss"], sources["login"]) == ("configuration", "userinfo")
        assert browser.get("/api/v1/users/octocat").status_code == 404


def test_it_serves_once_and_in_its_own_browser(start: Start, op: InProcessProvider, in_process: InProcess) -> None:
    browser = start()
    params = op.answer_to(browser.get(TRY).headers["location"])
    kept = dict(browser.cookies.items())
    assert in_process(gate_of(browser)).get("/oauth/op/callback", params=params).status_code == 400
    page = browser.get("/oauth/op/callback", params=params)
    assert page.status_code == 200
    assert "For the terminal" not in page.text
    browser.cookies.update(kept)
    again = browser.get("/oauth/op/callback", params=params)
    assert again.status_code == 400


def test_a_dry_run_never_links(start: Start, op: InProcessProvider) -> None:
    browser = as_admin(start())
    started = browser.get(f"{TRY}&link=true")
    page = browser.get("/oauth/op/callback", params=op.answer_to(started.headers["location"]))
    assert "Dry run at Example" in page.text
    assert browser.get("/api/v1/me/identities").json()["items"] == []


@pytest.mark.parametrize(
    "terminal",
    [
        "terminal=40123",
        "terminal_state=0123456789abcdef",
        "terminal=0&terminal_state=0123456789abcdef",
        "terminal=65536&terminal_state=0123456789abcdef",
        "terminal=1@evil.example&terminal_state=0123456789abcdef",
        "terminal=80/x&terminal_state=0123456789abcdef",
        "terminal=%D9%A1&terminal_state=0123456789abcdef",
        "terminal=40123&terminal_state=short",
        "terminal=40123&terminal_state=0123456789abcdef%26x",
        "terminal=40123&terminal_state=0123456789abcdef%0A",
        "terminal=1&terminal=2&terminal_state=0123456789abcdef",
    ],
)
def test_the_result_goes_to_a_loopback_port_alone(start: Start, terminal: str) -> None:
    assert start().get(f"{TRY}&{terminal}").status_code == 400


def test_the_form_may_end_at_that_port_alone(start: Start, op: InProcessProvider) -> None:
    page = try_out(start(), op)
    assert "form-action 'self' http://127.0.0.1:40123;" in page.headers["content-security-policy"]
    assert 'action="http://127.0.0.1:40123/callback?state=0123456789abcdef"' in page.text
    assert page.headers["cache-control"] == "no-store"
