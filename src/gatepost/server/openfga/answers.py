"""Each operation: its request read, and its answer in OpenFGA's shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from gatepost.access.users import UserFilter
from gatepost.graphs import StoreRecord
from gatepost.principal import ANYONE, Entity, Subject
from gatepost.server.openfga.calls import Call
from gatepost.stores import assertions as expected
from gatepost.stores import bodies, listing, models, questions, reads, writes
from gatepost.stores import changes as history
from gatepost.stores.bodies import Body, part, parts, require, text, wants_newest
from gatepost.stores.errors import StoreError, invalid
from gatepost.stores.keys import TupleKey
from gatepost.stores.posted import posted_model
from gatepost.stores.writes import TupleWrite

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    """RFC 3339, as protobuf writes a timestamp."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# -- stores -----------------------------------------------------------------------------------------------------------


def _store(record: StoreRecord) -> Json:
    at = stamp(record.created_at)
    return {"id": record.id, "name": record.name, "created_at": at, "updated_at": at}


def create_store(call: Call) -> Json:
    name = require(text(call.sent, "name"), bodies.STORE_NAME, "CreateStoreRequest.Name")
    return _store(listing.create_store(call.gate, call.caller, name))


def get_store(call: Call) -> Json:
    return _store(listing.get_store(call.gate, call.caller, call.store("GetStoreRequest"))) | {"deleted_at": None}


def list_stores(call: Call) -> Json:
    page = bodies.paging(call.query, "ListStoresRequest")
    name = bodies.optional(call.query.get("name", ""), bodies.STORE_NAME, "ListStoresRequest.Name")
    found = listing.list_stores(call.gate, call.caller, page, name)
    stores = [_store(record) | {"deleted_at": None} for record in found.items]
    return {"stores": stores, "continuation_token": found.token}


def delete_store(call: Call) -> None:
    listing.delete_store(call.gate, call.caller, call.store("DeleteStoreRequest"))


# -- models -----------------------------------------------------------------------------------------------------------


def write_model(call: Call) -> Json:
    sent, message = call.sent, "WriteAuthorizationModelRequest"
    store = call.store(message)
    posted = posted_model(sent, message)
    return {"authorization_model_id": models.write_version(call.gate, call.caller, store, posted)}


def list_models(call: Call) -> Json:
    message = "ReadAuthorizationModelsRequest"
    page = bodies.paging(call.query, message)
    found = models.list_versions(call.gate, call.caller, call.store(message), page)
    return {"authorization_models": [models.posted_as(each) for each in found.items], "continuation_token": found.token}


def get_model(call: Call) -> Json:
    message = "ReadAuthorizationModelRequest"
    store, identifier = call.store(message), call.model(message, "Id")
    return {"authorization_model": models.posted_as(models.get_version(call.gate, call.caller, store, identifier))}


# -- tuples -----------------------------------------------------------------------------------------------------------


def write(call: Call) -> Json:
    sent, message = call.sent, "WriteRequest"
    store = call.store(message)
    added, removed = part(sent, "writes"), part(sent, "deletes")
    wanted = TupleWrite(
        writes=[bodies.written_key(each) for each in _keys(added, "WriteRequestWrites")],
        deletes=[bodies.deleted_key(each) for each in _keys(removed, "WriteRequestDeletes")],
        ignore_duplicate=_ignores(added, "on_duplicate"),
        ignore_missing=_ignores(removed, "on_missing"),
        model=bodies.model_id(sent, message),
    )
    call.told["model"] = writes.write_tuples(call.gate, call.caller, store, wanted)
    return {}


def _keys(sent: Body | None, message: str) -> Iterable[Body]:
    if sent is None:
        return ()
    keys = parts(sent, "tuple_keys")
    if not keys:
        raise invalid(f"invalid {message}.TupleKeys: value must contain at least 1 item(s)")
    return keys


def _ignores(sent: Body | None, option: str) -> bool:
    wish = "" if sent is None else text(sent, option)
    if wish not in ("", "error", "ignore"):
        raise invalid(f"invalid {option} option: {wish}")
    return wish == "ignore"


def read(call: Call) -> Json:
    sent, message = call.sent, "ReadRequest"
    store, page, given = call.store(message), bodies.paging(sent, message), part(sent, "tuple_key")
    wants_newest(sent, message)  # what is read is the database, which is never behind
    wanted = None
    if given is not None:
        where = "ReadRequestTupleKey"
        wanted = TupleKey(
            bodies.optional(bodies.within(text(given, "user"), f"{where}.User"), bodies.READ_USER, f"{where}.User"),
            bodies.optional(text(given, "relation"), bodies.RELATION, f"{where}.Relation"),
            bodies.optional(text(given, "object"), bodies.OBJECT, f"{where}.Object"),
        )
    found = reads.read_tuples(call.gate, call.caller, store, wanted, page)
    tuples = [{"key": each.key.members(), "timestamp": stamp(each.written_at)} for each in found.items]
    return {"tuples": tuples, "continuation_token": found.token}


