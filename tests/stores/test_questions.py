"""Questions about a store: under its model, for one caller, within OpenFGA's depth."""

from __future__ import annotations

import pytest

from gatepost.access.users import UserFilter
from gatepost.errors import Forbidden, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal, Subject
from gatepost.stores import questions
from gatepost.stores.errors import StoreError
from gatepost.stores.questions import Asking
from tests.conftest import ADMIN
from tests.directory.people import NOBODY, make_officer, make_people, person
from tests.stores.shop import holds, key, put, shop

NOW = Asking()


def objects(gate: Gatepost, store: str, user: str, asking: Asking = NOW) -> list[str]:
    return questions.list_objects(gate, ADMIN, store, user, "viewer", "doc", asking)


def users(gate: Gatepost, store: str, name: str, kind: str = "user", relation: str = "") -> list[str]:
    found = questions.list_users(gate, ADMIN, store, Entity.parse(name), "viewer", UserFilter(kind, relation), NOW)
    return [str(each) for each in found]


@pytest.fixture
def store(gate: Gatepost) -> str:
    store = shop(gate)
    put(gate, store, "group:sales#member@user:ann", "doc:1#viewer@group:sales#member", "doc:2#parent@doc:1")
    put(gate, store, "doc:3#viewer@user:*", "doc:4#owner@user:bob")
    return store


def test_forwards_and_backwards_say_the_same(gate: Gatepost, store: str) -> None:
    seen = {"user:ann": ["doc:1", "doc:2", "doc:3"], "user:bob": ["doc:3", "doc:4"], "user:zoe": ["doc:3"]}
    for user, expected in seen.items():
        assert objects(gate, store, user) == expected
        for number in range(1, 5):
            assert holds(gate, store, f"doc:{number}#viewer@{user}") == (f"doc:{number}" in expected)
    assert users(gate, store, "doc:2") == ["user:ann"]
    assert users(gate, store, "doc:3") == ["user:*"]
    assert users(gate, store, "doc:2", "group", "member") == ["group:sales#member"]


def test_a_contextual_tuple_counts_for_its_question_alone(gate: Gatepost, store: str) -> None:
    supposing = Asking(tuples=[key("group:sales#member@user:zoe")])
    assert questions.check(gate, ADMIN, store, key("doc:2#viewer@user:zoe"), supposing)
    assert objects(gate, store, "user:zoe", supposing) == ["doc:1", "doc:2", "doc:3"]
    assert not holds(gate, store, "doc:2#viewer@user:zoe")
    with pytest.raises(StoreError) as refused:  # trap 23, OpenFGA 2025-48371: the model's types hold for them too
        questions.check(
            gate, ADMIN, store, key("doc:2#viewer@user:zoe"), Asking(tuples=[key("doc:2#owner@group:sales#member")])
        )
    assert refused.value.code == "invalid_tuple"


def test_a_yes_beyond_the_depth_of_25_is_an_error(gate: Gatepost) -> None:
    store = shop(gate)
    put(gate, store, "group:0#member@user:ann", *(f"group:{n + 1}#member@group:{n}#member" for n in range(40)))
    assert holds(gate, store, "group:24#member@user:ann")
    with pytest.raises(StoreError) as refused:
        holds(gate, store, "group:40#member@user:ann")
    assert refused.value.code == "authorization_model_resolution_too_complex"


def test_asking_takes_its_permission(gate: Gatepost, store: str) -> None:
    make_people(gate, "zoe")
    reader = make_officer(gate, "rita", ["store:read", "store:write"])

    def ask(caller: Principal) -> None:
        questions.check(gate, caller, store, key("doc:1#viewer@user:zoe"), NOW)

    for caller in (person("zoe"), reader):  # about oneself too: a name there need not be a name here
        with pytest.raises(Forbidden):
            ask(caller)
    with pytest.raises(Unauthenticated):
        ask(NOBODY)
    ask(make_officer(gate, "gate", ["decision:ask"]))


def test_roles_count_on_the_platforms_own_store(gate: Gatepost) -> None:
    make_officer(gate, "oli", ["collection:view"])
    put(gate, "main", "collection:sales#owner@user:ann")
    assert holds(gate, "main", "collection:sales#view@user:oli")
    wanted = UserFilter("user")
    found = questions.list_users(gate, ADMIN, "main", Entity("collection", "sales"), "view", wanted, NOW)
    assert found == [Subject("user", name) for name in ("admin", "ann", "oli")]
    assert questions.list_objects(gate, ADMIN, "main", "user:oli", "view", "collection", NOW) == ["collection:sales"]
