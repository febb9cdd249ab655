"""Models are versions that never change; on the platform's own store they are the resource types."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.access import PROTECTED, builtin_model, conditions
from gatepost.access.conditions import CompiledCondition
from gatepost.access.model import Condition
from gatepost.access.model_json import read_model, write_model
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.stores import questions, writes
from gatepost.stores.assertions import Assertion, read_assertions, write_assertions
from gatepost.stores.errors import StoreError
from gatepost.stores.keys import TupleKey
from gatepost.stores.listing import create_store
from gatepost.stores.models import get_version, list_versions, write_version
from gatepost.stores.pages import Paging
from gatepost.stores.questions import Asking
from tests.conftest import ADMIN, OpenGate, settings_for
from tests.dice import FakeDice
from tests.stores.shop import SHOP, holds, key, parsed, put, shop

WITHOUT_OWNERS = SHOP.replace("    define owner: [user]\n", "").replace(" or owner or", " or")

WIDER = """
model
  schema 1.1
type user
type group
  relations
    define member: [user]
    define boss: [user]
"""

OWN = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, service, group#member, user:*, service:*]
type service
type report
  relations
    define owner: [user]
    define view: [user, group#member] or owner
"""


def own_types(text: str) -> dict[str, Any]:
    """Resource types for the platform's own store, with `user` bare and no other protected type."""
    document = parsed(text)
    kept = [each for each in document["type_definitions"] if each["type"] not in ("group", "service", "user")]
    return document | {"type_definitions": [{"type": "user"}, *kept]}


def test_an_older_model_answers_as_it_did(gate: Gatepost) -> None:
    """Trap 23, OpenFGA 2022-23542: a tuple that only an older model allows counts under that one alone."""
    store = shop(gate)
    put(gate, store, "doc:1#owner@user:ann")
    old = list_versions(gate, ADMIN, store, Paging()).items[0].id
    new = write_version(gate, ADMIN, store, parsed(WITHOUT_OWNERS))

    assert not holds(gate, store, "doc:1#viewer@user:ann")
    assert not holds(gate, store, "doc:1#viewer@user:ann", new)
    assert holds(gate, store, "doc:1#viewer@user:ann", old)
    put(gate, store, "doc:2#viewer@user:ann")
    assert holds(gate, store, "doc:2#viewer@user:ann", old), "the older graph follows the changelog too"
    with pytest.raises(StoreError, match="relation 'doc#owner' not found"):
        put(gate, store, "doc:3#owner@user:ann")
    back = write_version(gate, ADMIN, store, parsed(SHOP))
    assert holds(gate, store, "doc:1#viewer@user:ann", back)


def test_a_model_comes_back_as_it_was_posted(gate: Gatepost, admin: Principal) -> None:
    store = create_store(gate, admin, "shop").id
    posted = parsed(SHOP)
    posted["type_definitions"][2]["metadata"]["module"] = "library"
    identifier = write_version(gate, admin, store, posted | {"unknown": 1})
    assert get_version(gate, admin, store, identifier).document == {
        name: value for name, value in posted.items() if value
    }
    other = create_store(gate, admin, "other").id
    with pytest.raises(StoreError) as refused:
        get_version(gate, admin, other, identifier)
    assert refused.value.code == "authorization_model_not_found"
    with pytest.raises(StoreError) as refused:
        holds(gate, other, "doc:1#viewer@user:ann", identifier)
    assert refused.value.code == "authorization_model_not_found"


def test_models_are_listed_newest_first_page_by_page(gate: Gatepost, admin: Principal) -> None:
    store = create_store(gate, admin, "shop").id
    made = [write_version(gate, admin, store, parsed(SHOP)) for _ in range(3)]
    first = list_versions(gate, admin, store, Paging(2))
    rest = list_versions(gate, admin, store, Paging(2, first.token))
    assert [each.id for each in (*first.items, *rest.items)] == made[::-1]
    assert not rest.token


def test_a_clock_that_is_behind_does_not_make_a_new_model_old(
    gate: Gatepost, open_gate: OpenGate, gate_url: str
) -> None:
    """The newest posted counts, also if the process that took it has a clock that is a day behind."""
    store = shop(gate)
    behind = open_gate(gate_url, dice=FakeDice(gate.now() - timedelta(days=1)))
    newest = write_version(behind, ADMIN, store, parsed(WITHOUT_OWNERS))
    assert list_versions(gate, ADMIN, store, Paging()).items[0].id == newest
    with pytest.raises(StoreError, match="owner"):
        put(behind, store, "doc:1#owner@user:ann")


# -- the platform's own -----------------------------------------------------------------------------------------------


def test_the_platforms_own_store_has_a_model_from_the_start(
    gate: Gatepost, second_gate: Gatepost, admin: Principal
) -> None:
    (only,) = list_versions(gate, admin, "main", Paging()).items
    assert dict(read_model(only.document).types) == dict(builtin_model().types)
    assert list_versions(second_gate, admin, "main", Paging()).items == [only]
    assert get_version(gate, admin, "main", only.id) == only