def changes(call: Call) -> Json:
    message = "ReadChangesRequest"
    store = call.store(message)
    size = call.query.get("page_size")
    if size is not None and bodies.whole(size, "page_size") < 1:
        raise invalid(f"invalid {message}.PageSize: value must be greater than or equal to 1")
    page = bodies.paging(call.query, message)
    kind = bodies.optional(call.query.get("type", ""), "^[^:#\\s]{1,254}$", f"{message}.Type")
    since = _since(call, message)
    found = history.read_changes(call.gate, call.caller, store, page, kind, since)
    events = [
        {
            "tuple_key": each.key.members(),
            "operation": "TUPLE_OPERATION_DELETE" if each.deleted else "TUPLE_OPERATION_WRITE",
            "timestamp": stamp(each.at),
        }
        for each in found.items
    ]
    return {"changes": events, "continuation_token": found.token}


def _since(call: Call, message: str) -> datetime | None:
    written = call.query.get("start_time")
    if not written:
        return None
    try:
        since = datetime.fromisoformat(written.replace(" ", "+"))  # a plus that nobody encoded is a blank here
        since = since.astimezone(UTC) if since.tzinfo else since.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise invalid('parsing field "start_time": not a timestamp such as 2030-01-31T12:00:00Z') from None
    if since > call.gate.now():
        raise invalid(f"invalid {message}.StartTime: value must be less than now")
    return since


# -- questions --------------------------------------------------------------------------------------------------------


def expand(call: Call) -> Json:
    sent, message = call.sent, "ExpandRequest"
    store, given = call.store(message), part(sent, "tuple_key")
    if given is None:
        raise StoreError("tuple_key_value_not_specified", f"invalid {message}.TupleKey: value is required")
    where = "ExpandRequestTupleKey"
    relation = bodies.optional(text(given, "relation"), bodies.RELATION, f"{where}.Relation")
    name = bodies.optional(text(given, "object"), bodies.OBJECT, f"{where}.Object")
    asking = bodies.asking(sent, message)
    if not relation or not name:
        sentence = "Invalid input. Make sure you provide an object and a relation"
        raise StoreError("invalid_expand_input", sentence)
    asking = call.under_one_model(store, asking)
    return {"tree": {"root": questions.expanded(call.gate, call.caller, store, name, relation, asking)}}


def _objects(call: Call, message: str) -> list[str]:
    sent = call.sent
    store = call.store(message)
    kind = require(text(sent, "type"), bodies.TYPE, f"{message}.Type")
    relation = require(text(sent, "relation"), bodies.RELATION, f"{message}.Relation")
    user = text(sent, "user")
    if not 1 <= len(user.encode()) <= bodies.MOST_USER:
        raise invalid(f"invalid {message}.User: value length must be between 1 and 512 bytes, inclusive")
    asking = call.under_one_model(store, bodies.asking(sent, message))
    return questions.list_objects(call.gate, call.caller, store, user, relation, kind, asking)


def list_objects(call: Call) -> Json:
    return {"objects": _objects(call, "ListObjectsRequest")}


def streamed_list_objects(call: Call) -> Iterator[Json]:
    return ({"result": {"object": name}} for name in _objects(call, "StreamedListObjectsRequest"))


def list_users(call: Call) -> Json:
    sent, message = call.sent, "ListUsersRequest"
    store, given, filters = call.store(message), part(sent, "object"), parts(sent, "user_filters")
    if given is None:
        raise invalid(f"invalid {message}.Object: value is required")
    kind = require(text(given, "type"), bodies.TYPE, "Object.Type")
    entity = Entity(kind, require(text(given, "id"), "^[^#:\\s]+$", "Object.Id"))
    relation = require(text(sent, "relation"), bodies.RELATION, f"{message}.Relation")
    if len(filters) != 1:
        raise invalid(f"invalid {message}.UserFilters: value must contain exactly 1 item(s)")
    wanted = UserFilter(
        require(text(filters[0], "type"), bodies.TYPE, "UserTypeFilter.Type"),
        bodies.optional(text(filters[0], "relation"), bodies.RELATION, "UserTypeFilter.Relation"),
    )
    asking = call.under_one_model(store, bodies.asking(sent, message, listed=True))
    found = questions.list_users(call.gate, call.caller, store, entity, relation, wanted, asking)
    return {"users": [_user(subject) for subject in found]}


def _user(subject: Subject) -> Json:
    if subject.relation:
        return {"userset": {"type": subject.type, "id": subject.id, "relation": subject.relation}}
    if subject.id == ANYONE:
        return {"wildcard": {"type": subject.type}}
    return {"object": {"type": subject.type, "id": subject.id}}


# -- assertions -------------------------------------------------------------------------------------------------------


def write_assertions(call: Call) -> None:
    message = "WriteAssertionsRequest"
    store, model = call.store(message), call.model(message, "AuthorizationModelId")
    written = parts(call.sent, "assertions")
    if len(written) > expected.MOST:
        sentence = f"invalid {message}.Assertions: value must contain no more than {expected.MOST} item(s)"
        raise StoreError("assertions_too_many_items", sentence)
    found = [
        expected.Assertion(
            key=bodies.checked_key(part(each, "tuple_key"), "Assertion"),
            expectation=bodies.flag(each, "expectation"),
            tuples=[bodies.written_key(key) for key in parts(each, "contextual_tuples")],
            context=part(each, "context") or {},
        )
        for each in written
    ]
    expected.write_assertions(call.gate, call.caller, store, model, found)
    call.told["model"] = model


def read_assertions(call: Call) -> Json:
    message = "ReadAssertionsRequest"
    store, model = call.store(message), call.model(message, "AuthorizationModelId")
    found = expected.read_assertions(call.gate, call.caller, store, model)
    call.told["model"] = model
    return {"authorization_model_id": model, "assertions": found}
