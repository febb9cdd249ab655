"""Writing tuples: at most a hundred at once, all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from gatepost.access import AuthorizationModel, RelationTuple
from gatepost.audit.record import AuditRecord
from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord
from gatepost.principal import Entity, Principal
from gatepost.store import tables
from gatepost.store.relations import MANUAL, relate, unrelate
from gatepost.store.store import Change
from gatepost.stores.authority import require_may_remove, require_may_write, require_open_type, require_owners_left
from gatepost.stores.errors import StoreError, conflict
from gatepost.stores.keys import TupleKey, invalid_tuple, is_user, read_tuple
from gatepost.stores.listing import WRITE
from gatepost.stores.models import evaluated_store, known_newest, model_of, newest_id, require_store_still

MOST_AT_ONCE = 100
BY_HAND = (MANUAL, "config")
t = tables.tuples


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleWrite:
    """What to delete, and then to write; `ignore_…` lets what is so already pass."""

    writes: Sequence[TupleKey] = ()
    deletes: Sequence[TupleKey] = ()
    ignore_duplicate: bool = False
    ignore_missing: bool = False
    model: str = ""


def write_tuples(gate: Gatepost, caller: Principal, store: str, wanted: TupleWrite) -> str:
    """Write and delete tuples.  Answers the id of the model that allowed them.

    Raises `StoreError` and changes nothing if one of them cannot be.
    """
    gate.require(caller, WRITE, seen_by="")
    record = evaluated_store(gate, store)
    judged_by = wanted.model or newest_id(gate, record)
    model = model_of(gate, record, judged_by)
    _require_well_formed(model, wanted)
    with gate.change(caller, WRITE) as tx:
        record = require_store_still(gate, record)
        if not wanted.model and known_newest(gate, record) != judged_by:
            raise StoreError("Aborted", "the authorization model was changed meanwhile: send it again", status=409)
        # What counts on the platform's own store is its newest model: what only an older one allows would lie there for
        # nobody, until some later model brings it to life, and what it gives then nobody has been asked.
        judge = gate.memory.graph.model if record.is_main else model
        written = [read_tuple(judge, key) for key in wanted.writes]
        removed = _remove_all(gate, tx, caller, record, wanted)
        added = _add_all(gate, tx, caller, record, wanted, written)
        if record.is_main:
            require_owners_left(tx, {key.object for key in removed if key.relation == "owner"})
        _record(tx, caller, record, added, removed)
    return judged_by


def _require_well_formed(model: AuthorizationModel, wanted: TupleWrite) -> None:
    """Judge what needs no lock, in the order in which OpenFGA does."""
    if not wanted.writes and not wanted.deletes:
        sentence = "Invalid input. Make sure you provide at least one write, or at least one delete"
        raise StoreError("invalid_write_input", sentence)
    for key in wanted.writes:
        read_tuple(model, key)
    for key in wanted.deletes:
        if not is_user(key.user):
            raise invalid_tuple(key, "the 'user' field is malformed")
    seen: set[tuple[str, str, str]] = set()
    for key in (*wanted.deletes, *wanted.writes):
        if key.bare in seen:
            named = f"user: '{key.user}', relation: '{key.relation}', object: '{key.object}'"
            raise StoreError("cannot_allow_duplicate_tuples_in_one_request", f"duplicate tuple in write: {named}")
        seen.add(key.bare)
    if len(seen) > MOST_AT_ONCE:
        sentence = f"The number of write operations exceeds the allowed limit of {MOST_AT_ONCE}"
        raise StoreError("exceeded_entity_limit", sentence)


def _remove_all(
    gate: Gatepost, tx: Change, caller: Principal, record: StoreRecord, wanted: TupleWrite
) -> list[TupleKey]:
    removed = []
    for key in wanted.deletes:
        if record.is_main:
            require_open_type(key.object.partition(":")[0])
        rows = _rows(tx, record, key)
        if not rows:
            if wanted.ignore_missing:
                continue
            raise _failed("cannot delete a tuple which does not exist", key)
        if record.is_main:
            require_may_remove(gate, caller, Entity.parse(key.object), key.relation)
        mine = [row.origin for row in rows if row.origin in BY_HAND]
        if not mine:
            raise conflict(f"{key} comes from {rows[0].origin} and would come back: change it there")
        for origin in mine:
            unrelate(tx, key.object, key.relation, key.user, origin=origin, store=record.key)
        removed.append(key)
    return removed


def _add_all(
    gate: Gatepost,
    tx: Change,
    caller: Principal,
    record: StoreRecord,
    wanted: TupleWrite,
    written: Iterable[RelationTuple],
) -> list[TupleKey]:
    added = []
    for key, each in zip(wanted.writes, written, strict=True):
        if record.is_main:
            require_open_type(each.object.type)
        condition = each.condition.stored() if each.condition else None
        known = _rows(tx, record, key)
        if known and not wanted.ignore_duplicate:
            raise _failed("cannot write a tuple which already exists", key)
        if known and all(row.condition != condition for row in known):
            named = f"user: '{key.user}', relation: '{key.relation}', object: '{key.object}'"
            sentence = "attempted to write a tuple which already exists with a different condition"
            raise StoreError("Aborted", f"transactional write failed due to conflict: {sentence}: {named}", status=409)
        if known:
            continue
        if record.is_main:
            require_may_write(gate, tx, caller, each)
        author = str(caller.subject)
        relate(tx, key.object, key.relation, key.user, author=author, condition=condition, store=record.key)
        added.append(key)
    return added


def _rows(tx: Change, record: StoreRecord, key: TupleKey) -> list[Row[Any]]:
    """The tuple by each of its origins, as far as its time is not over."""
    query = select(t.c.origin, t.c.condition).where(
        t.c.store == record.key,
        t.c.object == key.object,
        t.c.relation == key.relation,
        t.c.subject == key.user,
        t.c.expires_at.is_(None) | (t.c.expires_at > tx.at),
    )
    return list(tx.connection.execute(query))


def _failed(sentence: str, key: TupleKey) -> StoreError:
    named = f"user: '{key.user}', relation: '{key.relation}', object: '{key.object}'"
    end = "tuple to be written already existed or the tuple to be deleted did not exist"
    return StoreError("write_failed_due_to_invalid_input", f"{sentence}: {named}: {end}")


def _record(
    tx: Change, caller: Principal, record: StoreRecord, added: Sequence[TupleKey], removed: Sequence[TupleKey]
) -> None:
    """On the platform's own store a tuple is a grant, and stands in the trail as any other."""
    if not record.is_main:
        if added or removed:
            detail = {"written": [str(key) for key in added], "deleted": [str(key) for key in removed]}
            tx.record(AuditRecord.of(caller, "store.tuples_written", f"store:{record.id}", at=tx.at, detail=detail))
        return
    for event, keys in (("access.revoked", removed), ("access.granted", added)):
        for key in keys:
            granted: dict[str, object] = {"subject": key.user, "relation": key.relation, "through": "store"}
            if key.condition:
                granted["condition"] = dict(key.condition)
            tx.record(AuditRecord.of(caller, event, key.object, at=tx.at, detail=granted))
