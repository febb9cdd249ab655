"""Users, groups, roles and grants as files, against a real server: apply, diff, export and import."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import Run
from tests.cli.test_against_server import ADMIN, serving

STATE = """\
users:
  - {username: carol, display_name: Carol}
services:
  - name: etl
groups:
  - name: team
    description: Data
    members:
      - user:carol
      - {subject: service:etl, expires_at: 2099-01-31T18:00:00Z}
roles:
  - name: steward
    permissions: ["dataset:view"]
    assignees: [group:team]
grants:
  - {resource: collection:sales, relation: editor, subject: group:team}
"""


class AsAdmin:
    """The command line as the first administrator of a server."""

    def __init__(self, run: Run, url: str) -> None:
        self._run = run
        self.who = {"GATEPOST_URL": url, "GATEPOST_USER": ADMIN.username, "GATEPOST_PASSWORD": ADMIN.password}

    def __call__(self, *arguments: str, stdin: str = "") -> Result:
        return self._run(*arguments, stdin=stdin, **self.who)

    def done(self, *arguments: str, stdin: str = "") -> str:
        result = self(*arguments, stdin=stdin)
        assert result.exit_code == 0, (arguments, result.output)
        return result.stdout


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as place:
        yield place


@pytest.fixture
def admin(run: Run, url: str) -> Iterator[AsAdmin]:
    """A server as it was at first: what a test leaves behind goes."""
    speak = AsAdmin(run, url)
    speak.done("resource", "create", "collection:sales", "--display-name", "Sales")
    yield speak
    for name in ("collection:sales", "dataset:orders", "dataset:parts"):
        speak("resource", "delete", name)
    for kind in ("user", "group", "role", "service"):
        for row in json.loads(speak.done(kind, "list", "--json")):
            if not row.get("builtin") and row.get("username") != "admin":
                speak(kind, "delete", row.get("username") or row["name"])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    file = tmp_path / "state.yaml"
    file.write_text(STATE)
    return file


def test_apply_does_what_diff_said_and_then_there_is_nothing_to_do(admin: AsAdmin, state: Path) -> None:
    said = admin("diff", "-f", str(state))

    assert said.exit_code == 1
    assert said.stdout.splitlines()[-1] == "8 to create"
    assert "+ group:team#member@service:etl  (expires_at: 2099-01-31T18:00:00+00:00)" in said.stdout.splitlines()
    assert admin("group", "show", "team").exit_code == 2

    assert admin.done("apply", "-f", str(state), "--yes").splitlines()[-1] == "done"
    assert admin.done("check", "user:carol", "edit", "collection:sales") == "allowed\n"
    assert admin.done("diff", "-f", str(state)) == "nothing to change\n"
    assert json.loads(admin.done("apply", "-f", str(state), "--yes", "--json"))["steps"] == []
    origins = [row["origin"] for row in json.loads(admin.done("group", "members", "team", "--json"))]
    assert origins == ["config", "config"]


def test_apply_without_somebody_to_ask_takes_yes(admin: AsAdmin, state: Path) -> None:
    result = admin("apply", "-f", str(state))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "give --yes" in result.stderr
    assert admin("group", "show", "team").exit_code == 2


def test_several_files_of_several_languages_are_one_state(admin: AsAdmin, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[groups]]\nname = "team"\n')
    (tmp_path / "b.json").write_text('{"groups": [{"name": "others", "members": ["group:team#member"]}]}')
    admin.done(
        *("apply", "-f", str(tmp_path / "a.toml"), "-f", str(tmp_path / "b.json"), "-f", "-", "--yes"),
        stdin="roles:\n- {name: steward, permissions: ['dataset:view']}\n",
    )
    assert "group:team#member" in admin.done("group", "members", "others")
    assert "dataset:view" in admin.done("role", "show", "steward")


def test_prune_is_shown_and_takes_only_what_files_made(admin: AsAdmin, state: Path) -> None:
    admin.done("apply", "-f", str(state), "--yes")
    admin.done("group", "create", "by-hand")
    state.write_text("groups: []\ngrants: []\n")

    assert admin("diff", "-f", str(state)).exit_code == 0
    said = admin("diff", "-f", str(state), "--prune")
    assert said.stdout.splitlines() == [
        "- collection:sales#editor@group:team#member",
        "- group:team",
        "2 to delete",
    ]
    admin.done("apply", "-f", str(state), "--prune", "--yes")
    assert admin.done("group", "list").split() == ["NAME", "ORIGIN", "by-hand", "manual"]


def test_what_cannot_be_is_named_by_diff_as_by_apply_and_nothing_is_done(admin: AsAdmin, state: Path) -> None:
    state.write_text(STATE.replace("- user:carol", "- user:nobody"))

    for command in (("diff",), ("apply", "--yes")):
        result = admin(*command, "-f", str(state))

        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "gatepost: group:team#member@user:nobody: there is no user:nobody\n"
    for words in (("group", "show", "team"), ("user", "show", "carol"), ("role", "show", "steward")):
        assert admin(*words).exit_code == 2


def test_a_plan_that_changed_underneath_is_one_sentence(
    admin: AsAdmin, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else makes the group while the plan is looked at."""
    from gatepost.cli import apply as command

    def meanwhile(*_: object, **__: object) -> None:
        admin.done("group", "create", "team", "--description", "another")

    monkeypatch.setattr(command, "_confirm", meanwhile)

    result = admin("apply", "-f", str(state))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("gatepost: the plan changed underneath: ")
    assert result.stderr.count("\n") == 1
    assert admin("user", "show", "carol").exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        pytest.param("a.yaml", "groups: [", "a.yaml: line 1, column 10: is not YAML", id="yaml"),
        pytest.param("a.json", '{"groups": [}', "a.json: does not parse", id="json"),
        pytest.param("a.toml", "groups = [", "a.toml: does not parse", id="toml"),
        pytest.param("a.yaml", "- x", "must be a table", id="a list"),
        pytest.param("a.yaml", "grops: []", "unknown key grops", id="unknown kind"),
        pytest.param("a.yaml", "groups: [{nam: x}]", "groups 1: unknown key nam", id="unknown field"),
        pytest.param("a.yaml", "groups: [{name: x, members: user:a}]", "must be a list of subjects", id="no list"),
        pytest.param("a.yaml", "users: [{username: x, password: hunter2}]", "password is a secret", id="a password"),
        pytest.param("a.yaml", "resources: [{type: x}]", "resources 1: a resource is named by", id="half a name"),
        pytest.param("a.yaml", "model: 7", "model must be the text", id="no model"),
        pytest.param("a.yaml", "x: " + "y" * (1 << 20), "longer than 1 MiB", id="too long"),
        pytest.param("a.json", "[" * 100_000, "does not parse", id="too deep"),
    ],
)
def test_a_file_that_does_not_read_is_one_sentence(run: Run, tmp_path: Path, name: str, text: str, says: str) -> None:
    """No server is asked: none is there."""
    (tmp_path / name).write_text(text)

    result = run("apply", "-f", str(tmp_path / name), "--yes", "--server", "http://127.0.0.1:1")

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert "hunter2" not in result.stderr


