"""What people of other platforms rely on at sign-in and with tokens, shown at a running server with real providers."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from gatepost import errors
from gatepost.client import Client, Tokens
from gatepost.settings import DelegatedIssuer, DelegatedSettings, ProviderSettings, Settings, SsoSettings
from tests.conftest import ADMIN_PASSWORD
from tests.dice import FakeDice
from tests.server.calling import api_token, as_admin, basic, bearer, make_user, ok, problem, service_token, sign_in
from tests.server.conftest import Running, Served
from tests.sso.oauth2_in_process import Forge, running_forge
from tests.sso.provider_in_process import InProcessProvider, running_provider, with_

Start = Callable[..., Running]


@pytest.fixture
def op(dice: Any) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def second(dice: Any) -> Iterator[InProcessProvider]:
    with running_provider(host="localhost") as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


@pytest.fixture
def start(served: Served) -> Start:
    def run(*tables: ProviderSettings | DelegatedIssuer) -> Running:
        def change(settings: Settings) -> Settings:
            return replace(
                settings,
                sso=SsoSettings(providers=tuple(t for t in tables if isinstance(t, ProviderSettings))),
                delegated=DelegatedSettings(issuers=tuple(t for t in tables if isinstance(t, DelegatedIssuer))),
            )

        return served(change)

    return run


def issuer(op: InProcessProvider, **changes: Any) -> DelegatedIssuer:
    given = {"name": "gateway", "issuer": op.issuer, "audience": ("gatepost",), "http_timeout": timedelta(seconds=10)}
    return DelegatedIssuer(**{**given, **changes})


def through(browser: httpx2.Client, provider: str, there: InProcessProvider | Forge, name: str = "bob") -> Any:
    """Play the browser: our button, the provider's answer, and back."""
    begun = browser.get(f"/oauth/{provider}/login")
    assert begun.status_code == 303, begun.text
    address = begun.headers["location"]
    answer = there.answer_to(address, name) if isinstance(there, InProcessProvider) else there.answer_to(address)
    back = browser.get(f"/oauth/{provider}/callback", params=answer)
    assert back.status_code == 303, back.text
    return ok(browser.get("/api/v1/me"))


def test_single_sign_on_is_there_only_where_it_is_configured(start: Start, op: InProcessProvider) -> None:
    """AG-1, AG-6: without a table no button and no address; with one a button, and the password beside it."""
    without, with_one = start(), start(op.settings())
    for running, offered in ((without, []), (with_one, ["op"])):
        assert [each["name"] for each in ok(running.client.get("/api/v1/auth/providers"))] == offered
        page = running.client.get("/login").text
        assert ("/oauth/op/login" in page) == bool(offered)
        assert 'type="password"' in page
        assert running.client.get("/oauth/op/login").status_code == (303 if offered else 404)
    for address in ("callback?code=x&state=y", "logout?iss=x&sid=y", "signed-out"):
        assert without.client.get(f"/oauth/op/{address}").status_code == 404


def test_several_providers_of_either_kind_at_once(
    start: Start, op: InProcessProvider, second: InProcessProvider, forge: Forge
) -> None:
    """IF-3, IF-4: each is offered, and each signs in its own people."""
    there: dict[str, InProcessProvider | Forge] = {"op": op, "second": second, "forge": forge}
    running = start(op.settings(), second.settings(name="second", display_name="Second"), forge.settings())
    offered = ok(running.client.get("/api/v1/auth/providers"))
    assert [each["name"] for each in offered] == list(there)
    people = {}
    with ExitStack() as browsers:
        for name, provider in there.items():
            browser = browsers.enter_context(running.another_client())
            me = through(browser, name, provider, {"second": "carol"}.get(name, "bob"))
            assert me["provider"] == name
            people[name] = me["username"]
    assert people == {"op": "bob", "second": "carol", "forge": "octocat"}


def test_the_code_is_swapped_by_the_server_for_a_public_client(start: Start, op: InProcessProvider) -> None:
    """AG-7, HA-7, HA-9, HA-19: the browser goes to the authorization endpoint with the callback, and to no other.

    The token endpoint is asked by the server alone, so that no provider has to allow an origin, and no code or token
    is in the hands of a script.  The verifier stands for the secret that there is not.
    """
    op.client_secret = None
    running = start(op.settings())
    op.redirect_uris = {f"{running.url}/oauth/op/callback"}
    asked: list[dict[str, Any]] = []
    honest = op.issue_code

    def noting(request: dict[str, Any], name: str) -> dict[str, Any]:
        asked.append(request)
        return honest(request, name)

    op.issue_code = noting  # type: ignore[method-assign]
    with running.another_client() as browser:
        me = through(browser, "op", op)
    assert me["username"] == "bob"
    assert [each["redirect_uri"] for each in asked] == [f"{running.url}/oauth/op/callback"]
    assert asked[0]["response_type"] == "code"
    assert op.requests["/token"] == 1
    page = running.client.get("/login")
    assert op.issuer not in page.text, "there is nothing of the provider in the page but our own address"
    assert f"connect-src {op.issuer}" not in page.headers["content-security-policy"]


