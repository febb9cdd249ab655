"""Writing a row that may be there already: of two who try, exactly one is told that it was new."""

from __future__ import annotations

from datetime import timedelta

from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.store.upsert import insert_if_new
from tests.conftest import OpenGate


def test_a_handle_is_new_once(database_url: str, open_gate: OpenGate) -> None:
    gate: Gatepost = open_gate(database_url)
    row = {"digest": b"x" * 32, "expires_at": gate.now() + timedelta(minutes=1)}
    with gate.database.write() as connection:
        assert insert_if_new(connection, tables.used_once, row)
        assert not insert_if_new(connection, tables.used_once, row)
    with gate.change_unasked() as tx:
        assert not insert_if_new(tx.connection, tables.used_once, row)
        assert insert_if_new(tx.connection, tables.used_once, {**row, "digest": b"y" * 32})
