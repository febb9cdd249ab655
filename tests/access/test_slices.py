"""Lists are made in slices, with revisions written in between: complete all the same, and never a wrong name in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.access import (
    AuthorizationModel,
    Contextual,
    Graph,
    RelationTuple,
    TooDeep,
    TupleChange,
    UserFilter,
    builtin_model,
    check,
    parse_model,
    walk_objects,
    walk_users,
)
from gatepost.access import slices as pieces
from gatepost.access.edges import Changes
from gatepost.access.search import ids_in_order, walk_ids, walk_subjects
from gatepost.access.slices import Neighbours, in_order
from gatepost.errors import Unavailable
from gatepost.principal import Entity, Question, Subject
from tests.access.strategies import IDS, TYPES, USERS, tuples_of, worlds
from tests.access.test_against_oracle import SETTINGS, World, change, graph_of, said_by_themselves

RELATIONS = ("r1", "r2", "r3")
MANY = 20_000
Asked = dict[str, Question]  # by the name that a list would have


@st.composite
def revisions(draw: st.DrawFn, model: AuthorizationModel) -> list[list[TupleChange]]:
    one = st.builds(lambda t, gone: change(t, removed=gone), tuples_of(model), st.booleans())
    return draw(st.lists(st.lists(one, min_size=1, max_size=3), max_size=12))


def compare(parts: Iterator[Sequence[object]], asked: Asked, graph: Graph, steps: list[list[TupleChange]]) -> None:
    """Write a revision after each slice: what held at each one is listed, what held at none is not."""
    known: list[set[str]] = []
    listed: list[str] = []
    stored = graph.below if isinstance(graph, Contextual) else graph
    left = iter(steps)
    try:
        while True:
            known.append({name for name, question in asked.items() if check(question, graph).allowed})
            part = next(parts, None)
            if part is None:
                break
            listed += map(str, part)
            for step in islice(left, 1):
                stored.apply(step, "1.1")
    except Unavailable:
        return  # a cycle through `but not`, or beyond a bound: there is no list either
    assert len(listed) == len(set(listed))
    assert set(listed) <= set.union(*known)
    if "user:*" not in set.union(*known):  # whom only a wildcard lets in is not named beside it
        assert set.intersection(*known) <= set(listed)


def what_is_reached(world: World, data: st.DataObject, contextual: int = 0) -> None:
    model, tuples = world[0], said_by_themselves(world[1])
    stored = graph_of(model, tuples[contextual:])
    graph = Contextual(stored, tuples[:contextual]) if contextual else stored
    subject = data.draw(
        st.sampled_from(
            [Subject("user", "ann"), Subject("user", "zoe"), Subject("user", "*"), Subject("group", "1", "r1")]
        )
    )
    kind, action = data.draw(st.sampled_from(TYPES)), data.draw(st.sampled_from(RELATIONS))
    things = [Entity(kind, i) for i in IDS]
    asked = {str(each): Question(subject=subject, action=action, resource=each) for each in things}
    parts = walk_objects(asked[f"{kind}:1"], graph, slice_size=1)
    if subject.relation:  # it has relations to its own object, which no tuple has to name
        asked.pop(f"{subject.type}:{subject.id}", None)
        parts = (tuple(name for name in part if name in asked) for part in parts)
    compare(parts, asked, graph, data.draw(revisions(model)))


@SETTINGS
@given(worlds(), st.data())
def test_what_one_reaches_while_it_changes(world: World, data: st.DataObject) -> None:
    what_is_reached(world, data)


@SETTINGS
@given(worlds(monotone=True), st.data())
def test_what_one_reaches_by_flat_plans_while_it_changes(world: World, data: st.DataObject) -> None:
    what_is_reached(world, data)


@SETTINGS
@given(worlds(monotone=True), st.data())
def test_what_one_reaches_with_contextual_tuples_while_it_changes(world: World, data: st.DataObject) -> None:
    what_is_reached(world, data, contextual=3)


@SETTINGS
@given(worlds(), st.data())
def test_what_one_reaches_where_every_set_is_read_in_pieces(world: World, data: st.DataObject) -> None:
    with patch.object(pieces, "LONG", 0):
        what_is_reached(world, data)


@SETTINGS
@given(worlds(), st.data(), st.sampled_from([0, pieces.LONG]))
def test_who_reaches_something_while_it_changes(world: World, data: st.DataObject, long: int) -> None:
    model, tuples = world
    graph = graph_of(model, tuples)
    entity, action = Entity(data.draw(st.sampled_from(TYPES)), "1"), data.draw(st.sampled_from(RELATIONS))
    asked = {
        f"user:{name}": Question(subject=Subject("user", name), action=action, resource=entity)
        for name in (*USERS, "*")
    }
    walks = {
        "any": walk_subjects(entity, action, graph, slice_size=1),
        "users": walk_users(entity, action, [UserFilter("user")], graph, slice_size=1),
    }
    with patch.object(pieces, "LONG", long):
        parts = walks[data.draw(st.sampled_from(sorted(walks)))]
        compare(parts, asked, graph, data.draw(revisions(model)))


def put(line: str, *, removed: bool = False) -> TupleChange:
    entity, _, rest = line.partition("#")
    relation, _, subject = rest.partition("@")
    return TupleChange(entity, relation, subject, removed, None)


def listed_while(lines: list[str], steps: list[list[TupleChange]], begin: int, *, long: int) -> list[str]:
    """What ann can view of the data sets, with a revision after each slice from the slice `begin` on."""
    graph = Graph(builtin_model(), lambda: 0.0)
    graph.load([(c.object, c.relation, c.subject, None, None) for c in map(put, lines)], "1.0")
    question = Question(subject=Subject("user", "ann"), action="view", resource=Entity("dataset", "any"))
    found: list[str] = []
    with patch.object(pieces, "LONG", long):
        for number, part in enumerate(walk_ids(question, graph, slice_size=1)):
            found += part
            if 0 <= number - begin < len(steps):
                graph.apply(steps[number - begin], f"1.{number + 1}")
    return sorted(found)


@pytest.mark.parametrize("long", [0, pieces.LONG])
@pytest.mark.parametrize("begin", range(8))
def test_what_was_never_shared_with_a_former_member_is_not_listed(begin: int, long: int) -> None:
    """The walk knows of the membership that ended, and meets what was shared with the group afterwards."""
    steps = [[put("group:g#member@user:ann", removed=True), put("dataset:secret#viewer@group:g#member")]]
    lines = ["group:g#member@user:ann", *(f"dataset:{n}#viewer@user:ann" for n in range(4))]
    assert listed_while(lines, steps, begin, long=long) == ["0", "1", "2", "3"]
    inherited = ["collection:c#viewer@user:ann", "dataset:0#parent@collection:c"]
    steps = [[put(inherited[0], removed=True), put("dataset:secret#parent@collection:c")]]
    assert "secret" not in listed_while(inherited, steps, begin, long=long)


@pytest.mark.parametrize("long", [0, pieces.LONG])
@pytest.mark.parametrize("begin", range(8))
@pytest.mark.parametrize(("old", "new"), [("a", "b"), ("b", "a")])
def test_what_moves_from_one_collection_to_another_is_listed(old: str, new: str, begin: int, long: int) -> None:
    """One may view it by either, and so all the while, in whatever order the walk reads the two."""
    lines = ["collection:a#viewer@user:ann", "collection:b#viewer@user:ann"]
    lines += ["dataset:1#parent@collection:a", "dataset:2#parent@collection:b", f"dataset:m#parent@collection:{old}"]
    moved = [put(f"dataset:m#parent@collection:{old}", removed=True), put(f"dataset:m#parent@collection:{new}")]
    assert listed_while(lines, [moved], begin, long=long) == ["1", "2", "m"]


def test_a_large_set_is_read_to_its_end_though_it_changes() -> None:
    changes, held = Changes(), set(range(MANY))
    neighbours = Neighbours(held, changes)
    read = set(neighbours.read(100))
    held.difference_update(range(50, MANY, 2))
    held.update(range(MANY, MANY + 10))
    changes.note(1, 1)
    while part := neighbours.read(3_000):
        assert len(part) <= 3_000
        read.update(part)
        held.clear()
        changes.note(1, 1)
    assert read >= {*range(1, MANY, 2), *range(MANY, MANY + 10)}


def test_changes_are_kept_up_to_a_bound_and_not_silently_beyond() -> None:
    changes = Changes()
    for number in range(12_000):
        changes.note(number, number)
    assert changes.since(11_998) == [(11_999, 11_999), (11_998, 11_998)]
    assert changes.since(12_000) == []
    assert changes.since(1_000) is None


@pytest.mark.parametrize("first", [0, 1, 100, MANY])
def test_names_come_in_order_whatever_is_asked_for_first(first: int) -> None:
    names = [f"{number * 7_919 % MANY}" for number in range(MANY)]
    assert list(in_order(names, first)) == sorted(names)
    assert list(in_order([], first)) == []


def popular() -> Graph:
    """One person with a share on each of many data sets, and one group with as many members."""
    graph = Graph(builtin_model(), lambda: 0.0)
    shares = [(f"dataset:{number}", "viewer", "user:ann", None, None) for number in range(MANY)]
    members = [("group:all", "member", f"user:{number}", None, None) for number in range(MANY)]
    graph.load([*shares, *members, ("dataset:d", "viewer", "group:all#member", None, None)], "1.0")
    return graph


def test_a_slice_is_bounded_by_tuples_however_many_name_one_subject() -> None:
    graph = popular()
    question = Question(subject=Subject("user", "ann"), action="view", resource=Entity("dataset", "any"))
    parts = list(walk_ids(question, graph, slice_size=500))
    assert max(map(len, parts)) <= 500
    assert sum(1 for part in parts if not part) >= MANY / 500  # the walk itself, too
    assert sum(map(len, parts)) == MANY
    walked = list(walk_users(Entity("dataset", "d"), "viewer", [UserFilter("user")], graph, slice_size=500))
    assert sum(1 for part in walked if not part) >= MANY / 500
    assert sum(map(len, walked)) == MANY


def test_a_page_begins_after_its_cursor() -> None:
    graph = popular()
    question = Question(subject=Subject("user", "ann"), action="view", resource=Entity("dataset", "any"))
    everything = sorted(str(number) for number in range(MANY))
    assert list(islice(ids_in_order(question, graph, first=3), 3)) == everything[:3]
    assert list(islice(ids_in_order(question, graph, after="5", first=3), 5)) == [n for n in everything if n > "5"][:5]


def test_a_role_s_everything_is_listed_in_slices() -> None:
    graph = popular()
    granted = [
        TupleChange("role:reader", "permission", "platform:dataset.view", removed=False, expires_at=None),
        TupleChange("role:reader", "assignee", "user:bob", removed=False, expires_at=None),
    ]
    graph.apply(granted, "1.1")
    question = Question(subject=Subject("user", "bob"), action="view", resource=Entity("dataset", "any"))
    parts = list(walk_ids(question, graph, slice_size=500))
    assert max(map(len, parts)) <= 500
    assert sorted(name for part in parts for name in part) == sorted([*map(str, range(MANY)), "d"])
    walk, seen = walk_ids(question, graph, slice_size=500), 0
    for part in walk:
        if seen == 0 and part:
            graph.apply([TupleChange("role:reader", "assignee", "user:bob", removed=True, expires_at=None)], "1.2")
        seen += len(part)
    assert seen <= 500


FOLDERS = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type doc
  relations
    define parent: [folder]
    define viewer: [user] or viewer from parent
"""


