"""Assertions: what somebody expects a model to answer, kept beside it for tools to run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from gatepost.audit.record import AuditRecord
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.store.upsert import insert_or_update
from gatepost.stores.errors import StoreError, invalid
from gatepost.stores.keys import Malformed, TupleKey, read_parts, read_tuple
from gatepost.stores.listing import READ, WRITE, require_store
from gatepost.stores.models import model_of, require_store_still

MOST = 100
MOST_BYTES = 64_000
t = tables.assertions


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One question, and whether the answer should be yes."""

    key: TupleKey
    expectation: bool
    tuples: Sequence[TupleKey] = ()
    context: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As OpenFGA's API shows it."""
        return {
            "tuple_key": {"object": self.key.object, "relation": self.key.relation, "user": self.key.user},
            "expectation": self.expectation,
            "contextual_tuples": [each.members() for each in self.tuples],
            "context": dict(self.context) or None,
        }


def write_assertions(gate: Gatepost, caller: Principal, store: str, model: str, wanted: Sequence[Assertion]) -> None:
    """Replace the assertions of a model.  Raises `StoreError` for one that the model cannot answer."""
    gate.require(caller, WRITE, seen_by="")
    record = require_store(gate, store)
    under = model_of(gate, record, model)
    for each in wanted:
        try:
            read_parts(under, each.key)
        except Malformed as error:
            raise invalid(str(error)) from error
        for key in each.tuples:
            read_tuple(under, key)
    document = json.dumps([each.document() for each in wanted], separators=(",", ":"))
    if len(document) > MOST_BYTES:
        raise StoreError("exceeded_entity_limit", f"The number of bytes exceeds the allowed limit of {MOST_BYTES}")
    with gate.change(caller, WRITE) as tx:
        record = require_store_still(gate, record)
        values = {"store": record.key, "model": model, "document": document}
        insert_or_update(tx.connection, t, values, {"document": document})
        detail = {"model": model, "count": len(wanted)}
        tx.record(AuditRecord.of(caller, "store.assertions_written", f"store:{record.id}", at=tx.at, detail=detail))


def read_assertions(gate: Gatepost, caller: Principal, store: str, model: str) -> list[dict[str, Any]]:
    """The assertions of a model; none, if nobody wrote any.  Raises `StoreError` if there is no such model."""
    gate.require(caller, READ, seen_by="")
    record = require_store(gate, store)
    model_of(gate, record, model)
    with gate.database.read() as connection:
        query = select(t.c.document).where(t.c.store == record.key, t.c.model == model)
        document = connection.execute(query).scalar_one_or_none()
    found: list[dict[str, Any]] = [] if document is None else json.loads(document)
    return found
