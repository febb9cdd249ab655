"""The reverse walk: from a subject to every object that a plan might give it, without looking at any other object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gatepost.access.edges import Edges, Who
from gatepost.access.lookup import Combined, How, Plan
from gatepost.access.slices import Neighbours, is_long


class Place:
    """The objects of one plan that were found, and what is followed from each: a suffix, and the way that it takes."""

    __slots__ = ("onward", "plan", "seen")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seen: set[int] = set()
        self.onward: list[tuple[int, Way]] = []


class Way:
    """What is wanted of the tuples that name certain subjects, and the subjects that are still to be looked at.

    `places` says by the relation of a type where an object belongs whose tuple names one.
    """

    __slots__ = ("places", "todo")

    def __init__(self) -> None:
        self.places: dict[int, list[Place]] = {}
        self.todo: list[int] = []

    def wants(self, relation: int, place: Place) -> None:
        self.places.setdefault(relation, []).append(place)

    def end(self) -> set[int] | None:
        """Where all objects go, if that is one place from which nothing is followed."""
        found = {id(place): place for places in self.places.values() for place in places}
        (only,) = found.values() if len(found) == 1 else (None,)
        return None if only is None or only.onward else only.seen


class Reach:
    """One walk, in steps.  `found` grows to hold every object number of `plan`; exact if `surely` still stands.

    Revisions may be written between two steps: `catch_up` then looks at what has changed where the walk has been.
    """

    __slots__ = ("_changed", "_long", "_owned", "_places", "_ways", "edges", "found", "someone", "surely")

    def __init__(self, edges: Edges, plan: Plan, someone: Who) -> None:
        self.edges = edges
        self.someone = someone
        self.surely = plan.exact and not someone.maybe and not someone.value & edges.compiled.mask
        self._changed = edges.changes.count
        self._long: list[tuple[Neighbours, Way]] = []
        self._places = {id(each): Place(each) for each in plan.reachable()}
        self._owned = Way()
        self._ways = [self._owned]
        self.found = self._places[id(plan)].seen
        self._lay_ways()
        self._owned.todo += [value for value in someone.mine | someone.maybe if value]
        if someone.value & edges.compiled.mask:
            self._start_at_itself(someone.value)

    @property
    def done(self) -> bool:
        return not self._long and not any(way.todo for way in self._ways)

    def _lay_ways(self) -> None:
        """Turn the plans' links around: they say whom a plan draws on, and the walk goes from there."""
        bits = self.edges.compiled.bits
        ways: dict[tuple[int, int], Way] = {}
        for place in self._places.values():
            plan = place.plan
            for relation in plan.own:
                self._owned.wants(plan.kind << bits | relation, place)
            for link in plan.links:
                ways.setdefault((id(link.source), link.suffix), Way()).wants(plan.kind << bits | link.relation, place)
        for (source, suffix), way in ways.items():
            self._places[source].onward.append((suffix, way))
            self._ways.append(way)

    def _start_at_itself(self, userset: int) -> None:
        """A userset has the relation that it is, and all that are computed from it."""
        compiled = self.edges.compiled
        own = self.edges.relation_key(userset)
        for place in self._places.values():
            keys = (place.plan.kind << compiled.bits | relation for relation in place.plan.relations)
            if any(own in compiled.computed_from(key) for key in keys):
                self._add(place, userset >> compiled.bits)

    def go(self, steps: int) -> None:
        """Follow about `steps` tuples further.  Call with the graph's lock held."""
        while steps > 0:
            if self._long:
                neighbours, way = self._long[-1]
                keys = neighbours.read(steps)
                self._take(keys, way)
                if not keys:
                    self._long.pop()
                steps -= len(keys) + 1
            elif (next_way := next((way for way in self._ways if way.todo), None)) is not None:
                steps -= self._follow(next_way, steps)
            else:
                return

    def catch_up(self) -> bool:
        """See to it that what was changed since the last step is found too; False if only a new walk does that.

        What was taken away stays found, so nothing is sure any more if a change met the walk.  Call with the lock held.
        """
        edges, changes = self.edges, self.edges.changes
        if changes.count == self._changed:
            return True
        changed = changes.since(self._changed)
        if changed is None:
            return False
        self._changed = changes.count
        compiled, someone = edges.compiled, self.someone
        for key, value in changed:
            own = value in someone.mine or value in someone.maybe
            if own and edges.relation_key(key) in compiled.feeds:
                return False  # whom the walk is about has changed
            for way in (*((self._owned,) if own else ()), *self._ways_from(value)):
                if edges.is_overlay:
                    return False
                self.surely = False
                self._take((key,), way)
        return True

    def _ways_from(self, value: int) -> Iterator[Way]:
        """Yield the ways that the walk has gone from an object, or from a userset of it."""
        number, suffix = value >> self.edges.compiled.bits, value & self.edges.compiled.mask
        for place in self._places.values():
            if number in place.seen:
                yield from (way for followed, way in place.onward if followed == suffix)

    def _follow(self, way: Way, most: int) -> int:
        """Look at the tuples that name the next subjects of a way; answer how many those were.

        The tuples of many are gathered before they are looked at: most have few.
        """
        edges, todo, keys, count = self.edges, way.todo, list[int](), 0
        timed = edges.timed_behind
        feeds = edges.compiled.feeds
        sources = [edges.above] if any(relation in feeds for relation in way.places) else []
        if any(relation not in feeds for relation in way.places):
            sources.append(edges.behind)
        while todo and len(keys) + count < most:
            value = todo.pop()
            count += 1
            for source in sources:
                held = source.get(value)
                if held is None:
                    continue
                if isinstance(held, int):
                    keys.append(held)
                elif is_long(held):
                    self._long.append((Neighbours(held, edges.changes), way))
                else:
                    keys += held
            if value in timed:
                self.surely = False
                keys += timed[value]
        self._take(keys, way)
        return len(keys) + count

    def _take(self, keys: Iterable[int], way: Way) -> None:
        """Add the objects of forward keys, as far as they are wanted."""
        edges, places = self.edges, way.places
        kinds, bits, mask = edges.kinds, edges.compiled.bits, edges.compiled.mask
        end = way.end()
        if end is not None:
            end.update([key >> bits for key in keys if kinds[key >> bits] << bits | key & mask in places])
            return
        for key in keys:
            number = key >> bits
            for place in places.get(kinds[number] << bits | key & mask, ()):
                self._add(place, number)

    def _add(self, place: Place, number: int) -> None:
        if number not in place.seen:
            place.seen.add(number)
            bits = self.edges.compiled.bits
            for suffix, way in place.onward:
                way.todo.append(number << bits | suffix)


