"""The largest models that are taken: read, validated and compiled in seconds, whatever their author had in mind."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gatepost.access import (
    Graph,
    RelationTuple,
    format_model,
    parse_model,
    read_model,
    read_model_json,
    validate,
    write_model_json,
)
from gatepost.access.model_size import size_of
from gatepost.access.plan import MAX_SETS, Compiled
from gatepost.access.scan import MAX_BYTES
from gatepost.errors import InvalidModel
from gatepost.principal import Entity
from tests.access.oracle import YES, Oracle
from tests.access.test_against_oracle import SUBJECTS, answer, graph_of

HEAD = "model\n  schema 1.1\ntype user\ntype d\n  relations\n"
GENEROUS = 15.0  # seconds; on a quiet machine each takes less than two


def definitions(count: int, of: Callable[[int], str]) -> str:
    return HEAD + "".join(f"    define r{n}: {of(n)}\n" for n in range(count))


def before(n: int, width: int, form: str) -> list[str]:
    return [form.format(m) for m in range(max(0, n - width), n)]


MODELS = {
    "a chain": definitions(999, lambda n: f"r{n - 1}" if n else "[user]"),
    "a chain the other way": definitions(999, lambda n: f"r{n + 1}" if n < 998 else "[user]"),
    "wide unions": definitions(900, lambda n: " or ".join(["[user]", *before(n, 18, "r{}")])),
    "usersets": definitions(900, lambda n: f"[{', '.join(['user', *before(n, 15, 'd#r{}')])}]"),
    "from": definitions(700, lambda n: " or ".join(before(n, 8, "r{} from p")) or "[user]") + "    define p: [d]\n",
    "many types": "model\n  schema 1.1\ntype user\n"
    + "".join(
        f"type t{n}\n  relations\n" + "".join(f"    define r{m}: [user]\n" for m in range(10)) for n in range(99)
    ),
    "types above all types": "model\n  schema 1.1\ntype user\n"
    + "".join(
        f"type t{n}\n  relations\n    define p: [{', '.join(f't{m}' for m in range(99))}]\n"
        + "".join(f"    define r{m}: [user] or r{(m + 1) % 9} from p or r{m * 2 % 9} from p\n" for m in range(9))
        for n in range(99)
    ),
}


@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS.keys())
def test_a_large_model_is_ready_in_seconds(text: str) -> None:
    assert len(text) <= MAX_BYTES
    start = time.monotonic()
    model = read_model(text)
    Compiled(model)
    assert time.monotonic() - start < GENEROUS
    assert parse_model(format_model(model)) == model
    assert read_model_json(write_model_json(model)) == model


def test_a_model_of_256_kib_is_read_and_a_larger_one_refused() -> None:
    filler = "# " + "x" * 98 + "\n"
    text = HEAD + "    define a: [user]\n"
    text += filler * ((MAX_BYTES - len(text)) // len(filler))
    text += "\n" * (MAX_BYTES - len(text))
    assert list(read_model(text).types) == ["user", "d"]
    with pytest.raises(InvalidModel, match="larger than 256 KiB"):
        read_model(text + "\n")
    with pytest.raises(InvalidModel, match="larger than 256 KiB"):
        read_model(text[:-1] + "\u00e9")


def test_the_size_of_json_is_counted_as_openfga_counts() -> None:
    """27.02 KB is what OpenFGA's own program says of the chain."""
    assert round(size_of(read_model(MODELS["a chain"])) / 1024, 2) == 27.02
    document = write_model_json(read_model(MODELS["a chain"]))
    large = read_model_json(document | {"conditions": {"late": {"expression": "x" * MAX_BYTES}}})
    with pytest.raises(InvalidModel, match="larger than 256 KiB"):
        validate(large)


def automaton(states: int) -> str:
    """A model whose sets of relations, as one goes from parent to parent, are as many as the subsets of its relations."""
    lines = ["define p: [d]", "define q: [d]", "define s0: [user] or s0 from p or s1 from p or s0 from q"]
    lines += [f"define s{n}: s{n + 1} from p or s{n + 1} from q" for n in range(1, states)]
    return HEAD + "".join(f"    {line}\n" for line in (*lines, f"define s{states}: [user]"))


def test_a_model_cannot_make_sets_of_relations_without_end() -> None:
    start = time.monotonic()
    Graph(read_model(automaton(30)), lambda: 0.0)
    assert time.monotonic() - start < GENEROUS


def test_where_sets_are_cut_short_the_answers_stay_right() -> None:
    states = MAX_SETS.bit_length() + 2
    model = read_model(automaton(states))
    lines = [f"d:{n}#{'p' if n % 3 else 'q'}@d:{n + 1}" for n in range(2 * states)]
    tuples = [RelationTuple.parse(line) for line in (*lines, f"d:{states + 2}#s{states}@user:ann")]
    graph, oracle = graph_of(model, tuples), Oracle(model, tuples)
    for n in range(states + 3):
        for relation in ("s0", "s1", f"s{states - 1}"):
            entity = Entity("d", str(n))
            wanted = oracle.holds(SUBJECTS[0], relation, entity) == YES
            assert answer(graph, SUBJECTS[0], relation, entity) == wanted, (n, relation)


def test_a_model_that_was_not_validated_does_not_hang() -> None:
    with pytest.raises(ValueError, match="computed from itself"):
        Compiled(parse_model(HEAD + "    define a: b\n    define b: a\n"))
