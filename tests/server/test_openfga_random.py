"""Random small worlds, asked of OpenFGA's own server: expand and both lists, with stored and with contextual tuples."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings

from gatepost.access import (
    AuthorizationModel,
    Contextual,
    Graph,
    RelationTuple,
    UserFilter,
    expand,
    list_users,
    objects,
    write_model_json,
)
from gatepost.errors import GatepostError
from gatepost.principal import Entity, Question, Subject
from tests.access.strategies import IDS, TYPES, USERS, worlds
from tests.access.test_against_oracle import World, graph_of
from tests.access.test_openfga import has_cycle, written
from tests.peers.openfga_server import running_openfga
from tests.server.calling import ok
from tests.server.openfga_world import Json, Store, new_store

pytestmark = pytest.mark.peer
RELATIONS = ("r1", "r2", "r3")
ASKING = [f"user:{name}" for name in (*USERS[:2], "*")] + ["group:1#r1", "folder:2#r2"]
FILTERS = [UserFilter("user"), UserFilter("group", "r1"), UserFilter("folder", "r2")]
SETTINGS = settings(
    max_examples=int(os.environ.get("GATEPOST_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def openfga(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with (
        running_openfga(tmp_path_factory.mktemp("openfga") / "log") as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


def put(openfga: httpx2.Client, model: AuthorizationModel, tuples: Sequence[RelationTuple]) -> Store:
    """Make a store with the world, and draw another where OpenFGA finds a fault in the model: it has false alarms."""
    store = new_store(openfga, {}, model=None)
    answered = store.post("authorization-models", write_model_json(model))
    if answered.status_code == 400:
        assert "loop" in answered.text or "entrypoint" in answered.text, answered.text
        reject()
    if tuples:
        ok(store.post("write", {"writes": {"tuple_keys": [written(each) for each in tuples]}}))
    return store


def drawn(world: World) -> World:
    """Without what cannot be written, and without cycles: on one below a `but not` OpenFGA says no."""
    model, tuples = world
    kept = [t for t in tuples if t.subject != Subject(t.object.type, t.object.id, t.relation)]
    assume(not has_cycle(kept))
    return model, kept


def tidy(node: Any) -> Any:
    """A tree without what is null, and with its users in order."""
    if isinstance(node, dict):
        return {name: tidy(each) for name, each in node.items() if each is not None}
    if isinstance(node, list):
        found = [tidy(each) for each in node]
        return sorted(found, key=str) if all(isinstance(e, str) or set(e) == {"userset"} for e in found) else found
    return node


def text(user: Json) -> str:
    ((kind, named),) = ((kind, named) for kind, named in user.items() if named is not None)
    if kind == "wildcard":
        return f"{named['type']}:*"
    return f"{named['type']}:{named['id']}" + (f"#{named['relation']}" if kind == "userset" else "")


@SETTINGS
@given(worlds(size=20))
def test_openfga_expands_into_the_same_tree(openfga: httpx2.Client, world: World) -> None:
    model, tuples = drawn(world)
    store, graph = put(openfga, model, tuples), graph_of(model, tuples)
    for kind, name, relation in product(TYPES, IDS, (*RELATIONS, "parent")):
        if relation not in model.types[kind].relations:
            continue
        answered = ok(store.post("expand", {"tuple_key": {"object": f"{kind}:{name}", "relation": relation}}))
        assert tidy(expand(Entity(kind, name), relation, graph)) == tidy(answered["tree"]["root"])


@SETTINGS
@given(worlds(size=20))
def test_openfga_lists_the_same_with_stored_tuples(openfga: httpx2.Client, world: World) -> None:
    model, tuples = drawn(world)
    compare(put(openfga, model, tuples), graph_of(model, tuples), [])


@SETTINGS
@given(worlds(size=20))
def test_openfga_lists_the_same_with_contextual_tuples(openfga: httpx2.Client, world: World) -> None:
    model, tuples = drawn(world)
    stored, beside = tuples[::2], tuples[1::2]
    compare(
        put(openfga, model, stored), Contextual(graph_of(model, stored), beside), [written(each) for each in beside]
    )


def compare(store: Store, graph: Graph, beside: list[Json]) -> None:
    """Both lists; where one of the two gives no answer there is nothing to compare."""
    for user, kind, relation in product(ASKING, TYPES, RELATIONS):
        body = {"user": user, "type": kind, "relation": relation, "contextual_tuples": {"tuple_keys": beside}}
        question = Question(subject=Subject.parse(user), action=relation, resource=Entity(kind, "any"))
        try:
            ours = list(objects(question, graph).ids)
        except GatepostError:
            continue
        answered = store.post("list-objects", body)
        if answered.status_code == 200:
            assert sorted(answered.json()["objects"]) == ours, body
    compare_users(store, graph, beside)


def compare_users(store: Store, graph: Graph, beside: list[Json]) -> None:
    for kind, name, relation, wanted in product(TYPES, IDS[:2], RELATIONS, FILTERS):
        asked: Json = {"type": wanted.type, "relation": wanted.relation} if wanted.relation else {"type": wanted.type}
        body: Json = {"object": {"type": kind, "id": name}, "relation": relation, "user_filters": [asked]}
        try:
            users = [str(each) for each in list_users(Entity(kind, name), relation, [wanted], graph)]
        except GatepostError:
            continue
        answered = store.post("list-users", body | {"contextual_tuples": beside})
        if answered.status_code == 200:
            assert sorted(text(each) for each in answered.json()["users"]) == sorted(users), body
