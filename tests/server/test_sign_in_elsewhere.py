"""Signing in at a real OpenID provider, from our sign-in page and back, over real connections; the browser is the test."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from gatepost.settings import Settings
from tests.server.calling import Headers, as_admin, make_user, ok, problem
from tests.server.conftest import Running, Served
from tests.sso.provider_in_process import CLIENT_SECRET, InProcessProvider, Raw, running_provider, with_

OPEN_REDIRECTS = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/@evil.example",
    "///evil.example",
    "/..//evil.example",
    "evil.example",
    "?x",
    "",
    " /",
    "/" + "a" * 3000,
    "/\u00e9",
)


@pytest.fixture
def op(dice: Any) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = lambda: dice.now().timestamp()
        provider.approve = "bob"
        yield provider


Start = Callable[..., Running]


@pytest.fixture
def start(served: Served, op: InProcessProvider) -> Start:
    def run(**changes: Any) -> Running:
        def change(settings: Settings) -> Settings:
            return replace(settings, sso=replace(settings.sso, providers=(op.settings(**changes),)))

        running = served(change)
        op.redirect_uris = {f"{running.url}/oauth/op/callback"}
        return running

    return run


@pytest.fixture
def gatepost(start: Start) -> Running:
    return start()


def begin(browser: httpx2.Client, path: str = "/oauth/op/login") -> str:
    """Start a sign-in; the address at the provider that the browser is sent to."""
    answer = browser.get(path, follow_redirects=False, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def approve(address: str) -> str:
    """What the provider sends the browser back to."""
    answer = httpx2.get(address, trust_env=False)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


def come_back(browser: httpx2.Client, callback: str) -> httpx2.Response:
    return browser.get(callback, follow_redirects=False)


def who(browser: httpx2.Client) -> dict[str, Any]:
    found: dict[str, Any] = ok(browser.get("/api/v1/me"))
    return found


def test_a_person_signs_in_and_is_made_with_the_default_roles(gatepost: Running, op: InProcessProvider) -> None:
    (offered,) = ok(gatepost.client.get("/api/v1/auth/providers"))
    assert offered == {"name": "op", "display_name": "Example", "login_url": "/oauth/op/login"}
    with gatepost.another_client() as browser:
        assert "Example" in browser.get("/login").text
        address = begin(browser, f"{offered['login_url']}?next=/collections")
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{op.issuer}/authorize?")
        assert query["redirect_uri"] == f"{gatepost.url}/oauth/op/callback"
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["state"]
        assert query["nonce"]
        back = come_back(browser, approve(address))
        assert (back.status_code, back.headers["location"]) == (303, "/collections")
        me = who(browser)
        assert (me["username"], me["roles"], me["method"], me["provider"]) == ("bob", ["user"], "session", "op")
        assert list(browser.cookies) == ["gp_session"], "the attempt's cookie is gone"
    admin = as_admin(gatepost.client)
    user = ok(gatepost.client.get("/api/v1/users/bob", headers=admin))
    assert (user["external"], user["has_password"], user["email_verified"]) == ("op", False, True)
    assert user["created_by"] == "sso:op"
    events = [r["event"] for r in ok(gatepost.client.get("/api/v1/audit?subject=user:bob", headers=admin))["items"]]
    assert {"user.created", "identity.linked", "session.opened"} <= set(events)
    (state,) = ok(gatepost.client.get("/api/v1/providers", headers=admin))["items"]
    assert {"name", "display_name", "protocol", "issuer", "status", "message", "last_success_at"} <= set(state)
    assert state["status"] == "up"


def test_the_second_sign_in_is_the_same_person(gatepost: Running, op: InProcessProvider) -> None:
    ids = []
    for _ in range(2):
        with gatepost.another_client() as browser:
            assert come_back(browser, approve(begin(browser))).status_code == 303
            ids.append(who(browser)["id"])
            assert len(ok(browser.get("/api/v1/me/identities"))["items"]) == 1
    assert ids[0] == ids[1]


def test_groups_come_along_and_go_again(gatepost: Running, op: InProcessProvider) -> None:
    admin = as_admin(gatepost.client)
    for name in ("analysts", "by-hand"):
        ok(gatepost.client.post("/api/v1/groups", json={"name": name}, headers=admin), 201)
    with gatepost.another_client() as browser:
        come_back(browser, approve(begin(browser)))
        assert who(browser)["groups"] == ["analysts"]
        ok(gatepost.client.put("/api/v1/groups/by-hand/members/user:bob", headers=admin), 204)
        removed = gatepost.client.delete("/api/v1/groups/analysts/members/user:bob", headers=admin)
        problem(removed, 409)
        op.tamper.claims = with_(groups=[])
        come_back(browser, approve(begin(browser)))
        assert who(browser)["groups"] == ["by-hand"], "an empty list takes its own memberships, and no other"


def test_the_callback_belongs_to_the_browser_that_began(gatepost: Running, op: InProcessProvider) -> None:
    """Trap 16: an attacker's half of a sign-in, finished in the victim's browser."""
    with gatepost.another_client() as attacker, gatepost.another_client() as victim:
        callback = approve(begin(attacker))
        refused = come_back(victim, callback)
        assert refused.status_code == 400
        assert "begin again" in refused.text
        assert "set-cookie" not in refused.headers
        begin(victim)
        assert come_back(victim, callback).status_code == 400, "nor with an attempt of its own under way"
        assert who(victim)["kind"] == "anonymous"
        assert come_back(attacker, callback).status_code == 303


def test_an_answer_serves_once(gatepost: Running, op: InProcessProvider) -> None:
    """Even in a browser that kept the attempt's cookie; and the provider is not asked a second time."""
    with gatepost.another_client() as browser, gatepost.another_client() as thief:
        address = begin(browser)
        kept = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        callback = approve(address)
        assert come_back(browser, callback).status_code == 303
        asked = op.requests["/token"]
        again = thief.get(callback, headers=kept, follow_redirects=False)
        assert again.status_code == 400
        assert "finished already" in again.text
        assert op.requests["/token"] == asked
        assert come_back(browser, callback).status_code == 400
        assert who(thief)["kind"] == "anonymous"
        assert who(browser)["username"] == "bob", "the session that was opened goes on"


