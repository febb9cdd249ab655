"""The graph: one published revision at a time, exact memos, expiry by the clock, the current model only."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterable, Iterator

import pytest

from gatepost.access import (
    Decision,
    Graph,
    Reason,
    TupleChange,
    TupleCondition,
    builtin_model,
    check,
    objects,
    read_model,
)
from gatepost.access.check import flat
from gatepost.access.edges import Edges
from gatepost.access.lookup import Plan
from gatepost.principal import Entity, Question, Subject

check_module = importlib.import_module("gatepost.access.check")  # the package's own `check` is the function
Line = str


class Clock:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def row(line: Line, expires: float | None = None) -> tuple[str, str, str, float | None, str | None]:
    entity, _, rest = line.partition("#")
    relation, _, subject = rest.partition("@")
    return entity, relation, subject, expires, None


def add(line: Line, expires: float | None = None) -> TupleChange:
    entity, relation, subject, _, _ = row(line)
    return TupleChange(entity, relation, subject, removed=False, expires_at=expires)


def drop(line: Line) -> TupleChange:
    entity, relation, subject, _, _ = row(line)
    return TupleChange(entity, relation, subject, removed=True, expires_at=None)


def graph_of(lines: Iterable[Line], clock: Clock | None = None) -> Graph:
    graph = Graph(builtin_model(), clock or Clock())
    graph.load([row(line) for line in lines], "1.1")
    return graph


def ask(graph: Graph, subject: str, action: str, resource: str) -> Decision:
    return check(Question(subject=Subject.parse(subject), action=action, resource=Entity.parse(resource)), graph)


def warm_subjects(graph: Graph) -> set[str]:
    return {graph.edges.names[number] for number, known in enumerate(graph.edges.memo) if known is not None}


def may(graph: Graph, subject: str, action: str, resource: str) -> bool:
    first, second = ask(graph, subject, action, resource), ask(graph, subject, action, resource)
    assert first.allowed == second.allowed  # cold and warm
    return first.allowed


@pytest.fixture
def eager_switches() -> Iterator[None]:
    """Let threads take turns a thousand times as often as usual, so that they meet in the middle of a write."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("eager_switches")
