"""Every answer, forwards and backwards, compared with a slow obvious one over random models and graphs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.access import (
    AuthorizationModel,
    ConditionUndecided,
    Contextual,
    Graph,
    RelationTuple,
    TooComplex,
    TupleChange,
    UserFilter,
    check,
    explain,
    list_users,
    objects,
    subjects,
)
from gatepost.access.usersets import PLAIN, work_out
from gatepost.principal import Entity, Question, Subject
from tests.access.oracle import NOTHING, UNKNOWN, YES, EntangledError, Oracle, Settled
from tests.access.strategies import CONTEXTS, IDS, TYPES, USERS, tuples_of, worlds

EXAMPLES = int(os.environ.get("GATEPOST_EXAMPLES", "60"))
SETTINGS = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
World = tuple[AuthorizationModel, list[RelationTuple]]
SUBJECTS = [Subject("user", name) for name in (*USERS, "zoe", "*")] + [
    Subject("group", "1", "r1"),
    Subject("folder", "2", "r2"),
]


def change(t: RelationTuple, *, removed: bool = False) -> TupleChange:
    expires = None if t.expires_at is None else t.expires_at.timestamp()
    return TupleChange(str(t.object), t.relation, str(t.subject), removed, expires, stored(t))


def graph_of(model: AuthorizationModel, tuples: Sequence[RelationTuple]) -> Graph:
    graph = Graph(model, lambda: 0.0)
    graph.load([(str(t.object), t.relation, str(t.subject), None, stored(t)) for t in tuples], "1.0")
    return graph


def stored(t: RelationTuple) -> dict[str, object] | None:
    return None if t.condition is None else t.condition.stored()


def answer(
    graph: Graph, subject: Subject, action: str, entity: Entity, context: Mapping[str, object] = NOTHING
) -> bool | None:
    """None: not known, because of a condition or a cycle through `but not`."""
    try:
        return check(Question(subject=subject, action=action, resource=entity, context=context), graph).allowed
    except (TooComplex, ConditionUndecided):
        return None


def expected(oracle: Oracle, subject: Subject, action: str, entity: Entity) -> bool | None:
    """Raises `EntangledError` where the oracle meets a cycle through `but not`."""
    found = oracle.holds(subject, action, entity)
    return None if found == UNKNOWN else found == YES


def said_by_themselves(tuples: Sequence[RelationTuple]) -> list[RelationTuple]:
    """Without those that nobody may write: a userset has its own relation by being what it is."""
    return [t for t in tuples if t.subject != Subject(t.object.type, t.object.id, t.relation)]


def questions() -> list[tuple[Subject, str, Entity]]:
    return [(s, r, Entity(k, i)) for s in SUBJECTS for k in TYPES for i in IDS for r in ("r1", "r2", "r3")]


def compare(
    model: AuthorizationModel,
    tuples: Sequence[RelationTuple],
    graph: Graph,
    context: Mapping[str, object] = NOTHING,
) -> None:
    oracle = Oracle(model, tuples, context)
    for subject, action, entity in questions():
        found = answer(graph, subject, action, entity, context)
        try:
            wanted = expected(oracle, subject, action, entity)
        except EntangledError:
            value = Settled(model, tuples, context).value(subject, action, entity)
            wanted = None if value == UNKNOWN else value == YES
        assert found == wanted, f"{subject} {action} {entity}"


@SETTINGS
@given(worlds())
def test_check_agrees_with_the_oracle(world: World) -> None:
    model, tuples = world
    compare(model, tuples, graph_of(model, tuples))


@SETTINGS
@given(worlds(monotone=True))
def test_check_agrees_with_the_oracle_where_plans_are_flat(world: World) -> None:
    model, tuples = world
    compare(model, tuples, graph_of(model, tuples))


@SETTINGS
@given(worlds(conditions=True), st.lists(CONTEXTS, min_size=2, max_size=3))
def test_conditions_hold_by_the_context_of_the_question(world: World, contexts: list[dict[str, object]]) -> None:
    """Without a value an answer is unknown unless another way allows; one graph, asked with one context after another."""
    model, tuples = world
    graph = graph_of(model, tuples)
    for context in contexts:
        compare(model, tuples, graph, context)


@SETTINGS
@given(worlds(conditions=True), st.integers(0, 8), CONTEXTS)
def test_contextual_tuples_count_as_if_they_were_stored(world: World, count: int, context: dict[str, object]) -> None:
    """And the graph below them answers as before, warm as it is."""
    model, tuples = world[0], said_by_themselves(world[1])
    graph = graph_of(model, tuples[count:])
    compare(model, tuples[count:], graph, context)
    compare(model, tuples, Contextual(graph, tuples[:count]), context)
    compare(model, tuples[count:], graph, context)


@SETTINGS
@given(worlds(conditions=True, size=12), st.data())
def test_a_contextual_tuple_stands_in_the_place_of_a_stored_one(world: World, data: st.DataObject) -> None:
    model, tuples = world
    more = said_by_themselves(data.draw(st.lists(tuples_of(model), max_size=6)))
    held = {(t.object, t.relation, t.subject): t for t in (*tuples, *more)}
    compare(model, list(held.values()), Contextual(graph_of(model, tuples), more), data.draw(CONTEXTS))


@SETTINGS
@given(worlds(monotone=True), st.data())
def test_lists_and_explanations_agree_with_check(world: World, data: st.DataObject) -> None:
    model, tuples = world
    graph = graph_of(model, tuples)
    _lists_agree(graph, data.draw(st.sampled_from(TYPES)), data.draw(st.sampled_from(["r1", "r2", "r3"])))


@SETTINGS
@given(worlds(), st.data())
def test_lists_agree_with_check_in_the_whole_language(world: World, data: st.DataObject) -> None:
    model, tuples = world
    graph = graph_of(model, tuples)
    kind, action = data.draw(st.sampled_from(TYPES)), data.draw(st.sampled_from(["r1", "r2", "r3"]))
    if any(answer(graph, s, a, e) is None for s, a, e in questions() if e.type == kind and a == action):
        return
    _lists_agree(graph, kind, action)


def _lists_agree(graph: Graph, kind: str, action: str) -> None:
    for subject in SUBJECTS:
        question = Question(subject=subject, action=action, resource=Entity(kind, "any"))
        wanted = {f"{kind}:{i}" for i in IDS if answer(graph, subject, action, Entity(kind, i))}
        assert set(objects(question, graph).ids) - {str(subject.entity)} == wanted - {str(subject.entity)}, subject
    for identifier in IDS:
        entity = Entity(kind, identifier)
        listed = set(subjects(entity, action, graph))
        for subject in SUBJECTS[:5]:
            question = Question(subject=subject, action=action, resource=entity)
            allowed = check(question, graph).allowed
            explanation = explain(question, graph)
            assert explanation.allowed == allowed
            assert explanation.sentence
            if allowed:
                assert explanation.path
                assert str(subject) in listed or "user:*" in listed
            else:
                assert str(subject) not in listed


@SETTINGS
@given(worlds(size=12), st.data())
def test_a_changed_graph_answers_as_a_freshly_loaded_one(world: World, data: st.DataObject) -> None:
    """Trap 23: nothing that a change made wrong stays in a memo, and what the change left alone stays."""
    model, tuples = world
    graph = graph_of(model, tuples)
    held = {(t.object, t.relation, t.subject): t for t in tuples}
    for revision in range(6):
        for subject, action, entity in questions()[::7]:
            answer(graph, subject, action, entity)  # warms memos
        batch = []
        for _ in range(data.draw(st.integers(1, 3))):
            drops: bool = data.draw(st.booleans())
            if held and drops:
                gone = held.pop(data.draw(st.sampled_from(sorted(held, key=str))))
                batch.append(change(gone, removed=True))
            else:
                new: RelationTuple = data.draw(tuples_of(model))
                held[new.object, new.relation, new.subject] = new
                batch.append(change(new))
        graph.apply(batch, f"1.{revision + 1}")
        for number, known in enumerate(graph.edges.memo):
            if known is not None:
                fresh = work_out(graph.edges, number << graph.edges.compiled.bits, PLAIN, graph.moment())
                assert (fresh.mine, fresh.permissions) == known
        for value, someone in graph.edges.uncommon.items():
            assert work_out(graph.edges, value, PLAIN, graph.moment()).mine == someone.mine
    assert graph.tuple_count == len(held)
    compare(model, list(held.values()), graph)


def has_answer(graph: Graph, kind: str, action: str, context: Mapping[str, object]) -> bool:
    return all(
        answer(graph, subject, action, Entity(kind, identifier), context) is not None
        for subject in SUBJECTS
        for identifier in IDS
    )


@SETTINGS
@given(worlds(conditions=True, size=18), st.data())
def test_lists_know_conditions_expiry_and_contextual_tuples(world: World, data: st.DataObject) -> None:
    """Half of the tuples expire, some of them already; some come with the question alone."""
    model, tuples = world[0], said_by_themselves(world[1])
    ends = data.draw(st.lists(st.sampled_from([None, None, 50.0, -50.0]), min_size=len(tuples), max_size=len(tuples)))
    count = data.draw(st.integers(0, 4))
    graph = Graph(model, lambda: 0.0)
    rows = [(str(t.object), t.relation, str(t.subject), end, stored(t)) for t, end in zip(tuples, ends, strict=True)]
    graph.load(rows[count:], "1.0")
    view = Contextual(graph, tuples[:count])
    alive = tuples[:count] + [t for t, end in zip(tuples[count:], ends[count:], strict=True) if end is None or end > 0]
    context, kind = data.draw(CONTEXTS), data.draw(st.sampled_from(TYPES))
    action = data.draw(st.sampled_from(["r1", "r2", "r3"]))
    compare(model, alive, view, context)
    if not has_answer(view, kind, action, context):
        return
    for subject in SUBJECTS:
        question = Question(subject=subject, action=action, resource=Entity(kind, "any"), context=context)
        wanted = {f"{kind}:{i}" for i in IDS if answer(view, subject, action, Entity(kind, i), context)}
        assert set(objects(question, view).ids) - {str(subject.entity)} == wanted - {str(subject.entity)}, subject
    for identifier in IDS:
        entity = Entity(kind, identifier)
        filters = [UserFilter("user"), UserFilter("group", "r1"), UserFilter("folder", "r2")]
        try:
            listed = set(list_users(entity, action, filters, view, context))
        except (ConditionUndecided, TooComplex):
            continue  # the answer of somebody else is not known
        for subject in SUBJECTS:
            allowed = answer(view, subject, action, entity, context)
            individual = not subject.relation and not subject.is_wildcard
            assert allowed or subject not in listed
            if allowed and subject.relation and entity != subject.entity:
                assert subject in listed or not _is_named(subject, alive), subject
            elif allowed and not subject.relation:
                assert subject in listed or (individual and Subject("user", "*") in listed), subject


def _is_named(subject: Subject, tuples: Sequence[RelationTuple]) -> bool:
    """A userset that stands in no tuple may hold a relation by what it is, and then nobody would list it."""
    return any(t.subject == subject for t in tuples)
