"""`gatepost model` against a real server: what counts, what a file would change, and what is in its way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from gatepost.access import format_model, parse_model
from gatepost.client import AsyncClient, Client
from gatepost.client.call import Call
from gatepost.client.reading import as_it_is
from tests.cli.conftest import Run
from tests.cli.test_against_server import ADMIN, serving
from tests.house.source import ROOT
from tests.loops import in_a_loop

WORLD = str(ROOT / "examples/models/documents.fga.yaml")
MODEL = str(ROOT / "examples/models/documents.fga")
Model = Callable[..., Result]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as place:
        yield place


@pytest.fixture
def model(run: Run, url: str) -> Model:
    """Run `gatepost model` as the administrator."""

    def run_with(*arguments: str) -> Result:
        return run(
            "model", *arguments, GATEPOST_URL=url, GATEPOST_USER=ADMIN.username, GATEPOST_PASSWORD=ADMIN.password
        )

    return run_with


@pytest.fixture
def store(model: Model) -> str:
    """A store with the example in it."""
    done = model("import", WORLD, "--json")
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout)["store"])


def changed(folder: Path, text: str, *replacements: tuple[str, str]) -> str:
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    file = folder / "changed.fga"
    file.write_text(text, encoding="utf-8")
    return str(file)


EXAMPLE = Path(MODEL).read_text(encoding="utf-8")


def test_the_platforms_model_is_shown_as_it_can_be_read_again(model: Model, tmp_path: Path) -> None:
    shown = model("show")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("# version ")
    read = parse_model(shown.stdout)
    assert {"collection", "role", "user"} <= set(read.types)
    assert format_model(read) in shown.stdout
    document = json.loads(model("show", "--json").stdout)
    assert f"# version {document['id']}" in shown.stdout
    assert model("show", "--version", document["id"]).stdout == shown.stdout
    same = changed(tmp_path, shown.stdout)
    assert model("diff", same).exit_code == 0
    assert "counts as before" in model("apply", same).stdout


def test_a_model_of_the_platform_is_applied_with_its_plan(model: Model, tmp_path: Path) -> None:
    before = model("show").stdout
    new = changed(tmp_path, before + "\ntype report\n  relations\n    define owner: [user]\n    define view: owner\n")
    found = model("diff", new)
    assert found.exit_code == 1
    assert "+ type report" in found.stdout
    assert "+ report#owner: [user]" in found.stdout
    assert "type user" not in found.stdout
    applied = model("apply", new, "--yes", "--json")
    assert applied.exit_code == 0, applied.output
    version = json.loads(applied.stdout)["version"]
    assert model("show").stdout.startswith(f"# version {version}\n")
    assert json.loads(model("versions", "--json").stdout)[0]["version"] == version


def test_another_definition_of_a_protected_type_is_refused(model: Model, tmp_path: Path) -> None:
    bent = changed(tmp_path, "model\n  schema 1.1\ntype group\n  relations\n    define member: [user]\ntype user\n")
    for verb in ("diff", "apply"):
        done = model(verb, bent)
        assert done.exit_code == 2
        assert "type group is protected" in done.stderr


def test_a_change_says_what_is_added_removed_and_altered(model: Model, store: str, tmp_path: Path) -> None:
    new = changed(
        tmp_path,
        EXAMPLE,
        ("define reader: [user, team#member, user:*] or owner", "define reader: [user, team#member, user:*]"),
        ("    define blocked: [user]\n", "    define banned: [user]\n"),
        ("not blocked", "not banned"),
        ("hour < 18", "hour < 20"),
    )
    done = model("diff", new, "--store", store)
    assert done.exit_code == 1
    assert "~ folder#reader: [user, team#member, user:*] or owner -> [user, team#member, user:*]" in done.stdout
    assert "+ document#banned: [user]" in done.stdout
    assert "- document#blocked: [user]" in done.stdout
    assert "~ condition office_hours" in done.stdout
    assert json.loads(model("diff", new, "--store", store, "--json").stdout)["orphans"] == []


def test_what_would_orphan_tuples_is_refused_with_their_names(model: Model, store: str, tmp_path: Path) -> None:
    new = changed(tmp_path, EXAMPLE, ("define writer: [user, team#member with office_hours]", "define writer: [user]"))
    looked = model("diff", new, "--store", store)
    assert looked.exit_code == 1
    orphan = "document:2027#writer@team:analysts#member"
    assert orphan in looked.output
    refused = model("apply", new, "--store", store, "--yes")
    assert refused.exit_code == 1
    assert orphan in refused.output
    assert "nothing was changed" in refused.stdout
    assert json.loads(model("apply", new, "--store", store, "--json").stdout)["orphans"] == [orphan]
    assert len(json.loads(model("versions", "--store", store, "--json").stdout)) == 1


def test_on_the_platform_the_server_has_the_last_word(model: Model, url: str, tmp_path: Path) -> None:
    """It knows of tuples under the lock; what the command line read before may be old."""
    with Client(url, ADMIN) as client:
        client.create_user("mona", password="mona has a long password")
        client.create_resource("knowledge:k")
        client.grant("knowledge:k", "viewer", "user:mona")
    before = model("show").stdout
    new = changed(tmp_path, before, ("define viewer: [user, service, ", "define viewer: [service, "))
    done = model("apply", new, "--yes")
    assert done.exit_code == 1
    assert "knowledge:k#viewer@user:mona" in done.output
    assert model("show").stdout == before


def test_an_import_is_tried_first(model: Model, url: str) -> None:
    with Client(url, ADMIN) as client:
        before = [store.id for store in client.stores()]
        tried = model("import", WORLD, "--dry-run")
        assert tried.exit_code == 0
        assert "model with 4 types and 7 tuples into a new store named Documents" in tried.stdout
        assert [store.id for store in client.stores()] == before


def test_an_import_makes_a_store_that_answers_as_the_world_says(model: Model, store: str, url: str) -> None:
    with Client(url, ADMIN) as client:
        assert client.store(store).name == "Documents"
        assert len(list(client.tuples(store, limit=2))) == 7
        assert [len(page["type_definitions"]) for page in client.models(store)] == [4]  # type: ignore[arg-type]
    again = model("import", WORLD, "--store", store, "--yes", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == {
        "store": store,
        "name": "Documents",
        "version": "",
        "tuples": 7,
        "assertions": 9,
        "not_assertions": {"lists": 3, "checks": 0},
        "done": True,
    }
    assert "4 types" in model("import", WORLD, "--store", store, "--dry-run").stdout
    assert model("diff", MODEL, "--store", store).exit_code == 0


def kept(url: str, store: str) -> list[dict[str, Any]]:
    """The assertions of a store's newest model, as OpenFGA's API shows them."""
    with Client(url, ADMIN) as client:
        newest = next(iter(client.models(store)))["id"]
        path = f"/stores/{store}/assertions/{newest}"
        found: Any = client.send(Call("GET", path, as_it_is))
    return list(found["assertions"])


def test_the_checks_of_a_world_are_kept_as_assertions(model: Model, url: str, tmp_path: Path) -> None:
    """With the tuples and the context of their test; a run without checks leaves those that are there."""
    text = (
        "model: |\n  model\n    schema 1.1\n  type user\n  type doc\n    relations\n      define viewer: [user]\n"
        "tests:\n"
        "  - tuples: [{user: 'user:ann', relation: viewer, object: 'doc:1'}]\n"
        "    check:\n"
        "      - {user: 'user:ann', object: 'doc:1', context: {at: x}, assertions: {viewer: true}}\n"
        "      - {user: 'user:ann', object: 'doc:1', assertions: {editor: false}}\n"
        "    list_objects: [{user: 'user:ann', type: doc, assertions: {viewer: ['doc:1']}}]\n"
    )
    file = tmp_path / "with-tests.fga.yaml"
    file.write_text(text, encoding="utf-8")
    tried = model("import", str(file), "--dry-run")
    assert "with 1 assertions; 1 lists and 1 checks of its tests are no assertions and stay in the file" in tried.stdout

    store = json.loads(model("import", str(file), "--json").stdout)["store"]
    (assertion,) = kept(url, store)
    assert assertion["tuple_key"] == {"object": "doc:1", "relation": "viewer", "user": "user:ann"}
    assert assertion["expectation"] is True
    assert [each["user"] for each in assertion["contextual_tuples"]] == ["user:ann"]
    assert assertion["context"] == {"at": "x"}

    file.write_text(text.partition("tests:")[0], encoding="utf-8")
    assert "assertion" not in model("import", str(file), "--store", store, "--yes").stdout
    assert kept(url, store) == [assertion]


def test_a_world_with_more_checks_than_a_model_keeps(model: Model, url: str, tmp_path: Path) -> None:
    rows = "\n".join(
        f"      - {{user: 'user:u{n}', object: 'doc:1', assertions: {{viewer: false}}}}" for n in range(130)
    )
    text = "model\n    schema 1.1\n  type user\n  type doc\n    relations\n      define viewer: [user]"
    file = tmp_path / "many.fga.yaml"
    file.write_text(f"model: |\n  {text}\ntests:\n  - check:\n{rows}\n", encoding="utf-8")

    found = json.loads(model("import", str(file), "--json").stdout)
    assert (found["assertions"], found["not_assertions"]) == (100, {"lists": 0, "checks": 30})
    assert len(kept(url, found["store"])) == 100


def test_more_tuples_than_one_write_takes(model: Model, url: str, tmp_path: Path) -> None:
    file = tmp_path / "many.fga.yaml"
    rows = "\n".join(f'  - {{user: "user:u{n}", relation: viewer, object: "doc:1"}}' for n in range(250))
    text = "model\n    schema 1.1\n  type user\n  type doc\n    relations\n      define viewer: [user]"
    file.write_text(f"model: |\n  {text}\ntuples:\n{rows}\n", encoding="utf-8")
    done = model("import", str(file), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["tuples"], found["name"]) == (250, "many.fga")
    with Client(url, ADMIN) as client:
        assert len(list(client.tuples(found["store"]))) == 250


def test_tuples_that_are_the_directorys_are_not_imported(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "main.fga.yaml"
    text = "model\n    schema 1.1\n  type doc\n    relations\n      define owner: [user]"
    file.write_text(f'model: |\n  {text}\ntuples: [{{user: "user:admin", relation: member, object: "group:g"}}]\n')
    done = model("import", str(file), "--store", "main", "--yes")
    assert done.exit_code == 2
    assert "gatepost group" in done.stderr


def test_a_store_that_is_not_there(model: Model) -> None:
    for arguments in (["show"], ["diff", MODEL], ["apply", MODEL], ["import", WORLD]):
        done = model(*arguments, "--store", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert done.exit_code == 2
        assert "Store ID not found" in done.stderr


def test_a_store_without_a_model_gets_its_first(model: Model, url: str) -> None:
    with Client(url, ADMIN) as client:
        store = client.create_store("empty").id
        assert model("show", "--store", store).exit_code == 2
        assert model("apply", MODEL, "--store", store, "--yes").exit_code == 0
        client.delete_store(store)


async def _as_a_task(url: str) -> list[str]:
    async with AsyncClient(url, ADMIN) as client:
        made = await client.create_store("async")
        await client.write_model({"schema_version": "1.1", "type_definitions": [{"type": "user"}]}, store=made.id)
        found = [str(each["schema_version"]) async for each in client.models(made.id)]
        await client.delete_store(made.id)
        return found


def test_the_sdk_does_it_in_tasks_too(url: str) -> None:

    assert in_a_loop(_as_a_task, url) == ["1.1"]
