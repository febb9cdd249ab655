"""Questions about a store: may they, which objects, which users, and how a relation comes about.

All of them take `decision:ask`.  They are asked under the newest model, or under the one that the request names.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from gatepost import access
from gatepost.access import ConditionUndecided, Contextual, Graph, TooComplex, walk_objects
from gatepost.access.expansion import Tree, expand
from gatepost.access.slices import in_order
from gatepost.access.users import UserFilter, walk_users
from gatepost.directory.evaluation import require_ask
from gatepost.errors import GatepostError, InvalidField
from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord
from gatepost.principal import Entity, Principal, Question, Subject
from gatepost.stores.errors import StoreError, invalid, relation_not_found, type_not_found
from gatepost.stores.keys import Malformed, TupleKey, read_object, read_parts, read_relation, read_tuple, read_user
from gatepost.stores.models import evaluated_store, known_newest, model_of, newest_id

T = TypeVar("T")

DEEPEST = 25
DEADLINE = 3.0  # seconds; past it there is no answer, rather than half of one
TOO_COMPLEX = (
    "Authorization Model resolution required too many rewrite rules to be resolved."
    " Check your authorization model for infinite recursion or too much nesting"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a question is asked under: a model, a context for conditions, and tuples that count for it alone."""

    model: str = ""
    context: Mapping[str, object] = field(default_factory=dict)
    tuples: Sequence[TupleKey] = ()
    newest_state: bool = False


class Opened(NamedTuple):
    """A store, its graph, and the id of the model under which it answers."""

    record: StoreRecord
    graph: Graph
    model: str


def graph_in_memory(gate: Gatepost, store: str, model: str = "") -> Opened | None:
    """The store and its graph, if both are in memory; without I/O."""
    stores = gate.memory.stores
    record = stores.main if store == "main" else stores.records.get(store)
    if record is None:
        return None
    identifier = model or known_newest(gate, record)
    graph = gate.memory.graph_of(record, identifier)
    return None if graph is None else Opened(record, graph, identifier)


def graph_of(gate: Gatepost, store: str, model: str = "", *, newest_state: bool = False) -> Opened:
    """The store and its graph under a model, loaded if need be.  Raises `StoreError`."""
    if newest_state:
        gate.memory.catch_up()
    known = graph_in_memory(gate, store, model)
    if known is not None:
        return known
    record = evaluated_store(gate, store)
    identifier = model or newest_id(gate, record)
    graph = gate.memory.open_graph(record, identifier, model_of(gate, record, identifier))
    return Opened(record, graph, identifier)


def under_one_model(gate: Gatepost, caller: Principal, store: str, asking: Asking) -> Asking:
    """The same, under the model that counts now, by its id.  Raises `StoreError`."""
    return replace(asking, model=_asked(gate, caller, store, asking).model, newest_state=False)


def _asked(gate: Gatepost, caller: Principal, store: str, asking: Asking) -> Opened:
    require_ask(gate, caller)
    return graph_of(gate, store, asking.model, newest_state=asking.newest_state)


def _with_tuples(graph: Graph, tuples: Iterable[TupleKey]) -> Graph:
    try:
        read = [read_tuple(graph.model, key) for key in tuples]
    except StoreError as error:
        raise StoreError("invalid_tuple", str(error)) from error
    return Contextual(graph, read) if read else graph


def check(gate: Gatepost, caller: Principal, store: str, key: TupleKey, asking: Asking) -> bool:
    """Tell whether the user has the relation to the object."""
    return check_in(gate, _asked(gate, caller, store, asking), key, asking)


def check_in(gate: Gatepost, opened: Opened, key: TupleKey, asking: Asking) -> bool:
    """The same where asking is allowed already, and the graph is at hand.  Raises `StoreError`."""
    record, graph, _ = opened
    try:
        subject, relation, entity = read_parts(graph.model, key)
    except Malformed as error:
        raise invalid(f"invalid relation: {error}") from error
    graph = _with_tuples(graph, asking.tuples)
    if record.is_main and gate.is_disabled(subject):
        return False
    question = Question(subject=subject, action=relation, resource=entity, context=asking.context)
    try:
        allowed = access.check(question, graph, DEEPEST).allowed
    except GatepostError as error:
        raise as_store_error(error) from error
    return allowed and not (record.is_main and gate.is_disabled(subject))  # asked again, as `Gatepost.decide` does


