"""The applications in examples/ do what they say, on the test double, as a reader's own tests would be written."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from starlette.testclient import TestClient

from gatepost.testing import TestGatepost
from tests.docs.test_examples import running
from tests.guard.conftest import Center, center, listener
from tests.house.source import ROOT
from tests.ports import free_port

EXAMPLES = ROOT / "examples"

__all__ = ["center", "listener"]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gatepost() -> Iterator[TestGatepost]:
    with TestGatepost() as double:
        for kind in ("dataset", "collection"):
            double.allow("user:alice", "edit", f"{kind}:sales")
            double.allow("user:bob", "view", f"{kind}:sales")
        yield double


def test_starlette(gatepost: TestGatepost) -> None:
    client = TestClient(load("starlette").create_app(gatepost.gate))
    alice, bob, carol = (gatepost.as_user(name) for name in ("alice", "bob", "carol"))
    path = "/datasets/sales/notes"

    assert client.get("/", headers=alice).json() == {"you are": "user:alice"}
    assert client.post(path, headers=alice, content="looks good").status_code == 201
    assert client.get(path, headers=bob).json() == {"notes": [{"by": "alice", "text": "looks good"}], "editable": False}
    assert client.post(path, headers=bob, content="x").status_code == 403
    assert client.get(path, headers=carol).status_code == 404
    assert client.get(path).status_code == 401


def test_flask(gatepost: TestGatepost) -> None:
    client = load("flask").create_app(gatepost.gate).test_client()
    alice, bob, carol = (gatepost.as_user(name) for name in ("alice", "bob", "carol"))

    assert client.get("/me", headers=alice).json == {"you are": "user:alice"}
    assert client.get("/me").status_code == 401
    assert client.put("/reports/sales", headers=alice, data="up").status_code == 204
    assert client.get("/reports/sales", headers=bob).json == {"report": "up", "editable": False}
    assert client.put("/reports/sales", headers=bob, data="x").status_code == 403
    assert client.get("/reports/sales", headers=carol).status_code == 404


@pytest.mark.parametrize("mode", ["embedded", "server"])
def test_fastapi(gatepost: TestGatepost, mode: str, request: pytest.FixtureRequest) -> None:
    module = load("fastapi")
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    if mode == "server":
        server: Center = request.getfixturevalue("center")
        guard: dict[str, Any] = {"server": server.url, "client": server.client}
        alice, bob, carol = ({"Authorization": f"Bearer {server.token(name)}"} for name in ("ann", "ben", "cy"))
    else:
        guard = {"gate": gatepost.gate}
        alice, bob, carol = (gatepost.as_user(name) for name in ("alice", "bob", "carol"))
    with TestClient(module.create_app(engine, **guard)) as client:
        with Session(engine) as session:
            session.execute(insert(module.Dataset), [{"id": name, "title": name} for name in ("hr", "sales")])
            session.commit()

        assert [item["id"] for item in client.get("/datasets", headers=bob).json()["items"]] == ["sales"]
        assert client.get("/datasets", headers=carol).json()["items"] == client.get("/datasets").json()["items"] == []
        assert client.get("/datasets/sales", headers=bob).json() == {"title": "sales"}
        assert client.get("/datasets/hr", headers=bob).status_code == 404
        assert client.put("/datasets/sales", headers=bob, json={"title": "x"}).status_code == 403
        assert client.put("/datasets/sales", headers=alice, json={"title": "Sales"}).json() == {"title": "Sales"}
        assert client.get("/me").status_code == 401
        assert "Bearer" in client.get("/openapi.json").json()["components"]["securitySchemes"]
    engine.dispose()


@pytest.mark.parametrize("name", ["starlette", "fastapi", "flask"])
def test_as_its_readme_starts_it(name: str, tmp_path: Path) -> None:
    readme = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    port = free_port()
    if name == "flask":
        assert "`flask run`" in readme
        command = [sys.executable, "-m", "flask", "run", "--port", str(port)]
    else:
        assert "`uvicorn app:app`" in readme
        command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    (tmp_path / "app.py").write_text((EXAMPLES / name / "app.py").read_text(encoding="utf-8"))
    url = f"http://127.0.0.1:{port}"
    with running(command, tmp_path, f"{url}/"):
        path = {"starlette": "/datasets/sales/notes", "fastapi": "/datasets/sales", "flask": "/reports/sales"}[name]
        assert httpx2.get(f"{url}{path}").status_code == 401
        assert httpx2.get(f"{url}{path}", headers={"Authorization": "Bearer gp_x"}).status_code == 401
    assert (tmp_path / "gatepost.db").exists()


@pytest.mark.parametrize("name", ["starlette", "fastapi", "flask"])
def test_each_readme_is_a_title_and_three_lines(name: str) -> None:
    lines = [line for line in (EXAMPLES / name / "README.md").read_text(encoding="utf-8").splitlines() if line]

    assert len(lines) == 4
