"""Checks in the plain form are read and answered in one go: the same answers as by careful reading, and never more."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from gatepost.directory import evaluation
from gatepost.errors import GatepostError
from gatepost.gate import Gatepost
from gatepost.server.openfga import plain
from gatepost.server.openfga.calls import read_body
from gatepost.stores import bodies
from tests.server.calling import Company, as_admin, bearer, ok, problem, sign_in
from tests.server.conftest import Served
from tests.server.openfga_world import Store, key, new_store, refused
from tests.waiting import eventually

KEY = '"user":"user:ann","relation":"viewer","object":"doc:1"'
ITEM = f'{{"tuple_key":{{{KEY}}},"correlation_id":"1"}}'
ASKED = {"subject": "user:ann", "action": "view", "resource": "collection:none"}
MODEL = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

TWO_MEANINGS = {
    "a member twice": f'{{"tuple_key":{{"user":"user:ben",{KEY}}}}}',
    "a member twice, once spelled with an escape": f'{{"tuple_key":{{"us\\u0065r":"user:ben",{KEY}}}}}',
    "two keys": f'{{"tuple_key":{{{KEY}}},"tuple_key":{{{KEY}}}}}',
    "a model twice": f'{{"tuple_key":{{{KEY}}},"authorization_model_id":"x","authorization_model_id":"{MODEL}"}}',
    "another spelling beside": f'{{"tuple_key":{{{KEY}}},"tupleKey":{{{KEY}}}}}',
    "a context": f'{{"tuple_key":{{{KEY}}},"context":{{}}}}',
    "contextual tuples": f'{{"tuple_key":{{{KEY}}},"contextual_tuples":{{"tuple_keys":[]}}}}',
    "the newest state": f'{{"tuple_key":{{{KEY}}},"consistency":"HIGHER_CONSISTENCY"}}',
    "a number": '{"tuple_key":{"user":1,"relation":"viewer","object":"doc:1"}}',
    "a userset": '{"tuple_key":{"user":"group:a#member","relation":"viewer","object":"doc:1"}}',
    "everybody": '{"tuple_key":{"user":"user:*","relation":"viewer","object":"doc:1"}}',
    "another alphabet": '{"tuple_key":{"user":"user:änn","relation":"viewer","object":"doc:1"}}',
    "a line end in a name": '{"tuple_key":{"user":"user:ann\\n","relation":"viewer","object":"doc:1"}}',
    "too long a name": f'{{"tuple_key":{{"user":"user:{"x" * 300}","relation":"viewer","object":"doc:1"}}}}',
    "no JSON": f'{{"tuple_key":{{{KEY}}}',
    "more behind": f'{{"tuple_key":{{{KEY}}}}}{{}}',
    "no object": "[]",
    "nothing": "",
}


@pytest.mark.parametrize("body", TWO_MEANINGS.values(), ids=TWO_MEANINGS)
def test_what_is_not_plain_is_read_with_care(body: str) -> None:
    assert plain.read_check(body.encode()) is None


def test_what_is_long_is_not_remembered() -> None:
    """A name of thousands of characters, each time another, from whoever it comes: sixteen thousand would be kept."""
    before = plain._is_relation.cache_info().currsize, evaluation._plain_name.cache_info().currsize
    for n in range(10):
        long = f"{n}{'x' * 10_000}"
        assert plain.read_check(f'{{"tuple_key":{{{KEY}}}}}'.replace("viewer", long).encode()) is None
        assert plain.read_check(f'{{"tuple_key":{{{KEY}}}}}'.replace("ann", long).encode()) is None
    after = plain._is_relation.cache_info().currsize, evaluation._plain_name.cache_info().currsize
    assert sum(after) - sum(before) <= 3, "but for the plain names beside it"


@pytest.mark.parametrize(
    "body",
    [
        f'{{"checks":[{ITEM},{ITEM}]}}',  # the same correlation id
        f'{{"checks":[{ITEM}],"checks":[{ITEM}]}}',
        f'{{"checks":[{ITEM[:-1]},"correlation_id":"2"}}]}}',
        f'{{"checks":[{ITEM[:-1]},"context":{{}}}}]}}',
        '{"checks":[]}',
        '{"checks":{}}',
        f'{{"checks":[{",".join(ITEM.replace("1", str(n)) for n in range(51))}]}}',
        f'{{"checks":[{{"tuple_key":{{{KEY}}},"correlation_id":"a b"}}]}}',
    ],
)
def test_a_batch_that_is_not_plain_is_read_with_care(body: str) -> None:
    assert plain.read_batch(body.encode()) is None


def test_the_plain_form_is_what_the_official_clients_write() -> None:
    asked = (("user", "ann"), "viewer", ("doc", "1"))
    for spaces in ((",", ":"), (", ", ": ")):
        named: tuple[dict[str, str], ...] = (
            {},
            {"authorization_model_id": MODEL},
            {"consistency": "MINIMIZE_LATENCY"},
        )
        for more in named:
            sent = {"tuple_key": json.loads(f"{{{KEY}}}"), **more}
            read = plain.read_check(json.dumps(sent, separators=spaces).encode())
            assert read == (asked, more.get("authorization_model_id", ""))
            checks = [{"tuple_key": sent["tuple_key"], "correlation_id": str(n)} for n in range(50)]
            many = plain.read_batch(json.dumps({"checks": checks, **more}, separators=spaces).encode())
            assert many is not None
            assert list(many.asked.items()) == [(str(n), asked) for n in range(50)]


NAMES = st.text('ab:#@* .-_/é\n"\\', max_size=8) | st.sampled_from(["user:ann", "doc:1", "group:a#member", "user:*"])
MEMBERS = st.sampled_from(
    ["user", "relation", "object", "tuple_key", "tupleKey", "authorization_model_id", "consistency", "context", "x"]
)
VALUES = NAMES | st.none() | st.integers() | st.sampled_from(["viewer", "UNSPECIFIED", MODEL])
KEYS = st.lists(st.tuples(MEMBERS, VALUES), max_size=4) | st.just([]).map(
    lambda _: [("user", "user:ann"), ("relation", "viewer"), ("object", "doc:1")]
)


def written(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members) + "}"


@given(KEYS, KEYS, st.lists(st.tuples(MEMBERS, VALUES), max_size=2))
def test_plain_reading_never_reads_what_careful_reading_refuses_or_reads_otherwise(
    first: list[tuple[str, Any]], second: list[tuple[str, Any]], others: list[tuple[str, Any]]
) -> None:
    tuple_keys = [("tuple_key", written([(n, json.dumps(v)) for n, v in one])) for one in (first, second) if one]
    body = written([*tuple_keys, *((name, json.dumps(value)) for name, value in others)]).encode()
    read = plain.read_check(body)
    if read is None:
        return
    (subject, relation, resource), model = read
    try:
        sent = read_body(body)
        careful = bodies.checked_key(bodies.part(sent, "tuple_key"), "CheckRequest")
        asking = bodies.asking({**sent, "authorization_model_id": None}, "CheckRequest")
    except GatepostError as error:
        raise AssertionError(f"{body!r} was read, and is refused: {error}") from error
    assert (careful.user, careful.relation, careful.object) == (":".join(subject), relation, ":".join(resource))
    assert (asking.context, list(asking.tuples), asking.newest_state) == ({}, [], False)
    assert model == (sent.get("authorization_model_id") or "")


QUESTIONS = [
    (user, relation, f"doc:{number}")
    for user in ("user:ann", "user:ben", "user:stranger", "user:new")
    for relation in ("viewer", "editor", "reader")
    for number in range(4)
]


@pytest.fixture
def shop(client: TestClient, company: Company) -> Store:
    store = new_store(client, company.admin)
    store.write(
        ("user:ann", "editor", "doc:0"),
        ("group:a#member", "viewer", "doc:1"),
        ("user:ben", "member", "group:a"),
        ("user:*", "viewer", "folder:f"),
        ("folder:f", "parent", "doc:2"),
        ("user:ben", "reader", "doc:2"),
    )
    return store


def ask(store: Store, *, careful: bool) -> dict[str, bool]:
    """Every question in one batch.  An empty context has it read with care."""
    more: dict[str, object] = {"context": {}} if careful else {}
    checks = [{"tuple_key": key(each), "correlation_id": str(n)} | more for n, each in enumerate(QUESTIONS)]
    result = ok(store.post("batch-check", {"checks": checks}))["result"]
    return {name: answer["allowed"] for name, answer in result.items()}


def test_both_ways_answer_the_same(shop: Store) -> None:
    careful = ask(shop, careful=True)
    assert ask(shop, careful=False) == careful
    assert list(ask(shop, careful=False)) == [str(n) for n in range(len(QUESTIONS))]
    assert {str(n): shop.check(*each) for n, each in enumerate(QUESTIONS)} == careful
    assert set(careful.values()) == {True, False}


def test_what_was_taken_away_a_moment_ago_is_gone(shop: Store) -> None:
    assert shop.check("user:ann", "viewer", "doc:0")
    shop.delete(("user:ann", "editor", "doc:0"))
    assert not shop.check("user:ann", "viewer", "doc:0")
    assert ask(shop, careful=False) == ask(shop, careful=True)


def test_a_plain_question_takes_the_same_right_to_ask(shop: Store, client: TestClient, company: Company) -> None:
    shop.check("user:ann", "viewer", "doc:0")  # warm
    body = {"tuple_key": key(("user:ann", "viewer", "doc:0"))}
    batch = {"checks": [body | {"correlation_id": "1"}]}
    for verb, sent in (("check", body), ("batch-check", batch)):
        refused(client.post(f"/stores/{shop.id}/{verb}", json=sent, headers=company.ann), 403, "forbidden")
        assert client.post(f"/stores/{shop.id}/{verb}", json=sent).status_code == 401


def test_a_disabled_person_may_nothing_however_warm(client: TestClient, company: Company) -> None:
    main = Store(client, company.admin, "main")
    asked = ("user:ann", "owner", "collection:sales")
    batch = {"checks": [{"tuple_key": key(asked), "correlation_id": "1"}]}
    assert main.check(*asked)
    ok(client.patch("/api/v1/users/ann", json={"disabled": True}, headers=company.admin))
    assert not main.check(*asked)
    assert ok(main.post("batch-check", batch)) == {"result": {"1": {"allowed": False}}}


def test_a_permission_of_the_platform_is_no_relation(client: TestClient, company: Company) -> None:
    main = Store(client, company.admin, "main")
    for relation in ("decision:ask", "nonsense"):
        asked = {"tuple_key": key(("user:admin", relation, "platform:main"))}
        assert main.post("check", asked).status_code == 400


OWN_TUPLE = {"tuple_keys": [key(("user:ann", "viewer", "collection:none"))]}
COLD = {
    "a question about somebody": ("POST", "/api/v1/check", ASKED),
    "a question with tuples of its own": (
        "POST",
        "/stores/main/check",
        {"tuple_key": key(("user:ann", "edit", "collection:none")), "contextual_tuples": OWN_TUPLE},
    ),
    "which roles somebody has, for Hasura": ("GET", "/hasura/webhook", None),
}


@pytest.mark.parametrize("cold", COLD.values(), ids=COLD)
def test_nobody_else_waits_while_a_question_does(served: Served, cold: tuple[str, str, Any]) -> None:
    """A list holds the graph's lock for a while: what needs it waits beside the loop."""
    running = served()
    gate: Gatepost = running.gate
    admin = as_admin(running.client)
    ok(
        running.client.post("/api/v1/users", json={"username": "ann", "password": "ann-has-a-long-one"}, headers=admin),
        201,
    )
    ann = bearer(sign_in(running.client, "ann", "ann-has-a-long-one")["access_token"])
    ok(running.client.post("/api/v1/check", json=ASKED, headers=admin))  # the right to ask is warm
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with gate.memory.graph.lock:
            gate.memory.graph.edges.forget_everybody()
            gate.check("user:admin", "decision:ask", "platform:main")
            is_held.set()
            may_end.wait(60)

    def post() -> httpx2.Response:
        with running.another_client() as other:
            verb, path, sent = cold
            return other.request(verb, path, json=sent, headers=admin if sent else ann)

    with ThreadPoolExecutor(2) as threads:
        threads.submit(hold)
        assert is_held.wait(60)
        try:
            waiting = threads.submit(post)
            eventually(lambda: "gatepost_queries_waiting 1.0" in running.client.get("/metrics").text, within=60)
            warm = ASKED | {"subject": "user:admin"}
            assert ok(running.client.post("/api/v1/check", json=warm, headers=admin))["allowed"]
            problem(running.client.get("/api/v1/nothing", headers=ann), 404)
            assert not waiting.done()
        finally:
            may_end.set()
        assert ok(waiting.result(timeout=60)).get("allowed", False) is False
