"""`gatepost model check` and `gatepost model test`: without a server, and bounded whatever the file holds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.house.source import ROOT
from tests.peers.programs import fga_tool

WORLD = ROOT / "examples/models/documents.fga.yaml"
MODEL = """
model: |
  model
    schema 1.1
  type user
  type doc
    relations
      define viewer: [user, user:*, user with recent]
  condition recent(at: timestamp) {
    at > timestamp("2027-01-01T00:00:00Z")
  }
"""


def written(folder: Path, text: str, name: str = "world.fga.yaml") -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_the_example_is_as_it_says(run: Run) -> None:
    done = run("model", "test", str(WORLD))
    assert done.exit_code == 0, done.output
    assert "ok    whoever is blocked neither reads nor writes (2 questions)" in done.output
    assert done.output.splitlines()[-1] == "4 passed, 0 failed, 12 questions asked"


@pytest.mark.peer
def test_openfgas_own_tool_runs_the_example_too() -> None:
    done = subprocess.run(
        [fga_tool(), "model", "test", "--tests", str(WORLD)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tests 4/4 passing" in done.stdout + done.stderr


def tower(folder: Path, height: int) -> str:
    """A world in which ann is in a group that is in a group, and so on; `height` times."""
    above = "\n".join(
        f'  - {{user: "group:{n + 1}#member", relation: member, object: "group:{n}"}}' for n in range(height)
    )
    model = "model\n    schema 1.1\n  type user\n  type group\n    relations\n      define member: [user, group#member]"
    return written(
        folder,
        f"name: tower\nmodel: |\n  {model}\ntuples:\n{above}\n"
        f'  - {{user: "user:ann", relation: member, object: "group:{height}"}}\n'
        'tests:\n  - check: [{user: "user:ann", object: "group:0", assertions: {member: true}}]\n',
    )


@pytest.mark.parametrize(("height", "code"), [(25, 0), (26, 1)])
def test_what_openfga_finds_too_deep_has_no_answer_here_either(
    run: Run, tmp_path: Path, height: int, code: int
) -> None:
    """25 usersets and parents, one above another: the bound of OpenFGA's server, and of its tool's tests."""
    world = tower(tmp_path, height)
    done = run("model", "test", world)
    assert done.exit_code == code, done.output
    assert ("deeper than 25 steps" in done.output) == bool(code)
    # The platform itself has no such bound; its OpenFGA API has.
    own = world.replace(".fga.yaml", ".main.fga.yaml")
    Path(own).write_text(Path(world).read_text().replace("  type user\n", "").replace("group", "team"))
    assert run("model", "test", "--main", own).exit_code == 0
    assert run("model", "test", "--main", "--openfga-limits", own).exit_code == code


def test_the_bound_is_that_of_the_api() -> None:
    from gatepost.cli.world_run import OPENFGA_DEPTH
    from gatepost.stores.questions import DEEPEST

    assert OPENFGA_DEPTH == DEEPEST


@pytest.mark.peer
@pytest.mark.parametrize(("height", "code"), [(25, 0), (26, 1)])
def test_openfgas_own_tool_has_the_same_bound(tmp_path: Path, height: int, code: int) -> None:
    world = tower(tmp_path, height)
    done = subprocess.run([fga_tool(), "model", "test", "--tests", world], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr


def test_an_answer_that_is_another_one_is_told_with_its_reason(run: Run, tmp_path: Path) -> None:
    text = f"""{MODEL}
tuples: [{{user: "user:ann", relation: viewer, object: "doc:1"}}]
tests:
  - name: wrong
    check:
      - {{user: "user:ann", object: "doc:1", assertions: {{viewer: false}}}}
      - {{user: "user:bob", object: "doc:1", assertions: {{viewer: true}}}}
    list_objects: [{{user: "user:ann", type: doc, assertions: {{viewer: ["doc:2"]}}}}]
    list_users: [{{object: "doc:1", user_filter: [{{type: user}}], assertions: {{viewer: {{users: ["user:bob"]}}}}}}]
  - name: right
    check: [{{user: "user:ann", object: "doc:1", assertions: {{viewer: yes}}}}]
