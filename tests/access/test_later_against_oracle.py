"""A later moment, asked of a graph that is warm with answers of now, compared with what is left then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatepost.access import Graph, Later, TooComplex, check, check_at
from gatepost.principal import Question
from tests.access.oracle import EntangledError, Oracle
from tests.access.strategies import worlds
from tests.access.test_against_oracle import SETTINGS, World, answer, expected, questions, said_by_themselves

MOMENTS = (0.0, 10.0, 20.0, 30.0)


@SETTINGS
@given(worlds(), st.lists(st.sampled_from([None, 5.0, 15.0, 25.0]), min_size=12, max_size=12))
def test_what_is_left_at_a_moment_decides_there(world: World, ends: list[float | None]) -> None:
    model, tuples = world[0], said_by_themselves(world[1])
    until = [ends[number % len(ends)] for number in range(len(tuples))]
    graph = Graph(model, lambda: 0.0)
    rows = ((str(t.object), t.relation, str(t.subject), end, None) for t, end in zip(tuples, until, strict=True))
    graph.load(list(rows), "1.0")
    oracles = {
        moment: Oracle(model, [t for t, end in zip(tuples, until, strict=True) if end is None or end > moment], {})
        for moment in MOMENTS
    }
    for subject, action, entity in questions()[::7]:
        for moment in (0.0, 30.0, 10.0, 20.0, 0.0):
            try:
                wanted = expected(oracles[moment], subject, action, entity)
            except EntangledError:
                continue
            asked = Question(subject=subject, action=action, resource=entity)
            found = answer(graph if moment == 0 else Later(graph, moment), subject, action, entity)
            assert found == wanted, f"{subject} {action} {entity} at {moment}"
            try:
                now, then = check(asked, graph).allowed, check_at(asked, graph, moment).allowed
            except TooComplex:
                continue
            assert then == wanted, f"{subject} {action} {entity} at {moment}, now {now}"
