"""OpenID AuthZEN 1.0: the certification scenario's levels, and what it leaves open.

P-10.  Its numbers (c-2-2-1, …) are in the ids of the cases.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.access import parse_model, write_model_json
from gatepost.gate import Gatepost
from gatepost.store.relations import relate
from tests.conftest import OpenGate, settings_for
from tests.server.calling import as_admin, bearer, ok, password_of, problem, sign_in
from tests.server.conftest import InProcess

MODEL = """
model
  schema 1.1

type record
  relations
    define read: [user, user:*, service]
    define write: [user, user with is_admin]
    define delete: [user with is_soft]

condition is_admin(subject_role: string) {
  subject_role == "admin"
}

condition is_soft(action_soft: bool) {
  action_soft
}
"""

ADMIN = {"type": "user", "id": "admin"}  # whose role opens everything
ALICE = {"type": "user", "id": "alice"}
BOB = {"type": "user", "id": "bob"}
ADMIN_BOB = {**BOB, "properties": {"role": "admin"}}
ONE = {"type": "record", "id": "record-1"}
TWO = {"type": "record", "id": "record-2"}
ARCHIVED = {**TWO, "properties": {"status": "archived"}}
READ, WRITE = {"name": "read"}, {"name": "write"}

TUPLES: tuple[tuple[str, str, str, dict[str, Any] | None], ...] = (
    ("record:record-1", "read", "user:alice", None),
    ("record:record-1", "write", "user:alice", None),
    ("record:record-1", "read", "user:bob", None),
    ("record:record-2", "write", "user:bob", {"name": "is_admin", "context": {"subject_role": "admin"}}),
    ("record:record-1", "delete", "user:alice", {"name": "is_soft", "context": {}}),
)


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, tmp_path: Path) -> Gatepost:
    """The certification's fixture, in the platform's own store."""
    (tmp_path / "model.fga").write_text(MODEL)
    settings = settings_for(gate_url)
    gate = open_gate(replace(settings, access=replace(settings.access, model=tmp_path / "model.fga")))
    with gate.change_unasked() as tx:
        for thing, relation, subject, condition in TUPLES:
            relate(tx, thing, relation, subject, author="user:admin", condition=condition)
    return gate


class Pep:
    """A policy enforcement point that asks below one address, with an admin's token: it has `decision:ask`."""

    def __init__(self, client: TestClient, below: str, everybody: list[Any]) -> None:
        self.client = client
        self.below = below
        self.everybody = everybody  # to whom a role opens all there is

    def post(self, path: str, **more: Any) -> httpx2.Response:
        return self.client.post(f"{self.below}{path}", **more)

    def write(self, thing: str, relation: str, subject: str, condition: dict[str, Any] | None = None) -> None:
        tuple_key: dict[str, Any] = {"user": subject, "relation": relation, "object": thing}
        if condition:
            tuple_key["condition"] = condition
        body = {"writes": {"tuple_keys": [tuple_key]}}
        ok(self.client.post(f"{self.below or '/stores/main'}/write", json=body))


@pytest.fixture
def platform(gate: Gatepost, in_process: InProcess) -> Pep:
    client = in_process(gate)
    admin = as_admin(client)
    for name in ("alice", "bob"):
        ok(client.post("/api/v1/users", json={"username": name, "password": password_of(name)}, headers=admin), 201)
    client.headers.update(admin)
    return Pep(client, "", [ADMIN])


@pytest.fixture
def further_store(platform: Pep) -> Pep:
    """The same model and tuples in a store of its own, where no role counts."""
    store = ok(platform.client.post("/stores", json={"name": "records"}), 201)["id"]
    model = write_model_json(parse_model(MODEL.replace("\ntype record", "\ntype user\ntype service\ntype record")))
    ok(platform.client.post(f"/stores/{store}/authorization-models", json=model), 201)
    pep = Pep(platform.client, f"/stores/{store}", [])
    for each in TUPLES:
        pep.write(*each)
    return pep


