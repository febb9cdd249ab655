"""While a revision arrives, whoever asks beside it is answered from before it or from after it, and never from between."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from gatepost import access
from gatepost.directory import evaluation
from gatepost.directory.evaluation import Asked, evaluate_from_memo
from gatepost.directory.users import UserChange, change_user, delete_user
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.openfga import plain
from gatepost.stores.keys import TupleKey
from gatepost.stores.questions import Asking, check_in, graph_in_memory
from tests.conftest import OpenGate
from tests.directory.people import make_collection, make_people, share

Answer = Callable[[Gatepost, Principal], bool]


@pytest.fixture
def gate(open_gate: OpenGate, sqlite_url: str) -> Gatepost:
    """Cy may view `collection:sales`."""
    gate = open_gate(sqlite_url, follow=False)
    make_people(gate, "ann", "cy")
    make_collection(gate, "ann", "sales")
    share(gate, "ann", "collection:sales", "viewer", "user:cy")
    gate.check("user:cy", "view", "collection:sales")  # warm
    return gate


def by_the_gate(gate: Gatepost, _: Principal) -> bool:
    return gate.check("user:cy", "view", "collection:sales").allowed


def from_memo(gate: Gatepost, admin: Principal) -> bool:
    found = evaluate_from_memo(gate, admin, Asked(subject="user:cy", action="view", resource="collection:sales"))
    return found is not None and found.allowed[0]


def in_plain_form(gate: Gatepost, _: Principal) -> bool:
    found = graph_in_memory(gate, "main")
    assert found is not None
    return (
        plain.answers(gate, found.record, found.graph, [(("user", "cy"), "view", ("collection", "sales"))]) or [False]
    )[0]


def with_care(gate: Gatepost, _: Principal) -> bool:
    found = graph_in_memory(gate, "main")
    assert found is not None
    return check_in(gate, found, TupleKey("user:cy", "view", "collection:sales"), Asking())


EVERY_WAY = (by_the_gate, from_memo, in_plain_form, with_care)


def disable(gate: Gatepost, admin: Principal, *, disabled: bool = True) -> None:
    change_user(gate, admin, "cy", UserChange(disabled=disabled))


@pytest.mark.parametrize("answer", EVERY_WAY)
def test_they_all_answer(gate: Gatepost, admin: Principal, answer: Answer) -> None:
    assert answer(gate, admin)
    disable(gate, admin)
    assert not answer(gate, admin)
    disable(gate, admin, disabled=False)
    assert answer(gate, admin)
    delete_user(gate, admin, "cy", None)
    assert not answer(gate, admin)


@pytest.mark.parametrize("answer", EVERY_WAY)
def test_a_disabled_person_who_is_deleted_is_let_in_at_no_moment(
    gate: Gatepost, admin: Principal, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    disable(gate, admin)
    graph, seen = gate.memory.graph, list[bool]()
    apply = graph.apply

    def watched(changes: list[access.TupleChange], revision: str) -> None:
        seen.append(answer(gate, admin))
        apply(changes, revision)
        seen.append(answer(gate, admin))

    monkeypatch.setattr(graph, "apply", watched)
    delete_user(gate, admin, "cy", None)
    assert seen == [False, False]


def test_nor_while_everything_is_loaded_anew(
    gate: Gatepost, admin: Principal, open_gate: OpenGate, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disable(gate, admin)
    elsewhere, seen = open_gate(sqlite_url, follow=False), list[bool]()
    delete_user(gate, admin, "cy", None)
    load = elsewhere.memory.session_roles.load

    def watched(connection: object) -> None:
        seen.append(by_the_gate(elsewhere, admin))
        load(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(elsewhere.memory.session_roles, "load", watched)
    elsewhere.memory._reload()
    assert seen == [False]
    assert elsewhere.memory.disabled == set()


PLACES: dict[Answer, tuple[ModuleType, str]] = {
    by_the_gate: (access, "check"),
    from_memo: (evaluation, "answers_from_memo"),
    in_plain_form: (plain, "answers_from_memo"),
    with_care: (access, "check"),
}


@pytest.mark.parametrize("answer", EVERY_WAY)
def test_who_is_disabled_while_the_graph_is_asked_is_not_let_in_as_of_that_revision(
    gate: Gatepost, admin: Principal, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = PLACES[answer]
    ask, begun = getattr(module, name), list[bool]()

    def slowly(*args: object, **kwargs: object) -> object:
        if not begun:
            begun.append(True)
            disable(gate, admin)
        return ask(*args, **kwargs)

    if answer is from_memo:
        gate.may(admin, "decision:ask")
    monkeypatch.setattr(module, name, slowly)
    assert not answer(gate, admin)
    assert begun


@pytest.mark.parametrize("answer", EVERY_WAY)
def test_who_is_deleted_after_the_graph_was_asked_was_disabled_before(
    gate: Gatepost, admin: Principal, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    disable(gate, admin)
    module, name = PLACES[answer]
    ask, begun = getattr(module, name), list[bool]()

    def slowly(*args: object, **kwargs: object) -> object:
        found = ask(*args, **kwargs)
        if not begun:
            begun.append(True)
            delete_user(gate, admin, "cy", None)
        return found

    monkeypatch.setattr(module, name, slowly)
    assert not answer(gate, admin)


def test_a_model_s_id_and_its_graph_are_published_together(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names the new model is not answered by the old one's graph, nor the other way round."""
    memory, record = gate.memory, gate.memory.stores.main
    assert record is not None
    old, names = memory.graph, (memory.model_id, "01J0000000000000000000000M")
    seen: list[tuple[str, bool]] = []

    def look() -> None:
        for name in names:
            found = memory.graph_of(record, name)
            if found is not None:
                seen.append((name, found is old))

    def looked_at(_model: access.AuthorizationModel) -> str:
        look()
        return names[1]

    clears = memory.verified.clear

    def cleared() -> None:
        clears()
        look()

    monkeypatch.setattr(memory, "_id_of", looked_at)
    monkeypatch.setattr(memory.verified, "clear", cleared)
    look()
    memory._reload()
    look()
    assert {(names[0], True), (names[1], False)} == set(seen)
