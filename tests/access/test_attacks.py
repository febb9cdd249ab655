"""What somebody who may write a store's model and tuples could do to whoever else asks: each ends, and is never a no."""

from __future__ import annotations

from contextlib import suppress

import pytest

from gatepost.access import (
    Contextual,
    RelationTuple,
    TooComplex,
    TooDeep,
    UserFilter,
    check,
    evaluate,
    explain,
    list_users,
    objects,
    walk_objects,
)
from gatepost.principal import Entity
from gatepost.stores.errors import StoreError
from gatepost.stores.questions import in_time
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

    def counting(term: evaluate.Term, values: dict[int, int], opposed: dict[int, int]) -> int:
        counted[0] += 1
        return valuation(term, values, opposed)

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


DEEP = """
model
 schema 1.1
type user
type g
 relations
  define up: [g]
  define on: [user:*]
  define held: [user, g#held]
  define half: ([user, g#half] or half from up) and on
  define left: ([user, g#left] or left from up) but not held
"""


@pytest.mark.parametrize(("relation", "link"), [("held", "held@{}#held"), ("half", "half@{}#half"), ("left", "up@{}")])
def test_thousands_of_levels_are_walked_and_overflow_no_stack(relation: str, link: str) -> None:
    """Forwards, backwards and explained; with a depth it is an error, and a list that takes too long is one."""
    length = 10_000 if relation == "held" else 2_000
    lines = [f"g:{n}#" + link.format(f"g:{n + 1}") for n in range(length)]
    lines += [f"g:{n}#on@user:*" for n in range(length + 1)]
    graph = graph_of(DEEP, (*lines, f"g:{length}#{relation}@user:a"))
    asked = asks("user:a", relation, "g:0")
    assert check(asked, graph).allowed
    assert explain(asked, graph).allowed
    assert not explain(asks("user:b", relation, "g:0"), graph).allowed
    with pytest.raises(TooDeep):
        check(asked, graph, 25)
    if relation == "held":
        assert len(objects(asked, graph).ids) == length + 1
        assert [str(each) for each in list_users(Entity("g", "0"), relation, [UserFilter("user")], graph)] == ["user:a"]
    else:
        listed = None
        with suppress(
            StoreError
        ):  # each of them is asked about, and walks as far: past the deadline there is no answer
            listed = list(in_time(walk_objects(asked, graph)))
        assert listed is None or sum(map(len, listed)) == length + 1


def test_a_circle_through_but_not_is_an_error_in_every_form() -> None:
    """Never a no, also where contextual tuples close the circle."""
    model = "model\n schema 1.1\ntype user\ntype g\n relations\n"
    model += "  define barred: [user, g#in]\n  define in: [user] but not barred\n"
    closing = [RelationTuple.parse(f"g:{n}#barred@g:{(n + 1) % 99}#in") for n in range(99)]
    graph = Contextual(graph_of(model, ("g:0#in@user:a",)), [*closing[1:], RelationTuple.parse("g:98#in@user:a")])
    assert check(asks("user:a", "in", "g:0"), graph).allowed  # nothing closes it yet
    circle = Contextual(graph, [closing[0], *(RelationTuple.parse(f"g:{n}#in@user:a") for n in range(99))])
    with pytest.raises(TooComplex, match="cycle"):
        check(asks("user:a", "in", "g:0"), circle)
    with pytest.raises(TooComplex, match="cycle"):
        objects(asks("user:a", "in", "g:any"), circle)
    with pytest.raises(TooComplex, match="cycle"):
        list_users(Entity("g", "0"), "in", [UserFilter("user")], circle)
    assert not check(asks("user:b", "in", "g:0"), circle).allowed  # whoever is in none of them is told so
    broken = Contextual(circle, [RelationTuple.parse("g:50#barred@user:a")])
    assert [check(asks("user:a", "in", f"g:{n}"), broken).allowed for n in (50, 49, 48, 51)] == [
        False,
        True,
        False,
        False,
    ]