@pytest.fixture(params=["platform", "further_store"])
def pep(request: pytest.FixtureRequest) -> Pep:
    """On the platform's own store, and below `/stores/{id}` on another."""
    found: Pep = request.getfixturevalue(request.param)
    return found


def evaluated(pep: Pep, body: Any) -> Any:
    return ok(pep.post("/access/v1/evaluation", json=body))


@pytest.mark.parametrize(
    ("body", "decision"),
    [
        pytest.param({"subject": ALICE, "action": READ, "resource": ONE}, True, id="c-2-2-1 permit"),
        pytest.param({"subject": BOB, "action": WRITE, "resource": ONE}, False, id="c-2-2-2 deny"),
        pytest.param(
            {"subject": ALICE, "action": READ, "resource": ONE, "context": {"time": "2025", "ip": "192.168.1.1"}},
            True,
            id="c-2-2-3 context",
        ),
        pytest.param({"subject": ALICE, "action": WRITE, "resource": ARCHIVED}, False, id="c-2-2-4 archived"),
        pytest.param({"subject": ADMIN_BOB, "action": WRITE, "resource": ARCHIVED}, True, id="c-2-2-5 admin"),
        pytest.param(
            {"subject": ALICE, "action": {"name": "delete", "properties": {"soft": True}}, "resource": ONE},
            True,
            id="c-2-2-6 soft",
        ),
        pytest.param(
            {"subject": ALICE, "action": {"name": "delete", "properties": {"soft": False}}, "resource": ONE},
            False,
            id="c-2-2-7 hard",
        ),
        pytest.param(
            {
                "subject": {**ALICE, "properties": {"department": "Sales", "role": "manager"}},
                "action": {"name": "read", "properties": {"method": "GET"}},
                "resource": {**ONE, "properties": {"status": "active", "owner": "bob"}},
            },
            True,
            id="c-2-2-8 more properties",
        ),
        pytest.param(
            {"subject": ALICE, "action": READ, "resource": ONE, "foo": "bar", "futureField": {"nested": True}},
            True,
            id="c-2-2-9 unknown fields",
        ),
    ],
)
def test_an_evaluation(pep: Pep, body: dict[str, Any], decision: bool) -> None:
    assert evaluated(pep, body) == {"decision": decision}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"action": READ, "resource": ONE}, "subject is missing", id="no subject"),
        pytest.param({"subject": ALICE, "resource": ONE}, "action is missing", id="no action"),
        pytest.param({"subject": ALICE, "action": READ}, "resource is missing", id="no resource"),
        pytest.param({"subject": {"id": "alice"}, "action": READ, "resource": ONE}, "subject.type", id="no type"),
        pytest.param({"subject": {"type": "user"}, "action": READ, "resource": ONE}, "subject.id", id="no id"),
        pytest.param({"subject": ALICE, "action": {}, "resource": ONE}, "action.name", id="no name"),
        pytest.param({"subject": ALICE, "action": READ, "resource": {"id": "r"}}, "resource.type", id="no r type"),
        pytest.param({"subject": ALICE, "action": READ, "resource": {"type": "record"}}, "resource.id", id="no r id"),
        pytest.param({"subject": "alice", "action": READ, "resource": ONE}, "subject has to be an object", id="text"),
        pytest.param({"subject": ALICE, "action": {"name": 123}, "resource": ONE}, "action.name has", id="number"),
        pytest.param({"subject": ALICE, "action": READ, "resource": ONE, "context": []}, "context has", id="context"),
        pytest.param({"subject": ALICE, "action": {"name": "fly"}, "resource": ONE}, "fly", id="unknown action"),
        pytest.param(
            {"subject": ALICE, "action": READ, "resource": {"type": "ship", "id": "1"}}, "ship", id="unknown type"
        ),
        pytest.param(
            {"subject": {"type": "user:x", "id": "y"}, "action": READ, "resource": ONE}, "colon", id="colon in a type"
        ),
        pytest.param(
            {"subject": ADMIN_BOB, "action": READ, "resource": ONE, "context": {"subject_role": "clerk"}},
            "subject_role is given twice",
            id="property and context",
        ),
        pytest.param(
            {"subject": ALICE, "action": {"name": "delete"}, "resource": ONE}, "action_soft", id="a value is missing"
        ),
        pytest.param(
            {"subject": ALICE, "action": {"name": "delete", "properties": {"soft": "yes"}}, "resource": ONE},
            "action_soft",
            id="a value of the wrong type",
        ),
        pytest.param([], "object", id="a list"),
    ],
)
def test_what_cannot_be_evaluated_is_400_and_never_a_no(platform: Pep, body: Any, said: str) -> None:
    """c-2-4: missing fields and wrong types; and an unknown is not a no."""
    answer = platform.post("/access/v1/evaluation", json=body, headers={"X-Request-ID": "r-1"})

    assert said in problem(answer, 400)["detail"]
    assert answer.headers["x-request-id"] == "r-1"


