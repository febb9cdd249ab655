"""RFC 8414: what the document says is so, each endpoint and each grant."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from tests.oauth2.conftest import Browser, Tool, error_of, query_of


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    answer = client.get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def test_every_endpoint_is_there(gate: Gatepost, tool: Tool, document: dict[str, Any]) -> None:
    endpoints = {name: url for name, url in document.items() if name.endswith("_endpoint")}
    assert set(endpoints) == {
        "authorization_endpoint",
        "token_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    }
    for name, url in endpoints.items():
        path = url.removeprefix(gate.settings.main.public_url)
        assert path.startswith("/oauth2/")
        if name == "authorization_endpoint":
            assert tool.client.get(path).status_code == 400
            assert tool.client.post(path).status_code == 303
        else:
            assert tool.client.get(path).status_code == 405
            assert error_of(tool.client.post(path)) == "invalid_request"


def test_every_grant_that_it_names_is_one_and_no_other(tool: Tool, document: dict[str, Any]) -> None:
    for grant in document["grant_types_supported"]:
        assert tool.token(grant_type=grant).json()["error"] != "unsupported_grant_type"
    for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", ""):
        assert error_of(tool.token(grant_type=grant)) == "unsupported_grant_type"


def test_the_answer_is_as_it_says(gate: Gatepost, person: Browser, tool: Tool, document: dict[str, Any]) -> None:
    assert document["issuer"] == gate.settings.main.public_url
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert query_of(person.allow(person.get(tool.url())))["iss"] == document["issuer"]


def test_the_introspection_endpoint_has_no_public_clients(document: dict[str, Any]) -> None:
    assert "none" not in document["introspection_endpoint_auth_methods_supported"]
    assert "none" in document["revocation_endpoint_auth_methods_supported"]
