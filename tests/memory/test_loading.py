"""Loading the graph, and taking in changes of the model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text

from gatepost.directory.groups import create_group
from gatepost.directory.services import create_service, delete_service
from gatepost.directory.users import NewUser, create_user, delete_user
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.store.relations import relate
from gatepost.store.tuple_rows import tuple_rows
from tests.conftest import OpenGate, settings_for


@pytest.fixture
def gate(open_gate: OpenGate, database_url: str) -> Gatepost:
    return open_gate(database_url, follow=False)


def test_a_load_reads_what_the_changes_told(gate: Gatepost, admin: Principal) -> None:
    create_group(gate, admin, "team")
    with gate.change_unasked() as tx:
        relate(tx, "group:team", "member", "user:ann", author="user:admin", origin="scim")
        relate(tx, "group:team", "member", "user:ann", author="user:admin")
        relate(tx, "collection:sales", "viewer", "group:team#member", author="user:admin")
    told = gate.memory.graph.tuple_count

    gate.memory._reload()

    assert gate.memory.graph.tuple_count == told
    assert gate.check("user:ann", "view", "collection:sales").allowed
    with gate.database.snapshot() as connection:
        rows = [row[:3] for row in tuple_rows(connection)]
    assert len(rows) == len(set(rows)), "one row for a tuple, however many origins hold it"


@pytest.mark.postgres
def test_the_rows_are_fetched_in_pieces(postgres_database: str, open_gate: OpenGate) -> None:
    """psycopg's usual cursor takes ten million rows at once, and the server ends a transaction so long idle."""
    gate = open_gate(postgres_database, follow=False)
    with gate.database.snapshot() as connection:
        rows = tuple_rows(connection)
        next(rows)
        open_cursors = connection.execute(text("SELECT count(*) FROM pg_cursors")).scalar_one()
        assert len(list(rows)) > 1

    assert open_cursors == 1


def test_a_new_model_is_loaded_with_its_tuples(gate: Gatepost) -> None:
    reloads = gate.memory.reloads
    with gate.change_unasked() as tx:
        tx.log("model", "01J0000000000000000000000M", store="main")

    assert gate.memory.reloads == reloads + 1
    assert gate.memory.revision == gate.database.head().revision


def test_a_writer_that_meets_a_new_model_and_a_new_epoch_is_not_stopped_by_itself(gate: Gatepost) -> None:
    """The new epoch is a write of its own, and must not wait for the queue of writers that the change still holds."""
    epoch = gate.memory.revision.epoch

    def change() -> None:
        with gate.change_unasked() as tx:
            gate.memory._rewound = replace(gate.memory.head, stamp="of another history")
            tx.log("model", "01J0000000000000000000000M", store="main")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(change).result(timeout=5)

    assert gate.memory.revision.epoch != epoch
    assert gate.memory.revision == gate.database.head().revision


@pytest.mark.parametrize("looks", ["once", "twice"])
def test_whoever_was_deleted_and_made_anew_around_a_new_model_may_go_on(
    gate: Gatepost, open_gate: OpenGate, database_url: str, admin: Principal, looks: str
) -> None:
    """A process that loads anew has not followed each entry: the name must not stay refused there, nor be let in early."""
    ann = Principal(subject=Entity("user", "ann"), method=Method.PASSWORD, scope=None)
    etl = Principal(subject=Entity("service", "etl"), method=Method.EMBEDDED, scope=None)
    second_gate = open_gate(database_url, follow=False)
    create_user(gate, admin, NewUser(username="ann"))
    create_service(gate, admin, "etl")
    second_gate.memory.catch_up()
    delete_user(gate, admin, "ann")
    delete_service(gate, admin, "etl")
    if looks == "twice":
        second_gate.memory.catch_up()
    with gate.change_unasked() as tx:
        tx.log("model", "01J0000000000000000000000M", store="main")
    for each, caller in product((gate, second_gate), (ann, etl)):
        each.memory.catch_up()
        with pytest.raises(InvalidToken):
            each.still_holds(caller)

    create_user(gate, admin, NewUser(username="ann"))
    create_service(gate, admin, "etl")
    with gate.change_unasked() as tx:
        tx.log("model", "01J0000000000000000000000N", store="main")
    for each, caller in product((gate, second_gate), (ann, etl)):
        each.memory.catch_up()
        each.still_holds(caller)


def test_a_model_that_shares_nothing_with_roles_keeps_what_roles_permit(open_gate: OpenGate, tmp_path: Path) -> None:
    """A role's permission counts for every object of a type, whether or not the model lets roles stand in tuples."""
    (tmp_path / "model.fga").write_text("model\n  schema 1.1\ntype record\n  relations\n    define read: [user]\n")
    settings = settings_for(f"sqlite:///{tmp_path}/own-model.db")
    gate = open_gate(replace(settings, access=replace(settings.access, model=tmp_path / "model.fga")))

    assert gate.check("user:admin", "user:create", "platform:main").allowed
    assert gate.check("user:admin", "read", "record:any").allowed
    assert not gate.check("user:ann", "read", "record:any").allowed