@pytest.mark.parametrize("path", ["evaluation", "evaluations", "search/subject", "search/resource", "search/action"])
def test_only_a_json_object_is_read(platform: Pep, path: str) -> None:
    """c-2-4-3 to c-2-4-5: another content type, malformed JSON, an empty body."""
    for content, kind in ((b"{}", "text/plain"), (b"{,", "application/json"), (b"", "application/json")):
        problem(platform.post(f"/access/v1/{path}", content=content, headers={"Content-Type": kind}), 400)


def test_the_answer_carries_the_id_of_the_request(pep: Pep) -> None:
    """c-2-5."""
    body = {"subject": ALICE, "action": READ, "resource": ONE}
    with_id = pep.post("/access/v1/evaluation", json=body, headers={"X-Request-ID": "bfe9eb29 ab87"})
    without = pep.post("/access/v1/evaluation", json=body)

    assert with_id.headers["x-request-id"] == "bfe9eb29 ab87"
    assert ok(without) == {"decision": True}
    assert "x-request-id" not in without.headers


@pytest.mark.parametrize(
    ("body", "decisions"),
    [
        pytest.param(
            {"subject": BOB, "resource": ONE, "evaluations": [{"action": READ}, {"action": WRITE}]},
            [True, False],
            id="c-3-2-2 defaults",
        ),
        pytest.param(
            {
                "subject": ALICE,
                "action": WRITE,
                "evaluations": [{"resource": {**ONE, "properties": {"status": "active"}}}, {"resource": ARCHIVED}],
            },
            [True, False],
            id="c-3-2-3 properties",
        ),
        pytest.param(
            {"action": WRITE, "resource": ARCHIVED, "evaluations": [{"subject": ALICE}, {"subject": ADMIN_BOB}]},
            [False, True],
            id="c-3-2-4 subject properties",
        ),
        pytest.param(
            {
                "evaluations": [
                    {"subject": ALICE, "action": READ, "resource": ONE},
                    {"subject": BOB, "action": WRITE, "resource": ONE},
                ]
            },
            [True, False],
            id="c-3-2-5 no defaults",
        ),
        pytest.param(
            {
                "subject": ALICE,
                "action": READ,
                "context": {"time": "18:03"},
                "evaluations": [{"resource": ONE}, {"resource": TWO, "context": {"source": "batch-override"}}],
            },
            [True, False],
            id="c-3-2-6 context",
        ),
        pytest.param(
            {
                "subject": ALICE,
                "action": WRITE,
                "resource": {"type": "record"},
                "evaluations": [{"resource": {"id": "record-1"}}, {"resource": ARCHIVED}],
            },
            [True, False],
            id="c-3-2-7 merged",
        ),
    ],
)
def test_evaluations(pep: Pep, body: dict[str, Any], decisions: list[bool]) -> None:
    assert ok(pep.post("/access/v1/evaluations", json=body)) == {
        "evaluations": [{"decision": decision} for decision in decisions]
    }


