"""The reverse walk: from a subject to every object that a plan might give it, without looking at any other object."""

from __future__ import annotations

from gatepost.access.edges import Edges, Who, spread
from gatepost.access.plan import Plan


class Reach:
    """One walk, in steps.  `found` grows to hold every object number of `plan`; exact if `surely` still stands."""

    __slots__ = ("_linked", "_owned", "_plans", "_seen", "_todo", "edges", "found", "surely")

    def __init__(self, edges: Edges, plan: Plan, someone: Who) -> None:
        self.edges = edges
        self.surely = plan.exact and not someone.maybe and not someone.value & edges.compiled.mask
        self._todo: list[tuple[Plan, int]] = []
        self._plans = plan.reachable()
        self._seen: dict[int, set[int]] = {id(each): set() for each in self._plans}
        self.found = self._seen[id(plan)]
        self._owned: dict[int, list[Plan]] = {}
        self._linked: dict[int, dict[int, dict[int, list[Plan]]]] = {}
        bits = edges.compiled.bits
        for each in self._plans:
            for relation in each.own:
                self._owned.setdefault(each.kind << bits | relation, []).append(each)
            for link in each.links:
                by_suffix = self._linked.setdefault(id(link.source), {}).setdefault(link.suffix, {})
                by_suffix.setdefault(each.kind << bits | link.relation, []).append(each)
        self._start(someone)

    @property
    def done(self) -> bool:
        return not self._todo

    def _start(self, someone: Who) -> None:
        for value in someone.mine | someone.maybe:
            if value:
                self._follow(value, self._owned)
        if someone.value & self.edges.compiled.mask:
            self._start_at_itself(someone.value)

    def _start_at_itself(self, userset: int) -> None:
        """A userset has the relation that it is, and all that are computed from it."""
        compiled = self.edges.compiled
        own = self.edges.relation_key(userset)
        for each in self._plans:
            keys = (each.kind << compiled.bits | relation for relation in each.relations)
            if any(own in compiled.computed_from(key) for key in keys):
                self._add(each, userset >> compiled.bits)

    def go(self, steps: int) -> None:
        """Follow at most `steps` objects further.  Call with the graph's lock held."""
        bits = self.edges.compiled.bits
        while self._todo and steps > 0:
            steps -= 1
            plan, number = self._todo.pop()
            for suffix, wanted in self._linked.get(id(plan), {}).items():
                self._follow(number << bits | suffix, wanted)

    def _follow(self, value: int, wanted: dict[int, list[Plan]]) -> None:
        """Add the objects whose tuples name `value` in one of the `wanted` relations."""
        edges = self.edges
        kinds, bits, mask = edges.kinds, edges.compiled.bits, edges.compiled.mask
        timed = edges.timed_behind.get(value)
        if timed:
            self.surely = False
        for keys in (spread(edges.above.get(value)), spread(edges.behind.get(value)), tuple(timed or ())):
            for key in keys:
                number = key >> bits
                plans = wanted.get(kinds[number] << bits | key & mask)
                if plans is not None:
                    for plan in plans:
                        self._add(plan, number)

    def _add(self, plan: Plan, number: int) -> None:
        seen = self._seen[id(plan)]
        if number not in seen:
            seen.add(number)
            if id(plan) in self._linked:
                self._todo.append((plan, number))
