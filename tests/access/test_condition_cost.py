"""A condition that would hold up the whole process stays undecided; what people write is far from that."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from gatepost.access import ConditionUndecided, Graph, TooComplex, check, read_model
from gatepost.access import moment as moments
from gatepost.access.conditions import compile_condition
from gatepost.access.model import Condition
from gatepost.principal import Entity, Question, Subject

NUMBERS = (("x", "list<int>"), ("y", "list<int>"), ("s", "string"), ("t", "string"))
MANY = list(range(50_000))
HEAVY: dict[str, tuple[str, dict[str, object]]] = {
    "compared each time": ("x.all(a, y == y)", {"x": MANY[:9_000], "y": MANY}),
    "looked for each time": ("x.all(a, a in y)", {"x": MANY[:9_000], "y": MANY[::-1]}),
    "rounds within rounds": ("x.all(a, x.all(b, y == y && x == x && a + b >= 0))", {"x": MANY[:99], "y": MANY[:900]}),
    "a list in the expression": (f"x.all(a, a in {MANY[:15_000]})", {"x": MANY[:9_000]}),
    "many comparisons": (" && ".join(["y == y"] * 5_000), {"y": MANY}),
    "a long body": (f"x.all(a, {' && '.join(['a > -1'] * 8_000)})", {"x": MANY[:9_000]}),
    "a long text each time": ("x.all(a, !s.contains('aaaaaaaaaaaaaab'))", {"x": MANY[:9_000], "s": "a" * 900_000}),
    "a pattern that comes with the question": (
        "s.matches(t)",
        {"s": "a" * 5_000, "t": "|".join(["a?" * 500 + "a" * 500] * 100)},
    ),
    "a pattern that is put together": ("s.matches(t + '0}')", {"s": "a" * 90_000, "t": "(a?a?a?a?){10"}),
    "a pattern in raw quotes": ("s.matches(r'''(a?a?a?a?){100}''')", {"s": "a" * 90_000}),
    "a pattern of many states": ("s.matches('(a?){500}(a?){500}b')", {"s": "a" * 900_000}),
    "a text in a text": ("s.contains(t)", {"s": "a" * 500_000, "t": "a" * 250_000 + "b"}),
    "macros beyond counting": (" && ".join(["x.all(a, a > -1)"] * 500), {"x": MANY[:9_000]}),
}
USUAL: dict[str, tuple[str, dict[str, object]]] = {
    "a group among the allowed": ("x.exists(a, a in y)", {"x": MANY[:200], "y": MANY[150:900]}),
    "two of them side by side": ("x.all(a, a > -1) && y.all(a, a > -1)", {"x": MANY[:60], "y": MANY[:60]}),
    "pairs": ("x.exists(a, y.exists(b, a == b))", {"x": MANY[:30], "y": MANY[29:60]}),
    "one look into a long list": ("49999 in y", {"y": MANY}),
    "a short pattern that comes with the question": ("s.matches(t)", {"s": "2025-q3", "t": "^20[0-9]{2}-q[1-4]$"}),
    "an address": (
        "x.all(a, s.matches('^[a-z0-9._%+-]{1,64}@corp\\\\.example$'))",
        {"x": MANY[:9], "s": "ann.of.the.data.team@corp.example"},
    ),
    "a word in a page": ("s.contains('needle') && s.contains(t)", {"s": "a needle" * 5_000, "t": "needle"}),
    "a long text": ("s.startsWith('a') && s.matches('a+') && s != ''", {"s": "a" * 900_000}),
}


def decide(expression: str, values: dict[str, object]) -> bool:
    asked = {"x": [], "y": [], "s": "", "t": ""} | values
    return compile_condition(Condition("c", NUMBERS, expression)).decide({}, asked)


@pytest.mark.parametrize("name", HEAVY)
def test_what_would_take_long_is_not_begun(name: str) -> None:
    with pytest.raises(ConditionUndecided, match="too large"):
        decide(*HEAVY[name])


@pytest.mark.parametrize("name", USUAL)
def test_what_people_write_is_decided(name: str) -> None:
    assert decide(*USUAL[name])


MODEL = read_model(
    """
model
  schema 1.1
type user
type doc
  relations
    define viewer: [user with slow]
condition slow(n: int, x: list<int>) {
  x.all(a, a >= n)
}
"""
)


def test_one_question_evaluates_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tuples each bring along values of their own: past the bound the answer is unknown, and never a no."""
    clock = iter(range(10_000))
    monkeypatch.setattr(moments, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))  # a second a look
    graph = Graph(MODEL, time.time)
    stored = '{"name": "slow", "context": {"n": %d}}'
    rows = [(f"doc:{number}", "viewer", "user:ann", None, stored % number) for number in range(3)]
    graph.load(rows)
    asked = {"x": [5]}
    one = Question(subject=Subject("user", "ann"), action="viewer", resource=Entity("doc", "1"), context=asked)
    assert check(one, graph).allowed
    judged = graph.moment(asked)
    conditions = [graph.edges.timed[key][value][1] for key in graph.edges.timed for value in graph.edges.timed[key]]
    verdicts = [judged.judge(each) for each in conditions if each is not None]
    assert verdicts == [moments.YES, moments.YES, moments.UNKNOWN]
    assert judged.problem is not None
    assert "longer than" in str(judged.problem)
    assert not isinstance(judged.problem, TooComplex)
