"""Which stores there are: making, listing and deleting them, and finding the one that a request names."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from gatepost.audit.record import AuditRecord
from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord, store_payload
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.store.relations import MAIN
from gatepost.store.store import Change
from gatepost.stores.errors import conflict, store_not_found
from gatepost.stores.pages import Page, Paging, read_token, write_token

READ = "store:read"
WRITE = "store:write"
SYSTEM = "platform:main"
t = tables.stores


def add_main(gate: Gatepost, tx: Change) -> None:
    """Give the platform's own store its row, once and for good."""
    if tx.connection.execute(select(t.c.id).where(t.c.key == MAIN)).one_or_none() is None:
        _add(tx, StoreRecord(MAIN, gate.new_id(), MAIN, tx.at), SYSTEM)


def ensure_main(gate: Gatepost) -> None:
    """The same for a database that is older than stores."""
    if gate.memory.stores.main is None:
        with gate.change_unasked() as tx:
            add_main(gate, tx)


def _add(tx: Change, record: StoreRecord, author: str) -> None:
    values = {"key": record.key, "id": record.id, "name": record.name, "created_at": record.created_at}
    tx.connection.execute(insert(t).values(**values, author=author))
    tx.log("store", record.id, **store_payload(record))


def known_store(gate: Gatepost, name: str) -> StoreRecord | None:
    """The store of this id; `main` is another name of the platform's own."""
    stores = gate.memory.stores
    return stores.main if name == MAIN else stores.records.get(name)


def require_store(gate: Gatepost, name: str) -> StoreRecord:
    """Raise `StoreError` if there is no such store."""
    found = known_store(gate, name)
    if found is None and gate.memory.is_loaded:
        gate.memory.catch_up()  # it may have been made in another process a moment ago
        found = known_store(gate, name)
    if found is None:
        raise store_not_found()
    return found


def create_store(gate: Gatepost, caller: Principal, name: str) -> StoreRecord:
    """Make an empty store.  Names need not differ: the id is what it is known by."""
    with gate.change(caller, WRITE) as tx:
        identifier = gate.new_id()
        record = StoreRecord(identifier, identifier, name, tx.at)
        _add(tx, record, str(caller.subject))
        tx.record(AuditRecord.of(caller, "store.created", f"store:{identifier}", at=tx.at, detail={"name": name}))
    return record


def get_store(gate: Gatepost, caller: Principal, name: str) -> StoreRecord:
    """Raises `StoreError` if there is no such store."""
    gate.require(caller, READ, seen_by="")
    return require_store(gate, name)


def list_stores(gate: Gatepost, caller: Principal, page: Paging, name: str = "") -> Page[StoreRecord]:
    """The stores by id, which is by age; with `name`, those of that name."""
    gate.require(caller, READ, seen_by="")
    after = str(read_token(page.token, str)[0]) if page.token else ""
    wanted = [
        record
        for identifier, record in sorted(gate.memory.stores.records.items())
        if identifier > after and name in ("", record.name)
    ]
    shown = wanted[: page.size]
    return Page(shown, write_token(shown[-1].id) if len(wanted) > page.size else "")


def delete_store(gate: Gatepost, caller: Principal, name: str) -> None:
    """Delete a store with its models and tuples, for every process at once; nothing happens if there is none.

    Its rows are cleared away by and by: nobody reaches them any more, and its id never comes again.
    """
    gate.require(caller, WRITE, seen_by="")
    with gate.change(caller, WRITE) as tx:
        record = known_store(gate, name)
        if record is None:
            return
        if record.is_main:
            raise conflict("the platform's own store cannot be deleted")
        tx.connection.execute(update(t).where(t.c.key == record.key).values(deleted_at=tx.at))
        tx.log("store", record.id, gone=True)
        detail = {"name": record.name}
        tx.record(AuditRecord.of(caller, "store.deleted", f"store:{record.id}", at=tx.at, detail=detail))
