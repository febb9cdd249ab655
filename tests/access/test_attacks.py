"""What somebody who may write a store's model and tuples could do to whoever else asks: each ends, and is never a no."""

from __future__ import annotations

import pytest

from gatepost.access import check, evaluate
from tests.access.test_questions import asks, graph_of

TWO_WAYS = """
model
 schema 1.1
type user
type g
 relations
  define on: [user:*]
  define chosen: [user]
  define source: chosen and on
  define member: [g#member, g#source] and on
"""


@pytest.mark.parametrize("source", [0, 500])
def test_a_long_circle_is_gone_round_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch, source: int) -> None:
    """Groups that are in their neighbours both ways: whichever end a yes comes from, it must not take a round a step."""
    length, counted, valuation = 500, [0], evaluate.valuation

    def counting(term: evaluate.Term, values: dict[int, int]) -> int:
        counted[0] += 1
        return valuation(term, values)

    monkeypatch.setattr(evaluate, "valuation", counting)
    lines = [f"g:{n}#on@user:*" for n in range(length + 1)]
    lines += [f"g:{n}#member@g:{n + 1}#member" for n in range(length)]
    lines += [f"g:{n + 1}#member@g:{n}#member" for n in range(length)]
    lines += [f"g:{source}#member@g:root#source", "g:root#chosen@user:a", "g:root#on@user:*"]
    graph = graph_of(TWO_WAYS, tuple(lines))
    for end in (0, length):
        assert check(asks("user:a", "member", f"g:{end}"), graph).allowed
        assert not check(asks("user:b", "member", f"g:{end}"), graph).allowed
    assert counted[0] < 100 * length


def nested(relations: int) -> str:
    """Each relation is thirty parentheses, one in another, around the one before it."""
    lines = ["model", " schema 1.1", "type user", "type d", " relations", "  define r0: [user]"]
    for number in range(relations):
        inner = f"r{number}"
        for level in range(30):
            inner = f"({inner} {'and' if level % 2 else 'or'} r{max(0, number - level)})"
        lines.append(f"  define r{number + 1}: {inner}")
    return "\n".join(lines)


@pytest.mark.parametrize("relations", [3, 30, 300])
def test_relations_of_relations_nested_as_deep_as_may_be_are_answered(relations: int) -> None:
    """What is looked up part by part is so to a depth; beyond it, it is worked out, and no stack overflows."""
    graph = graph_of(nested(relations), ("d:1#r0@user:a",))
    assert check(asks("user:a", f"r{relations}", "d:1"), graph).allowed
    assert not check(asks("user:b", f"r{relations}", "d:1"), graph).allowed
