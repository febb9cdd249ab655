"""`/graphql` as requests come in: methods, media types, other sites' pages, errors, and a server that has enough to do."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from gatepost.directory import groups, users
from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.server.graphql.engine import Engine, Request
from gatepost.server.pools import Pools
from tests.conftest import ADMIN
from tests.graphql.asking import ask, code_of, refused, send
from tests.loops import in_a_loop
from tests.server.calling import Company, browser_session, ok, problem

ME = "{ me { username } }"
CREATE = 'mutation { createGroup(name: "made") { name } }'
OWN = "application/graphql-response+json"


def groups_there(company: Company) -> list[str]:
    return [each["name"] for each in ok(company.client.get("/api/v1/groups", headers=company.admin))["items"]]


def test_a_query_can_be_asked_with_get_and_a_mutation_cannot(company: Company) -> None:
    def get(**given: str) -> httpx2.Response:
        return company.client.get("/graphql", params=given, headers=company.admin)

    assert ok(get(query=ME)) == {"data": {"me": {"username": "admin"}}}
    named = "query A($u: String!) { user(username: $u) { username } } mutation B { rotateKeys { kid } }"
    assert ok(get(query=named, operationName="A", variables='{"u": "ann"}'))["data"]["user"]["username"] == "ann"
    for given in ({"query": CREATE}, {"query": named, "operationName": "B"}):
        answer = get(**given)
        problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"
    assert groups_there(company) == ["data-team"]
    problem(company.client.get("/graphql?query={me{id}}&query={me{id}}", headers=company.admin), 400)
    problem(company.client.get("/graphql", headers=company.admin), 422)


def test_a_page_of_another_site_cannot_post(company: Company) -> None:
    """The cookie goes along; a form cannot say that it is JSON, and a script has to say where it comes from."""
    cookie = {"Cookie": f"gp_session={browser_session(company.client, 'admin', 'an-admin-of-the-tests')}"}
    body = json.dumps({"query": CREATE})
    ours = {"Origin": str(company.client.base_url).rstrip("/")}

    def post(content_type: str, **more: str) -> httpx2.Response:
        headers = {**cookie, "Content-Type": content_type, **more}
        return company.client.post("/graphql", content=body, headers=headers)

    for elsewhere in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        problem(post("application/json", **elsewhere), 403)
    for form in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        problem(post(form, **ours), 400)
    assert groups_there(company) == ["data-team"]
    assert ok(post("application/json", **ours)) == {"data": {"createGroup": {"name": "made"}}}


# What a page of any site may send without asking first (Fetch, "CORS-safelisted request-header"), and what is not JSON.
NO_JSON = (
    "text/plain",
    "text/plain; charset=utf-8",
    "text/plain; application/json",
    "text/plain, application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; a=application/json",
    "multipart/form-data; boundary=application/json",
    "application/graphql",
    "application/graphql+x",
    "application/jsonp",
    "application",
    "json",
)


@pytest.mark.parametrize("form", NO_JSON)
def test_only_json_is_read_whoever_calls(form: str, company: Company) -> None:
    """A browser that keeps Basic credentials sends those along, too."""
    headers = company.admin | {"Content-Type": form}
    for body in (json.dumps({"query": CREATE}), CREATE):
        problem(company.client.post("/graphql", content=body, headers=headers), 400)
    assert groups_there(company) == ["data-team"]


def test_an_upload_is_not_read(company: Company) -> None:
    """The multipart form of GraphQL requests is what a form of any site can send."""
    parts = {"operations": (None, json.dumps({"query": CREATE, "variables": {"f": None}})), "map": (None, '{"0": []}')}

    problem(company.client.post("/graphql", files=parts, headers=company.admin), 400)

    assert groups_there(company) == ["data-team"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "QUERY"])
def test_other_methods_are_not_there(method: str, company: Company) -> None:
    problem(company.client.request(method, "/graphql", json={"query": CREATE}, headers=company.admin), 405)


def test_a_method_that_is_named_in_a_header_is_not_taken(company: Company) -> None:
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        headers = company.admin | {name: "POST", "Content-Type": "application/json"}
        problem(company.client.get("/graphql", params={"query": CREATE}, headers=headers), 405)
    headed = company.client.head("/graphql", params={"query": CREATE}, headers=company.admin)
    assert headed.status_code == 405
    assert groups_there(company) == ["data-team"]


def test_what_stands_in_the_address_of_a_post_is_not_read(company: Company) -> None:
    """A proxy's log has the address; and of two queries only one could be the one that was looked at."""
    answer = company.client.post("/graphql", params={"query": CREATE}, json={"query": ME}, headers=company.admin)

    assert ok(answer) == {"data": {"me": {"username": "admin"}}}
    assert groups_there(company) == ["data-team"]