def test_a_revision_is_published_whole() -> None:
    """DH-23: two tuples swap places again and again; whoever reads sees exactly one of them."""
    graph = graph_of(["collection:a#viewer@user:ann", "group:g#member@user:bob", "collection:b#viewer@user:zoe"])
    stop = threading.Event()
    seen: list[str] = []
    counts = {"reads": 0}

    def read() -> None:
        question_a = Question(subject=Subject("user", "ann"), action="view", resource=Entity("collection", "a"))
        question_b = Question(subject=Subject("user", "ann"), action="view", resource=Entity("collection", "b"))
        while not stop.is_set():
            before = graph.revision
            answers = check(question_a, graph), check(question_b, graph)
            listed = objects(question_a, graph)
            if {answer.revision for answer in answers} == {before}:
                counts["reads"] += 1
                if answers[0].allowed == answers[1].allowed:
                    seen.append(f"{before}: {answers}")
            if listed.revision == before == graph.revision and len(listed.ids) != 1:
                seen.append(f"{before}: {listed}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    swap = ["collection:a#viewer@user:ann", "collection:b#viewer@user:ann"]
    number = 0
    while counts["reads"] < 2000 and number < 200_000:
        number += 1
        graph.apply([drop(swap[0]), add(swap[1])], f"1.{number + 1}")
        swap.reverse()
    stop.set()
    for reader in readers:
        reader.join()
    assert not seen
    assert counts["reads"] >= 2000


@pytest.mark.usefixtures("eager_switches")
def test_a_membership_swap_is_never_seen_half() -> None:
    """The memo too belongs to one revision: ann is in exactly one of two groups that share one collection each."""
    graph = graph_of(
        ["collection:c#viewer@group:g#member", "collection:c#viewer@group:h#member", "group:g#member@user:ann"]
    )
    stop = threading.Event()
    refused: list[str] = []

    def read() -> None:
        question = Question(subject=Subject("user", "ann"), action="view", resource=Entity("collection", "c"))
        while not stop.is_set():
            decision = check(question, graph)
            if not decision.allowed:
                refused.append(decision.revision)

    reader = threading.Thread(target=read)
    reader.start()
    lines = ["group:g#member@user:ann", "group:h#member@user:ann"]
    for number in range(3000):
        graph.apply([drop(lines[0]), add(lines[1])], f"1.{number}")
        lines.reverse()
    stop.set()
    reader.join()
    assert not refused


def test_a_malformed_change_leaves_everything_as_it_was() -> None:
    graph = graph_of(["collection:a#viewer@user:ann"])
    with pytest.raises(ValueError, match="not a relation tuple"):
        graph.apply([drop("collection:a#viewer@user:ann"), TupleChange("x", "viewer", "user:a", False, None)], "1.2")  # noqa: FBT003
    assert may(graph, "user:ann", "view", "collection:a")
    assert graph.revision == "1.1"


def test_a_change_forgets_the_members_below_and_nobody_else() -> None:
    graph = graph_of(
        [
            "group:low#member@user:ann",
            "group:mid#member@group:low#member",
            "group:other#member@user:bob",
            "collection:a#viewer@group:top#member",
        ]
    )
    assert not may(graph, "user:ann", "view", "collection:a")
    assert not may(graph, "user:bob", "view", "collection:a")
    warm = warm_subjects(graph)
    graph.apply([add("group:top#member@group:mid#member")], "1.2")
    assert warm - warm_subjects(graph) == {"ann"}
    assert may(graph, "user:ann", "view", "collection:a")
    assert not may(graph, "user:bob", "view", "collection:a")
    graph.apply([drop("group:low#member@user:ann")], "1.3")
    assert not may(graph, "user:ann", "view", "collection:a")


def test_a_share_forgets_nobody() -> None:
    graph = graph_of(["group:g#member@user:ann"])
    may(graph, "user:ann", "view", "collection:a")
    warm = list(graph.edges.memo)
    graph.apply([add("collection:a#viewer@group:g#member")], "1.2")
    assert graph.edges.memo[: len(warm)] == warm
    assert warm_subjects(graph) == {"ann"}
    assert may(graph, "user:ann", "view", "collection:a")


@pytest.mark.parametrize(
    "line",
    [
        "collection:a#viewer@user:ann",
        "group:g#member@user:ann",
        "role:r#assignee@user:ann",
        "role:r#permission@platform:x.y",
    ],
)
def test_expiry_is_judged_when_asked_and_bounds_the_memo(line: Line) -> None:
    """DH-X1, trap 21's spirit: what has expired is gone at that very second, without any write."""
    clock = Clock()
    graph = graph_of(["collection:a#viewer@group:g#member", "role:r#permission@platform:collection.view"], clock)
    if line.startswith("role:r#permission"):
        graph = graph_of(["role:r#assignee@user:ann"], clock)
        line = "role:r#permission@platform:collection.view"
    graph.apply([add(line, expires=1010.0)], "1.2")
    assert may(graph, "user:ann", "view", "collection:a")
    clock.now = 1009.9
    assert may(graph, "user:ann", "view", "collection:a")
    clock.now = 1010.0
    assert not may(graph, "user:ann", "view", "collection:a")
    assert not objects(
        Question(subject=Subject("user", "ann"), action="view", resource=Entity("collection", "-")), graph
    ).ids


def test_a_later_state_of_a_tuple_replaces_the_earlier() -> None:
    clock = Clock()
    graph = graph_of(["group:g#member@user:ann", "collection:a#viewer@group:g#member"], clock)
    graph.apply([add("group:g#member@user:ann", expires=1001.0)], "1.2")
    assert graph.tuple_count == 2
    clock.now = 1002.0
    assert not may(graph, "user:ann", "view", "collection:a")
    graph.apply([add("group:g#member@user:ann")], "1.3")
    assert may(graph, "user:ann", "view", "collection:a")
    graph.apply([drop("group:g#member@user:ann")], "1.4")
    assert not may(graph, "user:ann", "view", "collection:a")
    assert graph.tuple_count == 1


def test_tuples_that_the_current_model_does_not_allow_count_for_nothing() -> None:
    """Trap 23, CVE-2022-23542 of OpenFGA: valid under an older model only."""
    rows = [row(line) for line in ("doc:1#reader@user:ann", "doc:1#reader@user:*", "doc:1#reader@group:g#member")]
    old = read_model("model\n schema 1.1\ntype user\ntype doc\n relations\n  define reader: [user, user:*]")
    new = read_model("model\n schema 1.1\ntype user\ntype team\ntype doc\n relations\n  define reader: [user]")
    graph = Graph(old, Clock())
    graph.load(rows, "1.1")
    assert graph.tuple_count == 2
    assert may(graph, "user:bob", "reader", "doc:1")
    graph.load(rows, "1.2", model=new)
    assert graph.tuple_count == 1
    assert not may(graph, "user:bob", "reader", "doc:1")
    assert may(graph, "user:ann", "reader", "doc:1")
    graph.apply([add("doc:1#reader@user:*"), add("doc:1#writer@user:bob"), drop("doc:9#reader@user:new")], "1.3")
    assert graph.tuple_count == 1
    assert not may(graph, "user:bob", "reader", "doc:1")


def test_loading_replaces_everything() -> None:
    graph = graph_of(["collection:a#viewer@user:ann"])
    graph.load([row("collection:b#viewer@user:ann")], "2.1")
    assert not may(graph, "user:ann", "view", "collection:a")
    assert may(graph, "user:ann", "view", "collection:b")
    assert graph.revision == "2.1"


def test_a_row_given_twice_counts_once() -> None:
    graph = graph_of(["collection:a#viewer@user:ann", "collection:a#viewer@user:ann"])
    assert graph.tuple_count == 1


def test_a_deep_chain_of_groups_is_no_recursion() -> None:
    """Groups nest to any depth."""
    lines = [f"group:g{n}#member@group:g{n + 1}#member" for n in range(20_000)]
    graph = graph_of([*lines, "group:g20000#member@user:ann", "collection:a#editor@group:g0#member"])
    decision = ask(graph, "user:ann", "edit", "collection:a")
    assert decision.reason is Reason.GRANTED
    assert len(decision.path) == 20_002


def test_groups_in_a_circle_end() -> None:
    """Trap 23, CVE-2025-46331: what a cycle left open is not kept as an answer."""
    graph = graph_of(
        ["group:a#member@group:b#member", "group:b#member@group:a#member", "collection:c#viewer@group:a#member"]
    )
    assert not may(graph, "user:ann", "view", "collection:c")
    graph.apply([add("group:b#member@user:ann")], "1.2")
    assert may(graph, "user:ann", "view", "collection:c")


def test_who_asks_in_the_middle_of_a_write_waits_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(["collection:a#viewer@user:ann"])
    may(graph, "user:ann", "view", "collection:a")  # warms the memo
    halfway, go_on = threading.Event(), threading.Event()
    put = Edges.add

    def put_slowly(edges: Edges, key: int, value: int, expires: float | None, condition: TupleCondition | None) -> None:
        halfway.set()
        assert go_on.wait(10)
        put(edges, key, value, expires, condition)

    monkeypatch.setattr(Edges, "add", put_slowly)
    swap = [drop("collection:a#viewer@user:ann"), add("collection:b#viewer@user:ann")]
    writer = threading.Thread(target=graph.apply, args=(swap, "1.2"))
    writer.start()
    assert halfway.wait(10)
    answers: list[Decision] = []
    reader = threading.Thread(target=lambda: answers.append(ask(graph, "user:ann", "view", "collection:b")))
    reader.start()
    reader.join(0.05)
    assert not answers  # a is gone and b is not there yet: no answer is the right one
    go_on.set()
    writer.join()
    reader.join()
    assert [(answer.allowed, answer.revision) for answer in answers] == [(True, "1.2")]


def test_an_answer_that_a_write_overtook_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(["collection:a#viewer@user:ann", "group:g#member@user:ann"])
    may(graph, "user:ann", "view", "collection:a")
    overtaken = False

    def look_then_write(edges: Edges, plan: Plan, number: int, mine: frozenset[int]) -> bool | None:
        nonlocal overtaken
        found = flat(edges, plan, number, mine)
        if not overtaken:
            overtaken = True
            graph.apply([drop("collection:a#viewer@user:ann")], "1.2")
        return found

    monkeypatch.setattr(check_module, "flat", look_then_write)
    decision = ask(graph, "user:ann", "view", "collection:a")
    assert overtaken
    assert (decision.allowed, decision.revision) == (False, "1.2")


COMPUTED = """model
  schema 1.1
type user
type group
  relations
    define lead: [user]
    define member: [user, group#member] or lead
"""


def test_a_userset_with_what_is_computed_from_it_is_forgotten_too() -> None:
    """Found by the oracle: leads are members, so a change above the members concerns the leads as a subject."""
    graph = Graph(read_model(COMPUTED), Clock())
    graph.load([row("group:a#lead@user:ann")], "1.1")
    assert not may(graph, "group:a#lead", "member", "group:b")
    graph.apply([add("group:b#member@group:a#member")], "1.2")
    assert may(graph, "group:a#lead", "member", "group:b")
    assert may(graph, "user:ann", "member", "group:b")
