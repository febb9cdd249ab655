"""OpenFGA's own suites over `/stores`: each case with its tuples stored, and again with them beside the question."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from gatepost.errors import InvalidModel
from tests.peers.openfga_suites import Asked, Json, Stage, case_of, may_be_contextual, names
from tests.server.calling import Headers, as_admin, ok
from tests.server.openfga_world import Store, new_store
from tests.stores.shop import parsed

pytestmark = pytest.mark.peer
CHUNK = 40
TOO_COMPLEX = "authorization_model_resolution_too_complex"

Difference = tuple[str, str, str]
"""The verb, what OpenFGA expects, and what Gatepost answers."""

DIFFERENT: dict[str, set[Difference]] = {
    # The answer hangs on a cycle through `but not`: that is an error here, and never a no.
    "true_butnot_cycle_return_false": {("check", "False", TOO_COMPLEX), ("list-objects", "[]", TOO_COMPLEX)},
    # What is decided without a condition is answered: an error is only where the answer hangs on it.
    "relation_through_ttu_with_condition": {("list-users", "validation_error", "['user:jon']")},
    # Lists have no depth: they are complete, or end at the deadline with an error.
    "resolution_too_complex_throws_error": {("list-users", TOO_COMPLEX, "['user:maria']")},
    # A contextual tuple that the model does not allow has one code here, that of OpenFGA's check and of most of its lists.
    "condition_bound_to_correct_type_restriction_facet": {
        ("list-objects", "validation_error", "invalid_tuple"),
        ("list-users", "validation_error", "invalid_tuple"),
    },
}

INLINE = "inline_expression"
"""Conditions that stand in a tuple (`with $expression`) are an experiment of OpenFGA's, behind a flag: without it
OpenFGA refuses them, and so does Gatepost."""
WITHOUT_EXPERIMENTS = [name for name in names() if not name.startswith(INLINE)]


@pytest.fixture
def admin(client: httpx2.Client) -> Headers:
    return as_admin(client)


@pytest.mark.parametrize("name", WITHOUT_EXPERIMENTS)
def test_a_case_of_openfga_with_its_tuples_stored(client: httpx2.Client, admin: Headers, name: str) -> None:
    store, found = new_store(client, admin, model=None), set[Difference]()
    for stage in case_of(name).stages:
        model = store.put_model(parsed(stage.model))
        for start in range(0, len(stage.tuples), CHUNK):
            written = {"tuple_keys": stage.tuples[start : start + CHUNK]}
            ok(store.post("write", {"writes": written, "authorization_model_id": model}))
        found |= differences(store, model, stage, [])
    assert found == DIFFERENT.get(name, set())


@pytest.mark.parametrize("name", [name for name in WITHOUT_EXPERIMENTS if may_be_contextual(name)])
def test_a_case_of_openfga_with_its_tuples_beside_the_question(
    client: httpx2.Client, admin: Headers, name: str
) -> None:
    store = new_store(client, admin, model=None)
    (stage,) = case_of(name).stages
    found = differences(store, store.put_model(parsed(stage.model)), stage, stage.tuples)
    assert found == DIFFERENT.get(name, set())


@pytest.mark.parametrize("name", [name for name in names() if name.startswith(INLINE)])
def test_an_experiment_of_openfga_is_refused(name: str) -> None:
    (stage,) = case_of(name).stages
    with pytest.raises(InvalidModel, match="unexpected character"):
        parsed(stage.model)


def differences(store: Store, model: str, stage: Stage, beside: list[Json]) -> set[Difference]:
    """What is not answered as OpenFGA expects."""
    found = set()
    for asked in stage.asked:
        answered, expected = answer(store, model, asked, beside), asked.code or asked.expected
        if answered != expected:
            found.add((asked.verb, str(expected), str(answered)))
    return found


def answer(store: Store, model: str, asked: Asked, beside: list[Json]) -> Any:
    """The answer in the form of the suites, or the code of an error."""
    body = _body(asked, [*asked.contextual, *beside]) | {"authorization_model_id": model}
    sent = json.dumps(body).replace("Infinity", "1e309")  # there are numbers in them that are too large for a double
    answered = store.client.post(f"/stores/{store.id}/{asked.verb}", content=sent, headers=store.headers)
    got = answered.json()
    if answered.status_code != 200:
        return got["code"]
    if asked.verb == "check":
        return got["allowed"]
    if asked.verb == "list-objects":
        return sorted(got["objects"])
    return sorted(_text(user) for user in got["users"])


def _body(asked: Asked, contextual: list[Json]) -> Json:
    context = {"context": asked.context or {}}
    if asked.verb == "check":
        return context | {"tuple_key": asked.body, "contextual_tuples": {"tuple_keys": contextual}}
    if asked.verb == "list-objects":
        return context | asked.body | {"contextual_tuples": {"tuple_keys": contextual}}
    kind, _, identifier = asked.body["object"].partition(":")
    filters = [dict(zip(("type", "relation"), each.split("#"), strict=False)) for each in asked.body["filters"]]
    thing = {"type": kind, "id": identifier}
    return context | asked.body | {"object": thing, "user_filters": filters, "contextual_tuples": contextual}


def _text(user: Json) -> str:
    ((kind, named),) = user.items()
    if kind == "wildcard":
        return f"{named['type']}:*"
    return f"{named['type']}:{named['id']}" + (f"#{named['relation']}" if kind == "userset" else "")
