"""The tutorial is followed to the letter, and every block of the how-to runs."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient as FastApiClient
from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session

from gatepost.errors import Forbidden
from gatepost.testing import TestGatepost
from tests.docs.test_examples import ENVIRON, PRINTED, blocks, running
from tests.house.source import ROOT
from tests.ports import free_port

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
HOW_TO = (ROOT / "docs" / "how-to" / "in-your-application.md").read_text(encoding="utf-8")
TOOLS = f'gatepost() {{ {sys.executable} -m gatepost.cli "$@"; }}\n'  # the installed command is its main


# -- the tutorial ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Follower:
    """Somebody who types the tutorial in an empty folder, on ports that were free."""

    folder: Path
    gatepost: int
    application: int
    password: str

    def typed(self, script: str) -> str:
        script = script.replace("127.0.0.1:8420", f"127.0.0.1:{self.gatepost}")
        script = script.replace("127.0.0.1:8000", f"127.0.0.1:{self.application}")
        return script.replace("THE PRINTED ONE", self.password)

    def runs(self, *scripts: str) -> list[str]:
        """Run blocks in one shell; return what they print."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", TOOLS + "\n".join(map(self.typed, scripts))],
            cwd=self.folder,
            env={**ENVIRON, "XDG_CONFIG_HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


INSTALL, SERVE, PEOPLE, START, ASK, REFUSED, CHANGE = blocks(TUTORIAL, "sh")
APPLICATION, TESTS = blocks(TUTORIAL, "python")


@pytest.fixture(scope="module")
def follower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Follower]:
    folder = tmp_path_factory.mktemp("tutorial")
    gatepost, application = free_port(), free_port()
    assert SERVE == "gatepost serve\n"
    serve = [sys.executable, "-m", "gatepost.cli", "serve", "--port", str(gatepost)]
    with running(serve, folder, f"http://127.0.0.1:{gatepost}/readyz") as log:
        printed = PRINTED.search(log.read_text())
        assert printed is not None
        yield Follower(folder, gatepost, application, printed[1])


def test_what_is_installed_is_this_package() -> None:
    """Nothing is fetched here: the wheel is built and installed by tests/house/test_wheel.py."""
    assert INSTALL.split()[-3:] == ["pip", "install", "gatepost"]


def test_the_ten_minutes(follower: Follower) -> None:
    exports = "\n".join(line for line in PEOPLE.splitlines() if line.startswith("export"))
    follower.runs(PEOPLE)
    (follower.folder / "app.py").write_text(APPLICATION)
    assert START == "uvicorn app:app --port 8000 &\n"
    uvicorn = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(follower.application)]
    with running(uvicorn, follower.folder, f"http://127.0.0.1:{follower.application}/docs"):
        printed = follower.runs(
            exports,
            ASK.replace('-H "Authorization', '-w "\\n" -H "Authorization'),
            REFUSED,
            CHANGE,
        )

    assert printed[:3] == ['"user:bob"', '["Orders"]', '"Orders"']
    assert printed[3:7] == ["403", "404", "401", "401"]
    said = printed[7:]
    assert said[-4:] == blocks(TUTORIAL, "text")[2].splitlines()
    assert printed[:7] == "".join(blocks(TUTORIAL, "text")[:2]).splitlines()


def test_its_tests_pass(follower: Follower) -> None:
    (follower.folder / "test_app.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"],
        cwd=follower.folder,
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout


# -- the how-to -----------------------------------------------------------------------------------------------------

EMBEDDED, REMOTE, FASTAPI, FLASK, LISTS, CALLS = blocks(HOW_TO, "python")


@pytest.fixture
def gatepost(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestGatepost]:
    """Every `Gatepost.open` of a block opens this one."""
    with TestGatepost() as double:
        monkeypatch.setattr("gatepost.gate.Gatepost.open", lambda _url: double.gate)
        double.allow("user:alice", "edit", "dataset:orders")
        double.allow("user:bob", "view", "dataset:orders")
        yield double