@pytest.mark.parametrize(("algorithms", "accepted"), [(("RS256",), True), (("ES256",), False)])
def test_only_algorithms_that_are_configured_are_accepted(
    start: Start, op: InProcessProvider, algorithms: tuple[str, ...], accepted: bool
) -> None:
    """AG-4: at a sign-in and as a credential; what the provider's document offers beside them does not count."""
    running = start(op.settings(algorithms=algorithms))
    with running.another_client() as browser:
        begun = browser.get("/oauth/op/login")
        back = browser.get("/oauth/op/callback", params=op.answer_to(begun.headers["location"]))
        assert back.status_code == (303 if accepted else 502)
        assert ok(browser.get("/api/v1/me"))["kind"] == ("user" if accepted else "anonymous")
    answer = running.client.get("/api/v1/me", headers=bearer(op.token(sub="s", preferred_username="eve")))
    assert answer.status_code == (200 if accepted else 401)


def test_rights_are_given_here_and_not_by_a_token(start: Start, op: InProcessProvider) -> None:
    """AG-12: whatever a token says of permissions; and what is given here needs no other token.

    HA-23: without the scope `groups` a token has none; without `claims_map` or `role_map` no group is a role.
    """
    running = start(op.settings(scopes=("openid", "profile")))
    admin = as_admin(running.client)
    for name in ("data-team", "admin"):
        ok(running.client.post("/api/v1/groups", json={"name": name}, headers=admin), 201)
    ok(running.client.post("/api/v1/resources", json={"type": "collection", "id": "sales"}, headers=admin), 201)
    boast = {
        "groups": ["data-team", "admin"],
        "roles": ["admin"],
        "permissions": ["*:*"],
        "scope": "*:*",
        "realm_access": {"roles": ["admin"]},
        "https://hasura.io/jwt/claims": {"x-hasura-allowed-roles": ["admin"], "x-hasura-default-role": "admin"},
    }
    place = "/api/v1/resources/collection/sales"
    with running.another_client() as browser:
        op.tamper.claims = with_(**boast)
        begun = browser.get("/oauth/op/login")
        sent = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
        assert sent["scope"] == "openid profile"
        browser.get("/oauth/op/callback", params=op.answer_to(begun.headers["location"]))
        me = ok(browser.get("/api/v1/me"))
        assert (me["groups"], me["roles"]) == (["admin", "data-team"], ["user"])
        problem(browser.get(place), 404)
        problem(browser.get("/api/v1/users"), 403)
        token = bearer(op.token(sub=op.people["bob"].sub, preferred_username="bob", **boast))
        problem(running.client.get(place, headers=token), 404)
        op.tamper.claims = with_(groups=[])
        shared = {"subject": "user:bob", "relation": "viewer"}
        ok(running.client.post(f"{place}/access", json=shared, headers=admin), 201)
        ok(browser.get(place))
        ok(running.client.get(place, headers=token))


def test_no_id_tokens_are_issued_here(start: Start, op: InProcessProvider) -> None:
    """AG-16: users get them where they come from.  Ours are access tokens, which no other party takes for a sign-in."""
    running = start(op.settings())
    admin = as_admin(running.client)
    token = service_token(running.client, admin)
    pair = sign_in(running.client, "admin", ADMIN_PASSWORD)
    service = {"grant_type": "client_credentials", "client_id": "etl", "client_secret": token, "scope": "openid"}
    assert running.client.post("/oauth2/token", data=service).json()["error"] == "invalid_scope"
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    for answer in (
        pair,
        *(ok(running.client.post("/oauth2/token", data=each)) for each in ({**service, "scope": "*:*"}, refresh)),
    ):
        assert "id_token" not in answer
        head = json.loads(base64.urlsafe_b64decode(answer["access_token"].partition(".")[0] + "=="))
        assert head["typ"] == "at+jwt"
    assert running.client.get("/.well-known/openid-configuration").status_code == 404
    metadata = ok(running.client.get("/.well-known/oauth-authorization-server"))
    assert not any("id_token" in each for each in metadata)