def test_two_tabs_at_once(gatepost: Running, op: InProcessProvider) -> None:
    with gatepost.another_client() as browser:
        first, second = begin(browser, "/oauth/op/login?next=/one"), begin(browser, "/oauth/op/login?next=/two")
        assert come_back(browser, approve(second)).headers["location"] == "/two"
        assert come_back(browser, approve(first)).headers["location"] == "/one"


def test_a_callback_with_a_changed_state_or_twice_the_code(gatepost: Running, op: InProcessProvider) -> None:
    with gatepost.another_client() as browser:
        callback = approve(begin(browser))
        for bad in (
            callback.replace("state=", "state=x"),
            callback + "&code=another",
            callback + "&state=another",
            callback.replace("iss=", "other="),
            f"{gatepost.url}/oauth/op/callback",
            f"{gatepost.url}/oauth/op/callback?state=%00",
            f"{gatepost.url}/oauth/op/callback?state=%F0%9F%98%80&code=x",
            callback.replace("/oauth/op/", "/oauth/nobody/"),
        ):
            answer = come_back(browser, bad)
            assert answer.status_code in (400, 404), bad
            assert "gp_session" not in answer.headers.get("set-cookie", "")
        assert who(browser)["kind"] == "anonymous"


def test_a_sign_in_that_took_too_long(gatepost: Running, op: InProcessProvider, dice: Any) -> None:
    from datetime import timedelta

    with gatepost.another_client() as browser:
        callback = approve(begin(browser))
        dice.advance(timedelta(minutes=10))
        assert come_back(browser, callback).status_code == 400


def test_a_refusal_there_is_a_page_here(gatepost: Running, op: InProcessProvider) -> None:
    op.tamper.redirect = lambda answer: {"error": "access_denied", "state": answer["state"], "iss": op.issuer}
    with gatepost.another_client() as browser:
        answer = come_back(browser, approve(begin(browser)))
        assert answer.status_code == 403
        assert "refused or cancelled" in answer.text


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/.well-known/openid-configuration", Raw(status=500)),
        ("/.well-known/openid-configuration", Raw(pieces=(b"<html>",))),
    ],
)
def test_a_provider_that_is_down_is_a_502_page_and_local_sign_in_goes_on(
    gatepost: Running, op: InProcessProvider, path: str, raw: Raw
) -> None:
    """Rule 11, and (d): nothing was asked at the start, and nothing stays broken."""
    op.tamper.raw[path] = raw
    with gatepost.another_client() as browser:
        answer = browser.get("/oauth/op/login", follow_redirects=False)
        assert answer.status_code == 502
        assert answer.headers["content-type"].startswith("text/html")
        assert "The identity provider did not answer" in answer.text
        assert browser.get("/login").status_code == 200
    admin = as_admin(gatepost.client)
    (state,) = ok(gatepost.client.get("/api/v1/providers", headers=admin))["items"]
    assert state["status"] == "down"
    assert gatepost.client.get("/readyz").status_code == 200