def executed(block: str, name: str) -> dict[str, Any]:
    """A block, as a module of its own: dependencies are found by the names in it."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(block, f"{name}.py", "exec"), module.__dict__)
    return module.__dict__


def test_starlette(gatepost: TestGatepost) -> None:
    client = FastApiClient(executed(EMBEDDED, "block_embedded")["app"])

    answer = client.get("/datasets/orders", headers=gatepost.as_user("bob"))
    assert answer.json() == {"caller": "user:bob", "editable": False}
    assert client.get("/datasets/orders").status_code == 401


def test_against_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    port = free_port()
    (command,) = blocks(HOW_TO, "sh")
    serve = [sys.executable, "-m", "gatepost.cli", "serve", "--port", str(port)]
    with running(serve, tmp_path, f"http://127.0.0.1:{port}/readyz") as log:
        printed = PRINTED.search(log.read_text())
        assert printed is not None
        given = {"GATEPOST_URL": f"http://127.0.0.1:{port}", "GATEPOST_USER": "admin", "GATEPOST_PASSWORD": printed[1]}
        made = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", TOOLS + command],
            env={**ENVIRON, **given, "XDG_CONFIG_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        found = re.search(r"gp_\w+", made.stdout)
        assert found is not None
        monkeypatch.setenv("SHOP_TOKEN", found[0])
        app = executed(REMOTE.replace("127.0.0.1:8420", f"127.0.0.1:{port}"), "block_remote")["app"]
        with FastApiClient(app) as client:
            # There is nothing behind it: whoever is let in finds nothing, and whoever is not is told so.
            assert client.get("/").status_code == 404
            assert client.get("/", headers={"Authorization": f"Bearer {found[0]}"}).status_code == 404
            assert client.get("/", headers={"Authorization": "Bearer gp_x"}).status_code == 401


def test_fastapi(gatepost: TestGatepost) -> None:
    client = FastApiClient(executed(FASTAPI, "block_fastapi")["app"])

    assert client.get("/me").status_code == 401
    assert client.get("/").json() == "welcome"
    assert client.get("/", headers=gatepost.as_user("bob")).json() == "welcome, bob"
    assert client.put("/datasets/orders", headers=gatepost.as_user("alice")).json() == "alice may edit orders"
    assert client.put("/datasets/orders", headers=gatepost.as_user("bob")).status_code == 403


def test_flask(gatepost: TestGatepost) -> None:
    client = executed(FLASK, "block_flask")["app"].test_client()

    answer = client.get("/datasets/orders", headers=gatepost.as_user("bob"))
    assert answer.json == {"caller": "bob", "editable": False}
    assert client.get("/datasets/orders").status_code == 401


def test_lists(gatepost: TestGatepost, tmp_path: Path) -> None:
    from gatepost.guard import Embedded, Shown
    from gatepost.guard.visitor import now

    block = executed(LISTS, "block_lists")
    engine = create_engine(f"sqlite:///{tmp_path}/app.db")
    block["Base"].metadata.create_all(engine)
    headers = [(b"authorization", gatepost.as_user("bob")["Authorization"].encode())]
    bob = now(Embedded(gatepost.gate).visitor(Shown(headers=headers, method="GET", path="/", peer="")))
    with Session(engine) as session:
        session.execute(insert(block["Dataset"]), [{"id": "orders"}, {"id": "salaries"}])
        assert [row.id for row in session.scalars(block["page"](bob))] == ["orders"]
        assert list(session.scalars(block["page"](bob, "orders"))) == []
    engine.dispose()


def test_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)

    executed(CALLS, "block_calls")

    assert capsys.readouterr().out.splitlines() == [
        "dora sees collection:sales",
        "this takes delete on collection:sales, which user:dora does not have",
        "True",
    ]


def test_a_visitor_acts(gatepost: TestGatepost) -> None:
    """What the middleware gives is whom `acting_as` takes."""
    from gatepost.guard import Embedded, Shown
    from gatepost.guard.visitor import now

    gate = gatepost.gate
    headers = [(b"authorization", gatepost.as_user("bob")["Authorization"].encode())]
    bob = gate.acting_as(now(Embedded(gate).visitor(Shown(headers=headers, method="GET", path="/", peer=""))))

    assert bob.me().username == "bob"
    with pytest.raises(Forbidden):
        bob.create_group("analysts")
