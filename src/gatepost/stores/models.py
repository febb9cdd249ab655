"""Authorization models of a store: immutable versions, the newest of which counts unless a request names another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from gatepost.access import AuthorizationModel, builtin_model, completed, validate, with_protected_types
from gatepost.access.model_json import read_model, write_model
from gatepost.access.model_size import size_of
from gatepost.access.scan import MAX_BYTES
from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import for_good, require_until
from gatepost.errors import InvalidModel
from gatepost.gate import Gatepost
from gatepost.graphs import ULID_ALPHABET, StoreRecord, fingerprint, read_document
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.stores.authority import require_may_remodel
from gatepost.stores.errors import StoreError, conflict, model_not_found, no_model_yet, store_not_found
from gatepost.stores.listing import READ, WRITE, known_store, require_store
from gatepost.stores.orphans import orphans
from gatepost.stores.pages import Page, Paging, read_token, write_token

MOST_TYPES = 100
MEMBERS = ("schema_version", "type_definitions", "conditions")
m = tables.models

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One model of a store, as it was posted; without a time and an author where nobody posted it."""

    id: str
    document: Document
    created_at: datetime | None = None
    author: str = ""


def posted_as(version: Version) -> Document:
    """A model as OpenFGA's API has it."""
    return {"id": version.id, "conditions": {}, **version.document}


def write_version(gate: Gatepost, caller: Principal, store: str, posted: Mapping[str, Any]) -> str:
    """Add a model to a store; from then on it is the newest.  Answers its id.

    On the platform's own store it replaces the resource types.  Raises `StoreError` for what is no sound model, for
    another definition of a protected type, and there also where it would leave tuples without a meaning: which ones, it
    says.
    """
    gate.require(caller, WRITE, seen_by="")
    record = require_store(gate, store)
    if record.is_main and gate.settings.access.model is not None:
        raise conflict("the configuration's [access] model is the model of this store: change it there")
    model = _require_sound(record, posted)
    document = {name: posted[name] for name in MEMBERS if posted.get(name)}
    with gate.change(caller, WRITE) as tx:
        record = require_store_still(gate, record)
        if record.is_main:
            require_until(gate, for_good(caller), WRITE)  # a model says what every tuple gives, and stays
            require_may_remodel(gate, caller, model)
        if record.is_main and (left := orphans(tx.connection, gate.memory.graph.model, model)):
            raise conflict(f"this model would leave tuples without a meaning: {', '.join(left)}", left)
        identifier = max(gate.new_id(), _after(record.model))
        values = {"id": identifier, "store": record.key, "created_at": tx.at, "author": str(caller.subject)}
        tx.connection.execute(insert(m).values(**values, document=json.dumps(document, separators=(",", ":"))))
        tx.log("model", identifier, store=record.key)
        detail = {"model": identifier, "types": list(model.types)}
        tx.record(AuditRecord.of(caller, "store.model_written", f"store:{record.id}", at=tx.at, detail=detail))
    return identifier


def require_store_still(gate: Gatepost, record: StoreRecord) -> StoreRecord:
    """The same store as it is now, under the lock.  Memory is up to date then, and must not be asked to catch up."""
    found = known_store(gate, record.id)
    if found is None:
        raise store_not_found()
    return found


def _require_sound(record: StoreRecord, posted: Mapping[str, Any]) -> AuthorizationModel:
    types = posted.get("type_definitions")
    if isinstance(types, list) and len(types) > MOST_TYPES:
        sentence = f"The number of type definitions in an authorization model exceeds the allowed limit of {MOST_TYPES}"
        raise StoreError("exceeded_entity_limit", sentence)
    try:
        model = read_model(posted)
        if (size := size_of(model)) > MAX_BYTES:
            sentence = f"model exceeds size limit: {size} bytes vs {MAX_BYTES} bytes"
            raise StoreError("exceeded_entity_limit", sentence)
        return with_protected_types(model) if record.is_main else validate(model)
    except InvalidModel as error:
        raise StoreError("invalid_authorization_model", error.fields["model"]) from error


