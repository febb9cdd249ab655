"""Contextual tuples: a graph as it would be with some more tuples, for one question, without a change to anything."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar, cast

from gatepost.access.builtin import allows
from gatepost.access.edges import MARK, Cells, Edges, Held, Route
from gatepost.access.graph import Graph
from gatepost.access.loading import Row
from gatepost.access.model import AuthorizationModel
from gatepost.access.patience import held, hurry
from gatepost.access.tuples import RelationTuple, TupleChange, TupleCondition
from gatepost.principal import ANYONE

FIRST_OWN = 1 << 40  # numbers of entities that only the overlay knows begin here, out of reach of the graph's own

T = TypeVar("T")
Timed = dict[int, tuple[float, TupleCondition | None]]


class Contextual(Graph):
    """`graph` with `tuples` on top, to ask whatever a graph can be asked.

    A contextual tuple counts in the place of a stored one that differs in expiry or condition only.  It is held to the
    model as a written one is: raises `InvalidField`.  Nothing that is worked out here is kept for other questions.
    """

    def __init__(self, graph: Graph, tuples: Iterable[RelationTuple]) -> None:
        self.tuples = tuple(tuples)
        self.below = graph
        if isinstance(graph, Contextual):  # both in one, for an overlay's numbers are its own
            self.tuples = (*graph.tuples, *self.tuples)
            self.below = graph.below
        self.clock = graph.clock
        self.lock = graph.lock
        self._built: tuple[Edges, int, Overlay] | None = None
        with held(self.lock):
            self._build()

    @property
    def edges(self) -> Edges:  # type: ignore[override]  # nobody sets it here
        """The graph's edges with ours; made anew if the graph has changed since."""
        with held(self.lock):
            base = self.below.edges
            if self._built is None or self._built[0] is not base or self._built[1] != base.sequence:
                return self._build()
            return self._built[2]

    def _build(self) -> Overlay:
        base = self.below.edges
        for each in self.tuples:
            allows(base.compiled.model, each)
        overlay = Overlay(base, self.tuples)
        self._built = base, base.sequence, overlay
        return overlay

    def load(self, rows: Iterable[Row], revision: str = "", model: AuthorizationModel | None = None) -> None:  # noqa: ARG002
        raise TypeError("contextual tuples are for questions only")

    def apply(self, changes: Sequence[TupleChange], revision: str) -> None:  # noqa: ARG002
        raise TypeError("contextual tuples are for questions only")


class Overlay(Edges):
    """The edges of `base` and of some tuples that its model allows.  Nobody's memo is read or written."""

    is_overlay = True
    __slots__ = ("_base", "_own_ids", "_own_kinds", "_own_names")

    def __init__(self, base: Edges, tuples: Iterable[RelationTuple]) -> None:
        self._base = base
        self.compiled = base.compiled
        self.revision = base.revision
        self.sequence = base.sequence
        self.changes = base.changes
        self.count = base.count
        self.deepest = base.deepest
        self.nameless = base.nameless
        self.memo, self.uncommon, self.narrowed, self.routes, self.warm = [], {}, {}, {}, 0
        self._own_ids: dict[str, dict[str, int]] = {kind: {} for kind in base.ids}
        self._own_names: list[str] = []
        self._own_kinds: list[int] = []
        # The types of these say what `Edges` has; only the ways to look something up are here.
        ids = {kind: _Ids(self._own_ids[kind], base.ids[kind]) for kind in base.ids}
        self.ids = cast("dict[str, dict[str, int]]", ids)
        self.names = cast("list[str]", _Later(base.names, self._own_names))
        self.kinds = cast("array[int]", _Later(base.kinds, self._own_kinds))
        self._lay(tuples)

    def _lay(self, tuples: Iterable[RelationTuple]) -> None:
        placed = [self._place(each) for each in tuples]
        forward, above, behind = (_Changes() for _ in range(3))
        timed: dict[int, Timed] = {}
        timed_behind: dict[int, set[int]] = {}
        for key, value, each in placed:
            back = above if self.relation_key(key) in self.compiled.feeds else behind
            if each.condition is None and each.expires_at is None:
                forward.add(key, value)
                back.add(value, key)
                continue
            forward.drop(key, value)
            back.drop(value, key)
            expires = float("inf") if each.expires_at is None else each.expires_at.timestamp()
            timed.setdefault(key, {})[value] = (expires, each.condition)
            timed_behind.setdefault(value, set()).add(key)
            forward.add(key, MARK)
        base, bits = self._base, self.compiled.bits

        def stored(key: int) -> Held | None:
            return None if key >> bits >= FIRST_OWN else base.forward.get(key)

        self.forward = cast("Cells", _Merged(stored, forward))
        self.above = cast("dict[int, Held]", _Merged(base.above.get, above))
        self.behind = cast("dict[int, Held]", _Merged(base.behind.get, behind))
        self.timed = cast("dict[int, Timed]", _Joined(base.timed, timed, _second_wins))
        self.timed_behind = cast("dict[int, set[int]]", _Joined(base.timed_behind, timed_behind, set[int].union))

    def _place(self, each: RelationTuple) -> tuple[int, int, RelationTuple]:
        compiled = self.compiled
        number = self._number(each.object.type, each.object.id)
        subject = self._number(each.subject.type, each.subject.id)
        suffix = compiled.relations[each.subject.relation] if each.subject.relation else 0
        return number << compiled.bits | compiled.relations[each.relation], subject << compiled.bits | suffix, each

    def _number(self, kind: str, name: str) -> int:
        known = self._base.ids[kind].get(name) or self._own_ids[kind].get(name)
        if known is None:
            known = self._own_ids[kind][name] = FIRST_OWN + len(self._own_names)
            self._own_names.append(name)
            self._own_kinds.append(self.compiled.kinds[kind] + (name == ANYONE))
        return known

    def spans(self) -> tuple[range, ...]:
        return (*self._base.spans(), range(FIRST_OWN, FIRST_OWN + len(self._own_names)))

    def known_route(self, kind: str, action: str) -> Route | None:
        found = self._base.known_route(kind, action)
        return None if found is None else self._with_own_ids(kind, found)

    def route(self, kind: str, action: str) -> Route:
        return self._with_own_ids(kind, self._base.route(kind, action))

    def _with_own_ids(self, kind: str, route: Route) -> Route:
        return Route(route.action, self.ids[kind], route.plan, route.relation, route.permissions)


