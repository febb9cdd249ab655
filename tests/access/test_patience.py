"""Whoever must not wait is answered within a moment, or told that the answer takes more: never a wrong one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gatepost.access import (
    Contextual,
    Graph,
    RelationTuple,
    WouldWait,
    at_once,
    check,
    groups_of,
    parse_model,
    roles_of,
)
from gatepost.access.conditions import kept
from gatepost.principal import Entity, Question, Subject

MODEL = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define viewer: [user, group#member, user with soon]
    define parent: [folder]
    define seen: viewer or seen from parent
type page
  relations
    define reader: [user, folder#seen]
condition soon(now: int) {
  now < 10
}
"""
MANY = 3_000


@pytest.fixture(autouse=True)
def a_long_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes more than a moment does so by its number or by a lock, and not by what else this machine does."""
    monkeypatch.setattr("gatepost.access.patience.MOMENT", 3600.0)


def question(subject: str, action: str, resource: str, **context: object) -> Question:
    return Question(subject=Subject.parse(subject), action=action, resource=Entity.parse(resource), context=context)


def graph_of(*written: str, condition: dict[str, object] | None = None, until: float | None = None) -> Graph:
    rows = []
    for each in written:
        name, _, subject = each.partition("@")
        entity, _, relation = name.partition("#")
        rows.append((entity, relation, subject, until, condition))
    graph = Graph(parse_model(MODEL), lambda: 0.0, roles=False)
    graph.load(rows)
    return graph


@contextmanager
def locked(graph: Graph) -> Iterator[None]:
    """Hold the graph's lock in another thread, as a long list does for a while."""
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with graph.lock:
            is_held.set()
            may_end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        assert is_held.wait(60)
        try:
            yield
        finally:
            may_end.set()


def test_a_warm_answer_needs_no_lock() -> None:
    graph = graph_of("folder:a#viewer@user:ann")
    asked = question("user:ann", "seen", "folder:a")
    check(asked, graph)
    with locked(graph):
        assert at_once(check, asked, graph).allowed
        assert at_once(check, asked, graph, 25).allowed


def test_whom_no_tuple_names_needs_no_lock_either() -> None:
    graph = graph_of("folder:a#viewer@user:ann")
    check(question("user:nobody-1", "seen", "folder:a"), graph)
    with locked(graph):
        assert not at_once(check, question("user:nobody-2", "seen", "folder:a"), graph).allowed


def test_a_cold_answer_does_not_wait_for_the_lock() -> None:
    graph = graph_of("folder:a#viewer@user:ann")
    asked = question("user:ann", "seen", "folder:a")
    with locked(graph), pytest.raises(WouldWait):
        at_once(check, asked, graph)
    with locked(graph), pytest.raises(WouldWait):
        at_once(roles_of, asked.subject, graph)
    assert at_once(check, asked, graph).allowed, "the lock is free: a moment is enough"


def test_work_that_is_more_than_a_moment_s_is_left_to_a_thread_that_may_wait() -> None:
    wide = [f"group:g{number}#member@user:ann" for number in range(MANY)]
    parents = [f"folder:a#parent@folder:p{number}" for number in range(MANY)]
    graph = graph_of(*wide, *parents, "folder:p7#viewer@group:g9#member")
    asked = question("user:ann", "seen", "folder:a")
    with pytest.raises(WouldWait):
        at_once(check, asked, graph)
    assert check(asked, graph).allowed
    with pytest.raises(WouldWait):
        at_once(check, asked, graph)  # warm by now, but there are too many parents to look through


def test_many_memberships_of_one_subject_are_not_even_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(*(f"group:g{number}#member@user:ann" for number in range(MANY)), "folder:a#viewer@user:ann")
    begun: list[int] = []
    monkeypatch.setattr("gatepost.access.usersets._Walk._reach", lambda _self, key, _todo: begun.append(key))
    with pytest.raises(WouldWait):
        at_once(check, question("user:ann", "seen", "folder:a"), graph)
    assert not begun


def test_a_condition_is_compiled_by_a_thread_that_may_wait() -> None:
    kept.clear()
    graph = graph_of("folder:a#viewer@user:ann", condition={"name": "soon", "context": {}})
    asked = question("user:ann", "viewer", "folder:a", now=3)
    with pytest.raises(WouldWait):
        at_once(check, asked, graph)
    assert check(asked, graph).allowed
    assert at_once(check, asked, graph).allowed
    assert not at_once(check, question("user:ann", "viewer", "folder:a", now=30), graph).allowed