"""
    done = run("model", "test", written(tmp_path, text))
    assert done.exit_code == 1
    assert "FAIL  wrong (4 of 4 questions)" in done.output
    assert "expected no, came yes" in done.output
    assert "expected yes, came no" in done.output
    assert "missing: doc:2; not expected: doc:1" in done.output
    assert "missing: user:bob; not expected: user:ann" in done.output
    assert "ok    right" in done.output
    assert "1 passed, 1 failed, 5 questions asked" in done.output

    found = json.loads(run("model", "test", "--json", written(tmp_path, text)).output)
    assert [test["passed"] for test in found[0]["tests"]] == [False, True]


def test_what_cannot_be_answered_has_failed_and_is_no_no(run: Run, tmp_path: Path) -> None:
    text = f"""{MODEL}
tuples: [{{user: "user:ann", relation: viewer, object: "doc:1", condition: {{name: recent}}}}]
tests:
  - check: [{{user: "user:ann", object: "doc:1", assertions: {{viewer: false}}}}]
  - check: [{{user: "user:ann", object: "doc:1", assertions: {{editor: false}}}}]
"""
    done = run("model", "test", written(tmp_path, text))
    assert done.exit_code == 1
    assert "expected no, came an error" in done.output
    assert "editor is not a relation of doc" in done.output


def test_a_time_may_stand_there_without_quotes(run: Run, tmp_path: Path) -> None:
    text = f"""{MODEL}
tuples: [{{user: "user:ann", relation: viewer, object: "doc:1", condition: {{name: recent}}}}]
tests:
  - check:
    - {{user: "user:ann", object: "doc:1", context: {{at: 2027-06-01T00:00:00Z}}, assertions: {{viewer: true}}}}
    - {{user: "user:ann", object: "doc:1", context: {{at: "2026-06-01T00:00:00Z"}}, assertions: {{viewer: false}}}}
"""
    assert run("model", "test", written(tmp_path, text)).exit_code == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.json", '[{"user": "user:ann", "relation": "viewer", "object": "doc:1"}]'),
        ("t.jsonl", '{"user": "user:ann", "relation": "viewer", "object": "doc:1"}\n'),
        ("t.yaml", "- {user: 'user:ann', relation: viewer, object: 'doc:1'}\n"),
        ("t.csv", "user_type,user_id,user_relation,relation,object_type,object_id\nuser,ann,,viewer,doc,1\n"),
    ],
)
def test_tuples_may_stand_in_a_file_of_their_own(run: Run, tmp_path: Path, name: str, content: str) -> None:
    written(tmp_path, content, name)
    asked = 'tests: [{check: [{user: "user:ann", object: "doc:1", assertions: {viewer: true}}]}]'
    text = f"{MODEL}\ntuple_file: {name}\n{asked}\n"
    assert run("model", "test", written(tmp_path, text)).exit_code == 0


def test_as_on_the_platforms_own_store_roles_count(run: Run, tmp_path: Path) -> None:
    text = """
