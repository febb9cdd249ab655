"""Each world is asked forwards (check, cold and warm) and backwards (both lists, explanation)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gatepost.access import Contextual, Graph, allows, builtin_model, check, explain, objects, read_model, subjects
from gatepost.principal import Entity, Question, Subject
from tests.access.worlds import WORLDS, World, read_tuple


def graph_of(world: World) -> Graph:
    model = read_model(world.model) if world.model else builtin_model()
    graph = Graph(model, lambda: 0.0)
    parsed = [read_tuple(line) for line in world.tuples]
    for each in parsed:
        allows(model, each)
    graph.load(
        [
            (str(t.object), t.relation, str(t.subject), None, t.condition.stored() if t.condition else None)
            for t in parsed
        ],
        "1.1",
    )
    assert graph.tuple_count == len(world.tuples)
    return Contextual(graph, map(read_tuple, world.contextual)) if world.contextual else graph


def question(subject: str, asked: str, context: Mapping[str, object]) -> Question:
    action, _, resource = asked.partition(" ")
    return Question(subject=Subject.parse(subject), action=action, resource=Entity.parse(resource), context=context)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_forwards(world: World) -> None:
    graph = graph_of(world)
    for asked, allowed in world.may.items():
        for subject in world.who:
            for _ in ("cold", "warm"):
                decision = check(question(subject, asked, world.context), graph)
                assert decision.allowed == (subject in allowed), f"{subject} {asked}: {decision.why}"


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_backwards(world: World) -> None:
    graph = graph_of(world)
    for asked, allowed in world.may.items():
        resource = question("user:x", asked, {}).resource
        listed = set(subjects(resource, asked.partition(" ")[0], graph, world.context))
        wildcards = {f"{Subject.parse(subject).type}:*" for subject in allowed}
        assert listed & set(world.who) <= set(allowed)
        assert all(subject in listed or listed & wildcards for subject in allowed)
        for subject in world.who:
            found = objects(question(subject, asked, world.context), graph)
            if resource.type != "platform" and not found.everything:
                assert (str(resource) in found.ids) == (subject in allowed), f"{subject} {asked}"
            elif resource.type != "platform":
                assert subject in allowed


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_explained(world: World) -> None:
    graph = graph_of(world)
    for asked, allowed in world.may.items():
        for subject in world.who:
            explanation = explain(question(subject, asked, world.context), graph)
            assert explanation.allowed == (subject in allowed)
            assert bool(explanation.path) == explanation.allowed
            assert explanation.allowed or (explanation.tried and explanation.would_allow)
    for asked_of, sentence in world.expected_sentences.items():
        subject, _, asked = asked_of.partition(" ")
        assert check(question(subject, asked, world.context), graph).why == sentence


def test_what_would_allow_does_allow() -> None:
    world = next(each for each in WORLDS if each.name.startswith("DH-24"))
    graph = graph_of(world)
    explanation = explain(question("user:bob", "edit collection:sales", {}), graph)
    assert explanation.would_allow == (
        "make bob editor of collection:sales",
        "add bob to all",
        "give bob a role that holds collection:edit",
    )
