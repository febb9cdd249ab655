"""Rule 6: a cookie on an unsafe method, and the sign-in form, need a same-origin proof; nothing else does."""

from __future__ import annotations

import httpx2
import pytest

from tests.server.calling import Company, Headers, api_token, basic, bearer, browser_session, ok, password_of, problem

OURS = "http://127.0.0.1:8420"
GROUP = {"name": "made-by-a-browser"}

REFUSED: dict[str, Headers] = {
    "no word of where it comes from": {},
    "another site": {"Origin": "https://evil.example"},
    "a sandboxed page": {"Origin": "null"},
    "an empty origin": {"Origin": ""},
    "our host on another port": {"Origin": "http://127.0.0.1:9999"},
    "our host over another scheme": {"Origin": "https://127.0.0.1:8420"},
    "our address as a prefix": {"Origin": f"{OURS}.evil.example"},
    "our address with a path": {"Origin": f"{OURS}/"},
    "cross-site by its own word": {"Sec-Fetch-Site": "cross-site"},
    "same site is another origin": {"Sec-Fetch-Site": "same-site"},
    "typed in": {"Sec-Fetch-Site": "none"},
    "same-origin, but with another Origin": {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    "a referrer proves nothing": {"Referer": f"{OURS}/"},
}
PROOFS: dict[str, Headers] = {
    "our origin": {"Origin": OURS},
    "our origin and the browser's word": {"Origin": OURS, "Sec-Fetch-Site": "same-origin"},
    "the browser's word": {"Sec-Fetch-Site": "same-origin"},
}


@pytest.fixture
def session(client: httpx2.Client, company: Company) -> Headers:
    return {"Cookie": f"gp_session={browser_session(client, 'admin', 'an-admin-of-the-tests')}"}


def test_a_cookie_alone_changes_nothing(client: httpx2.Client, session: Headers) -> None:
    for name, headers in REFUSED.items():
        for method, path in (
            ("POST", "/api/v1/groups"),
            ("POST", "/api/v1/check"),
            ("PATCH", "/api/v1/users/ann"),
            ("PUT", "/api/v1/groups/data-team/members/user:cy"),
            ("DELETE", "/api/v1/groups/data-team"),
            ("POST", "/api/v1/auth/logout"),
        ):
            answer = client.request(method, path, json=GROUP, headers={**session, **headers})
            assert answer.status_code == 403, f"{name}: {method} {path} was {answer.status_code}"
            problem(answer, 403, "forbidden")
        signed_out = client.post("/logout", headers={**session, **headers})
        assert signed_out.status_code == 403, name
    assert ok(client.get("/api/v1/me", headers=session))["username"] == "admin"
    names = [group["name"] for group in ok(client.get("/api/v1/groups", headers=session))["items"]]
    assert names == ["data-team"]


@pytest.mark.parametrize("name", ["localhost", "[::1]", "127.0.0.1"])
def test_on_ones_own_machine_its_other_names_are_ours_too(client: httpx2.Client, company: Company, name: str) -> None:
    """Somebody who opens http://localhost:8420 signs in there; an application on another port does not."""
    form = {"username": "ann", "password": password_of("ann")}
    host = {"Host": f"{name}:8420"}
    assert client.post("/login", data=form, headers={**host, "Origin": f"http://{name}:8420"}).status_code == 303
    client.cookies.clear()
    assert client.post("/login", data=form, headers={**host, "Origin": f"http://{name}:8421"}).status_code == 403


def test_two_origins_are_no_proof(client: httpx2.Client, session: Headers) -> None:
    headers = [*session.items(), ("Origin", OURS), ("Origin", OURS)]
    problem(client.post("/api/v1/groups", json=GROUP, headers=headers), 403)


@pytest.mark.parametrize("proof", PROOFS)
def test_our_own_pages_do(client: httpx2.Client, session: Headers, proof: str) -> None:
    ok(client.post("/api/v1/groups", json=GROUP, headers={**session, **PROOFS[proof]}), 201)


def test_reading_needs_no_proof(client: httpx2.Client, session: Headers) -> None:
    for headers in REFUSED.values():
        assert ok(client.get("/api/v1/me", headers={**session, **headers}))["username"] == "admin"
        assert client.get("/", headers={**session, **headers}).status_code == 200


def test_it_is_asked_if_and_only_if_the_cookie_spoke(client: httpx2.Client, company: Company, session: Headers) -> None:
    """Law 1: a credential that a script sends cannot be sent by another site's page."""
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    credentials = (company.admin, basic("ann", password_of("ann")), bearer(api_token(client, company.ann)))
    for number, credential in enumerate(credentials):
        body = {"type": "collection", "id": f"c{number}"}
        ok(client.post("/api/v1/resources", json=body, headers={**evil, **credential}), 201)
        body = {"type": "collection", "id": f"d{number}"}
        ok(client.post("/api/v1/resources", json=body, headers={**evil, **session, **credential}), 201)
    problem(client.post("/api/v1/resources", json={"type": "collection", "id": "x"}, headers=evil), 401)
    ok(client.post("/api/v1/check", json={"action": "view", "resource": "collection:sales"}, headers=evil))


@pytest.mark.parametrize("path", ["/login", "/login/local"])
def test_the_sign_in_form_needs_a_proof_itself(client: httpx2.Client, company: Company, path: str) -> None:
    """Trap 16: nobody is signed in as somebody else by another site's form."""
    form = {"username": "ann", "password": password_of("ann")}
    for name, headers in REFUSED.items():
        answer = client.post(path, data=form, headers=headers)
        assert answer.status_code == 403, name
        assert "set-cookie" not in answer.headers, name
    for headers in PROOFS.values():
        answer = client.post(path, data=form, headers=headers)
        client.cookies.clear()
        assert answer.status_code == 303
