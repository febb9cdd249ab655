"""`/oauth2/token` (RFC 6749, 8707, 9068) and what is published about it (RFC 7517, 8414)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from tests.conftest import OpenGate, settings_for
from tests.server.calling import Company, Headers, api_token, bearer, ok, problem, service_token, sign_in
from tests.server.conftest import InProcess

CREDENTIALS = {"grant_type": "client_credentials"}
OTHER = "https://lake.example"


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def refused(answer: httpx2.Response, status: int, code: str) -> None:
    """RFC 6749 section 5.2: `error` and `error_description`, not to be stored."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"error", "error_description"}
    assert body["error"] == code
    assert body["error_description"].isascii()
    assert ("www-authenticate" in answer.headers) == (status == 401)
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")


def form_encoded_basic(name: str, secret: str) -> Headers:
    """Section 2.3.1: each half is form-encoded before they are joined."""
    pair = f"{quote_plus(name)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@pytest.fixture
def client(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> TestClient:
    settings = settings_for(gate_url)
    return in_process(open_gate(replace(settings, tokens=replace(settings.tokens, audiences=(OTHER,)))))


@pytest.fixture
def ask(client: TestClient) -> Callable[..., httpx2.Response]:
    return lambda headers=None, **form: client.post("/oauth2/token", data=form, headers=headers)


Ask = Callable[..., httpx2.Response]


def test_client_credentials_in_the_header_and_in_the_body(client: TestClient, company: Company, ask: Ask) -> None:
    token = service_token(client, company.admin, "etl", "reader")
    for answer in (
        ask(form_encoded_basic("etl", token), **CREDENTIALS),
        ask(client_id="etl", client_secret=token, **CREDENTIALS),
        ask(form_encoded_basic("etl", token), client_id="etl", **CREDENTIALS),
    ):
        body = ok(answer)
        assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 1800, "*:*")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"
        me = ok(client.get("/api/v1/me", headers=bearer(body["access_token"])))
        assert (me["kind"], me["username"], me["roles"]) == ("service", "etl", ["reader"])


def test_a_service_name_with_odd_characters_is_form_encoded(client: TestClient, company: Company, ask: Ask) -> None:
    name = "etl+night&day=1"
    token = service_token(client, company.admin, name, "reader")
    assert ok(ask(form_encoded_basic(name, token), **CREDENTIALS))
    assert ok(ask(client_id=name, client_secret=token, **CREDENTIALS))


def test_the_token_is_what_rfc_9068_says(client: TestClient, company: Company, ask: Ask) -> None:
    token = service_token(client, company.admin, "etl", "reader")
    access = ok(ask(client_id="etl", client_secret=token, **CREDENTIALS))["access_token"]
    keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json())
    verified = jwt.decode(access, keys, algorithms=["ES256"])
    assert verified.header["typ"] == "at+jwt"
    claims = verified.claims
    assert claims["iss"] == claims["aud"] == "http://127.0.0.1:8420"
    assert (claims["sub"], claims["client_id"], claims["scope"]) == ("service:etl", "etl", "*:*")
    assert claims["exp"] - claims["iat"] == 1800
    assert claims["jti"]


def test_a_scope_may_be_narrower_and_never_wider(client: TestClient, company: Company, ask: Ask) -> None:
    token = service_token(client, company.admin, "etl", "reader", scopes=["collection:view", "dataset:view"])
    mine = {"client_id": "etl", "client_secret": token, **CREDENTIALS}
    assert ok(ask(**mine))["scope"] == "collection:view dataset:view"
    narrow = ok(ask(scope="collection:view", **mine))
    assert narrow["scope"] == "collection:view"
    access = bearer(narrow["access_token"])
    ok(client.get("/api/v1/resources/collection/sales", headers=access))
    for wider in ("*:*", "collection:view user:view", "collection:*", "nonsense"):
        refused(ask(scope=wider, **mine), 400, "invalid_scope")


