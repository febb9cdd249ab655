"""Calling the API as the tests do: signing in, the headers of a credential, and what an error has to look like."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.conftest import ADMIN_PASSWORD

Headers = dict[str, str]

PROBLEM = "application/problem+json"


def password_of(username: str) -> str:
    return f"{username}-quay-seven-lantern"


def header(name: str, value: str) -> tuple[bytes, bytes]:
    """One line of a request as it goes out, whatever is in it."""
    return name.encode("latin-1"), value.encode("latin-1")


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def basic(username: str, secret: str) -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()}


def sign_in(client: httpx2.Client, username: str, password: str | None = None) -> dict[str, Any]:
    """A pair of tokens, for a password."""
    answer = client.post(
        "/api/v1/auth/login", json={"username": username, "password": password or password_of(username)}
    )
    assert answer.status_code == 200, answer.text
    pair: dict[str, Any] = answer.json()
    return pair


def as_admin(client: httpx2.Client) -> Headers:
    return bearer(sign_in(client, "admin", ADMIN_PASSWORD)["access_token"])


def ok(answer: httpx2.Response, status: int = 200) -> Any:
    """The JSON of an answer with this status, or nothing where it has no body."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def problem(answer: httpx2.Response, status: int, code: str = "") -> dict[str, Any]:
    """The members of an RFC 9457 document, which every refusal of the API has to be."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert set(body) - {"errors", "items"} == {"type", "title", "status", "detail", "code"}
    assert body["status"] == status
    assert body["type"] == f"urn:gatepost:{body['code']}"
    assert body["detail"]
    assert not code or body["code"] == code, body
    assert ("www-authenticate" in answer.headers) == (status == 401)
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) > 0
    if status == 422:
        assert body["errors"]
    return body


@dataclass(frozen=True)
class Company:
    """A few people with their tokens, made over HTTP: an admin, Ann who owns, Ben who is in the group, and Cy."""

    client: httpx2.Client
    admin: Headers
    ann: Headers
    ben: Headers
    cy: Headers


def settle(client: httpx2.Client) -> Company:
    """Make the company: the group `data-team` with Ben, and Ann's `collection:sales`."""
    admin = as_admin(client)
    for name in ("ann", "ben", "cy"):
        make_user(client, admin, name)
    ok(client.post("/api/v1/groups", json={"name": "data-team"}, headers=admin), 201)
    ok(client.put("/api/v1/groups/data-team/members/user:ben", headers=admin), 204)
    ann, ben, cy = (bearer(sign_in(client, name)["access_token"]) for name in ("ann", "ben", "cy"))
    ok(client.post("/api/v1/resources", json={"type": "collection", "id": "sales"}, headers=ann), 201)
    return Company(client, admin, ann, ben, cy)


def make_user(client: httpx2.Client, admin: Headers, name: str, **more: Any) -> dict[str, Any]:
    body = {"username": name, "password": password_of(name), **more}
    made: dict[str, Any] = ok(client.post("/api/v1/users", json=body, headers=admin), 201)
    return made


def share(client: httpx2.Client, owner: Mapping[str, str], subject: str, relation: str = "viewer") -> None:
    body = {"subject": subject, "relation": relation}
    ok(client.post("/api/v1/resources/collection/sales/access", json=body, headers=owner), 201)


def api_token(client: httpx2.Client, owner: Headers, **wish: Any) -> str:
    made = ok(client.post("/api/v1/tokens", json={"name": "a script", **wish}, headers=owner), 201)
    return str(made["token"])


def service_token(client: httpx2.Client, admin: Headers, name: str = "etl", role: str = "reader", **wish: Any) -> str:
    body = {"name": name, "role": role, **wish}
    return str(ok(client.post("/api/v1/service-tokens", json=body, headers=admin), 201)["token"])


def browser_session(client: httpx2.Client, username: str, password: str | None = None) -> str:
    """The session cookie that the sign-in form gives."""
    origin = str(client.base_url).rstrip("/")
    answer = client.post(
        "/login",
        data={"username": username, "password": password or password_of(username)},
        headers={"Origin": origin},
        follow_redirects=False,
    )
    assert answer.status_code == 303, answer.text
    client.cookies.clear()
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name.endswith("gp_session")
    return str(rest.partition(";")[0])