def test_a_gateways_token_and_our_own_are_taken_side_by_side(start: Start, op: InProcessProvider) -> None:
    """CO-1, CO-2, CO-3, CO-7: the provider's token is forwarded unchanged; nobody signs in; ours go on as before."""
    running = start(issuer(op))
    admin = as_admin(running.client)
    make_user(running.client, admin, "ann")
    forwarded = bearer(op.token(sub="bob-1", email="bob@corp.example"))
    again = bearer(op.token(sub="carol-1", email="carol@corp.example", client_id="some-other-app"))
    ours = bearer(sign_in(running.client, "ann")["access_token"])
    mine, service = bearer(api_token(running.client, ours)), bearer(service_token(running.client, admin))
    for headers, username, method in (
        (forwarded, "bob@corp.example", "delegated"),
        (again, "carol@corp.example", "delegated"),
        (ours, "ann", "access_token"),
        (mine, "ann", "api_token"),
        (service, "etl", "service_token"),
        (forwarded, "bob@corp.example", "delegated"),
    ):
        me = ok(running.client.get("/api/v1/me", headers=headers))
        assert (me["username"], me["method"]) == (username, method)
    gateway = running.client.get("/forward-auth", headers=forwarded)
    assert (gateway.status_code, gateway.headers["x-gatepost-user"]) == (200, "bob@corp.example")
    assert ok(running.client.get("/api/v1/sessions", headers=forwarded))["items"] == [], "it is a token, and no session"
    assert op.requests["/authorize"] == op.requests["/token"] == 0


def test_the_claims_of_a_delegated_issuer_have_the_names_that_are_configured(
    start: Start, op: InProcessProvider
) -> None:
    """CO-6, CO-5: `username_claim`, `groups_claim`, `api_key_claim`; the usual names mean nothing then."""
    running = start(issuer(op, username_claim="login", groups_claim="teams", api_key_claim="key"))
    admin = as_admin(running.client)
    ok(running.client.post("/api/v1/groups", json={"name": "data-team"}, headers=admin), 201)
    make_user(running.client, admin, "ann")
    key = api_token(running.client, bearer(sign_in(running.client, "ann")["access_token"]))
    them = {"sub": "bob-1", "login": "bob", "teams": ["data-team"], "email": "x@corp.example", "groups": ["admin"]}
    me = ok(running.client.get("/api/v1/me", headers=bearer(op.token(**them))))
    assert (me["username"], me["groups"], me["method"]) == ("bob", ["data-team"], "delegated")
    assert ok(running.client.get("/api/v1/me", headers=bearer(op.token(**them, apikey=key))))["username"] == "bob"
    assert ok(running.client.get("/api/v1/me", headers=bearer(op.token(**them, key=key))))["username"] == "ann"
    nobody = bearer(op.token(sub="bob-2", email="bob@corp.example", apikey=key))
    problem(running.client.get("/api/v1/me", headers=nobody), 401, "invalid_token")


def test_an_id_token_is_the_password_of_a_server_spec(start: Start, op: InProcessProvider, tmp_path: Path) -> None:
    """AG-14, AG-15, AG-17: `sso-user:id-token@host:port/type:id`, and only with the name that the token has."""
    running = start(op.settings())
    admin = as_admin(running.client)
    ok(running.client.post("/api/v1/resources", json={"type": "collection", "id": "sales"}, headers=admin), 201)
    token = op.token(sub=op.people["bob"].sub, preferred_username="bob")
    port = urlsplit(running.url).port

    def gatepost(user: str, *command: str) -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "XDG_CONFIG_HOME": str(tmp_path),
            "GATEPOST_URL": f"{user}:{token}@127.0.0.1:{port}/collection:sales",
        }
        command = (sys.executable, "-m", "gatepost.cli", *command)
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    who = gatepost("bob", "whoami", "--json")
    assert (json.loads(who.stdout)["username"], json.loads(who.stdout)["method"]) == ("bob", "id_token")
    asked = ("check", "user:bob", "view")
    assert gatepost("bob", *asked).returncode == 1, "the default resource, which is not shared with him"
    shared = {"subject": "user:bob", "relation": "viewer"}
    ok(running.client.post("/api/v1/resources/collection/sales/access", json=shared, headers=admin), 201)
    assert gatepost("bob", *asked).returncode == 0
    other = gatepost("carol", "whoami")
    assert (other.returncode, other.stdout) == (2, "")
    assert token not in other.stderr


