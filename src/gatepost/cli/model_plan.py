"""What a change of a store's model would do: what is different, and which tuples would mean nothing any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatepost.access import PROTECTED, AuthorizationModel, read_model_json
from gatepost.access.difference import Difference, Shape, differences, lost_shapes
from gatepost.access.model import Restriction
from gatepost.client import requests
from gatepost.client.errors import NotGatepost
from gatepost.client.stores import MAIN
from gatepost.errors import InvalidModel
from gatepost.principal import Subject

if TYPE_CHECKING:
    from gatepost.client.sync_client import Client

MOST_LOOKED_AT = 100_000
MOST_NAMED = 20
PAGE = 100


@dataclass(frozen=True, slots=True)
class Current:
    """The newest model of a store, as the server answers it; without an id where the store has none yet."""

    id: str
    document: Mapping[str, object]
    model: AuthorizationModel


@dataclass(frozen=True, slots=True)
class Plan:
    """What is different, and at most so many tuples that would be orphaned.

    `looked_at` is how many tuples were read to find them; `complete` tells whether these were all.
    """

    differences: tuple[Difference, ...]
    orphans: tuple[str, ...] = ()
    looked_at: int = 0
    complete: bool = True


def current_model(client: Client, store: str) -> Current:
    """Ask for the newest model of a store.  Raises `ClientError`."""
    page = client.send(requests.models(store, limit=1))
    if not page.items:
        return Current("", {}, AuthorizationModel({}))
    return read_current(page.items[0])


def read_current(document: Mapping[str, object]) -> Current:
    """Read a model as the server answers it.  Raises `NotGatepost` for anything else."""
    try:
        return Current(str(document.get("id", "")), document, read_model_json(document))
    except InvalidModel as error:
        raise NotGatepost(f"the server's model cannot be read: {error}") from None


def plan_of(client: Client, store: str, old: AuthorizationModel, new: AuthorizationModel) -> Plan:
    """Compare two models, and look for tuples of the store that only the old one allows."""
    found = differences(old, new)
    if store == MAIN:
        found = [each for each in found if _kind(each) not in PROTECTED]
    lost = {shape for shape in lost_shapes(old, new) if store != MAIN or shape[0] not in PROTECTED}
    if not lost:
        return Plan(tuple(found))
    orphans: list[str] = []
    looked_at = 0
    for looked_at, key in enumerate(_keys(client, store), 1):
        shape, name = _shape(key)
        if shape in lost:
            orphans.append(name)
        if len(orphans) >= MOST_NAMED or looked_at >= MOST_LOOKED_AT:
            return Plan(tuple(found), tuple(orphans), looked_at, complete=False)
    return Plan(tuple(found), tuple(orphans), looked_at)


def _kind(each: Difference) -> str:
    return each.what.removeprefix("type ").partition("#")[0]


def _keys(client: Client, store: str) -> Iterator[Mapping[str, object]]:
    for stored in client.all(requests.tuples(store, limit=PAGE)):
        if isinstance(stored.key, Mapping):
            yield stored.key


def _shape(key: Mapping[str, object]) -> tuple[Shape | None, str]:
    """What kind of tuple this is, and how it is written."""
    entity, relation, user = (str(key.get(name, "")) for name in ("object", "relation", "user"))
    condition = key.get("condition")
    guard = str(condition.get("name", "")) if isinstance(condition, Mapping) else ""
    name = f"{entity}#{relation}@{user}"
    try:
        subject = Subject.parse(user)
    except ValueError:
        return None, name
    restriction = Restriction(subject.type, subject.relation, subject.is_wildcard, guard)
    return (entity.partition(":")[0], relation, restriction), name
