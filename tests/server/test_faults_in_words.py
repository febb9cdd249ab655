"""What does not fit an operation's shape is told in our words: which field or parameter, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.server.calling import Company, ok, problem

WRONG: tuple[object, ...] = (None, 7, 1.5, True, "\0", "x" * 5000, [], [7], [{}], ["x"] * 201, {}, {"x": {"y": 1}})
PYDANTICS = ("input should", "should be a valid", "should have", "required", "dictionary", "datetime", "error,")


def operations(client: httpx2.Client) -> Iterator[tuple[str, str, list[str]]]:
    """Every operation of the REST API that reads a body: its method, its address, and the names of its fields."""
    document = ok(client.get("/openapi.json"))
    shapes = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for sent in operation.get("requestBody", {}).get("content", {}).values():
                schema = sent["schema"]
                reference = schema.get("$ref") or next(one["$ref"] for one in schema["anyOf"] if "$ref" in one)
                yield method.upper(), path, list(shapes[reference.rpartition("/")[2]]["properties"])


def told(answer: httpx2.Response) -> dict[str, str]:
    """What an answer says of each field; nothing where it found nothing wrong, or something else first."""
    if answer.status_code != 422:
        assert answer.status_code < 500, answer.text
        return {}
    errors: dict[str, str] = problem(answer, 422)["errors"]
    for sentence in errors.values():
        assert not any(word in sentence.lower() for word in PYDANTICS), errors
    return errors


def test_no_fault_of_any_field_is_told_in_the_frameworks_words(client: httpx2.Client, company: Company) -> None:
    asked = {(method, path): fields for method, path, fields in operations(client)}
    assert len(asked) > 20
    for (method, path), fields in asked.items():
        address = path.replace("{", "no-").replace("}", "")
        for value in WRONG:
            body: dict[str, Any] = dict.fromkeys(fields, value)
            told(client.request(method, address, json=body, headers=company.admin))
        unknown = told(client.request(method, address, json={"nmae": 1}, headers=company.admin))
        if path != "/api/v1/check/batch":  # says what it takes in a sentence of its own
            assert unknown["nmae"] == f"there is no such field; allowed are {', '.join(fields)}", path


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/api/v1/users", {"username": 7}, {"username": "this has to be a text"}),
        ("/api/v1/roles", {"name": "r", "permissions": "x"}, {"permissions": "this has to be a list"}),
        ("/api/v1/roles", {"name": "r", "permissions": ["*:*"] * 201}, {"permissions": "too many: 200 at most"}),
        (
            "/api/v1/plans",
            {"desired": {"users": [{"username": "ann", "disabled": "no"}, {"name": "ben"}]}, "prune": 1},
            {
                "desired.users[0].disabled": "this has to be true or false",
                "desired.users[1].username": "needed",
                "desired.users[1].name": "there is no such field; allowed are username, display_name, email, external, "
                "disabled",
                "prune": "this has to be true or false",
            },
        ),
        (
            "/api/v1/plans",
            {"desired": {"groups": [{"name": "g", "members": [{"user": "ann"}]}]}},
            {
                "desired.groups[0].members[0].subject": "needed",
                "desired.groups[0].members[0].user": "there is no such field; allowed are subject, expires_at",
            },
        ),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_is_allowed(
    client: httpx2.Client, company: Company, path: str, body: object, expected: dict[str, str]
) -> None:
    assert told(client.post(path, json=body, headers=company.admin)) == expected


def test_no_body_at_all_is_told_what_to_send(client: httpx2.Client, company: Company) -> None:
    expected = {"body": "needed: an object, sent with Content-Type: application/json"}
    assert told(client.post("/api/v1/groups", headers=company.admin)) == expected


def test_a_number_is_no_time(client: httpx2.Client, company: Company) -> None:
    """Of seconds to some programs and of milliseconds to others: a token of theirs would live for a thousand lifetimes."""
    expected = "this has to be a time with a zone, such as 2030-01-31T12:00:00Z"
    for number in (4_000_000_000, 4e9, True, "4000000000", "4e9", "4000000000.5"):
        body = {"name": "t", "expires_at": number}
        assert told(client.post("/api/v1/tokens", json=body, headers=company.ann)) == {"expires_at": expected}, number
    answer = client.get("/api/v1/audit", params={"since": "1700000000"}, headers=company.admin)
    assert told(answer) == {"since": expected}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=ten", {"limit": "this has to be a whole number"}),
        ("limit=0", {"limit": "too small: 1 or more"}),
        ("limit=501", {"limit": "too large: 500 or less"}),
        ("q=" + "x" * 201, {"q": "too long: 200 characters at most"}),
        ("cursor=x", {"cursor": "this is not a cursor of this list"}),
        ("qq=ann", {"qq": "there is no such parameter; allowed are q, limit, cursor"}),
        ("q=ann&q=ben", {"q": "given more than once"}),
        (
            "limits=1&Cursor=x",
            dict.fromkeys(("limits", "Cursor"), "there is no such parameter; allowed are q, limit, cursor"),
        ),
    ],
)
def test_a_wrong_parameter_is_told_what_is_allowed(
    client: httpx2.Client, company: Company, query: str, expected: dict[str, str]
) -> None:
    assert told(client.get(f"/api/v1/users?{query}", headers=company.admin)) == expected


def test_a_misspelt_filter_finds_no_trail_that_looks_whole(client: httpx2.Client, company: Company) -> None:
    answer = client.get("/api/v1/audit", params={"actor": "user:ann"}, headers={**company.admin, "Accept": "text/csv"})
    assert list(told(answer)) == ["actor"]


def test_what_takes_no_parameters_says_so(client: httpx2.Client, company: Company) -> None:
    question = {"action": "view", "resource": "collection:sales"}
    for answer in (
        client.get("/api/v1/me?full=true", headers=company.ann),
        client.post("/api/v1/check?explain=true", json=question, headers=company.ann),
        client.post("/api/v1/groups?name=g", json={"name": "g"}, headers=company.admin),
    ):
        assert list(told(answer).values()) == ["there is no such parameter; none is taken here"]
    problem(client.get("/api/v1/groups/g", headers=company.admin), 404)


def test_a_parameter_against_caches_is_let_by(client: httpx2.Client, company: Company) -> None:
    plain, busting = (client.get(f"/api/v1/me{query}", headers=company.ann) for query in ("", "?_=1700000000"))
    assert ok(plain) == ok(busting)
    question = {"action": "view", "resource": "collection:sales"}
    assert ok(client.post("/api/v1/check?_ts=1", json=question, headers=company.ann))["allowed"] is True
    assert ok(client.get("/api/v1/users?_=1&_=2", headers=company.admin))["items"]


def test_whoever_is_anonymous_is_told_to_sign_in_first(client: httpx2.Client, company: Company) -> None:
    problem(client.delete("/api/v1/users/ann?transferto=ben"), 401)
    problem(client.delete("/api/v1/users/ann?transferto=ben", headers=company.admin), 422)
    ok(client.get("/api/v1/users/ann", headers=company.admin))
