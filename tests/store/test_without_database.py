"""Design, "Without the database": answers from memory for a bounded time, then a refusal that is not a no; and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gatepost.directory.groups import create_group
from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.settings import AccessSettings
from tests.conftest import OpenGate, settings_for
from tests.postgresql import NoPostgres, Server
from tests.waiting import eventually

BRIEFLY = timedelta(seconds=0.5)
LONG = timedelta(minutes=5)


@dataclass
class Database:
    """One that the test can take away and bring back."""

    url: str
    take_away: Callable[[], None]
    bring_back: Callable[[], None]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield on_sqlite(tmp_path)
        return
    try:
        server = Server()
        server.start()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    yield Database(server.url(), server.stop, server.start)
    server.remove()


def on_sqlite(folder: Path) -> Database:
    aside = folder / "aside"
    aside.mkdir()

    def move(source: Path, target: Path) -> None:
        for file in source.glob("gatepost.db*"):
            file.rename(target / file.name)

    return Database(f"sqlite:///{folder}/gatepost.db", lambda: move(folder, aside), lambda: move(aside, folder))


@pytest.fixture
def open_for(database: Database, open_gate: OpenGate) -> Callable[[timedelta], Gatepost]:
    def open_one(stale_for: timedelta) -> Gatepost:
        settings = replace(settings_for(database.url), access=replace(AccessSettings(), stale_for=stale_for))
        return open_gate(settings)

    return open_one


def may_edit(gate: Gatepost) -> bool:
    return gate.check("user:admin", "group:edit", "platform:main").allowed


def refuses_to_answer(gate: Gatepost) -> bool:
    try:
        may_edit(gate)
    except Unavailable:
        return True
    return False


def test_questions_are_answered_from_memory(database: Database, open_for: Callable[[timedelta], Gatepost]) -> None:
    gate = open_for(LONG)
    database.take_away()

    assert may_edit(gate)
    assert not gate.check("user:nobody", "group:edit", "platform:main").allowed
    eventually(lambda: gate.memory.behind_seconds > 1.0, 10, "the process notices that it hears nothing any more")
    database.bring_back()


def test_a_change_is_refused_and_not_half_made(
    database: Database, open_for: Callable[[timedelta], Gatepost], admin: Principal
) -> None:
    gate = open_for(LONG)
    before = gate.memory.revision
    database.take_away()

    with pytest.raises(Unavailable):
        create_group(gate, admin, "team")

    database.bring_back()
    assert gate.database.head().revision == before == gate.memory.revision
    create_group(gate, admin, "team")


def test_after_the_configured_time_there_is_no_answer_and_it_comes_back(
    database: Database, open_for: Callable[[timedelta], Gatepost], admin: Principal
) -> None:
    gate = open_for(BRIEFLY)
    database.take_away()

    eventually(lambda: refuses_to_answer(gate), 5, "memory is too old to answer from")
    with pytest.raises(Unavailable, match="too long to answer from memory"):
        may_edit(gate)

    database.bring_back()
    eventually(lambda: not refuses_to_answer(gate), 10, "the tail has caught up")
    assert may_edit(gate)
    create_group(gate, admin, "team")


def test_whoever_has_to_catch_up_is_told_that_it_cannot_be_done(
    database: Database, open_for: Callable[[timedelta], Gatepost]
) -> None:
    gate = open_for(LONG)
    at = gate.memory.revision
    database.take_away()

    with pytest.raises(Unavailable):
        gate.check("user:admin", "group:edit", "platform:main", at_least=f"{at.epoch}.{at.number + 1}")
    assert gate.check("user:admin", "group:edit", "platform:main", at_least=str(at)).allowed
    database.bring_back()


def test_a_process_that_has_not_loaded_yet_refuses(sqlite_url: str, open_gate: OpenGate) -> None:
    gate = open_gate(sqlite_url, follow=False)
    gate.memory._published = None

    with pytest.raises(Unavailable, match="being loaded"):
        may_edit(gate)
