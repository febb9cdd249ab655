"""Lists of users and of actions, expand, and the depth that a question may set: what OpenFGA asks of a graph."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatepost.access import (
    Contextual,
    Graph,
    Reason,
    RelationTuple,
    TooDeep,
    TupleChange,
    UserFilter,
    actions,
    builtin_model,
    check,
    expand,
    list_users,
    objects,
    read_model,
    walk_users,
)
from gatepost.errors import InvalidField
from gatepost.principal import Entity, Question, Scope, Subject

DOCS = """
model
  schema 1.1
type user
type group
  relations
    define lead: [user]
    define member: [user, user:*, group#member] or lead
type doc
  relations
    define parent: [doc]
    define blocked: [user, user:*]
    define pardoned: [user]
    define barred: blocked but not pardoned
    define viewer: [user, user:*, group#member] but not blocked
    define reader: [user, user:*] but not barred
    define both: [user, user:*] and blocked
    define heir: [group#member] or heir from parent
"""
LINES = (
    "group:g#member@user:a",
    "group:g#lead@user:b",
    "group:h#member@group:g#member",
    "group:e#member@user:*",
    "doc:1#viewer@group:h#member",
    "doc:1#viewer@user:*",
    "doc:1#blocked@user:a",
    "doc:2#reader@user:*",
    "doc:2#blocked@user:*",
    "doc:2#pardoned@user:c",
    "doc:3#both@user:*",
    "doc:3#blocked@user:d",
    "doc:4#parent@doc:5",
    "doc:5#heir@group:h#member",
    "doc:6#heir@group:e#member",
)


def graph_of(text: str, lines: tuple[str, ...], now: float = 0.0, **expiries: float) -> Graph:
    graph = Graph(read_model(text), lambda: now, roles=False)
    parsed = [RelationTuple.parse(line) for line in lines]
    graph.load([(str(t.object), t.relation, str(t.subject), expiries.get(t.subject.id), None) for t in parsed], "1.1")
    assert graph.tuple_count == len(lines)
    return graph


@pytest.mark.parametrize(
    ("entity", "relation", "wanted", "listed"),
    [
        ("doc:1", "viewer", UserFilter("user"), "user:* user:b"),
        ("doc:1", "viewer", UserFilter("group", "member"), "group:g#member group:h#member"),
        ("doc:1", "viewer", UserFilter("group", "lead"), "group:g#lead group:h#lead"),
        ("doc:1", "viewer", UserFilter("doc", "viewer"), "doc:1#viewer"),
        ("doc:1", "viewer", UserFilter("doc", "blocked"), ""),
        ("doc:2", "reader", UserFilter("user"), "user:c"),
        ("doc:3", "both", UserFilter("user"), "user:d"),
        ("doc:4", "heir", UserFilter("group", "member"), "group:g#member group:h#member"),
        ("doc:4", "heir", UserFilter("doc", "heir"), "doc:4#heir doc:5#heir"),
        ("doc:4", "parent", UserFilter("doc"), "doc:5"),
        ("doc:4", "heir", UserFilter("group"), ""),
        ("doc:6", "heir", UserFilter("user"), "user:*"),
        ("doc:99", "heir", UserFilter("doc", "heir"), "doc:99#heir"),
        ("doc:99", "heir", UserFilter("user"), ""),
    ],
)
def test_users_are_listed_as_openfga_does(entity: str, relation: str, wanted: UserFilter, listed: str) -> None:
    """Each of these is what OpenFGA's own program answers."""
    graph = graph_of(DOCS, LINES)
    for _ in ("cold", "warm"):
        found = list_users(Entity.parse(entity), relation, [wanted], graph)
        assert [str(each) for each in found] == listed.split()


def test_several_filters_are_one_list_and_slices_lose_nothing() -> None:
    graph = graph_of(DOCS, LINES)
    filters = [UserFilter("user"), UserFilter("group", "member")]
    found = list_users(Entity("doc", "1"), "viewer", filters, graph)
    assert [str(each) for each in found] == ["group:g#member", "group:h#member", "user:*", "user:b"]
    parts = list(walk_users(Entity("doc", "1"), "viewer", filters, graph, slice_size=1))
    assert sorted(each for part in parts for each in part) == list(found)
    assert max(map(len, parts)) == 1


@pytest.mark.parametrize(
    ("entity", "relation", "wanted", "sentence"),
    [
        ("planet:1", "viewer", UserFilter("user"), "resource: unknown type planet"),
        ("doc:1", "flies", UserFilter("user"), "relation: flies is not a relation of doc: one of parent"),
        ("doc:1", "viewer", UserFilter("robot"), "user_filters: unknown type robot"),
        ("doc:1", "viewer", UserFilter("group", "fan"), "user_filters: fan is not a relation of group"),
    ],
)
def test_a_list_of_what_is_not_there_is_an_error(entity: str, relation: str, wanted: UserFilter, sentence: str) -> None:
    with pytest.raises(InvalidField, match=sentence):
        list_users(Entity.parse(entity), relation, [wanted], graph_of(DOCS, LINES))


def test_expired_users_are_not_listed() -> None:
    graph = graph_of(DOCS, LINES, now=100.0, b=50.0)
    assert [str(each) for each in list_users(Entity("doc", "1"), "viewer", [UserFilter("user")], graph)] == ["user:*"]


def test_contextual_tuples_are_in_the_list_and_in_the_tree() -> None:
    graph = graph_of(DOCS, LINES)
    view = Contextual(
        graph, [RelationTuple.parse("doc:1#viewer@user:new"), RelationTuple.parse("group:g#member@user:z")]
    )
    listed = list_users(Entity("doc", "1"), "viewer", [UserFilter("user")], view)
    assert [str(each) for each in listed] == ["user:*", "user:b", "user:new", "user:z"]
    assert "user:new" in str(expand(Entity("doc", "1"), "viewer", view))
    assert "user:new" not in str(expand(Entity("doc", "1"), "viewer", graph))


def test_expand_answers_openfga_s_tree() -> None:
    graph = graph_of(DOCS, LINES)
    assert expand(Entity("doc", "1"), "viewer", graph) == {
        "name": "doc:1#viewer",
        "difference": {
            "base": {"name": "doc:1#viewer", "leaf": {"users": {"users": ["group:h#member", "user:*"]}}},
            "subtract": {"name": "doc:1#viewer", "leaf": {"computed": {"userset": "doc:1#blocked"}}},
        },
    }
    assert expand(Entity("doc", "4"), "heir", graph) == {
        "name": "doc:4#heir",
        "union": {
            "nodes": [
                {"name": "doc:4#heir", "leaf": {"users": {"users": []}}},
                {
                    "name": "doc:4#heir",
                    "leaf": {"tupleToUserset": {"tupleset": "doc:4#parent", "computed": [{"userset": "doc:5#heir"}]}},
                },
            ]
        },
    }
    assert expand(Entity("doc", "99"), "both", graph)["intersection"]
    with pytest.raises(InvalidField, match="unknown type planet"):
        expand(Entity("planet", "1"), "both", graph)
    with pytest.raises(InvalidField, match="flies is not a relation"):
        expand(Entity("doc", "1"), "flies", graph)


def asks(subject: str, action: str, resource: str, scope: Scope | None = None) -> Question:
    return Question(subject=Subject.parse(subject), action=action, resource=Entity.parse(resource), scope=scope)


def test_actions_are_all_that_one_may() -> None:
    graph = Graph(builtin_model(), lambda: 0.0)
    graph.load(
        [
            ("collection:c", "editor", "user:ann", None, None),
            ("role:r", "permission", "platform:collection.export", None, None),
            ("role:r", "permission", "platform:dataset.view", None, None),
            ("role:r", "permission", "platform:user.create", None, None),
            ("role:r", "assignee", "user:bob", None, None),
        ],
        "1.1",
    )
    assert actions(asks("user:ann", "", "collection:c"), graph).allowed == ("editor", "viewer", "view", "edit")
    assert actions(asks("user:bob", "", "collection:c"), graph).allowed == ("export",)
    assert actions(asks("user:bob", "", "dataset:any"), graph).allowed == ("view",)
    assert actions(asks("user:bob", "", "platform:main"), graph).allowed == (
        "collection:export",
        "dataset:view",
        "user:create",
    )
    narrow = Scope.parse("collection:edit")
    assert actions(asks("user:ann", "", "collection:c", narrow), graph).allowed == ("edit",)
    with pytest.raises(InvalidField, match="unknown type planet"):
        actions(asks("user:ann", "", "planet:c"), graph)


def test_a_userset_is_listed_with_its_own_object_whether_or_not_a_tuple_names_it() -> None:
    """As check answers it, and as OpenFGA lists it."""
    graph = graph_of(GROUPS, ())
    question = Question(subject=Subject("group", "new", "member"), action="member", resource=Entity("group", "any"))
    assert check(replace(question, resource=Entity("group", "new")), graph).allowed
    assert objects(question, graph).ids == ("group:new",)
    written = [("group:new", "user:a"), ("group:b", "group:new#member")]
    graph.apply([TupleChange(o, "member", s, removed=False, expires_at=None) for o, s in written], "1.2")
    assert objects(question, graph).ids == ("group:b", "group:new")


# -- depth --------------------------------------------------------------------------------------------------------------

GROUPS = "model\n schema 1.1\ntype user\ntype group\n relations\n  define member: [user, group#member]\n"
PARENTS = (
    "model\n schema 1.1\ntype user\ntype f\n relations\n  define parent: [f]\n  define v: [user] or v from parent\n"
)
OWN = "model\n schema 1.1\ntype user\ntype f\n relations\n" + "".join(
    f"  define a{n}: [user, f#a{n + 1}]\n" if n < 200 else f"  define a{n}: [user]\n" for n in range(201)
)
COMPUTED = "model\n schema 1.1\ntype user\ntype f\n relations\n  define r0: [user]\n" + "".join(
    f"  define r{n}: r{n - 1}\n" for n in range(1, 41)
)


def chain(link: str, end: str, length: int) -> tuple[str, ...]:
    return (*(link.format(n, n + 1) for n in range(length)), end.format(length))


@pytest.mark.parametrize(
    ("text", "link", "end", "asked"),
    [
        (GROUPS, "group:{}#member@group:{}#member", "group:{}#member@user:a", ("member", "group:0")),
        (PARENTS, "f:{}#parent@f:{}", "f:{}#v@user:a", ("v", "f:0")),
        (OWN, "f:0#a{}@f:0#a{}", "f:0#a{}@user:a", ("a0", "f:0")),
    ],
    ids=["groups", "parents", "usersets of one object"],
)
@pytest.mark.parametrize(("length", "too_deep"), [(3, False), (25, False), (26, True), (200, True)])
def test_a_yes_beyond_the_depth_is_an_error(
    text: str, link: str, end: str, asked: tuple[str, str], length: int, too_deep: bool
) -> None:
    """Trap 23: 25 as in OpenFGA, whose own program answers at 25 and not at 26.  Without a depth there is no end."""
    graph = graph_of(text, chain(link, end, length))
    question = asks("user:a", *asked)
    for _ in ("cold", "warm"):
        assert check(question, graph).allowed
        assert not check(asks("user:b", *asked), graph, depth=25).allowed  # a no is not made one by a bound
        if too_deep:
            with pytest.raises(TooDeep, match="deeper than 25"):
                check(question, graph, depth=25)
        else:
            assert check(question, graph, depth=25).reason is Reason.GRANTED


def test_relations_of_one_object_are_not_a_step_deeper() -> None:
    graph = graph_of(COMPUTED, ("f:0#r0@user:a",))
    assert check(asks("user:a", "r40", "f:0"), graph, depth=25).allowed


def test_the_shortest_way_counts() -> None:
    lines = chain("group:{}#member@group:{}#member", "group:{}#member@user:a", 40)
    graph = graph_of(GROUPS, (*lines, "group:3#member@user:a"))
    assert check(asks("user:a", "member", "group:0"), graph, depth=25).allowed
    with pytest.raises(TooDeep):
        check(asks("user:a", "member", "group:0"), graph, depth=2)
    assert check(asks("user:a", "member", "group:0"), graph, depth=3).allowed


def test_a_contextual_tuple_is_a_step_too() -> None:
    graph = graph_of(GROUPS, chain("group:{}#member@group:{}#member", "group:{}#member@user:b", 25))
    view = Contextual(graph, [RelationTuple.parse("group:25#member@group:new#member")])
    more = Contextual(view, [RelationTuple.parse("group:new#member@user:a")])
    assert check(asks("user:a", "member", "group:0"), more).allowed
    with pytest.raises(TooDeep):
        check(asks("user:a", "member", "group:0"), more, depth=25)
    assert check(asks("user:a", "member", "group:1"), more, depth=25).allowed


# -- stores of one's own ------------------------------------------------------------------------------------------------


def test_in_a_store_of_one_s_own_protected_names_mean_nothing() -> None:
    """A type `role` there gives nobody a permission, and an unknown relation of `user` is an error, never a no."""
    text = """
model
  schema 1.1
type user
  relations
    define friend: [user]
type role
  relations
    define assignee: [user]
    define permission: [platform]
type platform
type doc
  relations
    define viewer: [user]
"""
    graph = graph_of(text, ("role:r#assignee@user:a", "role:r#permission@platform:doc.viewer", "user:a#friend@user:b"))
    assert not check(asks("user:a", "viewer", "doc:1"), graph).allowed
    assert check(asks("user:b", "friend", "user:a"), graph).allowed
    for action, resource in (("create", "user:a"), ("doc:viewer", "platform:main"), ("export", "doc:1")):
        with pytest.raises(InvalidField, match="is not a relation of"):
            check(asks("user:a", action, resource), graph)


@pytest.mark.parametrize(
    "text",
    [
        "model\n schema 1.1\ntype user\n",
        "model\n schema 1.1\ntype role\n relations\n  define permission: [role]\n",
        "model\n schema 1.1\ntype role\n relations\n  define assignee: [role]\n",
        "model\n schema 1.1\ntype doc\n relations\n  define viewer: [doc]\n",
    ],
)
@pytest.mark.parametrize("roles", [True, False])
def test_a_model_needs_none_of_the_protected_types(text: str, roles: bool) -> None:
    graph = Graph(read_model(text), lambda: 0.0, roles=roles)
    for kind in graph.model.types.values():
        for relation in kind.relations:
            assert not check(asks(f"{kind.name}:x", relation, f"{kind.name}:y"), graph).allowed
            assert list_users(Entity(kind.name, "y"), relation, [UserFilter(kind.name)], graph) == ()