NO_REQUEST: dict[str, tuple[Any, int]] = {
    "a list of requests": ([{"query": ME}], 400),
    "a text": ("x", 400),
    "nothing": (None, 400),
    "no query": ({}, 422),
    "a stored query": ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, 422),
    "a stored query by its name": ({"id": "makeGroup", "documentId": "makeGroup"}, 422),
    "a list within": ({"query": [ME]}, 422),
    "nothing in a list": ([], 400),
    "an empty query": ({"query": "  "}, 422),
    "a query that is no text": ({"query": 1}, 422),
    "variables that are a list": ({"query": ME, "variables": [1]}, 422),
    "a name that is no text": ({"query": ME, "operationName": 1}, 422),
    "a name that is not there": ({"query": "query A { me { id } }", "operationName": "B"}, 400),
    "two operations and no name": ({"query": "fragment A on Me { id }"}, 400),
    "a subscription": ({"query": "subscription { me { id } }"}, 400),
}


@pytest.mark.parametrize("name", NO_REQUEST)
def test_what_is_no_request_is_refused_with_a_sentence(name: str, client: TestClient) -> None:
    body, status = NO_REQUEST[name]

    problem(client.post("/graphql", json=body), status)


def test_nothing_is_listened_to_over_a_websocket(company: Company) -> None:
    """Browsers let any site open one, with the cookie: there are no subscriptions, and nobody to talk to."""
    client = company.client
    assert isinstance(client, TestClient)
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/graphql", subprotocols=["graphql-ws"]):
        pytest.fail("it was opened")


def test_an_operation_is_chosen_by_its_name(client: TestClient) -> None:
    query = "query A { me { kind } } query B { me { username } }"
    body: dict[str, Any] = {"query": query, "operationName": "A", "variables": None, "extensions": {}}

    assert ok(client.post("/graphql", json=body)) == {"data": {"me": {"kind": "anonymous"}}}
    # GraphQL, section 6.1: which of several is never guessed.
    for unnamed in ({**body, "operationName": None}, {"query": query}):
        told = client.post("/graphql", json=unnamed).json()
        assert "data" not in told
        assert told["errors"][0]["message"] == "there are several operations in the query: operationName says which"


def test_a_request_that_cannot_be_executed_is_400_for_who_knows_the_type(client: TestClient) -> None:
    """GraphQL over HTTP: older clients expect 200 whatever happens."""
    for query, executed in ((ME, True), ("{ nothing }", False), ("{", False), ("{ users { edges { cursor } } }", True)):
        old = send(client, query)
        assert (old.status_code, old.headers["content-type"]) == (200, "application/json")
        new = client.post("/graphql", json={"query": query}, headers={"Accept": f"{OWN}, application/json"})
        assert new.headers["content-type"] == OWN
        assert new.status_code == (200 if executed else 400)
        assert ("data" in new.json()) is executed
        assert new.headers["cache-control"] == "no-store"
        assert "gatepost-revision" in new.headers


def test_a_read_follows_a_write_that_it_names(company: Company) -> None:
    done = ask(company.client, 'mutation { deleteGroup(name: "data-team") { revision } }', company.admin)["deleteGroup"]

    headers = company.admin | {"Gatepost-At-Least": done["revision"]}
    assert send(company.client, ME, headers).status_code == 200
    never = company.admin | {"Gatepost-At-Least": done["revision"].partition(".")[0] + ".99999"}
    problem(send(company.client, ME, never), 409)


