"""Scope, chosen role, vouched names, unknowns: what surrounds the relations."""

from __future__ import annotations

import pytest

from gatepost.access import ConditionUndecided, Graph, Reason, TooComplex, TupleChange, check, objects, read_model
from gatepost.access.decision import Decision
from gatepost.errors import InvalidField, Unavailable
from gatepost.principal import Entity, Question, Scope, Subject
from tests.access.test_graph import add, graph_of, row

LINES = [
    "role:editors#permission@platform:collection.edit",
    "role:editors#assignee@user:ann",
    "role:viewers#permission@platform:collection.view",
    "role:viewers#permission@platform:collection.archive",
    "role:viewers#assignee@user:ann",
    "collection:by-role#owner@role:editors#assignee",
    "collection:own#owner@user:ann",
    "group:g#member@user:ann",
    "collection:by-group#editor@group:g#member",
    "group:up#member@group:vouched#member",
    "collection:far#viewer@group:up#member",
]


def ask(graph: Graph, asked: str, **more: object) -> Decision:
    subject, action, resource = asked.split()
    return check(
        Question(subject=Subject.parse(subject), action=action, resource=Entity.parse(resource), **more),  # type: ignore[arg-type]
        graph,
    )


def test_a_decision_is_never_tested_for_truth() -> None:
    with pytest.raises(TypeError, match=r"\.allowed"):
        bool(ask(graph_of(LINES), "user:ann view collection:own"))


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        ("collection:view", Reason.GRANTED),
        ("*:view", Reason.GRANTED),
        ("*:*", Reason.GRANTED),
        ("collection:*", Reason.GRANTED),
        ("collection:edit", Reason.OUTSIDE_SCOPE),
        ("dataset:view", Reason.OUTSIDE_SCOPE),
        ("", Reason.OUTSIDE_SCOPE),
    ],
)
def test_a_scope_only_narrows(scope: str, reason: Reason) -> None:
    graph = graph_of(LINES)
    decision = ask(graph, "user:ann view collection:own", scope=Scope.parse(scope))
    assert (decision.reason, decision.allowed) == (reason, reason is Reason.GRANTED)
    assert not ask(graph, "user:zoe view collection:own", scope=Scope.parse(scope)).allowed
    question = Question(
        subject=Subject("user", "ann"), action="view", resource=Entity("collection", "-"), scope=Scope.parse(scope)
    )
    assert bool(objects(question, graph).ids) == decision.allowed


@pytest.mark.parametrize(
    ("asked", "role", "allowed"),
    [
        ("edit collection:any", None, True),
        ("edit collection:any", "editors", True),
        ("edit collection:any", "viewers", False),
        ("edit collection:any", "nobody-has-it", False),
        ("delete collection:by-role", "editors", True),
        ("delete collection:by-role", "viewers", False),
        ("delete collection:own", "viewers", True),
        ("edit collection:by-group", "viewers", True),
    ],
)
def test_a_chosen_role_silences_the_others(asked: str, role: str | None, allowed: bool) -> None:
    """HA-X5: shares and permissions of other roles do not count, the caller's own and its groups' do."""
    assert ask(graph_of(LINES), f"user:ann {asked}", role=role).allowed == allowed


def test_vouched_names_count_for_the_call_and_what_they_reach() -> None:
    graph = graph_of(LINES)
    groups, roles = frozenset({"vouched"}), frozenset({"editors"})
    assert ask(graph, "user:new view collection:far", groups=groups).allowed
    assert ask(graph, "user:new edit collection:any", roles=roles).allowed
    assert ask(graph, "user:new delete collection:by-role", roles=roles).allowed
    assert not ask(graph, "user:new edit collection:any", roles=roles, role="viewers").allowed
    assert not ask(graph, "user:new view collection:far").allowed
    why = ask(graph, "user:new view collection:far", groups=groups).why
    assert why == "new counts as vouched: vouched is a member of up, which is viewer of collection:far"


def test_an_unknown_is_not_a_no() -> None:
    graph = graph_of(LINES)
    with pytest.raises(InvalidField, match="fly is not an action on collection: one of owner, editor, viewer, view"):
        ask(graph, "user:ann fly collection:own")
    with pytest.raises(InvalidField, match="unknown type planet: one of collection, dataset, knowledge"):
        ask(graph, "user:ann view planet:earth")
    with pytest.raises(InvalidField, match="unknown type robot"):
        ask(graph, "robot:r2 view collection:own")
    with pytest.raises(InvalidField, match="flies is not a relation of group"):
        ask(graph, "group:g#flies view collection:own")
    with pytest.raises(InvalidField, match="write type:action"):
        ask(graph, "user:ann create platform:main")


def test_an_action_that_only_a_role_holds_is_an_action() -> None:
    graph = graph_of(LINES)
    assert ask(graph, "user:ann archive collection:own").reason is Reason.ROLE_PERMISSION
    assert not ask(graph, "user:zoe archive collection:own").allowed