def test_a_provider_that_fails_half_way(gatepost: Running, op: InProcessProvider) -> None:
    op.tamper.raw["/token"] = Raw(status=503, pieces=(b'{"error":"secret-internal-detail"}',))
    with gatepost.another_client() as browser:
        answer = come_back(browser, approve(begin(browser)))
        assert answer.status_code == 502
        assert "secret-internal-detail" not in answer.text
        assert who(browser)["kind"] == "anonymous"
        del op.tamper.raw["/token"]
        assert come_back(browser, approve(begin(browser))).status_code == 303


def test_an_id_token_for_somebody_else_opens_nothing(gatepost: Running, op: InProcessProvider) -> None:
    for tamper in (with_(aud="another"), with_(iss="https://evil.example"), with_(nonce="x"), with_(exp=1)):
        op.tamper.claims = tamper
        with gatepost.another_client() as browser:
            assert come_back(browser, approve(begin(browser))).status_code == 502
            assert who(browser)["kind"] == "anonymous"


def test_next_stays_here(gatepost: Running, op: InProcessProvider) -> None:
    """Trap 16: whatever `next` says, the browser ends at this server."""
    for wanted in OPEN_REDIRECTS:
        with gatepost.another_client() as browser:
            start = browser.get("/oauth/op/login", params={"next": wanted}, follow_redirects=False)
            back = come_back(browser, approve(start.headers["location"]))
            assert back.headers["location"] == "/", wanted
    form = {"username": "admin", "password": "an-admin-of-the-tests"}
    for wanted in OPEN_REDIRECTS:
        answer = gatepost.client.post(
            "/login", data={**form, "next": wanted}, headers={"Origin": gatepost.url}, follow_redirects=False
        )
        gatepost.client.cookies.clear()
        assert answer.headers["location"] == "/", wanted


def test_a_failing_sign_in_names_the_provider_as_its_button_does(start: Start, op: InProcessProvider) -> None:
    """`op` is its name in addresses and in the log, of which people know nothing."""
    gatepost = start(display_name="Harbour ID")

    def page() -> str:
        with gatepost.another_client() as browser:
            return come_back(browser, approve(begin(browser))).text

    op.tamper.claims = with_(preferred_username="two words")
    assert "The username from Harbour ID is not" in page()
    op.tamper.claims = with_(iss="https://evil.example")
    assert "Harbour ID: its ID token is not valid." in page()
    op.tamper.redirect = lambda answer: {"error": "access_denied", "state": answer["state"], "iss": op.issuer}
    assert "Harbour ID: the sign-in was refused or cancelled there." in page()


def test_an_account_of_that_name_is_not_opened(gatepost: Running, op: InProcessProvider) -> None:
    """Rule 1: a username from outside opens nothing; the clash is refused, and shown to admins."""
    client, admin = gatepost.client, as_admin(gatepost.client)
    make_user(client, admin, "bob", email="bob@example.org")
    with gatepost.another_client() as browser:
        answer = come_back(browser, approve(begin(browser)))
        assert answer.status_code == 403
        assert "belongs to another account" in answer.text
        assert who(browser)["kind"] == "anonymous"
    (clash,) = ok(client.get("/api/v1/conflicts", headers=admin))["items"]
    assert set(clash) == {"id", "provider", "issuer", "subject", "username", "email", "reason", "at"}
    assert clash["username"] == "bob"
    refused = ok(client.get("/api/v1/audit?event=sign_in.refused", headers=admin))["items"]
    assert [r["target"] for r in refused] == ["user:bob"]


def test_an_account_made_for_this_provider_is_bound_at_the_first_sign_in(
    gatepost: Running, op: InProcessProvider
) -> None:
    admin = as_admin(gatepost.client)
    body = {"username": "bob", "external": "op"}
    made = ok(gatepost.client.post("/api/v1/users", json=body, headers=admin), 201)
    with gatepost.another_client() as browser:
        assert come_back(browser, approve(begin(browser))).status_code == 303
        assert who(browser)["id"] == made["id"]


def test_linking_takes_the_signed_in_owner(gatepost: Running, op: InProcessProvider) -> None:
    with gatepost.another_client() as browser:
        away = browser.get("/oauth/op/login?link=true", follow_redirects=False)
        assert urlsplit(away.headers["location"]).path == "/login"
        form = {"username": "admin", "password": "an-admin-of-the-tests"}
        browser.post("/login", data=form, headers={"Origin": gatepost.url})
        assert come_back(browser, approve(begin(browser, "/oauth/op/login?link=true"))).status_code == 303
        assert who(browser)["username"] == "admin"
        (identity,) = ok(browser.get("/api/v1/me/identities"))["items"]
        assert set(identity) == {"id", "provider", "issuer", "subject", "linked_at", "last_sign_in_at"}
    with gatepost.another_client() as browser:
        come_back(browser, approve(begin(browser)))
        assert who(browser)["username"] == "admin"


