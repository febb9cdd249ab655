"""Stores with their models and tuples, in the words of OpenFGA's API.  `main` is the platform's own store.

Models and tuples are JSON as that API has it: `{schema_version, type_definitions, conditions}`, and
`{user, relation, object, condition?}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from gatepost.client.call import Call, call, path_of
from gatepost.client.errors import NotGatepost
from gatepost.client.reading import Page, Reader, nothing, one

T = TypeVar("T")
MAIN = "main"
STORES = "/stores"
TOKEN = "continuation_token"  # noqa: S105 - what OpenFGA calls a cursor
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Store:
    """A store: one graph with its models, apart from all others."""

    id: str
    name: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredTuple:
    """A tuple of a store, and since when it has been there."""

    key: object
    timestamp: datetime | None = None


def stores(*, limit: int | None = None, cursor: str | None = None) -> Call[Page[Store]]:
    return _turned(call("GET", STORES, _page_of("stores", one(Store)), params={"page_size": limit, TOKEN: cursor}))


def store(store: str = MAIN) -> Call[Store]:
    return call("GET", path_of(store, base=STORES), one(Store))


def create_store(name: str) -> Call[Store]:
    """Make an empty store.  Names need not differ; its id is in the answer."""
    return call("POST", STORES, one(Store), body={"name": name})


def delete_store(store: str) -> Call[None]:
    return call("DELETE", path_of(store, base=STORES), nothing)


def models(store: str = MAIN, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[Json]]:
    """The models of a store, newest first: the first one counts."""
    read = _page_of("authorization_models", _document)
    return _turned(call("GET", _models(store), read, params={"page_size": limit, TOKEN: cursor}))


def model(store: str = MAIN, *, model_id: str) -> Call[Json]:
    path = path_of(store, "authorization-models", model_id, base=STORES)
    return call("GET", path, lambda value: _document(_member(value, "authorization_model")))


def write_model(model: Json, *, store: str = MAIN) -> Call[str]:
    """Add a version, which counts from then on.  Answers its id."""

    def read(value: object) -> str:
        return str(_member(value, "authorization_model_id"))

    return call("POST", _models(store), read, body=model)


def tuples(store: str = MAIN, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[StoredTuple]]:
    """Every tuple that the caller may read; of the platform's own store, grants and perhaps groups and roles."""
    path = path_of(store, "read", base=STORES)
    body = {"page_size": limit, TOKEN: cursor}
    return _turned(call("POST", path, _page_of("tuples", one(StoredTuple)), body=body, repeatable=True))


def write_tuples(
    writes: Iterable[Json] = (), deletes: Iterable[Json] = (), *, store: str = MAIN, ignore: bool = False
) -> Call[None]:
    """Write and delete at most 100 tuples, all or none of them; with `ignore`, those that are there or gone pass."""
    wish = "ignore" if ignore else "error"
    added, removed = list(writes), list(deletes)
    body = {
        "writes": {"tuple_keys": added, "on_duplicate": wish} if added else None,
        "deletes": {"tuple_keys": removed, "on_missing": wish} if removed else None,
    }
    return call("POST", path_of(store, "write", base=STORES), nothing, body=body, repeatable=ignore)


def write_assertions(assertions: Iterable[Json], *, model_id: str, store: str = MAIN) -> Call[None]:
    """Keep checks with their expected answers beside a model, in place of those before.

    Each is `{tuple_key, expectation, contextual_tuples?, context?}`, and there are 100 at most.
    """
    path = path_of(store, "assertions", model_id, base=STORES)
    return call("PUT", path, nothing, body={"assertions": list(assertions)}, repeatable=True)


def _models(store: str) -> str:
    return path_of(store, "authorization-models", base=STORES)


def _turned(wanted: Call[T]) -> Call[T]:
    return replace(wanted, cursor=TOKEN)


def _member(value: object, name: str) -> object:
    if not isinstance(value, Mapping) or name not in value:
        raise NotGatepost(f"the answer has no {name}")
    return value[name]


def _document(value: object) -> Json:
    if not isinstance(value, Mapping):
        raise NotGatepost("the answer's model is not an object")
    return value


def _page_of(name: str, read_item: Reader[T]) -> Reader[Page[T]]:
    """Return a reader for `{NAME: […], continuation_token}`."""

    def read(value: object) -> Page[T]:
        items = _member(value, name)
        token = value.get(TOKEN) if isinstance(value, Mapping) else None
        if not isinstance(items, list):
            raise NotGatepost(f"the answer's {name} are not a list")
        return Page(tuple(read_item(item) for item in items), str(token) if token else None)

    return read