def test_a_part_replaces_the_shared_one_whole(pep: Pep) -> None:
    """c-3-2-7: properties of the shared subject do not reach an evaluation that names its own."""
    body = {
        "subject": {**BOB, "properties": {"role": "admin"}},
        "action": {"name": "delete", "properties": {"soft": True}},
        "resource": ONE,
        "evaluations": [{"subject": ALICE}, {"subject": ALICE, "action": {"name": "delete"}}],
    }
    first, second = ok(pep.post("/access/v1/evaluations", json=body))["evaluations"]

    assert first == {"decision": True}
    assert second["decision"] is False
    assert second["context"]["error"]["status"] == 400


@pytest.mark.parametrize("more", [{}, {"evaluations": []}])
def test_no_list_is_one_question(pep: Pep, more: dict[str, Any]) -> None:
    """c-3-4-2, c-3-4-3."""
    body = {"subject": ALICE, "action": READ, "resource": ONE, **more}
    assert ok(pep.post("/access/v1/evaluations", json=body)) == {"decision": True}


def test_one_that_cannot_be_read_spoils_no_other(pep: Pep) -> None:
    """c-3-4-1."""
    body = {"subject": ALICE, "action": READ, "evaluations": [{"resource": ONE}, {}, 7, {"resource": ONE}]}
    answers = ok(pep.post("/access/v1/evaluations", json=body))["evaluations"]

    assert [answer["decision"] for answer in answers] == [True, False, False, True]
    assert answers[1]["context"]["error"] == {"status": 400, "message": "resource is missing"}