def test_a_model_posted_there_replaces_the_resource_types(
    gate: Gatepost, second_gate: Gatepost, open_gate: OpenGate, gate_url: str, admin: Principal
) -> None:
    before = list_versions(gate, admin, "main", Paging()).items[0].id
    posted = write_version(gate, admin, "main", own_types(OWN))
    second_gate.memory.catch_up()
    for each in (gate, second_gate, open_gate(gate_url)):
        assert each.memory.graph.model.resource_types == ("report",)
        assert [version.id for version in list_versions(each, admin, "main", Paging()).items] == [posted]
        assert each.check("user:admin", "user:delete", "platform:main").allowed
    put(gate, "main", "report:1#view@user:ann")
    assert gate.check("user:ann", "view", "report:1").allowed
    assert holds(gate, "main", "report:1#view@user:ann", posted)
    with pytest.raises(StoreError, match="type 'report' not found"):
        holds(gate, "main", "report:1#view@user:ann", before)


def test_a_protected_type_may_stand_there_as_it_is_or_bare(gate: Gatepost, admin: Principal) -> None:
    whole: dict[str, Any] = write_model(builtin_model())
    protected = [each for each in whole["type_definitions"] if each["type"] in PROTECTED]
    document = own_types(OWN)
    report = document["type_definitions"][-1]
    write_version(gate, admin, "main", document | {"type_definitions": [*protected, report]})
    write_version(gate, admin, "main", document | {"type_definitions": [{"type": "group"}, {"type": "user"}, report]})
    wider = parsed(WIDER)
    for wrong in ([*wider["type_definitions"], report], [{"type": "user"}, *parsed(SHOP)["type_definitions"][1:]]):
        with pytest.raises(StoreError, match="protected") as refused:
            write_version(gate, admin, "main", document | {"type_definitions": wrong})
        assert refused.value.code == "invalid_authorization_model"


def test_a_model_that_would_orphan_tuples_says_which_and_changes_nothing(gate: Gatepost, admin: Principal) -> None:
    put(gate, "main", "collection:sales#editor@user:ann", "dataset:q3#parent@collection:sales")
    model = gate.memory.graph.model
    with pytest.raises(StoreError) as refused:
        write_version(gate, admin, "main", own_types(OWN))
    assert refused.value.status == 409
    assert refused.value.items == ("collection:sales#editor@user:ann", "dataset:q3#parent@collection:sales")
    assert gate.memory.graph.model is model
    assert gate.check("user:ann", "edit", "dataset:q3").allowed


def test_where_the_configuration_has_the_model_none_is_posted(
    open_gate: OpenGate, tmp_path: Path, admin: Principal
) -> None:
    (tmp_path / "model.fga").write_text("model\n  schema 1.1\ntype report\n" + OWN.partition("type report\n")[2])
    settings = settings_for(f"sqlite:///{tmp_path}/own.db")
    gate = open_gate(replace(settings, access=replace(settings.access, model=tmp_path / "model.fga")))
    with pytest.raises(StoreError, match="configuration") as refused:
        write_version(gate, admin, "main", own_types(OWN))
    assert refused.value.status == 409
    (only,) = list_versions(gate, admin, "main", Paging()).items
    assert read_model(only.document).types.keys() >= {"report"}
    put(gate, "main", "report:1#view@user:ann")
    assert holds(gate, "main", "report:1#view@user:ann", only.id)
    shop(gate)  # other stores are free


def test_assertions_stand_beside_their_model(gate: Gatepost, admin: Principal) -> None:
    store = shop(gate)
    model = list_versions(gate, admin, store, Paging()).items[0].id
    assert read_assertions(gate, admin, store, model) == []
    wanted = Assertion(key=key("doc:1#viewer@user:ann"), expectation=True)
    for _ in range(2):
        write_assertions(gate, admin, store, model, [wanted])
    assert read_assertions(gate, admin, store, model) == [wanted.document()]
    with pytest.raises(StoreError, match="not found"):
        write_assertions(gate, admin, store, model, [Assertion(key=key("doc:1#nope@user:ann"), expectation=True)])
    assert read_assertions(gate, admin, store, model) == [wanted.document()]


def test_a_model_that_was_posted_is_loaded_without_compiling_its_conditions(
    gate: Gatepost, open_gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were when it was posted: three thousand of them take five seconds, and most are never asked about."""
    guarded = OWN.replace("[user]", "[user with c0]") + "".join(
        f"condition c{number}(x: int) {{\n  x > {number}\n}}\n" for number in range(20)
    )
    write_version(gate, ADMIN, "main", own_types(guarded))
    compiled, work = list[str](), conditions.compile_condition

    def counting(condition: Condition) -> CompiledCondition:
        compiled.append(condition.name)
        return work(condition)

    conditions.kept.clear()
    monkeypatch.setattr(conditions, "compile_condition", counting)
    second = open_gate(gate.settings, follow=False)
    second.memory.catch_up()
    assert len(second.memory.graph.model.conditions) == 20
    guard = {"name": "c0", "context": {}}
    written = TupleKey("user:ann", "owner", "report:1", guard)
    writes.write_tuples(second, ADMIN, "main", writes.TupleWrite(writes=[written]))
    assert compiled == []
    assert questions.check(second, ADMIN, "main", key("report:1#owner@user:ann"), Asking(context={"x": 1}))
    assert compiled == ["c0"]
