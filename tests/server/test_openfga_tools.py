"""OpenFGA's own JavaScript SDK and its `fga` tool, unchanged, against Gatepost's address."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.peers.programs import fga_tool, installed, node
from tests.server.calling import api_token, as_admin
from tests.server.conftest import Served
from tests.server.openfga_world import MODEL

pytestmark = pytest.mark.peer
STORY = Path(__file__).parents[1] / "peers/openfga_js/story.mjs"
QUIET = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}


@pytest.fixture
def address(served: Served) -> tuple[str, str]:
    """A server, and a token of its administrator."""
    running = served()
    return running.url, api_token(running.client, as_admin(running.client))


def test_the_javascript_sdk_tells_its_story(address: tuple[str, str]) -> None:
    installed(STORY.parent)
    done = subprocess.run(
        [node(), str(STORY), *address],
        input=json.dumps(MODEL),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | QUIET,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "checks": [True, True, False],
        "batch": {"a": True, "b": False},
        "objects": ["doc:q3"],
        "streamed": ["doc:q3"],
        "users": ["ann", "bob"],
        "expanded": "doc:q3#viewer",
        "read": ["folder:2025"],
        "changes": [
            "TUPLE_OPERATION_WRITE user:ann",
            "TUPLE_OPERATION_WRITE user:bob",
            "TUPLE_OPERATION_DELETE user:ann",
        ],
        "model": True,
        "refused": [400, "validation_error"],
        "stores": ["main"],
    }


class Tool:
    """`fga` as somebody types it."""

    def __init__(self, url: str, token: str) -> None:
        self._options = ["--api-url", url, "--api-token", token]

    def __call__(self, *words: str, fails: bool = False) -> Any:
        call = [fga_tool(), *words, *self._options]
        done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False, env=os.environ | QUIET)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else json.loads(done.stdout or "{}")

    def text(self, *words: str) -> str:
        """What it prints that is no JSON."""
        call = [fga_tool(), *words, *self._options]
        done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=True, env=os.environ | QUIET)
        return done.stdout


def test_the_fga_tool_works(address: tuple[str, str], tmp_path: Path) -> None:
    fga = Tool(*address)
    (tmp_path / "model.json").write_text(json.dumps(MODEL))
    made = fga("store", "create", "--name", "shop", "--model", str(tmp_path / "model.json"), "--format", "json")
    store = ["--store-id", made["store"]["id"]]
    assert made["model"]["authorization_model_id"]

    fga("tuple", "write", "user:ann", "member", "group:sales", *store)
    fga("tuple", "write", "group:sales#member", "viewer", "doc:q3", *store)
    assert fga("query", "check", "user:ann", "viewer", "doc:q3", *store)["allowed"]
    assert fga("query", "list-objects", "user:ann", "viewer", "doc", *store)["objects"] == ["doc:q3"]
    users = fga("query", "list-users", "--object", "doc:q3", "--relation", "viewer", "--user-filter", "user", *store)
    assert [each["object"]["id"] for each in users["users"]] == ["ann"]
    assert fga("query", "expand", "viewer", "doc:q3", *store)["tree"]["root"]["name"] == "doc:q3#viewer"
    assert len(fga("tuple", "read", *store)["tuples"]) == 2
    assert len(fga("tuple", "changes", *store)["changes"]) == 2
    fga("tuple", "delete", "user:ann", "member", "group:sales", *store)
    assert not fga("query", "check", "user:ann", "viewer", "doc:q3", *store)["allowed"]
    assert "relation 'doc#nope' not found" in fga("query", "check", "user:ann", "nope", "doc:q3", *store, fails=True)
    (tmp_path / "tuples.json").write_text(
        json.dumps([{"user": f"user:u{number}", "relation": "viewer", "object": "doc:q3"} for number in range(150)])
    )
    fga("tuple", "write", "--file", str(tmp_path / "tuples.json"), *store)
    assert len(fga("tuple", "read", "--max-pages", "0", *store)["tuples"]) == 151
    assert fga("model", "get", "--format", "json", *store)["schema_version"] == "1.1"
    assert {each["name"] for each in fga("store", "list")["stores"]} == {"main", "shop"}
    fga("store", "delete", *store, "--force")
    assert {each["name"] for each in fga("store", "list")["stores"]} == {"main"}


STORE_FILE = """
name: imported
model: |
  model
    schema 1.1
  type user
  type doc
    relations
      define viewer: [user]
tuples:
"""


def test_a_store_file_is_imported_and_exported(address: tuple[str, str], tmp_path: Path) -> None:
    """The tool writes one tuple a request, and goes on when one of them is refused."""
    fga = Tool(*address)
    file = tmp_path / "store.fga.yaml"
    lines = [f"  - {{user: 'user:u{number}', relation: viewer, object: 'doc:{number % 3}'}}" for number in range(30)]
    file.write_text(STORE_FILE + "\n".join([*lines, "  - {user: 'user:u1', relation: viewer, object: 'nope:1'}"]))
    made = fga("store", "import", "--file", str(file))
    store = ["--store-id", made["store"]["id"]]
    assert len(fga("tuple", "read", "--max-pages", "0", *store)["tuples"]) == 30
    again = fga("store", "import", "--file", str(file), *store)
    assert again["model"]["authorization_model_id"] != made["model"]["authorization_model_id"]
    assert len(fga("tuple", "read", "--max-pages", "0", *store)["tuples"]) == 30
    exported = fga.text("store", "export", *store)
    assert "define viewer: [user]" in exported
    assert exported.count("relation: viewer") == 30