class Combination:
    """The walks of a combination's parts, as one.

    `found` is exact if `surely` stands; otherwise it holds at least everything, and each has to be asked about.
    """

    __slots__ = ("_combined", "_doubted", "_reaches", "edges", "someone")

    def __init__(self, edges: Edges, combined: Combined, someone: Who) -> None:
        self.edges = edges
        self.someone = someone
        self._doubted = False
        self._combined = combined
        self._reaches = {id(leaf): Reach(edges, leaf, someone) for leaf in combined.leaves()}

    @property
    def surely(self) -> bool:
        return not self._doubted and all(reach.surely for reach in self._reaches.values())

    @surely.setter
    def surely(self, value: bool) -> None:
        self._doubted = not value

    @property
    def done(self) -> bool:
        return all(reach.done for reach in self._reaches.values())

    @property
    def found(self) -> set[int]:
        return self._of(self._combined, surely=self.surely)

    def go(self, steps: int) -> None:
        """Follow about `steps` tuples further.  Call with the graph's lock held."""
        for reach in self._reaches.values():
            if not reach.done:
                reach.go(steps)
                return

    def catch_up(self) -> bool:
        """As `Reach.catch_up`, of every part: all of them are at the same revision then."""
        return all(reach.catch_up() for reach in self._reaches.values())

    def _of(self, part: Plan | Combined, *, surely: bool) -> set[int]:
        if isinstance(part, Plan):
            return self._reaches[id(part)].found
        sets = [self._of(each, surely=surely) for each in part.parts]
        match part.how:
            case How.OR:
                return set[int]().union(*sets)
            case How.AND:
                return sets[0].intersection(*sets[1:])
            case How.BUT_NOT:
                return sets[0].difference(*sets[1:]) if surely else sets[0]