def test_a_model_that_does_not_parse_is_one_sentence(admin: AsAdmin, tmp_path: Path) -> None:
    (tmp_path / "model.fga").write_text("model\n  schema 1.1\ntype\n")
    result = admin("diff", "-f", str(tmp_path / "model.fga"))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "line 3" in result.stderr


def test_what_is_exported_can_be_imported_and_a_second_time_is_there(admin: AsAdmin, tmp_path: Path) -> None:
    admin.done("resource", "create", "dataset:orders", "--parent", "collection:sales", "--display-name", "=1+1")
    admin.done("apply", "-f", "-", "--yes", stdin=STATE)
    admin.done("export", "-o", str(tmp_path / "all.json"))
    exported = (tmp_path / "all.json").read_text()
    admin.done("export", "--format", "csv", "-o", str(tmp_path / "csv"))

    assert stat.S_IMODE((tmp_path / "all.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "csv" / "users.csv").stat().st_mode) == 0o600
    assert ADMIN.password not in exported
    assert "password" not in exported
    assert "'=1+1" in (tmp_path / "csv" / "resources.csv").read_text()
    again = json.loads(admin.done("import", str(tmp_path / "all.json"), "--json"))
    assert (again["made"], again["failed"]) == (0, 0)

    for words in (("group", "team"), ("role", "steward"), ("service", "etl"), ("user", "carol")):
        admin.done(words[0], "delete", words[1])
    admin.done("resource", "delete", "dataset:orders")
    files = [str(file) for file in sorted((tmp_path / "csv").iterdir())]
    dry = json.loads(admin.done("import", *files, "--dry-run", "--json"))
    assert (dry["made"], dry["failed"], dry["dry_run"]) == (11, 0, True)
    assert admin("group", "show", "team").exit_code == 2

    assert json.loads(admin.done("import", *files, "--json"))["failed"] == 0
    assert admin.done("export") == exported
    assert json.loads(admin.done("resource", "show", "dataset:orders", "--json"))["display_name"] == "=1+1"


def test_what_is_exported_is_what_apply_wants(admin: AsAdmin) -> None:
    admin.done("apply", "-f", "-", "--yes", stdin=STATE)
    admin.done("resource", "create", "dataset:orders", "--parent", "collection:sales")

    assert admin.done("diff", "-f", "-", "--prune", stdin=admin.done("export")) == "nothing to change\n"


def test_a_thousand_resources_are_made_from_what_was_exported_and_taken_away_again(
    admin: AsAdmin, tmp_path: Path
) -> None:
    """Owners stand among the grants, and a resource is named as `export` names it or by type and id."""
    admin.done("group", "create", "keepers")
    resources = [{"resource": f"dataset:d{i}", "parent": f"collection:c{i % 10}"} for i in range(980)]
    collections = [{"type": "collection", "id": f"c{i}", "display_name": f"C {i}"} for i in range(10)]
    owned = [{"resource": f"collection:c{i}", "relation": "owner", "subject": "group:keepers"} for i in range(10)]
    (tmp_path / "all.json").write_text(json.dumps({"resources": resources + collections, "grants": owned}))
    (tmp_path / "none.yaml").write_text("resources: []\ngrants: []\n")

    steps = json.loads(admin.done("apply", "-f", str(tmp_path / "all.json"), "--yes", "--json"))["steps"]
    assert len(steps) == 990
    assert steps[0] == {
        "verb": "create",
        "target": "collection:c0",
        "before": {},
        "after": {"display_name": "C 0", "owner": "group:keepers#member"},
    }
    (owner,) = json.loads(admin.done("access", "list", "collection:c0", "--json"))
    assert owner["subject"] == "group:keepers#member"
    (tmp_path / "again.json").write_text(admin.done("export"))
    assert admin.done("diff", "-f", str(tmp_path / "again.json"), "--prune") == "nothing to change\n"

    assert admin.done("apply", "-f", str(tmp_path / "none.yaml"), "--prune", "--yes").endswith("990 to delete\ndone\n")
    assert json.loads(admin.done("resource", "list", "--json"))[0]["id"] == "sales"


def test_csv_to_standard_output_is_one_kind(admin: AsAdmin) -> None:
    rows = list(csv.DictReader(admin.done("export", "--format", "csv", "--kind", "resources").splitlines()))
    assert rows == [{"resource": "collection:sales", "display_name": "Sales", "parent": ""}]
    assert admin("export", "--format", "csv").exit_code == 2


def test_what_cannot_be_imported_is_named_with_its_line_and_the_rest_is_done(admin: AsAdmin, tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text('name,description\nteam,"two\nlines"\na b,\n')
    (tmp_path / "members.csv").write_text("group,subject,expires_at\nteam,user:admin,\nteam,user:nobody,\n")

    result = admin("import", str(tmp_path / "groups.csv"), str(tmp_path / "members.csv"))

    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert told[0].startswith(f"gatepost: {tmp_path / 'groups.csv'}:3: group team: ")  # a description has one line
    assert told[1].startswith(f"gatepost: {tmp_path / 'groups.csv'}:4: group a b: ")
    assert f"{tmp_path / 'members.csv'}:3: user:nobody in team: " in result.stderr
    assert result.stdout.splitlines()[-1].endswith("failed")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        pytest.param("users.csv", "username,password\na,hunter2\n", "users.csv:1: column password", id="a password"),
        pytest.param("users.csv", "name\na\n", "users.csv:1: unknown column 'name'", id="unknown column"),
        pytest.param("users.csv", "username,email\na\n", "users.csv:2: has 1 cells", id="too few cells"),
        pytest.param("users.csv", "email\na@b.c\n", "column username is missing", id="no name"),
        pytest.param("users.csv", 'username\n"a\n', "users.csv:2: does not parse", id="an open quote"),
        pytest.param("people.csv", "username\na\n", "give --kind", id="no kind"),
        pytest.param(
            "members.csv", "group,subject,expires_at\ng,user:a,soon\n", "members.csv:2: expires_at", id="time"
        ),
        pytest.param("users.csv", "username,disabled\na,perhaps\n", "users.csv:2: disabled must be", id="no boolean"),
        pytest.param("a.json", "{", "does not parse", id="json"),
        pytest.param(
            "a.json", '{"groups": [{"name": "x", "members": [7]}]}', "groups 1 members 1: must be", id="member"
        ),
        pytest.param("a.json", '{"users": [{"username": "x", "token": "hunter2"}]}', "token is a secret", id="a token"),
    ],
)
def test_a_file_that_does_not_parse_imports_nothing(run: Run, tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "groups.csv").write_text("name\nfine\n")

    result = run("import", str(tmp_path / "groups.csv"), str(tmp_path / name), "--server", "http://127.0.0.1:1")

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert "hunter2" not in result.stderr