def test_a_scope_that_there_is_not_is_refused_and_never_minted(client: TestClient, company: Company, ask: Ask) -> None:
    """RFC 6749 section 5.2, also where the ceiling is `*:*`, under which any text would fit."""
    service = {"client_id": "etl", "client_secret": service_token(client, company.admin, "etl", "reader")}
    person = {"grant_type": "refresh_token", "refresh_token": sign_in(client, "ann")["refresh_token"]}
    for unknown in ("nonsense", "collection:view nonsense", "collection:fly", "nowhere:view"):
        refused(ask(scope=unknown, **service, **CREDENTIALS), 400, "invalid_scope")
        refused(ask(scope=unknown, **person), 400, "invalid_scope")
    assert ok(ask(scope="collection:view", **person))["scope"] == "collection:view", "what was refused did not spend it"


def test_the_audience_is_one_of_those_configured(client: TestClient, company: Company, ask: Ask) -> None:
    """RFC 8707; rule 10: a token for another audience is none for us."""
    token = service_token(client, company.admin, "etl", "reader")
    mine = {"client_id": "etl", "client_secret": token, **CREDENTIALS}
    there = ok(ask(resource=OTHER, **mine))["access_token"]
    assert claims_of(there)["aud"] == OTHER
    problem(client.get("/api/v1/me", headers=bearer(there)), 401, "invalid_token")
    assert ok(
        client.get("/api/v1/me", headers=bearer(ok(ask(resource="http://127.0.0.1:8420", **mine))["access_token"]))
    )
    for unknown in ("https://evil.example", f"{OTHER}/", "not a URL"):
        refused(ask(resource=unknown, **mine), 400, "invalid_target")


def test_a_refresh_token_is_swapped(client: TestClient, company: Company, ask: Ask) -> None:
    pair = sign_in(client, "ann")
    body = ok(ask(grant_type="refresh_token", refresh_token=pair["refresh_token"]))
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert ok(client.get("/api/v1/me", headers=bearer(body["access_token"])))["username"] == "ann"

    narrow = ok(ask(grant_type="refresh_token", refresh_token=body["refresh_token"], scope="collection:view"))
    assert narrow["scope"] == "collection:view"
    problem(client.get("/api/v1/users", headers=bearer(narrow["access_token"])), 403)

    there = ok(ask(grant_type="refresh_token", refresh_token=narrow["refresh_token"], resource=OTHER))
    assert claims_of(there["access_token"])["aud"] == OTHER
    nowhere = "https://evil.example"
    again = {"grant_type": "refresh_token", "refresh_token": there["refresh_token"]}
    refused(ask(resource=nowhere, **again), 400, "invalid_target")
    refused(ask(client_id="somebody-else", **again), 400, "invalid_grant")
    ok(ask(client_id="gatepost", **again)), "what was refused did not spend it"


def test_what_is_no_refresh_token_is_invalid_grant(client: TestClient, company: Company, ask: Ask) -> None:
    for bad in ("x", "gpr_" + "A" * 43, company.ann["Authorization"][7:], api_token(client, company.ann)):
        refused(ask(grant_type="refresh_token", refresh_token=bad), 400, "invalid_grant")
    refused(ask(grant_type="refresh_token"), 400, "invalid_request")


def test_the_access_token_dies_with_the_service_token(client: TestClient, company: Company, ask: Ask) -> None:
    body = {"name": "etl", "role": "reader"}
    token = ok(client.post("/api/v1/service-tokens", json=body, headers=company.admin), 201)
    access = bearer(ok(ask(client_id="etl", client_secret=token["token"], **CREDENTIALS))["access_token"])
    ok(client.get("/api/v1/me", headers=access))
    ok(client.delete(f"/api/v1/service-tokens/{token['id']}", headers=company.admin), 204)
    problem(client.get("/api/v1/me", headers=access), 401, "invalid_token")
    refused(ask(client_id="etl", client_secret=token["token"], **CREDENTIALS), 401, "invalid_client")