model: |
  model
    schema 1.1
  type doc
    relations
      define owner: [user, group#member]
      define view: owner
tuples:
  - {user: "group:a#member", relation: assignee, object: "role:reader"}
  - {user: "user:ann", relation: member, object: "group:a"}
  - {user: "platform:doc.view", relation: permission, object: "role:reader"}
tests:
  - check: [{user: "user:ann", object: "doc:1", assertions: {view: true, owner: false}}]
"""
    assert run("model", "test", "--main", written(tmp_path, text)).exit_code == 0
    alone = run("model", "test", written(tmp_path, text))
    assert alone.exit_code == 2
    assert "user is not a type" in alone.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "line 1, column 5: is not YAML"),
        ("a: 1\na: 2", "line 2: the key a stands twice"),
        ("name: x", "has neither model nor model_file"),
        ("model_file: nowhere.fga", "nowhere.fga: No such file"),
        ("model_file: fga.mod", "modules"),
        ("model: |\n  model\n    schema 9.9", "line 2, column 10: schema 9.9 is not supported"),
        (f"{MODEL}\ntuples: [{{user: 'user:ann', relation: editor, object: 'doc:1'}}]", "tuples[0]: editor cannot be"),
        (f"{MODEL}\ntuples: [{{user: ann, relation: viewer, object: 'doc:1'}}]", "tuples[0]: 'ann' is not of the form"),
        (f"{MODEL}\ntests: [{{check: [{{object: 'doc:1'}}]}}]", "tests[0].check[0]: user is missing"),
        (f"{MODEL}\ntests: []", "there is no test"),
        (f"{MODEL}\ntests: 7", "tests[0]: has to be a table"),
        ("x: !!python/object/apply:os.system ['true']", "is missing|neither model|not taken"),
        ("- [&a [*a]]", "nested deeper"),
        ("[" * 3000, "not YAML"),
    ],
)
def test_a_file_that_is_no_world_says_what_is_wrong(run: Run, tmp_path: Path, text: str, said: str) -> None:
    done = run("model", "test", written(tmp_path, text))
    assert done.exit_code == 2
    assert any(part in done.output for part in said.split("|")), done.output


def test_aliases_that_grow_without_end_are_given_up(run: Run, tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    done = run("model", "test", written(tmp_path, "\n".join(lines)))
    assert done.exit_code == 2
    assert "more than 200000 values" in done.output
    merged = ["m0: &m0 {k: v}"] + [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 40)]
    assert run("model", "test", written(tmp_path, "\n".join(merged))).exit_code == 2


def test_a_file_without_end_is_not_read_to_its_end(run: Run, tmp_path: Path) -> None:
    assert "longer than 4 MiB" in run("model", "test", written(tmp_path, "#" * (5 << 20))).output
    assert "longer than 1 MiB" in run("model", "check", written(tmp_path, "#" * (2 << 20))).output


# -- check -------------------------------------------------------------------------------------------------------------


def test_every_fault_is_told_with_its_place(run: Run, tmp_path: Path) -> None:
    model = """model
  schema 1.1

type user

type doc
  relations
    define viewer: [user, nobody]
    define editor: owner
    define a: b
    define b: a

condition wrong(x: int) {
  x +
}
"""
    file = written(tmp_path, model, "model.fga")
    done = run("model", "check", file)
    assert done.exit_code == 1
    places = [line.removeprefix(f"{file}:").split(": ")[0] for line in done.output.splitlines()]
    assert {"8:12", "9:12", "10:12", "11:12"} <= set(places)
    assert any(place.startswith(("14:", "15:")) for place in places)
    found = json.loads(run("model", "check", "--json", file).output)
    assert {"line": 8, "column": 12, "message": "doc#viewer: nobody is not a type"} in found


def test_what_does_not_parse_says_what_was_expected(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, "model\n  schema 1.1\ntype doc\n  relations\n    define viewer [user]\n", "m.fga")
    done = run("model", "check", file)
    assert done.exit_code == 1
    assert done.output == f"{file}:5:19: expected ':', found '['\n"


def test_json_is_a_model_too(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps({"schema_version": "1.1", "type_definitions": [{"type": "user"}]}), "m.json")
    assert run("model", "check", file).exit_code == 0
    assert run("model", "check", written(tmp_path, '{"a": ', "m.json")).exit_code == 1
    assert run("model", "check", written(tmp_path, '{"a":' * 100_000, "m.json")).exit_code == 1


def test_for_the_platforms_own_store_gatepost_types_are_there(run: Run, tmp_path: Path) -> None:
    text = "model\n  schema 1.1\ntype doc\n  relations\n    define owner: [user, group#member]\n"
    file = written(tmp_path, text, "m.fga")
    alone = run("model", "check", file)
    assert alone.exit_code == 1
    assert "--main" in alone.output
    assert run("model", "check", "--main", file).exit_code == 0
    other = written(tmp_path, text + "type group\n  relations\n    define member: [user]\n", "g.fga")
    refused = run("model", "check", "--main", other)
    assert refused.exit_code == 1
    assert "type group is protected" in refused.output


def test_a_model_that_is_too_large_says_so(run: Run, tmp_path: Path) -> None:
    relations = "\n".join(f"    define r{n:040}: [user]" for n in range(900))
    kinds = "\n".join(f"type t{n}\n  relations\n{relations}" for n in range(9))
    file = written(tmp_path, f"model\n  schema 1.1\ntype user\n{kinds}\n", "m.fga")
    done = run("model", "check", file)
    assert done.exit_code == 1
    assert "larger than 256 KiB" in done.output
