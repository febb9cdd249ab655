"""Stores with their models and tuples, in the words of OpenFGA's API.  `main` is the platform's own store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from gatepost.client.stores import MAIN, Json, Store, StoredTuple
from gatepost.directory.given import require_flag, require_whole
from gatepost.embedded.asking import Asking
from gatepost.errors import Conflict, Forbidden, GatepostError, InvalidField, InvalidRequest, NotFound
from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord
from gatepost.principal import Principal
from gatepost.stores import bodies, listing, models, reads, writes
from gatepost.stores.errors import StoreError
from gatepost.stores.pages import USUAL, Page, Paging
from gatepost.stores.posted import posted_model
from gatepost.stores.writes import TupleWrite

S = TypeVar("S")
T = TypeVar("T")

CLASSES: Mapping[int, type[GatepostError]] = {403: Forbidden, 404: NotFound, 409: Conflict}


@contextmanager
def as_the_client_says() -> Iterator[None]:
    """An error of OpenFGA's table as that of the same status, which is what the client makes of it."""
    try:
        yield
    except StoreError as error:
        kind = CLASSES.get(error.status, InvalidRequest)
        raise (Conflict(str(error), items=error.items) if kind is Conflict else kind(str(error))) from error


def _store(record: StoreRecord) -> Store:
    return Store(record.id, record.name, record.created_at)


def _tuple(found: reads.StoredTuple) -> StoredTuple:
    return StoredTuple(found.key.members(), found.written_at)


def _objects(values: Iterable[Json], field: str) -> list[dict[str, object]]:
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise InvalidField({field: "this has to be a list of objects"})
    found = list(values)
    for index, value in enumerate(found):
        if not isinstance(value, Mapping):
            raise InvalidField({f"{field}[{index}]": "this has to be an object"})
    return [dict(value) for value in found]


class Stores(Asking):
    """Calls on stores.  Models and tuples are JSON as OpenFGA's API has it."""

    def _pages(
        self,
        read: Callable[[Gatepost, Principal, Paging], Page[S]],
        make: Callable[[S], T],
        limit: int | None,
        cursor: str | None,
        message: str,
    ) -> Iterator[T]:
        require_whole(limit, "limit")
        self._for(cursor=cursor)
        with as_the_client_says():
            size = USUAL if limit is None else bodies.page_size(limit, message)
            start = Paging(size, bodies.token(cursor or "", message))
        return self._page_after_page(read, make, start)

    def _page_after_page(
        self, read: Callable[[Gatepost, Principal, Paging], Page[S]], make: Callable[[S], T], wanted: Paging
    ) -> Iterator[T]:
        while True:
            with as_the_client_says():
                page = read(self._gate, self._caller(), wanted)
            yield from map(make, page.items)
            if not page.token:
                return
            wanted = Paging(wanted.size, page.token)

    def _named(self, store: str, message: str) -> tuple[Gatepost, Principal, str]:
        gate, by = self._for(store=store)
        return gate, by, bodies.store_name(store, message)

    def stores(self, *, limit: int | None = None, cursor: str | None = None) -> Iterator[Store]:
        return self._pages(listing.list_stores, _store, limit, cursor, "ListStoresRequest")

    def store(self, store: str = MAIN) -> Store:
        with as_the_client_says():
            return _store(listing.get_store(*self._named(store, "GetStoreRequest")))

    def create_store(self, name: str) -> Store:
        """Make an empty store.  Names need not differ; its id is in the answer."""
        with as_the_client_says():
            by = self._for(name=name)
            wanted = bodies.require(name, bodies.STORE_NAME, "CreateStoreRequest.Name")
            return _store(listing.create_store(*by, wanted))

    def delete_store(self, store: str) -> None:
        with as_the_client_says():
            listing.delete_store(*self._named(store, "DeleteStoreRequest"))

    def models(self, store: str = MAIN, *, limit: int | None = None, cursor: str | None = None) -> Iterator[Json]:
        """The models of a store, newest first: the first one counts."""
        message = "ReadAuthorizationModelsRequest"
        with as_the_client_says():
            _, _, name = self._named(store, message)

        def read(gate: Gatepost, by: Principal, page: Paging) -> Page[models.Version]:
            return models.list_versions(gate, by, name, page)

        return self._pages(read, models.posted_as, limit, cursor, message)

    def model(self, store: str = MAIN, *, model_id: str) -> Json:
        message = "ReadAuthorizationModelRequest"
        self._for(model_id=model_id)
        with as_the_client_says():
            by = self._named(store, message)
            found = models.get_version(*by, bodies.require(model_id, bodies.ULID, f"{message}.Id"))
            return models.posted_as(found)

    def write_model(self, model: Json, *, store: str = MAIN) -> str:
        """Add a version, which counts from then on.  Answers its id."""
        if not isinstance(model, Mapping):
            raise InvalidField({"model": "this has to be an object, as OpenFGA's API has it"})
        with as_the_client_says():
            message = "WriteAuthorizationModelRequest"
            by = self._named(store, message)
            return models.write_version(*by, posted_model(model, message))

    def tuples(
        self, store: str = MAIN, *, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[StoredTuple]:
        """Every tuple that the caller may read; of the platform's own store, grants and perhaps groups and roles."""
        with as_the_client_says():
            _, _, name = self._named(store, "ReadRequest")

        def read(gate: Gatepost, by: Principal, page: Paging) -> Page[reads.StoredTuple]:
            return reads.read_tuples(gate, by, name, None, page)

        return self._pages(read, _tuple, limit, cursor, "ReadRequest")

    def write_tuples(
        self, writes: Iterable[Json] = (), deletes: Iterable[Json] = (), *, store: str = MAIN, ignore: bool = False
    ) -> None:
        """Write and delete at most 100 tuples, all or none of them; with `ignore`, those that are there or gone pass."""
        require_flag(ignore, "ignore")
        added, removed = _objects(writes, "writes"), _objects(deletes, "deletes")
        with as_the_client_says():
            by = self._named(store, "WriteRequest")
            wanted = TupleWrite(
                writes=[bodies.written_key(each) for each in added],
                deletes=[bodies.deleted_key(each) for each in removed],
                ignore_duplicate=ignore,
                ignore_missing=ignore,
            )
            write(*by, wanted)


write = writes.write_tuples  # a call has a parameter that is named as that module is