def test_a_depth_takes_no_lock_where_nothing_lies_so_deep() -> None:
    """A check with a bound is as free of others as one without, also where the types allow any depth."""
    graph = Graph(parse_model(FOLDERS), lambda: 0.0, roles=False)
    chain = [(f"folder:{number}", "parent", f"folder:{number + 1}", None, None) for number in range(30)]
    graph.load([*chain, ("folder:30", "viewer", "user:ann", None, None), ("doc:1", "parent", "folder:20", None, None)])
    question = Question(subject=Subject("user", "ann"), action="viewer", resource=Entity("doc", "1"))
    assert check(question, graph, 25).allowed  # warm
    with ThreadPoolExecutor(1) as pool, graph.lock:
        assert pool.submit(check, question, graph, 25).result(timeout=20).allowed
    deep = Question(subject=Subject("user", "ann"), action="viewer", resource=Entity("folder", "1"))
    with pytest.raises(TooDeep):
        check(deep, graph, 25)


def test_heights_count_the_parents_that_the_types_allow() -> None:
    plans = Graph(builtin_model(), lambda: 0.0).edges.compiled
    assert plans.plans[plans.key("dataset", "view")].height == 1
    assert plans.plans[plans.key("collection", "view")].height == 0
    folders = Graph(parse_model(FOLDERS), lambda: 0.0, roles=False).edges.compiled
    assert folders.plans[folders.key("doc", "viewer")].height > MANY


