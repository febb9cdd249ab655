"""Issue 2, "Bad input": whatever comes in, the answer is a 4xx problem document that names the field, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest

from tests.server.calling import Company, Headers, header, make_user, ok, problem

MIB = 1 << 20
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# Each route that reads JSON in a way of its own: the framework, in front of it, and without a credential.
READERS = ("/api/v1/users", "/api/v1/check", "/api/v1/check/batch", "/api/v1/explain", "/api/v1/auth/login")

NOT_JSON = {
    "empty": b"",
    "cut off": b'{"username": "a"',
    "nothing but a number of 5000 digits": b"9" * 5000,
    "nested deeply": b'{"username":' * 50_000,
    "nested in lists": b"[" * 200_000,
    "a little too deep": b'{"a":' * 70 + b"1" + b"}" * 70,
    "not UTF-8": b'{"username": "\xff\xfe"}',
    "UTF-16": '{"username": "a"}'.encode("utf-16"),
    "a BOM": b"\xef\xbb\xbf{}",
    "NaN": b'{"username": NaN}',
    "infinite": b'{"username": -Infinity}',
    "beyond a double": b'{"username": 1e999}',
    "a member twice": b'{"username": "ann", "username": "admin"}',
    "half a character": rb'{"username": "\udc80"}',
    "half a character as a name": rb'{"\ud800": 1}',
    "a member twice, within": b'{"checks": [{"action": "view", "action": "edit"}]}',
}

NOT_OBJECTS = (b"null", b"[]", b'""', b"7", b"true")


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


def test_what_is_not_json_is_refused_alike_everywhere(client: httpx2.Client, company: Company) -> None:
    for path in READERS:
        for name, body in NOT_JSON.items():
            answer = client.post(path, content=body, headers={**company.admin, **JSON})
            assert answer.status_code in (400, 422), f"{name} at {path}: {answer.text}"
            if body:
                problem(answer, 400, "invalid_request")


def test_what_is_no_object_is_a_wrong_body(client: httpx2.Client, company: Company) -> None:
    for path in READERS:
        for body in NOT_OBJECTS:
            answer = client.post(path, content=body, headers={**company.admin, **JSON})
            assert list(problem(answer, 422)["errors"]) == ["body"], f"{body!r} at {path}"


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        pytest.param("/api/v1/users", {}, {"username"}, id="a field is missing"),
        pytest.param("/api/v1/users", {"username": 7}, {"username"}, id="a number for a text"),
        pytest.param("/api/v1/users", {"username": "a b"}, {"username"}, id="a space in a name"),
        pytest.param("/api/v1/users", {"username": "x" * 129}, {"username"}, id="a name too long"),
        pytest.param("/api/v1/users", {"username": "x" * 5000}, {"username"}, id="a text too long"),
        pytest.param("/api/v1/users", {"username": "a\0b"}, {"username"}, id="NUL"),
        pytest.param("/api/v1/users", {"username": "dü"}, {"username"}, id="not ASCII"),
        pytest.param("/api/v1/users", {"username": ".."}, {"username"}, id="a path of its own"),
        pytest.param("/api/v1/users", {"username": "dan", "email": "nowhere"}, {"email"}, id="no e-mail address"),
        pytest.param("/api/v1/users", {"username": "dan", "roles": []}, {"roles"}, id="a field that nobody knows"),
        pytest.param("/api/v1/users", {"username": "dan", "external": "nobody"}, {"external"}, id="unknown provider"),
        pytest.param(
            "/api/v1/users", {"username": 1, "email": 2, "x": 3}, {"username", "email", "x"}, id="all at once"
        ),
        pytest.param("/api/v1/groups", {"name": ""}, {"name"}, id="an empty name"),
        pytest.param("/api/v1/groups", {"name": "g", "description": "a\nb"}, {"description"}, id="not printable"),
        pytest.param("/api/v1/roles", {"name": "r", "permissions": "x"}, {"permissions"}, id="a text for a list"),
        pytest.param("/api/v1/roles", {"name": "r", "permissions": ["*"]}, {"permissions"}, id="no permission"),
        pytest.param(
            "/api/v1/roles", {"name": "r", "permissions": [7]}, {"permissions[0]"}, id="which one of a list is wrong"
        ),
        pytest.param("/api/v1/roles", {"name": "r", "permissions": ["*:*"] * 201}, {"permissions"}, id="too many"),
        pytest.param("/api/v1/tokens", {"name": " "}, {"name"}, id="a blank name"),
        pytest.param("/api/v1/tokens", {"name": "t", "scopes": []}, {"scopes"}, id="a scope of nothing"),
        pytest.param("/api/v1/tokens", {"name": "t", "scopes": ["nope:view"]}, {"scopes"}, id="unknown type"),
        pytest.param("/api/v1/tokens", {"name": "t", "expires_at": "soon"}, {"expires_at"}, id="no moment"),
        pytest.param("/api/v1/tokens", {"name": "t", "expires_at": "2030-01-01T00:00"}, {"expires_at"}, id="no zone"),
        pytest.param(
            "/api/v1/tokens", {"name": "t", "expires_at": "2001-01-01T00:00Z"}, {"expires_at"}, id="in the past"
        ),
        pytest.param(
            "/api/v1/tokens",
            {"name": "t", "expires_at": "9999-12-31T23:59:59-14:00"},
            {"expires_at"},
            id="a moment that UTC has no name for",
        ),
        pytest.param("/api/v1/service-tokens", {"name": "s"}, {"role"}, id="a service token without a role"),
        pytest.param("/api/v1/service-tokens", {"name": "s", "role": "nobody"}, {"role"}, id="a role that is not"),
        pytest.param("/api/v1/resources", {"type": "user", "id": "x"}, {"type"}, id="a protected type"),
        pytest.param("/api/v1/resources", {"type": "collection", "id": "a/b"}, {"id"}, id="a slash in an id"),
        pytest.param(
            "/api/v1/resources", {"type": "dataset", "id": "d", "parent": "sales"}, {"parent"}, id="parent without type"
        ),
        pytest.param(
            "/api/v1/resources", {"type": "dataset", "id": "d", "parent": "user:ann"}, {"parent"}, id="wrong parent"
        ),
        pytest.param(
            "/api/v1/resources/collection/sales/access",
            {"subject": "ann", "relation": "viewer"},
            {"subject"},
            id="a subject without a type",
        ),
        pytest.param(
            "/api/v1/resources/collection/sales/access",
            {"subject": "user:nobody", "relation": "viewer"},
            {"subject"},
            id="a subject that is not there",
        ),
        pytest.param(
            "/api/v1/resources/collection/sales/access",
            {"subject": "user:ann", "relation": "boss"},
            {"relation"},
            id="a relation that is not there",
        ),
        pytest.param(
            "/api/v1/resources/collection/sales/access",
            {"subject": "anonymous:*", "relation": "editor"},
            {"subject"},
            id="anonymous callers are given view alone",
        ),
        pytest.param("/api/v1/check", {"action": "view"}, {"resource"}, id="a question without a resource"),
        pytest.param("/api/v1/check", {"action": 7, "resource": None}, {"action", "resource"}, id="both of no type"),
        pytest.param("/api/v1/check", {"action": "fly", "resource": "collection:sales"}, {"action"}, id="no action"),
        pytest.param("/api/v1/check", {"action": "view", "resource": "moon:1"}, {"resource"}, id="no type"),
        pytest.param("/api/v1/check", {"action": "view", "resource": "sales"}, {"resource"}, id="no type at all"),
        pytest.param("/api/v1/check", {"action": "view", "resource": "x" * 5000}, {"resource"}, id="hot: too long"),
        pytest.param("/api/v1/check", {"action": "view", "resource": "collection:\0"}, {"resource"}, id="hot: NUL"),
        pytest.param(
            "/api/v1/check",
            {"action": "view", "resource": "collection:sales", "subject": 7, "context": [], "who": "me"},
            {"subject", "context", "who"},
            id="hot: all at once",
        ),
        pytest.param("/api/v1/check/batch", {"checks": []}, {"checks"}, id="a batch of nothing"),
        pytest.param("/api/v1/check/batch", {"checks": [{}] * 101}, {"checks"}, id="too large a batch"),
        pytest.param("/api/v1/check/batch", {"checks": [7]}, {"checks[0]"}, id="no question in a batch"),
        pytest.param(
            "/api/v1/explain", {"action": "view", "resource": "x" * 5000}, {"resource"}, id="explain: too long"
        ),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what the database never sees
def test_each_wrong_field_is_named(
    client: httpx2.Client, company: Company, path: str, body: object, fields: set[str]
) -> None:
    caller = company.ann if "access" in path else company.admin
    answer = client.post(path, content=json.dumps(body), headers={**caller, **JSON})
    assert set(problem(answer, 422)["errors"]) == fields


def test_every_database_takes_the_same_texts(client: httpx2.Client, company: Company) -> None:
    """What one database could not hold is refused before either sees it."""
    odd = ["a\0b", "\ud800", "x" * 100_000, "' OR 1=1 --", "\u202e", "%00", "\\", "", " ", "😀" * 400]
    for text in odd:
        tries = [
            client.post("/api/v1/users", content=json.dumps({"username": text}), headers={**company.admin, **JSON}),
            client.post(
                "/api/v1/auth/login",
                content=json.dumps({"username": text, "password": text}),
                headers=JSON,
            ),
            client.post("/api/v1/tokens", content=json.dumps({"name": text}), headers={**company.admin, **JSON}),
            client.post(
                "/api/v1/auth/refresh", content=json.dumps({"refresh_token": text}), headers={**company.admin, **JSON}
            ),
        ]
        for answer in tries:
            assert answer.status_code in (201, 400, 401, 422, 429), f"{text[:20]!r}: {answer.status_code} {answer.text}"


def test_no_path_makes_a_bug(client: httpx2.Client, company: Company) -> None:
    """Ids and names in paths reach the database as they are."""
    odd = ["%00", "%ff%fe", "%ED%A0%80", "%F0%9F%98%80", "a%20b", "%2e%2e", "%27", "x" * 5000, "%25", "*", "%23", "a:b"]
    places = (
        "/api/v1/users/{}",
        "/api/v1/users/{}/rights",
        "/api/v1/groups/{}",
        "/api/v1/groups/{}/members",
        "/api/v1/groups/data-team/members/{}",
        "/api/v1/roles/{}",
        "/api/v1/roles/reader/assignees/{}",
        "/api/v1/services/{}",
        "/api/v1/tokens/{}",
        "/api/v1/service-tokens/{}",
        "/api/v1/sessions/{}",
        "/api/v1/resources/{}/x",
        "/api/v1/resources/collection/{}",
        "/api/v1/resources/collection/{}/access",
        "/api/v1/resources/collection/sales/access/{}/user:ann",
        "/api/v1/resources/collection/sales/access/viewer/{}",
        "/api/v1/me/identities/{}",
        "/api/v1/{}",
        "/oauth/{}/login",
        "/oauth2/{}",
        "/{}",
    )
    for place in places:
        for text in odd:
            for method in ("GET", "DELETE", "PATCH"):
                path = place.format(text)
                body: object = {} if method == "PATCH" else None
                answer = client.request(method, path, headers=company.admin, json=body)
                assert answer.status_code < 500, f"{method} {path}: {answer.text}"


def test_no_query_makes_a_bug(client: httpx2.Client, company: Company) -> None:
    for path in ("users", "groups", "roles", "services", "tokens", "service-tokens", "sessions", "resources", "audit"):
        for query in (
            "cursor=%00",
            "cursor=%ff",
            "cursor=W10",  # []
            "cursor=WzFd",  # [1]
            "cursor=WyIiLCAiIiwgIiJd",  # ["", "", ""]
            "cursor=" + "x" * 999,
            "cursor=" + "x" * 1001,
            "limit=0",
            "limit=501",
            "limit=-1",
            "limit=1e2",
            "limit=" + "9" * 400,
            "limit=%F0%9F%98%80",
        ):
            answer = client.get(f"/api/v1/{path}?{query}", headers=company.admin)
            if "%00" in query:
                problem(answer, 400, "invalid_request")
                continue
            assert list(problem(answer, 422)["errors"]) == [query.partition("=")[0]], f"{path}?{query}"
    for query in ("since=soon", "until=2030-01-01", "since=0001-01-01T00:00:00%2B14:00", "since=" + "9" * 300):
        answer = client.get(f"/api/v1/audit?{query}", headers=company.admin)
        assert list(problem(answer, 422)["errors"]) == [query.partition("=")[0]], query
    for query in ("q=%25", "q=_", "q=%ED%A0%80", "q=" + "😀" * 200):
        ok(client.get(f"/api/v1/users?{query}", headers=company.admin))
        ok(client.get(f"/api/v1/subjects?{query}", headers=company.admin))


def pieces(size: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for begin in range(0, size, 65_536):
        yield b" " * min(65_536, size - begin)


SIZED = (
    ("/api/v1/users", JSON),
    ("/api/v1/check", JSON),
    ("/api/v1/auth/login", JSON),
    ("/oauth2/token", FORM),
    ("/login", FORM),
)


def same_origin(client: httpx2.Client) -> Headers:
    return {"Origin": str(client.base_url).rstrip("/")}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_beyond_a_mebibyte_is_413_whether_it_says_so_or_not(client: httpx2.Client, company: Company) -> None:
    for path, kind in SIZED:
        headers = {**company.admin, **kind, **same_origin(client)} if path != "/oauth2/token" else kind
        for too_large in (b" " * (MIB + 1), pieces(MIB + 1)):
            answer = client.post(path, content=too_large, headers=headers)
            assert answer.status_code == 413, f"{path}: {answer.text}"
            if path.startswith("/api"):
                problem(answer, 413, "too_large")
        for just_fits in (b" " * MIB, pieces(MIB)):
            assert client.post(path, content=just_fits, headers=headers).status_code != 413, path


@pytest.mark.parametrize("length", ["-1", "abc", "1.5", "", "+5", "0x10", "²", "1,1", " 5"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_length_that_is_none_is_refused(client: httpx2.Client, length: str) -> None:
    headers = [header("Content-Length", length), header("Content-Type", "application/json")]
    problem(client.post("/api/v1/check", content=b"{}", headers=headers), 400, "invalid_request")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_length_of_thousands_of_digits_is_too_large(client: httpx2.Client) -> None:
    headers = {"Content-Length": "9" * 5000, "Content-Type": "application/json"}
    problem(client.post("/api/v1/check", content=b"{}", headers=headers), 413, "too_large")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_error_repeats_no_secret(client: httpx2.Client, company: Company) -> None:
    secret = "never-to-be-seen-again"
    tries = [
        client.post("/api/v1/auth/login", json={"username": "ann", "password": secret}),
        client.post("/api/v1/auth/login", json={"username": ["ann"], "password": [secret]}),
        client.post("/api/v1/auth/login", content=f'{{"password": "{secret}"', headers=JSON),
        client.post("/api/v1/auth/login", json={"username": "ann", "password": secret * 1000}),
        client.post("/api/v1/auth/refresh", json={"refresh_token": secret}),
        client.post("/api/v1/auth/refresh", json={"refresh_token": {"a": secret}}),
        client.post("/api/v1/users", json={"username": "dan", "password": {"a": secret}}, headers=company.admin),
        client.post("/api/v1/users", json={"username": "dan", "password": secret, "x": secret}, headers=company.admin),
        client.put(
            "/api/v1/users/ann/password", json={"password": secret, "current_password": [secret]}, headers=company.ann
        ),
        client.post(
            "/oauth2/token", data={"grant_type": "client_credentials", "client_id": "x", "client_secret": secret}
        ),
        client.post("/oauth2/token", data={"grant_type": "refresh_token", "refresh_token": secret}),
        client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}),
        client.get("/api/v1/me", headers={"Authorization": f"Digest {secret}"}),
    ]
    for answer in tries:
        assert 400 <= answer.status_code < 500, answer.text
        assert secret not in answer.text
        assert secret not in str(answer.headers)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_name_of_an_unknown_field_is_not_echoed_at_length(client: httpx2.Client, company: Company) -> None:
    for path in READERS:
        answer = client.post(path, json={"k" * 500_000: 1}, headers=company.admin)
        assert len(problem(answer, 422)["detail"]) < 2000, path


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_that_says_it_is_a_form_is_no_json(client: httpx2.Client, company: Company) -> None:
    """Another site's form can send these types without asking; none of them makes anything."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = client.post(
            "/api/v1/groups", content=b'{"name": "g"}', headers={**company.admin, "Content-Type": kind}
        )
        assert problem(answer, 422)["errors"] == {
            "body": "this has to be an object, sent with Content-Type: application/json"
        }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_wrong_time_is_told_what_a_time_looks_like(client: httpx2.Client, company: Company) -> None:
    for wrong in ("tomorrow", "2030-01-01", "2030-01-01T00:00", "2030-13-01T00:00Z"):
        answer = client.post("/api/v1/tokens", json={"name": "t", "expires_at": wrong}, headers=company.admin)
        assert problem(answer, 422)["errors"] == {
            "expires_at": "this has to be a time with a zone, such as 2030-01-31T12:00:00Z"
        }, wrong


def test_a_name_that_is_taken_is_409(client: httpx2.Client, company: Company) -> None:
    admin, ann = company.admin, company.ann
    taken = [
        ("/api/v1/users", {"username": "ann"}, admin),
        ("/api/v1/users", {"username": "ANN"}, admin),
        ("/api/v1/groups", {"name": "data-team"}, admin),
        ("/api/v1/roles", {"name": "reader", "permissions": ["*:view"]}, admin),
        ("/api/v1/resources", {"type": "collection", "id": "sales"}, ann),
    ]
    for path, body, caller in taken:
        problem(client.post(path, json=body, headers=caller), 409, "already_exists")
    ok(client.post("/api/v1/services", json={"name": "etl"}, headers=admin), 201)
    problem(client.post("/api/v1/services", json={"name": "etl"}, headers=admin), 409, "already_exists")
    make_user(client, admin, "dan")
