"""A `*` for the type means every resource type, and not the platform's own nouns."""

from __future__ import annotations

import pytest

from gatepost.access import Graph, TupleChange, builtin_model, check
from gatepost.principal import PLATFORM, Entity, Question, Scope, Subject


def graph_with(permission: str) -> Graph:
    graph = Graph(builtin_model(), lambda: 0.0)
    graph.load(
        [
            ("role:r", "assignee", "user:eve", None, None),
            ("role:r", "permission", f"platform:{permission}", None, None),
        ]
    )
    graph.apply([TupleChange("collection:c", "owner", "user:bob", removed=False, expires_at=None)], "1")
    return graph


@pytest.mark.parametrize(
    ("permission", "action", "resource", "allowed"),
    [
        ("*.view", "view", Entity("collection", "c"), True),
        ("*.view", "user:view", PLATFORM, False),
        ("*.view", "audit:view", PLATFORM, False),
        ("*.create", "user:create", PLATFORM, False),
        ("*.create", "collection:create", PLATFORM, True),
        ("user.*", "user:create", PLATFORM, True),
        ("user.*", "group:create", PLATFORM, False),
        ("*.*", "user:create", PLATFORM, True),
        ("*.*", "delete", Entity("collection", "c"), True),
    ],
)
def test_what_a_star_stands_for(permission: str, action: str, resource: Entity, allowed: bool) -> None:
    question = Question(subject=Subject("user", "eve"), action=action, resource=resource)

    assert check(question, graph_with(permission)).allowed is allowed


@pytest.mark.parametrize(
    ("ceiling", "wanted", "covered"),
    [
        ("*:view", "dataset:view", True),
        ("*:view", "user:view", False),
        ("*:view", "audit:view", False),
        ("*:*", "user:create", True),
        ("user:*", "user:create", True),
        ("", "dataset:view", False),
    ],
)
def test_a_scope_reads_a_star_alike(ceiling: str, wanted: str, covered: bool) -> None:
    assert Scope.parse(ceiling).covers(wanted) is covered


@pytest.mark.parametrize(("action", "resource"), [("member", Entity("group", "g")), ("assignee", Entity("role", "x"))])
def test_who_may_everything_is_not_therefore_in_every_group(action: str, resource: Entity) -> None:
    """A permission says what may be done; membership is a fact, which tuples alone tell."""
    question = Question(subject=Subject("user", "eve"), action=action, resource=resource)

    assert not check(question, graph_with("*.*")).allowed