def test_a_client_has_a_new_access_token_by_itself(start: Start, dice: FakeDice) -> None:
    """DH-8: with the refresh token, and nobody notices.  DH-9: after a week without a call one signs in again."""
    running = start()
    admin = as_admin(running.client)
    make_user(running.client, admin, "ann")
    pair = sign_in(running.client, "ann")
    kept = Tokens(pair["access_token"], pair["refresh_token"], pair["expires_in"])
    with Client(running.url, kept) as client:
        for _ in range(3):
            dice.advance(timedelta(minutes=31))
            problem(running.client.get("/api/v1/me", headers=bearer(pair["access_token"])), 401)
            assert client.me().username == "ann"
        dice.advance(timedelta(days=7, seconds=1))
        with pytest.raises(errors.GatepostError, match="sign in again"):
            client.me()
    found = ok(
        running.client.get("/api/v1/audit?event=session.opened&subject=user:ann", headers=as_admin(running.client))
    )
    assert len(found["items"]) == 1, "one sign-in, and three access tokens after it"


def test_what_an_auditor_looks_for_is_on_record(start: Start) -> None:
    """AG-X2, CO-X10, IF-X18: people, roles, groups, tokens; signing in, failing to, and out; passwords and suspension."""
    running = start()
    client, admin = running.client, as_admin(running.client)
    make_user(client, admin, "ann")
    client.post("/api/v1/auth/login", json={"username": "ann", "password": "not-this-one"})
    ann = bearer(sign_in(client, "ann")["access_token"])
    ok(client.post("/api/v1/auth/logout", headers=ann), 204)
    for method, path, body in (
        ("PUT", "users/ann/password", {"password": "a-new-lantern-at-quay-9"}),
        ("PATCH", "users/ann", {"disabled": True}),
        ("PATCH", "users/ann", {"disabled": False}),
        ("PATCH", "users/ann", {"display_name": "Ann"}),
        ("POST", "roles", {"name": "r", "permissions": []}),
        ("PATCH", "roles/r", {"permissions": ["dataset:view"]}),
        ("PUT", "roles/r/assignees/user:ann", None),
        ("DELETE", "roles/r/assignees/user:ann", None),
        ("DELETE", "roles/r", None),
        ("POST", "groups", {"name": "g"}),
        ("PUT", "groups/g/members/user:ann", None),
        ("DELETE", "groups/g/members/user:ann", None),
        ("DELETE", "groups/g", None),
        ("POST", "tokens", {"name": "t"}),
        ("POST", "service-tokens", {"name": "etl", "role": "reader"}),
        ("DELETE", "users/ann", None),
    ):
        assert client.request(method, f"/api/v1/{path}", json=body, headers=admin).is_success, f"{method} {path}"
    told = [each["event"] for each in ok(client.get("/api/v1/audit?limit=500", headers=admin))["items"]]
    expected = (
        "sign_in.failed session.opened session.ended user.created user.password_set user.disabled user.enabled "
        "user.changed user.deleted role.created role.changed role.assigned role.unassigned role.deleted group.created "
        "group.member_added group.member_removed group.deleted token.issued service_token.issued"
    )
    assert set(expected.split()) <= set(told)


def test_three_ways_to_prove_who_one_is(start: Start, op: InProcessProvider) -> None:
    """DH-1, DH-2, DH-14, DH-19: a password, single sign-on, a service token: all end in one credential of one form.

    Infrahub's two (IF-21, IF-22): a JWT that is made on demand and soon over, and an API token that stays.
    """
    running = start(op.settings())
    admin = as_admin(running.client)
    make_user(running.client, admin, "ann")
    first, other = (sign_in(running.client, "ann")["access_token"] for _ in range(2))
    assert first != other, "made on demand"
    claims = json.loads(base64.urlsafe_b64decode(first.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 1800
    ok(running.client.post("/api/v1/resources", json={"type": "dataset", "id": "d1"}, headers=admin), 201)
    long_lived = ok(running.client.get("/api/v1/tokens", headers=bearer(api_token(running.client, bearer(first)))))
    assert [each["expires_at"] for each in long_lived["items"]] == [None]
    service = bearer(service_token(running.client, admin))
    (listed,) = ok(running.client.get("/api/v1/resources?type=dataset", headers=service))["items"]
    assert listed["id"] == "d1", "GET /api/v1/datasets, here"
    with running.another_client() as browser:
        assert through(browser, "op", op)["method"] == "session"
    problem(running.client.get("/api/v1/me", headers=basic("ann", "not-this-one")), 401)