COMBINED = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define viewer: [user, user:*, group#member]
type doc
  relations
    define parent: [folder]
    define blocked: [user, group#member]
    define reviewer: [group#member]
    define viewer: [user, user:*] or viewer from parent
    define can_view: viewer but not blocked
    define can_review: reviewer and can_view
    define odd: ([user] or viewer from parent) and (viewer but not reviewer)
"""
SHARED = (
    "folder:all#viewer@user:*",
    "folder:g#viewer@group:g#member",
    "group:g#member@user:ann",
    "group:r#member@group:g#member",
    "group:other#member@user:bob",
    *(f"doc:{n}#parent@folder:{'all' if n % 2 else 'g'}" for n in range(40)),
    *(f"doc:{n}#blocked@user:ann" for n in range(0, 40, 3)),
    *(f"doc:{n}#reviewer@group:r#member" for n in range(0, 40, 5)),
)


@pytest.mark.parametrize("subject", ["ann", "bob"])
@pytest.mark.parametrize("action", ["viewer", "can_view", "can_review", "odd"])
def test_and_and_but_not_of_flat_parts_take_no_lock_and_list_by_sets(subject: str, action: str) -> None:
    """They are asked as often as anything else; the long way round, which contextual tuples go, says the same."""
    graph = Graph(parse_model(COMBINED), lambda: 0.0, roles=False)
    graph.load([(c.object, c.relation, c.subject, None, None) for c in map(put, SHARED)], "1.0")
    asked = {
        str(n): Question(subject=Subject("user", subject), action=action, resource=Entity("doc", str(n)))
        for n in range(40)
    }
    other = Contextual(graph, [RelationTuple.parse("doc:else#viewer@user:zoe")])
    expected = {name for name, question in asked.items() if check(question, other).allowed}
    assert {name for name, question in asked.items() if check(question, graph).allowed} == expected
    with patch("gatepost.access.search.asked_in_slices", side_effect=AssertionError("it asks about each")):
        assert set(ids_in_order(asked["0"], graph)) == expected
    with ThreadPoolExecutor(1) as pool, graph.lock:
        answers = pool.submit(lambda: {name for name, each in asked.items() if check(each, graph, 25).allowed})
        assert answers.result(timeout=20) == expected
    assert expected or subject == "bob"


def test_a_popular_group_is_not_looked_through_while_everybody_waits() -> None:
    """Below the bound exactly its members are forgotten, whoever else is warm; beyond it, everybody at once."""
    graph = popular()
    graph.apply([put("group:other#member@user:bob"), put("group:few#member@user:1")], "1.1")
    for name in ("1", "bob"):
        check(Question(subject=Subject("user", name), action="view", resource=Entity("dataset", "d")), graph)
    known = graph.edges.memo
    bob = graph.edges.ids["user"]["bob"]
    graph.apply([put("group:top#member@group:few#member")], "1.2")
    assert known is graph.edges.memo
    assert known[bob] is not None
    with patch("gatepost.access.usersets.MAX_FORGOTTEN", 10):
        graph.apply([put("group:top#member@group:all#member")], "1.3")
    assert graph.edges.memo[bob] is None
    question = Question(subject=Subject("user", "1"), action="view", resource=Entity("dataset", "d"))
    assert check(question, graph).allowed


def test_everybody_who_is_in_a_flat_list_is_named_without_being_asked_about() -> None:
    graph = popular()
    with patch("gatepost.access.users._may", side_effect=AssertionError("it asks about each")):
        walked = [
            each for part in walk_users(Entity("dataset", "d"), "viewer", [UserFilter("user")], graph) for each in part
        ]
    assert len(walked) == MANY
