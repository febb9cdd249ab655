"""WHO, over HTTP: one credential a request, recognised by its form; a bad one is 401 and never anonymous (trap 22)."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.dice import FakeDice
from tests.server.calling import (
    Company,
    Headers,
    api_token,
    as_admin,
    basic,
    bearer,
    browser_session,
    header,
    ok,
    password_of,
    problem,
    service_token,
    sign_in,
)
from tests.server.conftest import InProcess

COOKIE = "gp_session"
BAD = 'Bearer realm="gatepost", error="invalid_token"'


def cookie(secret: str, name: str = COOKIE) -> Headers:
    return {"Cookie": f"{name}={secret}"}


def test_every_form_of_credential_says_who_is_calling(client: httpx2.Client, company: Company) -> None:
    token, service = api_token(client, company.ann), service_token(client, company.admin)
    callers: dict[str, tuple[Headers, str, str]] = {
        "access token": (company.ann, "ann", "access_token"),
        "API token": (bearer(token), "ann", "api_token"),
        "API token in Basic": (basic("Ann", token), "ann", "api_token"),
        "API token for __token__": (basic("__token__", token), "ann", "api_token"),
        "service token": (bearer(service), "etl", "service_token"),
        "service token in Basic": (basic("etl", service), "etl", "service_token"),
        "password": (basic("ann", password_of("ann")), "ann", "password"),
        "username in capitals": (basic("ANN", password_of("ann")), "ann", "password"),
        "session": (cookie(browser_session(client, "ann")), "ann", "session"),
        "scheme in capitals": ({"Authorization": f"BEARER {token}"}, "ann", "api_token"),
        "scheme in small letters": ({"Authorization": f"bearer {token}"}, "ann", "api_token"),
    }
    for name, (headers, username, method) in callers.items():
        me = ok(client.get("/api/v1/me", headers=headers))
        assert (me["username"], me["method"]) == (username, method), name


def test_a_password_with_a_colon_is_whole(client: httpx2.Client, company: Company) -> None:
    body = {"username": "col", "password": "quay:seven:lantern"}
    ok(client.post("/api/v1/users", json=body, headers=company.admin), 201)
    assert ok(client.get("/api/v1/me", headers=basic("col", body["password"])))["username"] == "col"


def test_a_bad_credential_is_401_with_the_challenge_and_never_anonymous(
    client: httpx2.Client, company: Company
) -> None:
    token, access = api_token(client, company.ann), company.ann["Authorization"].removeprefix("Bearer ")
    head, body, signature = access.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")
    bad: dict[str, Headers] = {
        "unknown token": bearer("gp_" + "A" * 38),
        "a letter of a token changed": bearer(token[:-1] + ("a" if token[-1] != "a" else "b")),
        "somebody else's name": basic("ben", token),
        "a wrong password": basic("ann", "wrong"),
        "nobody's password": basic("nobody", password_of("ann")),
        "an unknown session": cookie("gps_" + "A" * 43),
        "an access token in the cookie": cookie(access),
        "an API token in the cookie": cookie(token),
        "an unsigned JWT": bearer(f"{none}.{body}."),
        "a JWT without its signature": bearer(f"{head}.{body}."),
        "another signature": bearer(f"{head}.{body}.{'A' * len(signature)}"),
        "an opaque word": bearer("abc"),
        "a JWT as a password": basic("ann", access),
        "a session secret as Bearer": bearer(browser_session(client, "ann")),
        "a refresh token as Bearer": bearer(sign_in(client, "ann")["refresh_token"]),
        "two session cookies": {"Cookie": f"{COOKIE}=a; {COOKIE}=b"},
    }
    for name, headers in bad.items():
        for method, path in (("GET", "/api/v1/me"), ("GET", "/api/v1/resources"), ("POST", "/api/v1/groups")):
            origin = {"Origin": str(client.base_url).rstrip("/")}
            answer = client.request(method, path, headers={**headers, **origin})
            assert answer.status_code == 401, f"{name} at {path}: {answer.status_code} {answer.text}"
            problem(answer, 401, "invalid_token")
            assert answer.headers["www-authenticate"] == BAD, name


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Basic",
        "Basic !",
        "Basic YWxpY2U=",
        "Basic //4=",
        "Digest x",
        "x",
        "Bearer é",
        "Bearer " + "x" * 30_000,
    ],
)
def test_a_malformed_header_is_refused(client: httpx2.Client, value: str) -> None:
    answer = client.get("/api/v1/me", headers=[header("Authorization", value)])
    problem(answer, 400, "invalid_request")


def test_two_authorization_headers_are_refused(client: httpx2.Client, company: Company) -> None:
    for pair in ((company.ann, company.ann), (company.ann, company.admin), (company.ann, basic("ann", "wrong"))):
        headers = [("Authorization", one["Authorization"]) for one in pair]
        problem(client.get("/api/v1/me", headers=headers), 400, "invalid_request")


def test_sent_beats_ambient(client: httpx2.Client, company: Company) -> None:
    """Law 1: with an Authorization header the cookie is not read, be it good or bad."""
    good = browser_session(client, "ann")
    for bad in (bearer("gp_" + "A" * 38), basic("ann", "wrong"), bearer("x.y.z")):
        problem(client.get("/api/v1/me", headers={**bad, **cookie(good)}), 401, "invalid_token")
    assert ok(client.get("/api/v1/me", headers={**company.ben, **cookie(good)}))["username"] == "ben"
    assert ok(client.get("/api/v1/me", headers={**company.ben, **cookie("gps_bad")}))["username"] == "ben"


def test_pages_take_the_cookie_only(client: httpx2.Client, company: Company) -> None:
    with_token = client.get("/tokens", headers=company.ann)
    assert with_token.status_code in (303, 404)
    assert "Ann" not in with_token.text
    assert "ann" in client.get("/", headers=cookie(browser_session(client, "ann"))).text


def test_expiry_is_judged_on_every_call(client: httpx2.Client, company: Company, dice: FakeDice) -> None:
    """Trap 21: an expiry that is stored and never compared."""
    until = (dice.now() + timedelta(minutes=5)).isoformat()
    token = bearer(api_token(client, company.ann, expires_at=until))
    session = cookie(browser_session(client, "ann"))
    ok(client.get("/api/v1/me", headers=token))
    dice.advance(timedelta(minutes=5))
    problem(client.get("/api/v1/me", headers=token), 401, "invalid_token")
    ok(client.get("/api/v1/me", headers=company.ann))
    dice.advance(timedelta(minutes=26))
    problem(client.get("/api/v1/me", headers=company.ann), 401, "invalid_token")
    ok(client.get("/api/v1/me", headers=session))
    dice.advance(timedelta(hours=12))
    problem(client.get("/api/v1/me", headers=session), 401, "invalid_token")


def test_roles_are_looked_up_and_not_trusted_from_a_token(client: httpx2.Client, company: Company) -> None:
    """Trap 11: what changed since the token was issued counts."""
    problem(client.get("/api/v1/users", headers=company.cy), 403)
    ok(client.put("/api/v1/roles/admin/assignees/user:cy", headers=company.admin), 204)
    ok(client.get("/api/v1/users", headers=company.cy))
    ok(client.delete("/api/v1/roles/admin/assignees/user:cy", headers=company.admin), 204)
    problem(client.get("/api/v1/users", headers=company.cy), 403)


def test_a_token_of_another_gatepost_is_not_ours(
    client: httpx2.Client, company: Company, open_gate: OpenGate, in_process: InProcess, tmp_path: Path
) -> None:
    other = in_process(open_gate(f"sqlite:///{tmp_path}/other.db"))
    problem(client.get("/api/v1/me", headers=as_admin(other)), 401, "invalid_token")


def test_without_password_sign_in_passwords_are_refused_everywhere(
    open_gate: OpenGate, gate_url: str, in_process: InProcess
) -> None:
    """But for admins at /login/local; and Basic with a token goes on."""
    settings = settings_for(gate_url)
    client = in_process(open_gate(replace(settings, main=replace(settings.main, password_sign_in=False))))
    problem(client.post("/api/v1/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD}), 401)
    problem(client.get("/api/v1/me", headers=basic("admin", ADMIN_PASSWORD)), 401)
    origin = {"Origin": str(client.base_url)}
    form = {"username": "admin", "password": ADMIN_PASSWORD}
    assert client.post("/login", data=form, headers=origin).status_code == 401
    inside = client.post("/login/local", data=form, headers=origin)
    assert inside.status_code == 303
    secret = inside.headers["set-cookie"].partition("=")[2].partition(";")[0]
    client.cookies.clear()
    session = {**cookie(secret), **origin}
    token = ok(client.post("/api/v1/tokens", json={"name": "t"}, headers=session), 201)["token"]
    ok(client.get("/api/v1/me", headers=basic("admin", token)))


# -- the cookie -----------------------------------------------------------------------------------------------------


def test_the_cookies_attributes(client: httpx2.Client, company: Company) -> None:
    """Trap 20: an opaque id, out of reach of scripts, and no token or group in it."""
    form = {"username": "ann", "password": password_of("ann")}
    answer = client.post("/login", data=form, headers={"Origin": str(client.base_url)})
    (sent,) = answer.headers.get_list("set-cookie")
    first, *attributes = (part.strip() for part in sent.split(";"))
    assert first.startswith(f"{COOKIE}=gps_")
    assert len(first) < 100
    assert {a.lower() for a in attributes} >= {"httponly", "path=/", "samesite=lax"}
    assert not any(a.lower().startswith("domain") for a in attributes)
    assert "secure" not in sent.lower(), "this is plain http"


@pytest.fixture
def over_tls(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> TestClient:
    settings = settings_for(gate_url)
    main = replace(settings.main, public_url="https://gate.example", public_url_configured=True)
    return in_process(open_gate(replace(settings, main=main)))


def test_on_tls_only_the_host_cookie_is_ever_read(over_tls: TestClient) -> None:
    """Rule 6: what another host of the domain, or a plain page, could have set is not believed."""
    form = {"username": "admin", "password": ADMIN_PASSWORD}
    answer = over_tls.post("/login", data=form, headers={"Origin": "https://gate.example"})
    over_tls.cookies.clear()
    sent = answer.headers["set-cookie"]
    assert sent.startswith("__Host-gp_session=gps_")
    assert "; secure" in sent.lower()
    assert "; path=/" in sent.lower()
    assert "domain" not in sent.lower()
    assert answer.headers["strict-transport-security"]
    secret = sent.partition("=")[2].partition(";")[0]
    assert ok(over_tls.get("/api/v1/me", headers=cookie(secret)))["kind"] == "anonymous"
    mine = cookie(secret, "__Host-gp_session")
    assert ok(over_tls.get("/api/v1/me", headers=mine))["username"] == "admin"
    both = {"Cookie": f"{COOKIE}=gps_planted; __Host-{COOKIE}={secret}"}
    assert ok(over_tls.get("/api/v1/me", headers=both))["username"] == "admin"


def test_a_session_that_was_planted_is_not_taken_over(client: httpx2.Client, company: Company, gate: Gatepost) -> None:
    """GHSA-f24x: a new session id at sign-in, whatever the browser brought; and the old session ends."""
    attackers = browser_session(client, "ben")
    form = {"username": "ann", "password": password_of("ann")}
    headers = {"Origin": str(client.base_url), **cookie(attackers)}
    answer = client.post("/login", data=form, headers=headers)
    client.cookies.clear()
    fresh = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert fresh != attackers
    assert ok(client.get("/api/v1/me", headers=cookie(fresh)))["username"] == "ann"
    problem(client.get("/api/v1/me", headers=cookie(attackers)), 401, "invalid_token")


def test_a_stale_cookie_does_not_stand_in_the_way_of_signing_in(client: httpx2.Client, company: Company) -> None:
    form = {"username": "ann", "password": password_of("ann")}
    headers = {"Origin": str(client.base_url), **cookie("gps_" + "A" * 43)}
    assert client.get("/login", headers=headers).status_code == 200
    assert client.post("/login", data=form, headers=headers).status_code == 303