def _after(identifier: str) -> str:
    """The next id: a clock that is behind another process's must not make the newest model look old."""
    digits = [ULID_ALPHABET.index(letter) for letter in identifier]
    for place in reversed(range(len(digits))):
        digits[place] = (digits[place] + 1) % 32
        if digits[place]:
            break
    return "".join(ULID_ALPHABET[digit] for digit in digits)


def list_versions(gate: Gatepost, caller: Principal, store: str, page: Paging) -> Page[Version]:
    """The models of a store, newest first.  The platform's own has one from the start."""
    gate.require(caller, READ, seen_by="")
    record = require_store(gate, store)
    before = str(read_token(page.token, str)[0]) if page.token else "~"
    query = select(m).where(m.c.store == record.key, m.c.id < before).order_by(m.c.id.desc())
    with gate.database.read() as connection:
        rows = connection.execute(query.limit(page.size + 1)).all()
    found = [Version(row.id, json.loads(row.document), row.created_at, row.author) for row in rows]
    if not page.token and record.is_main and (not found or gate.memory.model_id != found[0].id):
        current = Version(gate.memory.model_id, write_model(gate.memory.graph.model))
        found = [current, *(version for version in found if version.id != current.id)]
    shown = found[: page.size]
    return Page(shown, write_token(shown[-1].id) if len(found) > page.size else "")


def get_version(gate: Gatepost, caller: Principal, store: str, identifier: str) -> Version:
    """Raises `StoreError` if the store has no such model."""
    gate.require(caller, READ, seen_by="")
    record = require_store(gate, store)
    with gate.database.read() as connection:
        query = select(m.c.document).where(m.c.store == record.key, m.c.id == identifier)
        document = connection.execute(query).scalar_one_or_none()
    if document is not None:
        return Version(identifier, json.loads(document))
    unposted = _unposted(gate, record, identifier)
    if unposted is None:
        raise model_not_found(identifier)
    return Version(identifier, write_model(unposted))


def _unposted(gate: Gatepost, record: StoreRecord, identifier: str) -> AuthorizationModel | None:
    """A model of the platform's own store that nobody posted: the configured or the built-in one."""
    if not record.is_main:
        return None
    if identifier == gate.memory.model_id:
        return gate.memory.graph.model
    return builtin_model() if identifier == fingerprint(builtin_model()) else None


def evaluated_store(gate: Gatepost, name: str) -> StoreRecord:
    """The store that a question or a write is about.  One that is not there has, as in OpenFGA, no model."""
    found = known_store(gate, name)
    if found is None:
        gate.memory.catch_up()
        found = known_store(gate, name)
    if found is None:
        raise no_model_yet(name)
    return found


def known_newest(gate: Gatepost, record: StoreRecord) -> str:
    """The newest model that memory knows of; empty if it knows none."""
    return gate.memory.model_id if record.is_main else gate.memory.stores.records.get(record.id, record).model


def newest_id(gate: Gatepost, record: StoreRecord) -> str:
    """The model that counts unless a request names another.  Raises `StoreError` if the store has none yet."""
    found = known_newest(gate, record)
    if not found:
        gate.memory.catch_up()  # it may have been posted in another process a moment ago
        found = known_newest(gate, record)
    if not found:
        raise no_model_yet(record.id)
    return found


def model_of(gate: Gatepost, record: StoreRecord, identifier: str) -> AuthorizationModel:
    """A model of a store, as questions are asked under it.  Raises `StoreError` if there is no such model."""
    graph = gate.memory.graph_of(record, identifier)
    if graph is not None:
        return graph.model
    with gate.database.read() as connection:
        posted = read_document(connection, record.key, identifier)
    found = _unposted(gate, record, identifier) if posted is None else posted
    if found is None:
        raise model_not_found(identifier)
    return completed(found) if record.is_main else found
