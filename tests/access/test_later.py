"""A graph at a later moment, and what a subject carries with the end of each part."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gatepost.access import (
    Carried,
    ConditionUndecided,
    Graph,
    Later,
    Reason,
    TupleChange,
    builtin_model,
    carried,
    check,
    check_at,
    ends,
    parse_model,
    permissions_carried,
    with_protected_types,
)
from gatepost.access.later import FOR_GOOD, FOREVER, INSTANT
from gatepost.principal import Entity, Question, Subject

NOW = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
ANN = Subject("user", "ann")
SALES = Entity("collection", "sales")

GUARDED = """
model
  schema 1.1
type collection
  relations
    define viewer: [user, user with office_hours, group#member with office_hours]
    define view: viewer
condition office_hours(hour: int) {
  hour > 8 && hour < 18
}
"""


def graph_of(*tuples: tuple[str, float | None] | TupleChange, model: str | None = None) -> Graph:
    """Tuples as `object#relation@subject`, each with the seconds after which it ends."""
    found = builtin_model() if model is None else with_protected_types(parse_model(model))
    graph = Graph(found, lambda: NOW)
    changes = []
    for each in tuples:
        if isinstance(each, TupleChange):
            changes.append(each)
            continue
        text, seconds = each
        left, _, subject = text.partition("@")
        entity, _, relation = left.partition("#")
        expires = None if seconds is None else NOW + seconds
        changes.append(TupleChange(entity, relation, subject, removed=False, expires_at=expires))
    graph.apply(changes, "1")
    return graph


def asks(action: str) -> Question:
    return Question(subject=ANN, action=action, resource=SALES)


@pytest.fixture
def graph() -> Graph:
    """Ann owns sales for an hour, and may view it through a group for two."""
    return graph_of(
        ("collection:sales#owner@user:ann", 3600),
        ("group:low#member@user:ann", 7200),
        ("group:high#member@group:low#member", None),
        ("collection:sales#viewer@group:high#member", 10_000),
        ("role:reader#assignee@group:high#member", 5000),
        ("role:reader#permission@platform:dataset.view", None),
    )


def test_what_ends_counts_until_that_moment(graph: Graph) -> None:
    for seconds, owner, viewer in ((0, True, True), (3600, False, True), (7200, False, False)):
        at = NOW + seconds
        assert check_at(asks("owner"), graph, at).allowed is owner
        assert check_at(asks("view"), graph, at).allowed is viewer
        assert check(asks("view"), Later(graph, at - INSTANT)).allowed
    assert not check_at(asks("view"), graph, FOR_GOOD).allowed


def test_looking_ahead_leaves_nothing_in_the_memo(graph: Graph) -> None:
    for _ in range(2):
        assert not check_at(asks("view"), graph, FOR_GOOD).allowed
        assert check(asks("view"), graph).allowed


def test_what_never_ends_is_answered_from_the_memo() -> None:
    graph = graph_of(("collection:sales#owner@user:ann", None), ("collection:other#owner@user:ann", 10))
    assert check(asks("view"), graph).allowed
    later = check_at(asks("view"), graph, FOR_GOOD)
    assert later.allowed
    assert later.reason is Reason.GRANTED


def test_each_thing_carried_has_the_end_of_the_way_that_lasts_longest(graph: Graph) -> None:
    assert carried(ANN, graph) == (
        Carried("collection:sales", "owner", "user:ann", NOW + 3600),
        Carried("collection:sales", "viewer", "group:high#member", NOW + 7200),
        Carried("group:high", "member", "group:low#member", NOW + 7200),
        Carried("group:low", "member", "user:ann", NOW + 7200),
        Carried("role:reader", "assignee", "group:high#member", NOW + 5000),
    )
    assert permissions_carried(ANN, graph) == {"dataset:view": NOW + 5000}
    assert ends(ANN, graph) == (NOW + 3600, NOW + 5000, NOW + 7200, NOW + 10_000)


def test_of_two_ways_the_longer_one_counts() -> None:
    graph = graph_of(
        ("group:g#member@user:ann", 10),
        ("group:h#member@user:ann", None),
        ("group:g#member@group:h#member", 20),
        ("collection:sales#viewer@group:g#member", None),
    )
    assert Carried("collection:sales", "viewer", "group:g#member", NOW + 20) in carried(ANN, graph)
    assert Carried("group:h", "member", "user:ann", FOREVER) in carried(ANN, graph)


def test_what_stands_under_a_condition_is_carried_too() -> None:
    """Nobody is handed a share that counts during the day by somebody who has it at no time."""
    guarded = {"name": "office_hours", "context": {}}
    graph = graph_of(
        ("group:g#member@user:ann", None),
        TupleChange("collection:sales", "viewer", "group:g#member", removed=False, expires_at=None, condition=guarded),
        model=GUARDED,
    )
    expected = Carried("collection:sales", "viewer", "group:g#member", FOREVER, "office_hours")
    assert expected in carried(ANN, graph)
    assert expected not in carried(ANN, graph, conditional=False)
    with pytest.raises(ConditionUndecided):
        check_at(asks("view"), graph, FOR_GOOD)


def test_whoever_no_tuple_names_carries_what_everybody_does() -> None:
    graph = graph_of(("collection:sales#viewer@user:*", 10))
    assert carried(Subject("user", "stranger"), graph) == (Carried("collection:sales", "viewer", "user:*", NOW + 10),)
