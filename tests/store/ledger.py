"""What a killed writer was told had been done, held against what the database holds."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, select

from gatepost.store import changelog, tables
from gatepost.store.store import Store
from tests.dice import FakeDice
from tests.store.child import run_python

START = "import sys\nfrom tests.store.writer import main\nmain(sys.argv[1])"


@dataclass
class Ledger:
    """The acknowledged writes: by kind, the name and the revision that the writer had seen by then."""

    done: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, line: str) -> str:
        kind, name, revision = line.split()
        self.done.setdefault(kind, {})[name] = int(revision)
        return kind

    @property
    def count(self) -> int:
        return sum(len(names) for kind, names in self.done.items() if kind in ("user", "group", "member", "token"))


class Writer:
    """The program of `tests.store.writer`, from the test's side."""

    def __init__(self, url: str) -> None:
        self.process: subprocess.Popen[str] = run_python(START, url)
        self.ledger = Ledger()
        self.pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()
        self.process.communicate(timeout=20)

    def start(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self._line()
        assert line.startswith("started "), line
        self.pid = int(line.split()[1])

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the writer's program ended"
        return line

    def read(self, acknowledged: int) -> None:
        """Read on until that many further writes are acknowledged."""
        wanted = self.ledger.count + acknowledged
        while self.ledger.count < wanted:
            assert self.ledger.note(self._line()) != "ended", "the writer ended by itself"

    def read_until(self, kind: str) -> None:
        while self.ledger.note(self._line()) != kind:
            continue

    def kill(self) -> None:
        """`kill -9`, and read what it still had said."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = 0
            self.read_until("ended")


def check_books(url: str, ledger: Ledger) -> None:
    """Assert that every acknowledged write is there with all that belongs to it, and that nothing is half done."""
    dice = FakeDice()
    store = Store(url, now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp)
    try:
        with store.snapshot() as connection:
            _check_acknowledged(connection, ledger)
            _check_nothing_half_done(connection)
    finally:
        store.close()


def _names(connection: Connection, column: Any) -> set[str]:
    return set(connection.execute(select(column)).scalars())


def _records(connection: Connection, event: str) -> dict[str, int]:
    """The audit trail: what it happened to, and at which revision."""
    t = tables.audit
    rows = connection.execute(select(t.c.target, t.c.revision).where(t.c.event == event)).all()
    found = {row.target: int(row.revision.partition(".")[2]) for row in rows}
    assert len(found) == len(rows), f"{event} was recorded twice"
    return found


def _check_acknowledged(connection: Connection, ledger: Ledger) -> None:
    records = {
        "user": ("user.created", "user:{}", tables.users.c.username),
        "group": ("group.created", "group:{}", tables.groups.c.name),
        "member": ("group.member_added", "group:{}", None),
        "token": ("token.issued", "token:{}", tables.tokens.c.id),
    }
    head = changelog.read_head(connection)
    for kind, (event, target, column) in records.items():
        recorded = _records(connection, event)
        rows = _names(connection, column) if column is not None else None
        for name, revision in ledger.done.get(kind, {}).items():
            assert rows is None or name in rows, f"{kind} {name} was acknowledged and is gone"
            assert recorded[target.format(name)] <= revision <= head.number


def _check_nothing_half_done(connection: Connection) -> None:
    users = _names(connection, tables.users.c.username) - {"admin"}
    groups = _names(connection, tables.groups.c.name)
    tokens = _names(connection, tables.tokens.c.id)
    t = tables.tuples
    tuples = {
        (r.object, r.relation, r.subject) for r in connection.execute(select(t.c.object, t.c.relation, t.c.subject))
    }
    members = {(o, s) for o, relation, s in tuples if relation == "member"}

    assert {f"user:{name}" for name in users} == set(_records(connection, "user.created"))
    assert {f"group:{name}" for name in groups} == set(_records(connection, "group.created"))
    assert {f"token:{name}" for name in tokens} == set(_records(connection, "token.issued"))
    assert {group for group, _ in members} == set(_records(connection, "group.member_added"))
    assert {("role:user", "assignee", f"user:{name}") for name in users} <= tuples
    _check_changelog(connection, users, groups, tuples)


def _check_changelog(
    connection: Connection, users: set[str], groups: set[str], tuples: set[tuple[str, str, str]]
) -> None:
    """The log is without gaps, ends at the head, and tells of every row."""
    t = tables.changelog
    head = changelog.read_head(connection)
    rows = connection.execute(select(t.c.number, t.c.kind, t.c.key, t.c.stamp)).all()
    assert {row.number for row in rows} == set(range(1, head.number + 1))
    assert {row.stamp for row in rows if row.number == head.number} == {head.stamp}
    logged = {(row.kind, row.key) for row in rows}
    assert {("user", name) for name in users} | {("group", name) for name in groups} <= logged
    assert {("tuple", f"{o}#{r}@{s}") for o, r, s in tuples} <= logged
