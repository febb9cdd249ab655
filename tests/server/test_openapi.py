"""The OpenAPI document is complete: every path of the contract, each operation described, each answer that is given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.server.calling import Company, Headers, api_token, basic, bearer, ok

METHODS = ("get", "put", "post", "delete", "patch")
CONTRACT = {
    "/auth/login": {"post"},
    "/auth/refresh": {"post"},
    "/auth/logout": {"post"},
    "/auth/providers": {"get"},
    "/me": {"get"},
    "/me/identities": {"get"},
    "/me/identities/{}": {"delete"},
    "/conflicts": {"get"},
    "/conflicts/{}": {"delete"},
    "/subjects": {"get"},
    "/users": {"get", "post"},
    "/users/{}": {"get", "patch", "delete"},
    "/users/{}/password": {"put"},
    "/users/{}/rights": {"get"},
    "/users/{}/sync": {"post"},
    "/groups": {"get", "post"},
    "/groups/{}": {"get", "patch", "delete"},
    "/groups/{}/members": {"get"},
    "/groups/{}/members/{}": {"put", "delete"},
    "/roles": {"get", "post"},
    "/roles/{}": {"get", "patch", "delete"},
    "/roles/{}/assignees": {"get"},
    "/roles/{}/assignees/{}": {"put", "delete"},
    "/services": {"get", "post"},
    "/services/{}": {"get", "patch", "delete"},
    "/tokens": {"get", "post"},
    "/tokens/{}": {"delete"},
    "/service-tokens": {"get", "post"},
    "/service-tokens/{}": {"delete"},
    "/sessions": {"get"},
    "/sessions/{}": {"delete"},
    "/resources": {"get", "post"},
    "/resources/{}/{}": {"get", "patch", "delete"},
    "/resources/{}/{}/access": {"get", "post"},
    "/resources/{}/{}/access/{}/{}": {"delete"},
    "/providers": {"get"},
    "/providers/{}/look": {"post"},
    "/doctor": {"post"},
    "/keys": {"get"},
    "/keys/rotate": {"post"},
    "/check": {"post"},
    "/check/batch": {"post"},
    "/explain": {"post"},
    "/audit": {"get"},
    "/plans": {"post"},
    "/plans/apply": {"post"},
    "/revocations": {"get"},  # beyond the contract: for applications that verify access tokens themselves
}
ANSWERS = {"400", "401", "403", "409", "413", "421", "422", "429", "503"}
OPEN = {"/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/providers"}


@pytest.fixture
def document(client: httpx2.Client) -> dict[str, Any]:
    found: dict[str, Any] = ok(client.get("/openapi.json"))
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def test_every_path_of_the_contract_is_in_it_and_no_other(document: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for path, method, _ in operations(document):
        assert path.startswith("/api/v1/"), path
        found.setdefault(re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1")), set()).add(method)
    assert found == CONTRACT


def test_each_operation_says_what_it_does_and_what_it_answers(document: dict[str, Any]) -> None:
    ids = set()
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        assert operation["summary"], name
        assert operation["description"].endswith((".", "?")), name
        assert operation["tags"], name
        ids.add(operation["operationId"])
        answers = operation["responses"]
        assert set(answers) >= ANSWERS, name
        good = [status for status in answers if status.startswith("2")]
        assert len(good) == 1, name
        if good == ["204"]:
            assert "content" not in answers["204"], name
        else:
            assert answers[good[0]]["content"]["application/json"]["schema"], name
        for status, answer in answers.items():
            if int(status) >= 400:
                assert answer["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }, name
        if "{" in path:
            assert "404" in answers, name
        for parameter in operation.get("parameters", []):
            assert parameter["schema"], name
    assert len(ids) == len(list(operations(document)))


def test_each_operation_takes_and_gives_the_headers_of_the_contract(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        taken = {p["name"] for p in operation["parameters"] if p["in"] == "header"}
        role = set() if path in OPEN else {"X-Gatepost-Role"}
        assert taken == {"Gatepost-At-Least", "Gatepost-Consistency"} | role, f"{method} {path}"
        for status, answer in operation["responses"].items():
            assert ("Gatepost-Revision" in answer.get("headers", {})) == status.startswith("2"), f"{method} {path}"


def test_the_audit_trail_says_its_three_forms(document: dict[str, Any]) -> None:
    content = document["paths"]["/api/v1/audit"]["get"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/csv", "application/jsonl"}


def test_it_says_how_callers_prove_who_they_are(document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"bearer", "basic", "session"}
    for path, method, operation in operations(document):
        if path in OPEN:
            assert operation["security"] == [], f"{method} {path}"
        else:
            assert "security" not in operation, f"{method} {path}"
    assert document["security"] == [{"bearer": []}, {"basic": []}, {"session": []}, {}]


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    wanted = set(re.findall(r"#/components/schemas/([\w\-]+)", text))
    assert wanted == set(document["components"]["schemas"])
    assert "HTTPValidationError" not in text


def test_secrets_are_marked_and_unknown_fields_are_not_taken(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, member in (
        ("LoginBody", "password"),
        ("RefreshBody", "refresh_token"),
        ("PasswordBody", "password"),
    ):
        assert schemas[name]["properties"][member]["format"] == "password", name
    for name, schema in schemas.items():
        if name.endswith(("Body", "Patch")):
            assert schema["additionalProperties"] is False, name


def test_the_document_and_its_page_need_nothing_from_elsewhere(client: httpx2.Client, document: dict[str, Any]) -> None:
    page = client.get("/reference")
    assert page.status_code == 200
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page.text)
    assert 'spec-url="/openapi.json"' in page.text
    (script,) = re.findall(r'<script type="module" src="([^"]+)"', page.text)
    assert client.get(script).status_code == 200
    for picture in re.findall(r'(?:src|type="image/svg\+xml" href)="([^"]+\.svg)"', page.text):
        assert client.get(picture).status_code == 200
    assert 'show-method-in-nav-bar="as-plain-text"' in page.text, "or five operations of one path read the same"
    for other in ("/docs", "/redoc"):
        assert client.get(other).status_code == 404


def test_what_is_answered_is_what_is_documented(
    client: httpx2.Client, company: Company, document: dict[str, Any]
) -> None:
    """Every status that a walk through all operations meets, by four kinds of caller, stands in the document."""
    callers: dict[str, Headers] = {
        "nobody": {},
        "bad": bearer("gp_" + "A" * 38),
        "malformed": {"Authorization": "Digest x"},
        "member": company.cy,
        "token": bearer(api_token(client, company.ann)),
        "wrong password": basic("ann", "wrong"),
        "admin": company.admin,
    }
    met: dict[str, set[int]] = {}
    for name, headers in callers.items():
        for path, method, operation in operations(document):
            if name == "admin" and path.endswith(("/logout", "/users/{username}")):
                continue  # it would end the walk
            address = re.sub(r"\{\w+\}", "x", path)
            bodies: tuple[object, ...] = (None, {}, {"name": "x"}, [])
            for body in bodies:
                answer = client.request(method.upper(), address, headers=headers, json=body)
                documented = {int(status) for status in operation["responses"]}
                assert answer.status_code in documented, f"{name}: {method} {path}: {answer.status_code} {answer.text}"
                met.setdefault(name, set()).add(answer.status_code)
    assert {200, 401, 403, 404, 422, 429} <= set().union(*met.values())
    assert met["bad"] <= {401, 200, 422}, "200 and 422 where no credential is read"