def test_linking_for_a_session_that_ended_meanwhile_links_nothing(gatepost: Running, op: InProcessProvider) -> None:
    """And the code, which is still good, is not carried on into another address."""
    with gatepost.another_client() as browser:
        form = {"username": "admin", "password": "an-admin-of-the-tests"}
        browser.post("/login", data=form, headers={"Origin": gatepost.url})
        callback = approve(begin(browser, "/oauth/op/login?link=true"))
        browser.post("/logout", headers={"Origin": gatepost.url}, follow_redirects=False)
        answer = come_back(browser, callback)
        assert answer.status_code == 403
        assert parse_qs(urlsplit(callback).query)["code"][0] not in answer.text + str(answer.headers)
        assert who(browser)["kind"] == "anonymous"


def test_a_link_is_for_whoever_began_it(gatepost: Running, op: InProcessProvider) -> None:
    """Two people at one browser: in another tab the first signs out and the second in, before the answer comes."""
    body = {"username": "carla", "password": "quay-seven-lantern"}
    ok(gatepost.client.post("/api/v1/users", json=body, headers=as_admin(gatepost.client)), 201)
    with gatepost.another_client() as browser:
        first = {"username": "admin", "password": "an-admin-of-the-tests"}
        browser.post("/login", data=first, headers={"Origin": gatepost.url})
        callback = approve(begin(browser, "/oauth/op/login?link=true"))
        browser.post("/logout", headers={"Origin": gatepost.url}, follow_redirects=False)
        browser.post("/login", data=body, headers={"Origin": gatepost.url})

        assert come_back(browser, callback).status_code == 403
        assert who(browser)["username"] == "carla"
        assert ok(browser.get("/api/v1/me/identities"))["items"] == []


def test_a_link_is_not_for_whoever_has_the_name_now(gatepost: Running, op: InProcessProvider) -> None:
    """What somebody began who was deleted since would let them into the next account of their name."""
    body, admin = {"username": "carla", "password": "quay-seven-lantern"}, as_admin(gatepost.client)
    with gatepost.another_client() as browser:
        ok(gatepost.client.post("/api/v1/users", json=body, headers=admin), 201)
        browser.post("/login", data=body, headers={"Origin": gatepost.url})
        callback = approve(begin(browser, "/oauth/op/login?link=true"))
        ok(gatepost.client.delete("/api/v1/users/carla", headers=admin), 204)
        ok(gatepost.client.post("/api/v1/users", json=body, headers=admin), 201)
        browser.post("/login", data=body, headers={"Origin": gatepost.url})

        assert come_back(browser, callback).status_code == 403
        assert who(browser)["username"] == "carla"
        assert ok(browser.get("/api/v1/me/identities"))["items"] == []


def test_a_disabled_person_does_not_come_in_at_the_provider(gatepost: Running, op: InProcessProvider) -> None:
    admin = as_admin(gatepost.client)
    with gatepost.another_client() as browser:
        come_back(browser, approve(begin(browser)))
        ok(gatepost.client.patch("/api/v1/users/bob", json={"disabled": True}, headers=admin))
        problem(browser.get("/api/v1/me"), 401, "invalid_token")
    with gatepost.another_client() as browser:
        refused = come_back(browser, approve(begin(browser)))
        assert refused.status_code == 403
        assert "disabled" in refused.text
        assert "gp_session=gps_" not in refused.headers.get("set-cookie", "")
        assert who(browser)["kind"] == "anonymous"


def test_it_begins_where_it_will_end(gatepost: Running) -> None:
    """The attempt's cookie has to be where the provider sends the browser back to: at the public URL."""
    port = urlsplit(gatepost.url).port
    away = gatepost.client.get("/oauth/op/login?next=/x", headers={"Host": f"localhost:{port}"}, follow_redirects=False)
    assert (away.status_code, away.headers["location"]) == (303, f"{gatepost.url}/oauth/op/login?next=/x")
    assert "set-cookie" not in away.headers


def test_an_unknown_provider_is_a_page_that_says_so(gatepost: Running) -> None:
    answer = gatepost.client.get("/oauth/nobody/login")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_no_secret_of_a_sign_in_is_logged_or_shown(
    gatepost: Running, op: InProcessProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Trap 17: a token response in a trace."""
    caplog.set_level(logging.DEBUG)
    with gatepost.another_client() as browser:
        callback = approve(begin(browser))
        come_back(browser, callback)
        session = str(browser.cookies["gp_session"])
    admin: Headers = as_admin(gatepost.client)
    shown = gatepost.client.get("/api/v1/audit?limit=500", headers=admin).text
    code = parse_qs(urlsplit(callback).query)["code"][0]
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("gatepost"))
    for secret in (CLIENT_SECRET, session, code, *op.access_tokens):
        assert secret not in shown
        assert secret not in ours