def test_asking_leaves_no_trace_in_memory() -> None:
    graph = graph_of(LINES)
    names = len(graph.edges.names)
    for number in range(50):
        ask(graph, f"user:stranger{number} view collection:unheard{number}")
        ask(graph, f"user:ann thing{number}:do platform:main")
        ask(graph, f"group:none{number}#member view collection:own")
    assert len(graph.edges.names) == names


def test_a_userset_is_asked_about_as_itself() -> None:
    graph = graph_of([*LINES, "collection:open#viewer@user:*"])
    assert ask(graph, "group:g#member edit collection:by-group").allowed
    assert ask(graph, "group:vouched#member view collection:far").allowed
    assert not ask(graph, "group:g#member view collection:own").allowed
    assert not ask(graph, "group:g#member view collection:open").allowed


CYCLE = """model
  schema 1.1
type user
type doc
  relations
    define next: [doc]
    define blocked: [user] or ok from next
    define ok: [user] but not blocked
"""


def test_a_cycle_through_but_not_raises() -> None:
    """Law 5: under an exclusion a false no is a yes."""
    graph = Graph(read_model(CYCLE), lambda: 0.0)
    rows = ["doc:1#next@doc:2", "doc:2#next@doc:1", "doc:1#ok@user:ann", "doc:2#ok@user:ann", "doc:3#ok@user:ann"]
    graph.load([row(line) for line in rows])
    with pytest.raises(TooComplex, match="cycle through `but not`") as caught:
        ask(graph, "user:ann ok doc:1")
    assert isinstance(caught.value, Unavailable)
    assert ask(graph, "user:ann ok doc:3").allowed
    graph.apply([TupleChange("doc:2", "next", "doc:1", removed=True, expires_at=None)], "1.2")
    assert not ask(graph, "user:ann ok doc:1").allowed
    assert ask(graph, "user:ann ok doc:2").allowed


def test_a_cycle_through_but_not_is_no_answer_only_where_the_answer_hangs_on_it() -> None:
    """Whoever is in no part of it was told that the question is too complex."""
    graph = Graph(read_model(CYCLE), lambda: 0.0)
    rows = ["doc:1#next@doc:2", "doc:2#next@doc:1", "doc:1#ok@user:ann", "doc:2#blocked@user:eve", "doc:2#ok@user:eve"]
    graph.load([row(line) for line in [*rows, "doc:1#ok@user:eve"]])
    answers = {(who, n): ask(graph, f"user:{who} ok doc:{n}").allowed for who in ("ann", "bob", "eve") for n in (1, 2)}
    assert {asked for asked, yes in answers.items() if yes} == {("ann", 1), ("eve", 1)}
    assert ask(graph, "user:ann blocked doc:2").allowed


def test_a_bound_is_an_error_not_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 23, P-9: a depth limit is an error."""
    monkeypatch.setattr("gatepost.access.evaluate.MAX_NODES", 10)
    graph = Graph(read_model(CYCLE), lambda: 0.0)
    graph.load([(f"doc:{n}", "next", f"doc:{n + 1}", None, None) for n in range(20)])
    graph.apply([add(f"doc:{n}#ok@user:ann") for n in range(21)], "1.2")
    with pytest.raises(TooComplex, match="more than 10 steps"):
        ask(graph, "user:ann ok doc:0")


CONDITIONAL = """model
  schema 1.1
type user
type group
  relations
    define member: [user, user with late]
type doc
  relations
    define viewer: [user, user:*, user:* with late, group#member, user with late]
    define blocked: [user with late]
    define reader: viewer but not blocked
condition late(now: int) {
  now > 1
}
"""


def test_a_conditional_tuple_is_neither_yes_nor_no() -> None:
    """Trap 23, CVE-2025-64751 and 2026-33729 of OpenFGA: a condition is never passed over."""
    graph = Graph(read_model(CONDITIONAL), lambda: 0.0)
    graph.load(
        [
            ("doc:1", "viewer", "user:*", None, "late"),
            ("doc:1", "viewer", "user:bob", None, None),
            ("doc:2", "viewer", "user:ann", None, None),
            ("doc:2", "blocked", "user:ann", None, "late"),
            ("group:g", "member", "user:cyd", None, "late"),
            ("doc:3", "viewer", "group:g#member", None, None),
            ("doc:3", "viewer", "user:dan", None, "unknown"),
        ]
    )
    assert graph.tuple_count == 6
    assert ask(graph, "user:bob viewer doc:1").allowed
    for asked in ("user:ann viewer doc:1", "user:ann reader doc:2", "user:cyd viewer doc:3"):
        with pytest.raises(ConditionUndecided):
            ask(graph, asked)
    assert ask(graph, "user:ann viewer doc:2").allowed
    assert not ask(graph, "user:dan viewer doc:3").allowed
