"""Whatever is sent to `/stores` and `/access`: an answer below 500, in the API's own form, and refusals change nothing."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from tests.server.calling import Headers, as_admin
from tests.server.openfga_world import MODEL, Json, key, new_store

ANN = key(("user:ann", "viewer", "doc:1"))
GUARDED = key(("user:ann", "member", "group:g")) | {"condition": {"name": "cheap", "context": {"price": 3}}}
EVALUATION: Json = {
    "subject": {"type": "user", "id": "ann", "properties": {"a": 1}},
    "action": {"name": "viewer"},
    "resource": {"type": "doc", "id": "1"},
    "context": {"price": 3},
}
PAGED = EVALUATION | {"page": {"limit": 2, "token": ""}}
ASKED: Json = {
    "tuple_key": ANN,
    "context": {"price": 3},
    "contextual_tuples": {"tuple_keys": [GUARDED]},
    "consistency": "HIGHER_CONSISTENCY",
    "authorization_model_id": "",
}
CALLS: tuple[tuple[str, str, Json], ...] = (
    ("POST", "/stores", {"name": "fuzz"}),
    ("POST", "/stores/{store}/authorization-models", MODEL),
    (
        "POST",
        "/stores/{store}/write",
        {"writes": {"tuple_keys": [ANN, GUARDED], "on_duplicate": "ignore"}, "deletes": {"tuple_keys": [ANN]}},
    ),
    ("POST", "/stores/{store}/read", {"tuple_key": ANN, "page_size": 5, "continuation_token": ""}),
    ("POST", "/stores/{store}/check", ASKED),
    ("POST", "/stores/{store}/batch-check", {"checks": [ASKED | {"correlation_id": "a"}]}),
    ("POST", "/stores/{store}/expand", ASKED),
    ("POST", "/stores/{store}/list-objects", ASKED | {"user": "user:ann", "relation": "viewer", "type": "doc"}),
    (
        "POST",
        "/stores/{store}/list-users",
        {
            "object": {"type": "doc", "id": "1"},
            "relation": "viewer",
            "user_filters": [{"type": "group", "relation": "member"}],
            "contextual_tuples": [GUARDED],
            "context": {"price": 3},
        },
    ),
    (
        "PUT",
        "/stores/{store}/assertions/{model}",
        {"assertions": [{"tuple_key": ANN, "expectation": True, "contextual_tuples": [GUARDED], "context": {"x": 1}}]},
    ),
    *(
        ("POST", f"{prefix}/access/v1/{path}", body)
        for prefix in ("", "/stores/{store}")
        for path, body in (
            ("evaluation", EVALUATION),
            ("evaluations", EVALUATION | {"evaluations": [EVALUATION], "options": {}}),
            ("search/subject", PAGED),
            ("search/resource", PAGED),
            ("search/action", PAGED),
        )
    ),
)
NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 10**6, 2**63, 2**64, 10**300, 1.5, 1e308, "", "*", ":", "#", "a:b#c", "user:*", "doc:*",
    "doc:" + "x" * 300, "x" * 70_000, "\0", "doc:\0", "user:\u202e", "doc:\uffff", "\U0001f600:\U0001f600", "doc:1%2f..",
    "main", "' or 1=1 --", "../..", "é:é", "user:ann#member", [], [[]], [None], {}, {"": {}}, {"a": {"b": [1, None]}},
    ["x"] * 2000, {str(n): n for n in range(2000)}, "HIGHER_CONSISTENCY", 200, "=", "eyJ9", "W10=", "WyIiXQ==",
    "user:ann ", " user:ann", "user:a\nb", "doc:1:2", "doc#viewer", "platform:main", "role:admin#assignee",
)  # fmt: skip


def leaves(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places in a document, the whole of it last."""
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [place for name, inner in pairs for place in leaves(inner, (*path, name))] + [path]


def changed(document: Any, path: tuple[Any, ...], value: Any, *, renamed: bool) -> Any:
    if not path:
        return value
    whole = copy.deepcopy(document)
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    if renamed and isinstance(inner, dict) and isinstance(value, str):
        inner[value] = inner.pop(path[-1])
    else:
        inner[path[-1]] = value
    return whole


@st.composite
def calls(draw: Callable[[Any], Any]) -> tuple[str, str, bytes]:
    """One call with one to three things in it turned into something else."""
    method, path, body = draw(st.sampled_from(CALLS))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(leaves(body)))
        value = draw(
            st.one_of(
                st.sampled_from(NASTY),
                st.text(max_size=20),
                st.recursive(st.none() | st.integers(), st.lists, max_leaves=5),
            )
        )
        body = changed(body, place, value, renamed=draw(st.booleans()))
    text = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return method, path, text


@pytest.fixture
def admin(client: TestClient) -> Headers:
    return as_admin(client)


@pytest.fixture(params=["own", "main"])
def places(request: pytest.FixtureRequest, client: TestClient, admin: Headers) -> dict[str, str]:
    store = new_store(client, admin)
    model = client.get(f"/stores/{store.id}/authorization-models", headers=admin).json()["authorization_models"][0][
        "id"
    ]
    return {"store": store.id if request.param == "own" else "main", "model": model}


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


@settings(
    max_examples=int(os.environ.get("GATEPOST_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(call=calls())
def test_nothing_that_is_sent_is_our_fault(
    client: TestClient, gate: Gatepost, admin: Headers, places: dict[str, str], call: tuple[str, str, bytes]
) -> None:
    method, path, body = call
    before = gate.memory.revision
    answer = client.request(method, path.format(**places), content=body, headers=admin)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert gate.memory.revision == before
        sent = answer.json()
        assert "code" in sent or "title" in sent, sent


QUERIES = (
    ("/stores", ("page_size", "continuation_token", "name")),
    ("/stores/{store}/authorization-models", ("page_size", "continuation_token")),
    ("/stores/{store}/changes", ("page_size", "continuation_token", "type", "start_time")),
)
ODD = (
    "0", "-1", "1000000", "9" * 5000, "1.5", "NaN", "\0", "%00", "a:b", "doc", "x" * 6000, "=", "W10=", "WyIiXQ==",
    "WyJcdWQ4MDAiXQ==", "WzEsMCwiYSIsIiJd", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMCwwLCIiLCIiXQ==", "2030-01-31T12:00:00Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2020-01-01", "\U0001f600", "\u202e", "é",
)  # fmt: skip


def test_neither_is_anything_in_a_query(client: TestClient, admin: Headers, places: dict[str, str]) -> None:
    for path, names in QUERIES:
        for name in names:
            for value in ODD:
                answer = client.get(path.format(**places), params={name: value}, headers=admin)
                assert answer.status_code < 500, f"{path}?{name}={value!a}: {answer.text}"