@pytest.mark.parametrize(
    ("semantic", "decisions"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_when_a_list_ends(pep: Pep, semantic: str, decisions: list[bool]) -> None:
    body = {
        "subject": ALICE,
        "action": READ,
        "options": {"evaluations_semantic": semantic, "another": 1},
        "evaluations": [{"resource": ONE}, {"resource": TWO}, {"resource": ONE}],
    }
    answers = ok(pep.post("/access/v1/evaluations", json=body))["evaluations"]
    assert [answer["decision"] for answer in answers] == decisions


def test_an_unknown_semantic_and_too_many_are_refused(pep: Pep) -> None:
    base = {"subject": ALICE, "action": READ, "resource": ONE}
    unknown = pep.post(
        "/access/v1/evaluations", json={**base, "evaluations": [{}], "options": {"evaluations_semantic": "some"}}
    )
    assert "execute_all" in problem(unknown, 400)["detail"]
    problem(pep.post("/access/v1/evaluations", json={**base, "evaluations": [{}] * 1001}), 400)
    assert len(ok(pep.post("/access/v1/evaluations", json={**base, "evaluations": [{}] * 1000}))["evaluations"]) == 1000


def found(pep: Pep, what: str, body: dict[str, Any]) -> list[Any]:
    results: list[Any] = ok(pep.post(f"/access/v1/search/{what}", json=body))["results"]
    return results


def test_who_may(pep: Pep) -> None:
    """c-4-2."""
    body = {"subject": {"type": "user"}, "action": READ, "resource": ONE, "context": {"time": "18:03"}}
    assert found(pep, "subject", body) == [*pep.everybody, ALICE, BOB]
    archived = {"subject": {"type": "user"}, "action": WRITE, "resource": ARCHIVED}
    assert found(pep, "subject", archived) == [*pep.everybody, BOB]


def test_whoever_a_condition_lets_in_by_what_the_request_says(pep: Pep) -> None:
    """`context` and properties count in a search as they do in an evaluation; without them the search has no answer."""
    pep.write("record:record-3", "write", "user:alice", {"name": "is_admin", "context": {}})
    body: dict[str, Any] = {
        "subject": {"type": "user"},
        "action": WRITE,
        "resource": {"type": "record", "id": "record-3"},
    }

    said = {**body, "subject": {"type": "user", "properties": {"role": "admin"}}}
    assert found(pep, "subject", said) == [*pep.everybody, ALICE]
    said["subject"]["properties"]["role"] = "clerk"
    assert found(pep, "subject", said) == pep.everybody
    assert "subject_role" in problem(pep.post("/access/v1/search/subject", json=body), 400)["detail"]


def test_a_wildcard_is_everybody_whom_the_directory_knows(gate: Gatepost, platform: Pep) -> None:
    with gate.change_unasked() as tx:
        relate(tx, "record:open", "read", "user:*", author="user:admin")
    body = {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record", "id": "open"}}
    assert [each["id"] for each in found(platform, "subject", body)] == ["admin", "alice", "bob"]

    ok(platform.client.patch("/api/v1/users/bob", json={"disabled": True}))
    assert [each["id"] for each in found(platform, "subject", body)] == ["admin", "alice"]


def test_what_may_they_reach(pep: Pep) -> None:
    """c-4-3."""
    assert found(pep, "resource", {"subject": ALICE, "action": READ, "resource": {"type": "record"}}) == [ONE]
    assert found(pep, "resource", {"subject": ADMIN_BOB, "action": WRITE, "resource": {"type": "record"}}) == [TWO]


def test_what_may_they_do(pep: Pep) -> None:
    """c-4-4.  What hangs on a value that the request has not is named beside the results, and is no error."""
    answer = ok(pep.post("/access/v1/search/action", json={"subject": ALICE, "resource": ONE, "context": {"a": 1}}))
    assert answer["results"] == [READ, WRITE]
    assert answer["context"] == {"undecided": ["delete"]}
    body = {"subject": ADMIN_BOB, "resource": ARCHIVED}
    assert WRITE in found(pep, "action", body)


@pytest.mark.parametrize(
    ("what", "body"),
    [
        pytest.param("action", {"subject": {"type": "user", "id": "nobody"}, "resource": ONE}, id="c-4-6-1"),
        pytest.param("subject", {"subject": {"type": "spaceship"}, "action": READ, "resource": ONE}, id="c-4-6-2"),
        pytest.param("resource", {"subject": ALICE, "action": READ, "resource": {"type": "ship"}}, id="unknown type"),
        pytest.param("resource", {"subject": ALICE, "action": {"name": "fly"}, "resource": {"type": "record"}}, id="a"),
        pytest.param("action", {"subject": ALICE, "resource": {"type": "ship", "id": "1"}}, id="unknown resource"),
    ],
)
def test_nothing_found_is_an_empty_list(pep: Pep, what: str, body: dict[str, Any]) -> None:
    assert found(pep, what, body) == []


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("subject", {"subject": {"type": "user"}, "resource": ONE}),
        ("resource", {"action": READ, "resource": {"type": "record"}}),
        ("action", {"subject": ALICE}),
        ("subject", {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
        ("resource", {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
        ("action", {"subject": ALICE, "resource": ONE, "page": {"limit": 0}}),
        ("action", {"subject": ALICE, "resource": ONE, "page": {"limit": True}}),
        ("action", {"subject": ALICE, "resource": ONE, "page": {"token": "abc"}}),
        ("action", {"subject": ALICE, "resource": ONE, "page": 3}),
    ],
)
def test_a_search_that_lacks_something_is_400(platform: Pep, what: str, body: dict[str, Any]) -> None:
    """c-4-7."""
    problem(platform.post(f"/access/v1/search/{what}", json=body), 400)


def test_pages(pep: Pep) -> None:
    """c-4-5: every result once, in order, and a token serves for its own question only."""
    for number in range(25):
        pep.write(f"record:r{number:02}", "read", "user:bob")
    body: dict[str, Any] = {"subject": BOB, "action": READ, "resource": {"type": "record"}}
    seen: list[str] = []
    token = ""
    while True:
        page = {"limit": 10, "token": token} if token else {"limit": 10}
        answer = ok(pep.post("/access/v1/search/resource", json={**body, "page": page}))
        seen += [each["id"] for each in answer["results"]]
        assert answer["page"]["count"] == len(answer["results"])
        assert answer["page"]["total"] == 26
        last, token = token, answer["page"]["next_token"]
        if not token:
            break
    assert seen == [f"r{number:02}" for number in range(25)] + ["record-1"] or seen == sorted(seen)
    assert len(set(seen)) == 26
    other = {**body, "subject": ALICE, "page": {"token": last}}
    assert "another question" in problem(pep.post("/access/v1/search/resource", json=other), 400)["detail"]


def test_discovery(pep: Pep, gate: Gatepost) -> None:
    """c-6: at the public URL, and between the host and the path of a store's address."""
    url = gate.settings.main.public_url + pep.below
    answer = pep.client.get(f"/.well-known/authzen-configuration{pep.below}")
    document = ok(answer)
    assert document["policy_decision_point"] == url
    assert answer.headers["content-type"] == "application/json"
    paths = {value.removeprefix(url) for name, value in document.items() if name.endswith("_endpoint")}
    assert paths == {
        "/access/v1/evaluation",
        "/access/v1/evaluations",
        "/access/v1/search/subject",
        "/access/v1/search/resource",
        "/access/v1/search/action",
    }


def test_a_store_is_asked_by_whoever_may_ask_alone(further_store: Pep) -> None:
    """The people of a further store are not those of the directory: `user:alice` there is not Alice's to ask about."""
    client = further_store.client
    alice = bearer(sign_in(client, "alice")["access_token"])
    question = {"subject": ALICE, "action": READ, "resource": ONE}
    problem(further_store.post("/access/v1/evaluation", json=question, headers=alice), 403)
    problem(client.post("/stores/01ARZ3NDEKTSV4RRFFQ69G5FAV/access/v1/evaluation", json=question), 400)
    assert ok(client.post("/stores/main/access/v1/evaluation", json=question)) == {"decision": True}


def test_about_oneself_anybody_about_others_who_may_ask(platform: Pep) -> None:
    alice = bearer(sign_in(platform.client, "alice")["access_token"])
    mine = {"subject": ALICE, "action": READ, "resource": ONE}
    others = {"subject": BOB, "action": READ, "resource": ONE}

    assert ok(platform.post("/access/v1/evaluation", json=mine, headers=alice)) == {"decision": True}
    problem(platform.post("/access/v1/evaluation", json=others, headers=alice), 403)
    problem(platform.post("/access/v1/evaluations", json={"evaluations": [mine, others]}, headers=alice), 403)
    who = {"subject": {"type": "user"}, "action": READ, "resource": ONE}
    problem(platform.post("/access/v1/search/subject", json=who, headers=alice), 403)
    reach = {"action": READ, "resource": {"type": "record"}}
    assert ok(platform.post("/access/v1/search/resource", json={**reach, "subject": ALICE}, headers=alice))[
        "results"
    ] == [ONE]
    problem(platform.post("/access/v1/search/resource", json={**reach, "subject": BOB}, headers=alice), 403)
    problem(platform.post("/access/v1/search/action", json={"subject": BOB, "resource": ONE}, headers=alice), 403)
    del platform.client.headers["Authorization"]
    problem(platform.post("/access/v1/evaluation", json=others), 401)


def test_somebody_disabled_may_nothing(platform: Pep) -> None:
    ok(platform.client.patch("/api/v1/users/alice", json={"disabled": True}))
    assert evaluated(platform, {"subject": ALICE, "action": READ, "resource": ONE}) == {"decision": False}
    assert found(platform, "resource", {"subject": ALICE, "action": READ, "resource": {"type": "record"}}) == []
    assert found(platform, "action", {"subject": ALICE, "resource": ONE}) == []
    assert found(platform, "subject", {"subject": {"type": "user"}, "action": READ, "resource": ONE}) == [
        *platform.everybody,
        BOB,
    ]