def test_a_bug_is_a_server_error_without_a_word_about_it(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("the-secret-inside")

    monkeypatch.setattr(groups, "list_groups", breaks)

    answer = send(company.client, "{ groups { edges { cursor } } me { kind } }", company.admin)

    assert "the-secret-inside" not in answer.text
    body = answer.json()
    assert code_of(body["errors"][0]) == ("server_error", 500)
    assert body["data"] == {"groups": None, "me": {"kind": "user"}}
    assert [it.message for it in caplog.records if it.levelno >= logging.ERROR] == ["a bug, at /graphql"]


SECRET = "hunter2-hunter2-hunter2"
SAID_WRONGLY: dict[str, tuple[str, dict[str, Any]]] = {
    "a variable": ("mutation($u: UserInput!) { createUser(user: $u) { id } }", {"u": {"password": SECRET}}),
    "a variable in a list": ("mutation($u: [Int!]) { createToken(name: $u) { token } }", {"u": [SECRET]}),
    "an unknown member": (
        "mutation($u: UserInput!) { createUser(user: $u) { id } }",
        {"u": {"username": "x", "passwort": SECRET}},
    ),
    "a literal": (f'{{ users(first: "{SECRET}") {{ edges {{ cursor }} }} }}', {}),
    "an unknown argument's value": (f'mutation {{ createUser(user: {{passwort: "{SECRET}"}}) {{ id }} }}', {}),
    "a slip of the pen": (f'mutation {{ setPassword username: "{SECRET}" }}', {}),
    "another slip": (f'mutation {{ setPassword(username: "ann", password: "{SECRET}" "{SECRET}") }}', {}),
    "a moment": ('mutation($m: DateTime) { createToken(name: "x", expiresAt: $m) { token } }', {"m": SECRET}),
}


@pytest.mark.parametrize("name", SAID_WRONGLY)
def test_what_was_sent_is_not_repeated(name: str, company: Company, caplog: pytest.LogCaptureFixture) -> None:
    """It may be a secret: neither in the answer, which a front end may log, nor in our log."""
    query, variables = SAID_WRONGLY[name]
    with caplog.at_level(logging.DEBUG):
        answer = send(company.client, query, company.admin, **variables)

    assert code_of(answer.json()["errors"][0])[1] in (400, 422)
    assert SECRET not in answer.text
    assert SECRET not in caplog.text


def test_our_errors_come_with_their_code_and_what_is_wrong(company: Company) -> None:
    error = refused(company.client, 'mutation { createGroup(name: "a b") { name } }', company.admin)
    assert code_of(error) == ("invalid_field", 422)
    assert set(error["extensions"]["errors"]) == {"name"}
    error = refused(company.client, 'mutation { deleteUser(username: "ann") { revision } }', company.admin)
    assert code_of(error) == ("conflict", 409)
    assert error["extensions"]["items"] == ["collection:sales"]
    error = refused(company.client, 'mutation { createGroup(name: "data-team") { name } }', company.admin)
    assert code_of(error) == ("already_exists", 409)


@pytest.fixture
def pools() -> Any:
    made = Pools(passwords=1)
    yield made
    made.close()


def run(engine: Engine, gate: Gatepost, pools: Pools, query: str) -> bytes:
    async def asking() -> bytes:
        return (await engine(gate, ADMIN, pools, Request(query=query))).body

    return in_a_loop(asking)


def test_a_request_that_takes_too_long_is_given_up(
    gate: Gatepost, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller is told; the thread that is still at it is the pool's, and the next request is answered."""
    engine, released = Engine(deadline=0.2), threading.Event()
    monkeypatch.setattr(users, "list_users", lambda *_: released.wait(20))
    run(engine, gate, pools, ME)
    try:
        with pytest.raises(Unavailable, match="took too long"):
            run(engine, gate, pools, "{ users { edges { cursor } } }")
        assert b"admin" in run(engine, gate, pools, ME)
    finally:
        released.set()
        engine.close()


def test_who_comes_when_too_many_wait_is_told_at_once(
    gate: Gatepost, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, entered, released = Engine(most_waiting=1), threading.Event(), threading.Event()

    def waits(*_: object) -> None:
        entered.set()
        released.wait(20)

    monkeypatch.setattr(users, "list_users", waits)

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine, gate, ADMIN, pools, Request(query="{ users { edges { cursor } } }"))
            assert await anyio.to_thread.run_sync(entered.wait, 20)
            try:
                with pytest.raises(Unavailable, match="too many"):
                    await engine(gate, ADMIN, pools, Request(query=ME))
            finally:
                released.set()

    try:
        in_a_loop(both)
        assert b"admin" in run(engine, gate, pools, ME)
    finally:
        engine.close()


def test_a_slow_answer_holds_up_no_check(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Putting an answer together is done beside the loop that answers `check`."""
    seen: list[str] = []
    original: Callable[..., Any] = groups.list_groups

    def noted(*given: Any) -> Any:
        seen.append(threading.current_thread().name)
        return original(*given)

    monkeypatch.setattr(groups, "list_groups", noted)
    ask(company.client, "{ groups { edges { cursor } } }", company.admin)

    assert seen[0].startswith("gatepost-database")
    assert "gatepost-graphql" in {thread.name for thread in threading.enumerate()}


def test_the_library_is_not_loaded_with_the_server() -> None:
    """It takes most of a second, and who asks no GraphQL does not pay for it."""
    import subprocess
    import sys

    program = "import gatepost.server.app, sys; print({'strawberry', 'graphql'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
