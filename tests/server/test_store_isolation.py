"""One store is not another: ids in addresses, models, cursors, tuples for one question, and what is remembered."""

from __future__ import annotations

from types import SimpleNamespace

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.server.authzen import evaluation
from gatepost.server.openfga import hot
from tests.server.calling import Headers, as_admin, ok
from tests.server.openfga_world import MODEL, Store, direct, key, kind, new_store, refused

ANN, BOB = ("user:ann", "viewer", "doc:1"), ("user:bob", "viewer", "doc:1")
OTHER = MODEL | {
    "type_definitions": [kind("user"), kind("secret", {"seen": {"this": {}}}, {"seen": direct({"type": "user"})})]
}


@pytest.fixture
def admin(client: httpx2.Client) -> Headers:
    return as_admin(client)


@pytest.fixture
def ours(client: httpx2.Client, admin: Headers) -> Store:
    store = new_store(client, admin, "ours")
    store.write(ANN)
    return store


@pytest.fixture
def theirs(client: httpx2.Client, admin: Headers) -> Store:
    store = new_store(client, admin, "theirs", OTHER)
    store.put_model()
    store.write(BOB, ("user:bob", "editor", "doc:2"))
    return store


def model_of(store: Store) -> str:
    return str(ok(store.get("authorization-models"))["authorization_models"][0]["id"])


def test_a_model_of_another_store_is_no_model_of_this_one(ours: Store, theirs: Store) -> None:
    foreign = model_of(theirs)
    assert theirs.check(*BOB, authorization_model_id=foreign)
    asked = {"tuple_key": key(ANN), "authorization_model_id": foreign}
    refused(ours.post("check", asked), 400, "authorization_model_not_found")
    refused(ours.get(f"authorization-models/{foreign}"), 400, "authorization_model_not_found")
    wanted = {"writes": {"tuple_keys": [key(BOB)]}, "authorization_model_id": foreign}
    refused(ours.post("write", wanted), 400, "authorization_model_not_found")
    assert not ours.check(*BOB)


def test_what_is_remembered_of_one_is_not_said_of_the_other(ours: Store, theirs: Store) -> None:
    for _ in range(3):  # a first question warms memos, the next ones are answered from them
        assert (ours.check(*ANN), ours.check(*BOB), theirs.check(*ANN), theirs.check(*BOB)) == (
            True,
            False,
            False,
            True,
        )
    main = Store(ours.client, ours.headers, "main")
    refused(main.post("check", {"tuple_key": key(ANN)}), 400, "validation_error")


def test_tuples_for_one_question_are_of_its_own_store_and_gone_after_it(ours: Store) -> None:
    given = {"contextual_tuples": {"tuple_keys": [key(BOB)]}}
    assert ours.check(*BOB, **given)
    assert not ours.check(*BOB)
    foreign = {"contextual_tuples": {"tuple_keys": [key(("user:bob", "seen", "secret:1"))]}}
    refused(ours.post("check", {"tuple_key": key(BOB), **foreign}), 400, "invalid_tuple")


def test_a_cursor_shows_nothing_of_another_store(ours: Store, theirs: Store) -> None:
    there = ok(theirs.get("changes", page_size=1))["continuation_token"]
    refused(ours.get("changes", continuation_token=there), 400, "invalid_continuation_token")
    page = ok(theirs.post("read", {"page_size": 1}))
    rest = ok(ours.post("read", {"page_size": 10, "continuation_token": page["continuation_token"]}))["tuples"]
    assert all(each["key"]["user"] == "user:ann" for each in rest)


@pytest.mark.parametrize(
    "name", ["{lower}", "Main", "MAIN", "main%00", "main%20", "..%2fmain", "{id}%2f..%2fmain", "%2a"]
)
def test_another_spelling_of_an_id_is_no_store(client: TestClient, admin: Headers, ours: Store, name: str) -> None:
    spelled = name.format(lower=ours.id.lower(), id=ours.id)
    for verb, body in (("check", {"tuple_key": key(ANN)}), ("read", {}), ("list-objects", {})):
        answer = client.post(f"/stores/{spelled}/{verb}", json=body, headers=admin)
        assert answer.status_code in (400, 404), answer.text
        assert "allowed" not in answer.text


def test_a_store_that_is_deleted_while_it_is_asked_answers_or_is_not_there(
    gate: Gatepost, ours: Store, theirs: Store
) -> None:
    """Whoever has the graph in hand answers; whoever comes after that finds nothing, under whatever model."""
    model = model_of(ours)
    assert ours.check(*ANN, authorization_model_id=model)
    ok(ours.client.delete(f"/stores/{ours.id}", headers=ours.headers), 204)
    for more in ({}, {"authorization_model_id": model}, {"consistency": "HIGHER_CONSISTENCY"}):
        refused(ours.post("check", {"tuple_key": key(ANN), **more}), 400, "latest_authorization_model_not_found")
    refused(ours.post("write", {"writes": {"tuple_keys": [key(BOB)]}}), 400, "latest_authorization_model_not_found")
    refused(ours.get("changes"), 404, "store_id_not_found")
    assert theirs.check(*BOB)


def test_many_questions_at_once_take_no_longer_than_they_may(
    client: TestClient, admin: Headers, ours: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is unknown, and says so: it is not a no."""
    seconds = iter(range(100_000))
    slow = SimpleNamespace(monotonic=lambda: float(next(seconds)))  # each look is a second later
    monkeypatch.setattr(hot, "time", slow)
    monkeypatch.setattr(evaluation, "time", slow)
    checks = [{"tuple_key": key(ANN), "correlation_id": str(number)} for number in range(6)]
    result = ok(ours.post("batch-check", {"checks": checks}))["result"]
    assert [result[str(number)].get("allowed") for number in range(6)] == [True, True, True, None, None, None]
    assert "longer" in result["5"]["error"]["message"]
    one = {
        "subject": {"type": "user", "id": "ann"},
        "action": {"name": "viewer"},
        "resource": {"type": "doc", "id": "1"},
    }
    sent = {"evaluations": [one] * 6}
    answers = ok(client.post(f"/stores/{ours.id}/access/v1/evaluations", json=sent, headers=admin))["evaluations"]
    assert [each["decision"] for each in answers] == [True, True, True, False, False, False]
    assert answers[5]["context"]["error"]["status"] == 503
