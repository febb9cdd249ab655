"""The forward walk: from a relation of an object to everybody whom its definition might mean, exclusions included."""

from __future__ import annotations

from collections.abc import Iterable

from gatepost.access.decision import TooComplex
from gatepost.access.edges import Edges
from gatepost.access.model import Computed, Direct, Exclusion, FromParent, Intersection, Rewrite, Union
from gatepost.access.slices import Neighbours, is_long

MAX_CANDIDATES = 1_000_000


class Below:
    """One walk, in steps.  `found` grows to hold all who are of the `wanted` relations of types (0: individuals).

    Each of them has to be asked about: exclusions, intersections, expiry and conditions are not judged here.  Only where
    the relation's plan is exact, and `settled` still stands, does everybody have it who was found.
    """

    __slots__ = ("_changed", "_long", "_seen", "_todo", "edges", "found", "settled", "wanted")

    def __init__(self, edges: Edges, wanted: frozenset[int]) -> None:
        self.edges = edges
        self.wanted = wanted
        self.settled = True
        self.found: set[int] = set()
        self._changed = edges.changes.count
        self._seen: set[int] = set()
        self._todo: list[int] = []
        self._long: list[tuple[Neighbours, int]] = []

    @property
    def done(self) -> bool:
        return not self._todo and not self._long

    def visit(self, key: int) -> None:
        """Begin, or go on, at a subject or a relation of an object.  Raises `TooComplex` beyond the bound."""
        if key not in self._seen:
            if len(self._seen) >= MAX_CANDIDATES:
                raise TooComplex(f"the list takes more than {MAX_CANDIDATES} steps")
            self._seen.add(key)
            if key & self.edges.compiled.mask:
                self._todo.append(key)
            if self.edges.relation_key(key) in self.wanted:
                self.found.add(key)

    def go(self, steps: int, now: float) -> None:
        """Follow about so many tuples further.  Call with the graph's lock held."""
        rewrites = self.edges.compiled.rewrites
        while steps > 0:
            if self._long:
                neighbours, suffix = self._long[-1]
                values = neighbours.read(steps)
                if values:
                    self._visit_all(values, suffix)
                else:
                    self._long.pop()
                steps -= len(values) + 1
            elif self._todo:
                key = self._todo.pop()
                rewrite = rewrites.get(self.edges.relation_key(key))
                steps -= 1 if rewrite is None else self._follow(rewrite, key, now)
            else:
                return

    def catch_up(self) -> None:
        """Look again at every object on the way that was changed since the last step.  Call with the lock held."""
        changes, compiled = self.edges.changes, self.edges.compiled
        if changes.count == self._changed:
            return
        changed = changes.since(self._changed)
        self._changed = changes.count
        if changed is None:
            self.settled = False
            self._todo = [key for key in self._seen if key & compiled.mask]
            return
        for base in {key & ~compiled.mask for key, _ in changed}:
            again = [base | relation for relation in compiled.relations.values() if base | relation in self._seen]
            self._todo += again
            self.settled = self.settled and not again

    def _follow(self, rewrite: Rewrite, key: int, now: float) -> int:
        """Visit all that a definition names; answer how many tuples that took."""
        compiled = self.edges.compiled
        base = key & ~compiled.mask
        match rewrite:
            case Direct():
                return self._named(key, 0, now)
            case Computed(relation):
                self.visit(base | compiled.relations[relation])
                return 1
            case FromParent(relation, tupleset):
                return self._named(base | compiled.relations[tupleset], compiled.relations[relation], now)
            case Union(children) | Intersection(children):
                return sum(self._follow(child, key, now) for child in children)
            case Exclusion(kept, subtract):
                return self._follow(kept, key, now) + self._follow(subtract, key, now)

    def _named(self, key: int, suffix: int, now: float) -> int:
        """Visit the subjects of a forward key, whatever their condition."""
        held, timed = self.edges.forward.get(key), self.edges.timed.get(key, {})
        self.settled = self.settled and not timed
        self._visit_all([value for value, (expires, _) in timed.items() if expires > now], suffix)
        if held is None:
            return 1
        if isinstance(held, int):
            self._visit_all((held,), suffix)
            return 2
        if is_long(held):
            self._long.append((Neighbours(held, self.edges.changes), suffix))
            return 1
        self._visit_all(held, suffix)
        return 1 + len(held)

    def _visit_all(self, values: Iterable[int], suffix: int) -> None:
        for value in values:
            if value:  # all but the mark
                self.visit(value | suffix)