def as_store_error(error: GatepostError) -> GatepostError:
    """What the engine raises, in OpenFGA's words.  That the database is away stays what it is."""
    if isinstance(error, ConditionUndecided):
        return invalid(f"failed to evaluate relationship condition: {error}")
    if isinstance(error, TooComplex):
        return StoreError("authorization_model_resolution_too_complex", TOO_COMPLEX)
    if isinstance(error, InvalidField):
        return invalid("; ".join(error.fields.values()))
    return error


def list_objects(
    gate: Gatepost, caller: Principal, store: str, user: str, relation: str, kind: str, asking: Asking
) -> list[str]:
    """Every object of a type to which the user has the relation: complete, ordered.  Raises `StoreError`."""
    record, graph, _ = _asked(gate, caller, store, asking)
    graph = _with_tuples(graph, asking.tuples)
    _require_relation(graph, kind, relation)
    try:
        subject = read_user(graph.model, user)
    except Malformed as error:
        raise invalid(f"invalid 'user' value: {error}") from error
    if record.is_main and gate.is_disabled(subject):
        return []
    question = Question(subject=subject, action=relation, resource=Entity(kind, "any"), context=asking.context)
    found = list(in_order([name for part in in_time(walk_objects(question, graph)) for name in part]))
    return [] if record.is_main and gate.is_disabled(subject) else found


def _require_relation(graph: Graph, kind: str, relation: str) -> None:
    types = graph.model.types
    if kind not in types:
        raise type_not_found(kind)
    if relation not in types[kind].relations:
        raise relation_not_found(kind, relation)


def list_users(
    gate: Gatepost, caller: Principal, store: str, entity: Entity, relation: str, wanted: UserFilter, asking: Asking
) -> list[Subject]:
    """Every user, wildcard or userset of a kind that has the relation: complete, ordered.  Raises `StoreError`."""
    record, graph, _ = _asked(gate, caller, store, asking)
    graph = _with_tuples(graph, asking.tuples)
    if wanted.type not in graph.model.types:
        raise type_not_found(wanted.type)
    if wanted.relation:
        _require_relation(graph, wanted.type, wanted.relation)
    _require_relation(graph, entity.type, relation)
    found = {each for part in in_time(walk_users(entity, relation, (wanted,), graph, asking.context)) for each in part}
    if record.is_main:
        found |= set(in_time(_by_role(graph, entity, relation, wanted, asking)))
        found = {each for each in found if not gate.is_disabled(each)}
    return sorted(found)


def _by_role(graph: Graph, entity: Entity, relation: str, wanted: UserFilter, asking: Asking) -> Iterator[Subject]:
    """Yield whom a role's permission gives the relation: it counts for every object of the type."""
    if wanted.relation:
        return
    with graph.lock:
        edges = graph.edges
        route = edges.known_route(entity.type, relation)
        held = route.permissions if route else frozenset()
        roles = {edges.text(key & ~edges.compiled.mask) for value in held for key in edges.pointing_at(value)}
    for role in roles:
        for part in walk_users(Entity.parse(role), "assignee", (wanted,), graph, asking.context):
            for subject in part:
                question = Question(subject=subject, action=relation, resource=entity, context=asking.context)
                if access.check(question, graph).allowed:
                    yield subject


def in_time(parts: Iterator[T]) -> Iterator[T]:
    """Raise rather than go on beyond the deadline, and what the engine raises in OpenFGA's words."""
    deadline = time.monotonic() + DEADLINE
    try:
        for part in parts:
            yield part
            if time.monotonic() > deadline:
                raise TooComplex(f"the list takes longer than {DEADLINE:g} s")
    except GatepostError as error:
        raise as_store_error(error) from error


def expanded(gate: Gatepost, caller: Principal, store: str, name: str, relation: str, asking: Asking) -> Tree:
    """How a relation of an object comes about, one step deep."""
    graph = _with_tuples(_asked(gate, caller, store, asking).graph, asking.tuples)
    try:
        entity = read_object(graph.model, name)
        return expand(entity, read_relation(graph.model, entity.type, relation), graph)
    except Malformed as error:
        raise invalid(str(error)) from error
