"""Who asks, and page after page: what the calls of every noun stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from gatepost.directory.given import require_texts, require_whole
from gatepost.directory.pages import USUAL, Page, Wanted
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal

S = TypeVar("S")
T = TypeVar("T")


class Asking:
    """Calls that somebody makes of a gate."""

    @property
    def _gate(self) -> Gatepost:
        raise NotImplementedError

    def _caller(self) -> Principal:
        """Whoever is asking now.  Raises `InvalidToken` for somebody who is not there any more, or disabled."""
        raise NotImplementedError

    def _for(self, **texts: str | None) -> tuple[Gatepost, Principal]:
        """What an operation takes first, once the texts that it was given are some.  Raises `InvalidField`."""
        require_texts(**texts)
        return self._gate, self._caller()

    def _all(
        self,
        read: Callable[[Gatepost, Principal, Wanted], Page[S]],
        make: Callable[[S], T],
        limit: int | None,
        cursor: str | None,
    ) -> Iterator[T]:
        """The items of every page of at most `limit`, each page read when it is needed, by whoever is asking then."""
        require_whole(limit, "limit")
        require_texts(cursor=cursor)
        return self._read(read, make, Wanted(USUAL if limit is None else limit, cursor or ""))

    def _read(
        self, read: Callable[[Gatepost, Principal, Wanted], Page[S]], make: Callable[[S], T], wanted: Wanted
    ) -> Iterator[T]:
        while True:
            page = read(self._gate, self._caller(), wanted)
            yield from map(make, page.items)
            if not page.next_cursor:
                return
            wanted = replace(wanted, cursor=page.next_cursor)


def entity_of(text: str) -> Entity:
    """Read `type:id`.  Raises `InvalidField`."""
    try:
        return Entity.parse(text)
    except ValueError as error:
        raise InvalidField({"resource": "not of the form type:id, such as collection:sales"}) from error
