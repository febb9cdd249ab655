"""A list takes its time, and whoever is disabled while it is made is not let in by it.

A disabling holds at once in the process that made it, for a list as for a check (`Gatepost.decide`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gatepost import access
from gatepost.access import ids_in_order
from gatepost.audit import trail
from gatepost.audit.trail import Filter, export_audit
from gatepost.directory import resources
from gatepost.directory.pages import Wanted
from gatepost.directory.resources import list_resources
from gatepost.directory.roles import assign_role
from gatepost.directory.searching import search_resources, search_subjects
from gatepost.directory.users import UserChange, change_user
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.guard.embedded import reach_in
from gatepost.stores import questions
from gatepost.stores.questions import Asking, list_objects
from gatepost.tokens.sessions import sign_out
from tests.directory.people import ADMIN, make_collection, make_people, person, share
from tests.tokens.signing_in import by_cookie, cookie_for, make_user


@pytest.fixture
def gate(gate: Gatepost) -> Gatepost:
    make_people(gate, "alice", "bob", "carol")
    make_collection(gate, "alice", "sales")
    for name in ("bob", "carol"):
        share(gate, "alice", "collection:sales", "viewer", f"user:{name}")
    return gate


def disable_bob(gate: Gatepost) -> None:
    change_user(gate, ADMIN, "bob", UserChange(disabled=True))


def bob_goes_during(gate: Gatepost, walk: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    """The same walk, in whose midst Bob is disabled."""

    def walked(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yield from walk(*args, **kwargs)
        disable_bob(gate)

    return walked


BOB = person("bob")
LISTS: dict[str, tuple[object, str, Callable[[Gatepost], object]]] = {
    "what somebody reaches": (
        access,
        "walk_ids",
        lambda gate: search_resources(gate, ADMIN, "user:bob", "view", "collection", {}),
    ),
    "what an application's query shows": (
        access,
        "walk_objects",
        lambda gate: reach_in(gate, BOB, "collection", "view").ids,
    ),
    "OpenFGA's list of objects": (
        questions,
        "walk_objects",
        lambda gate: list_objects(gate, ADMIN, "main", "user:bob", "view", "collection", Asking()),
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_whoever_is_disabled_meanwhile_reaches_nothing(
    gate: Gatepost, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, walk, ask = LISTS[name]
    assert ask(gate)
    monkeypatch.setattr(where, walk, bob_goes_during(gate, getattr(where, walk)))

    assert not ask(gate)


def test_ones_own_list_is_refused(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list_resources(gate, BOB, Wanted()).items
    monkeypatch.setattr(resources, "ids_in_order", bob_goes_during(gate, ids_in_order))

    with pytest.raises(InvalidToken):
        list_resources(gate, BOB, Wanted())


def test_whoever_was_judged_before_is_judged_again_at_the_end(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    really = gate.decide

    def decide(question: Any) -> Any:
        if question.subject.id == "carol":
            disable_bob(gate)
        return really(question)

    monkeypatch.setattr(gate, "decide", decide)

    assert search_subjects(gate, ADMIN, "user", "view", "collection:sales", {}) == ["admin", "alice", "carol"]


def test_a_trail_that_is_read_slowly_ends_with_its_reader(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: to begin an export, and to go on with it a page at a time once one is signed out."""
    monkeypatch.setattr(trail, "MOST", 2)
    make_user(gate, "root")
    assign_role(gate, ADMIN, "admin", "user:root")
    root = by_cookie(gate, cookie_for(gate, "root"))
    exported = export_audit(gate, root, Filter())
    assert len([next(exported), next(exported)]) == 2
    sign_out(gate, root)

    with pytest.raises(InvalidToken):
        list(exported)