class _Changes:
    """What is added to and taken from sets, by key."""

    __slots__ = ("less", "more")

    def __init__(self) -> None:
        self.more: dict[int, set[int]] = {}
        self.less: dict[int, set[int]] = {}

    def add(self, key: int, value: int) -> None:
        self.more.setdefault(key, set()).add(value)
        self.less.get(key, set()).discard(value)

    def drop(self, key: int, value: int) -> None:
        self.less.setdefault(key, set()).add(value)
        self.more.get(key, set()).discard(value)


class _Merged:
    """Neighbours with changes, put together where somebody looks."""

    __slots__ = ("_changes", "_merged", "_stored")

    def __init__(self, stored: Callable[[int], Held | None], changes: _Changes) -> None:
        self._stored = stored
        self._changes = changes
        self._merged: dict[int, set[int]] = {}

    def get(self, key: int) -> Held | None:
        more, less = self._changes.more.get(key), self._changes.less.get(key)
        if more is None and less is None:
            return self._stored(key)
        found = self._merged.get(key)
        if found is None:
            stored = self._stored(key)
            if isinstance(stored, set):
                hurry(len(stored))
            found = {stored} if isinstance(stored, int) else set(stored or ())
            found -= less or set()
            found |= more or set()
            self._merged[key] = found
        return found or None


class _Joined(Generic[T]):
    """Two mappings as one; a key that both have has both values, joined."""

    __slots__ = ("_first", "_join", "_second")

    def __init__(self, first: Mapping[int, T], second: Mapping[int, T], join: Callable[[T, T], T]) -> None:
        self._first = first
        self._second = second
        self._join = join

    def get(self, key: int, default: T | None = None) -> T | None:
        ours, theirs = self._second.get(key), self._first.get(key)
        if ours is None or theirs is None:
            return theirs if ours is None and theirs is not None else ours if ours is not None else default
        return self._join(theirs, ours)

    def __contains__(self, key: int) -> bool:
        return key in self._first or key in self._second

    def __getitem__(self, key: int) -> T:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found


def _second_wins(first: Timed, second: Timed) -> Timed:
    return {**first, **second}


class _Ids:
    """The numbers of one type's names."""

    __slots__ = ("_own", "_stored")

    def __init__(self, own: dict[str, int], stored: dict[str, int]) -> None:
        self._own = own
        self._stored = stored

    def get(self, name: str, default: int | None = None) -> int | None:
        found = self._own.get(name)
        return self._stored.get(name, default) if found is None else found

    def items(self) -> Iterator[tuple[str, int]]:
        yield from self._stored.items()
        yield from self._own.items()


class _Later(Generic[T]):
    """A sequence that goes on far behind its end."""

    __slots__ = ("_own", "_stored")

    def __init__(self, stored: Sequence[T], own: Sequence[T]) -> None:
        self._own = own
        self._stored = stored

    def __getitem__(self, number: int) -> T:
        return self._stored[number] if number < FIRST_OWN else self._own[number - FIRST_OWN]