def test_patience_comes_back_when_the_work_has_failed() -> None:
    graph = graph_of("folder:a#viewer@user:ann")
    asked = question("user:ann", "seen", "folder:a")
    with locked(graph), pytest.raises(WouldWait):
        at_once(check, asked, graph)
    with ThreadPoolExecutor(1) as pool:
        with locked(graph):
            waiting = pool.submit(check, asked, graph)  # another thread never was in a hurry
        assert waiting.result(timeout=60).allowed
    assert check(asked, graph).allowed


def with_parent(graph: Graph, child: str, parent: str) -> Graph:
    return overlaid_by(graph, child, "parent", f"folder:{parent}")


def overlaid_by(graph: Graph, name: str, relation: str, subject: str) -> Graph:
    return Contextual(graph, [RelationTuple(Entity.parse(f"folder:{name}"), relation, Subject.parse(subject))])


def test_tuples_of_a_question_s_own_do_not_wait_for_the_lock_either() -> None:
    graph = graph_of("folder:b#viewer@user:ann")
    asked = question("user:ann", "seen", "folder:a")
    overlaid = with_parent(graph, "a", "b")
    with locked(graph):
        with pytest.raises(WouldWait):
            at_once(with_parent, graph, "a", "b")
        with pytest.raises(WouldWait):
            at_once(check, asked, overlaid)
    assert at_once(lambda: check(asked, with_parent(graph, "a", "b"))).allowed


def wide(start: str, end: str = "") -> list[str]:
    return [f"{start}{number}{end}" for number in range(MANY)]


WIDE = {
    "usersets that no memo holds": (
        graph_of(*wide("page:a#reader@folder:p", "#seen")),
        question("user:ann", "reader", "page:a"),
    ),
    "tuples that expire": (
        graph_of(*wide("folder:a#viewer@user:u"), until=10.0),
        question("user:ann", "viewer", "folder:a"),
    ),
    "memberships that have expired": (
        graph_of(*wide("group:g", "#member@user:ann"), until=-1.0),
        question("user:ann", "viewer", "folder:a"),
    ),
    "parents below a tuple of the question's own": (
        with_parent(graph_of(*wide("folder:a#parent@folder:p")), "b", "a"),
        question("user:ann", "seen", "folder:b"),
    ),
    "tuples beside one of the question's own": (
        overlaid_by(graph_of(*wide("folder:a#viewer@user:u")), "a", "viewer", "user:ben"),
        question("user:ann", "viewer", "folder:a"),
    ),
}


@pytest.mark.parametrize(("graph", "asked"), WIDE.values(), ids=WIDE)
def test_many_things_side_by_side_are_not_gone_through(graph: Graph, asked: Question) -> None:
    with pytest.raises(WouldWait):
        at_once(check, asked, graph, 25)
    check(asked, graph, 25)


def test_nor_are_many_parents_to_tell_how_deep_a_yes_is() -> None:
    graph = graph_of("folder:a#viewer@user:ann", *wide("folder:a#parent@folder:p"))
    asked = question("user:ann", "seen", "folder:a")
    assert check(asked, graph).allowed
    with locked(graph), pytest.raises(WouldWait) as refused:
        at_once(check, asked, graph, 25)
    assert "held" not in [entry.name for entry in refused.traceback], "it was told before it came to the lock"


def test_the_names_of_many_groups_are_not_gone_through() -> None:
    graph = graph_of(*wide("group:g", "#member@user:ann"))
    assert len(groups_of(Subject.parse("user:ann"), graph)) == MANY
    with pytest.raises(WouldWait):
        at_once(groups_of, Subject.parse("user:ann"), graph)


def test_many_parents_one_above_another_take_more_than_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [f"folder:f{number}#parent@folder:f{number + 1}" for number in range(200)]
    graph = graph_of(*chain, "folder:f200#viewer@user:ann")
    near, far = (question("user:ann", "seen", f"folder:f{number}") for number in (190, 0))
    assert check(near, graph).allowed
    monkeypatch.setattr("gatepost.access.patience.MOMENT", -1.0)
    assert at_once(check, near, graph).allowed
    with pytest.raises(WouldWait):
        at_once(check, far, graph)
    assert check(far, graph).allowed


def test_a_hurry_within_a_hurry_does_not_end_it() -> None:
    graph = graph_of("folder:a#viewer@user:ann")
    asked = question("user:ann", "seen", "folder:a")

    def twice() -> None:
        at_once(check, asked, graph)
        with locked(graph):
            roles_of(Subject.parse("user:ben"), graph)

    with pytest.raises(WouldWait):
        at_once(twice)
    assert at_once(check, asked, graph).allowed
