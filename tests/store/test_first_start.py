"""Several processes open the same empty database at once: one admin, one set of keys, one schema."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.store.database import open_engine
from gatepost.tokens.signing_keys import KeyState
from tests.conftest import OpenGate
from tests.store.child import run_python

PROCESSES = 4
TIMES = 2

STARTER = """
import json, sys
from dataclasses import replace
from gatepost.gate import Gatepost
from gatepost.settings import KeysSettings, MainSettings
from tests.conftest import settings_for

settings = settings_for(sys.argv[1])
settings = replace(settings, main=MainSettings())
if sys.argv[2] == "own key":
    settings = replace(settings, keys=KeysSettings())
print("ready", flush=True)
sys.stdin.readline()
with Gatepost.open(settings) as gate:
    made = gate.first_start
    print(json.dumps({
        "made": made is not None and made.generated_password is not None,
        "epoch": gate.memory.revision.epoch,
        "keys": sorted(key.kid for key in gate.memory.keys.keys),
        "may": gate.check("user:admin", "group:edit", "platform:main").allowed,
    }), flush=True)
"""


def start_at_once(url: str, key: str) -> list[dict[str, Any]]:
    children = [run_python(STARTER, url, key) for _ in range(PROCESSES)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return [answer_of(child) for child in children]


def answer_of(child: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0, "a process did not start"
    answer: dict[str, Any] = json.loads(out)
    return answer


def require_one_of_each(answers: list[dict[str, Any]], gate: Gatepost) -> None:
    assert [answer["made"] for answer in answers].count(True) == 1, "one process tells the password"
    assert all(answer["may"] for answer in answers)
    assert len({answer["epoch"] for answer in answers}) == 1
    assert {tuple(answer["keys"]) for answer in answers} == {tuple(sorted(key.kid for key in gate.memory.keys.keys))}
    assert sorted(key.state for key in gate.memory.keys.keys) == [KeyState.ACTIVE, KeyState.NEXT]
    with gate.database.read() as connection:
        started = select(func.count()).select_from(tables.audit).where(tables.audit.c.event == "platform.started")
        assert connection.execute(started).scalar_one() == 1
        assert connection.execute(select(tables.users.c.username)).scalars().all() == ["admin"]
        assert connection.execute(select(func.count()).select_from(tables.head)).scalar_one() == 1


def test_of_several_processes_that_start_at_once_one_makes_the_first_admin(
    database_url: str, open_gate: OpenGate
) -> None:
    answers = start_at_once(database_url, "a given key")

    require_one_of_each(answers, open_gate(database_url, follow=False))


@pytest.mark.parametrize("_time", range(TIMES))
def test_of_several_processes_that_start_at_once_one_makes_the_key_file(
    sqlite_url: str, open_gate: OpenGate, _time: int
) -> None:
    answers = start_at_once(sqlite_url, "own key")

    assert [answer["made"] for answer in answers].count(True) == 1
    assert len({tuple(answer["keys"]) for answer in answers}) == 1


def test_whoever_comes_while_another_makes_the_file_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite refuses the switch to WAL at once while somebody writes, whatever the time-out: it has to be tried again."""
    file = tmp_path / "gatepost.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("CREATE TABLE being_made (x)")
    other.execute("BEGIN IMMEDIATE")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr("gatepost.store.database.time.sleep", sleep)
    engine = open_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()
    other.close()

    assert len(waited) == 1


def test_an_empty_database_gets_what_the_contract_names(gate: Gatepost) -> None:
    with gate.database.read() as connection:
        roles = set(connection.execute(select(tables.roles.c.name)).scalars())

    assert roles == {"admin", "user", "reader", "decider"}
    assert gate.first_start is not None
    assert gate.first_start.username == "admin"
    assert gate.first_start.generated_password is None, "one was given"


def test_a_second_opening_starts_nothing(gate: Gatepost, second_gate: Gatepost) -> None:
    assert second_gate.first_start is None
    assert second_gate.memory.revision == gate.memory.revision