def test_a_client_that_is_none_is_401(client: TestClient, company: Company, ask: Ask) -> None:
    token = service_token(client, company.admin, "etl", "reader")
    for answer in (
        ask(**CREDENTIALS),
        ask(client_id="etl", **CREDENTIALS),
        ask(client_id="etl", client_secret="gp_" + "A" * 38, **CREDENTIALS),
        ask(client_id="other", client_secret=token, **CREDENTIALS),
        ask(client_id="ann", client_secret=api_token(client, company.ann), **CREDENTIALS),
        ask({"Authorization": "Basic !"}, **CREDENTIALS),
        ask({"Authorization": f"Bearer {token}"}, **CREDENTIALS),
        ask({"Authorization": "Basic"}, **CREDENTIALS),
    ):
        refused(answer, 401, "invalid_client")


def test_a_malformed_request(client: TestClient, company: Company, ask: Ask) -> None:
    token = service_token(client, company.admin, "etl", "reader")
    mine = {"client_id": "etl", "client_secret": token}
    refused(ask(grant_type="password", username="ann", password="x"), 400, "unsupported_grant_type")
    refused(ask(**mine), 400, "unsupported_grant_type")
    refused(ask(form_encoded_basic("etl", token), **mine, **CREDENTIALS), 400, "invalid_request")
    refused(ask(form_encoded_basic("etl", token), client_id="other", **CREDENTIALS), 400, "invalid_request")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = f"grant_type=client_credentials&client_id=etl&client_secret={token}&client_secret={token}"
    refused(client.post("/oauth2/token", content=twice, headers=form), 400, "invalid_request")
    refused(client.post("/oauth2/token", json={**mine, **CREDENTIALS}), 400, "invalid_request")
    refused(client.post("/oauth2/token", content=b"grant_type=%00", headers=form), 400, "invalid_request")
    two = [("Authorization", "Basic eDp5"), ("Authorization", "Basic eDp5")]
    answer = client.post("/oauth2/token", content="grant_type=client_credentials", headers=[*form.items(), *two])
    refused(answer, 400, "invalid_request")
    empty = {"grant_type": "client_credentials", "scope": "", "resource": "", **mine}
    ok(client.post("/oauth2/token", data=empty)), "section 3.1: without a value is left out"
    refused(client.get("/oauth2/token"), 405, "method_not_allowed")


def test_a_cookie_is_nobody_here(client: TestClient, company: Company, ask: Ask) -> None:
    refused(ask({"Cookie": "gp_session=gps_x"}, **CREDENTIALS), 401, "invalid_client")


# -- what is published ----------------------------------------------------------------------------------------------


def test_the_keys_have_no_private_half(client: TestClient, company: Company) -> None:
    ok(client.post("/api/v1/keys/rotate", headers=company.admin))
    answer = client.get("/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    keys = answer.json()["keys"]
    assert len(keys) == 3, "the one that signs, the next one, and the one that still verifies"
    assert len({key["kid"] for key in keys}) == 3
    for key in keys:
        assert set(key) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}
        assert key["use"] == "sig"
    active = {key["kid"] for key in ok(client.get("/api/v1/keys", headers=company.admin))["items"]}
    assert active == {key["kid"] for key in keys}


def test_tokens_live_through_a_rotation(client: TestClient, company: Company) -> None:
    for _ in range(2):
        ok(client.post("/api/v1/keys/rotate", headers=company.admin))
        ok(client.get("/api/v1/me", headers=company.ann))


def test_the_metadata_is_true(client: TestClient, company: Company) -> None:
    """RFC 8414: what the document says is there, and what is there it says."""
    document = ok(client.get("/.well-known/oauth-authorization-server"))
    assert document["issuer"] == "http://127.0.0.1:8420"
    for name in ("token_endpoint", "jwks_uri"):
        assert document[name].startswith(f"{document['issuer']}/")
    assert client.get(document["jwks_uri"]).status_code == 200
    supported = set(document["grant_types_supported"])
    for grant in (
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
    ):
        answer = client.post(document["token_endpoint"], data={"grant_type": grant}).json()
        assert (answer["error"] != "unsupported_grant_type") == (grant in supported), grant
    for name in ("authorization_endpoint", "revocation_endpoint", "introspection_endpoint"):
        if name in document:
            assert client.post(document[name]).status_code != 404
