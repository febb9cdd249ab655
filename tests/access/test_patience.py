"""Whoever must not wait is answered within a moment, or told that the answer takes more: never a wrong one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gatepost.access import Graph, WouldWait, at_once, check, parse_model, roles_of
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
condition soon(now: int) {
  now < 10
}
"""
MANY = 3_000


def question(subject: str, action: str, resource: str, **context: object) -> Question:
    return Question(subject=Subject.parse(subject), action=action, resource=Entity.parse(resource), context=context)


def graph_of(*written: str, condition: dict[str, object] | None = None) -> Graph:
    rows = []
    for each in written:
        name, _, subject = each.partition("@")
        entity, _, relation = name.partition("#")
        rows.append((entity, relation, subject, None, condition))
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
