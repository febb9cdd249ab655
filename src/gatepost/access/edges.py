"""The tuples as numbers: forward and reverse edges, those that expire or hang on a condition apart from the rest.

An object's id is a number; `id << bits | relation` is a relation of it, and as a subject a userset (`relation` 0: the
subject itself).  One neighbour stands as an int, several as a set of ints.  The value 0 in a forward set says that the
key has timed edges too: it stands in every subject's memo as well, so that the hot path stumbles over it for nothing.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import ClassVar

from gatepost.access.lookup import Plan
from gatepost.access.moment import NO, YES, Moment
from gatepost.access.patience import hurry
from gatepost.access.plan import Compiled
from gatepost.access.tuples import TupleCondition
from gatepost.principal import ANYONE, PLATFORM, PLATFORM_NOUNS

Held = int | set[int]
Neighbours = dict[int, Held]
Known = tuple[frozenset[int], frozenset[int]]
MARK = 0
KEPT_CHANGES = 10_000
ASKING = "decision:ask"


class Cells:
    """The forward edges: each object has one cell for each relation of its type that takes tuples, side by side.

    So one object's relations cost one memory access, where a dict would cost three for each.
    """

    __slots__ = ("_compiled", "_kinds", "cells", "first")

    def __init__(self, compiled: Compiled, kinds: array[int]) -> None:
        self._compiled = compiled
        self._kinds = kinds
        self.cells: list[Held | None] = []
        self.first = array("Q")  # by object number: where its cells begin

    def make_room(self, kind: int) -> None:
        """Give the next object its cells."""
        self.first.append(len(self.cells))
        self.cells.extend([None] * len(self._compiled.cells[kind >> 1]))

    def _place(self, key: int) -> int | None:
        number = key >> self._compiled.bits
        place = self._compiled.cells[self._kinds[number] >> 1].get(key & self._compiled.mask)
        return None if place is None else self.first[number] + place

    def get(self, key: int) -> Held | None:
        place = self._place(key)
        return None if place is None else self.cells[place]

    def __setitem__(self, key: int, held: Held) -> None:
        place = self._place(key)
        if place is None:
            raise KeyError(key)
        self.cells[place] = held

    def __delitem__(self, key: int) -> None:
        place = self._place(key)
        if place is None:
            raise KeyError(key)
        self.cells[place] = None


class Changes:
    """The tuples that were changed last, so that a long walk can look at what it has read too early."""

    __slots__ = ("_latest", "count")

    def __init__(self) -> None:
        self.count = 0
        self._latest: deque[tuple[int, int]] = deque(maxlen=KEPT_CHANGES)

    def note(self, key: int, value: int) -> None:
        self.count += 1
        self._latest.append((key, value))

    def since(self, count: int) -> list[tuple[int, int]] | None:
        """List the changes after the first `count`, the newest first; None if they are not all kept."""
        wanted = self.count - count
        return None if wanted > len(self._latest) else list(islice(reversed(self._latest), wanted))


class Route:
    """What one action on one type looks up: the ids of the type, the plan, and the permissions that allow it."""

    __slots__ = ("action", "ids", "permissions", "plan", "relation")

    def __init__(
        self, action: str, ids: dict[str, int], plan: Plan | None, relation: int, keys: frozenset[int]
    ) -> None:
        self.action = action
        self.ids = ids
        self.plan = plan
        self.relation = relation
        self.permissions = keys


class Edges:
    """One loaded set of tuples under one model.  Only the graph writes here, under its lock."""

    is_overlay: ClassVar[bool] = False
    __slots__ = (
        "above",
        "behind",
        "changes",
        "compiled",
        "count",
        "deepest",
        "forward",
        "ids",
        "kinds",
        "memo",
        "nameless",
        "names",
        "narrowed",
        "revision",
        "routes",
        "sequence",
        "timed",
        "timed_behind",
        "uncommon",
        "warm",
    )

    def __init__(self, compiled: Compiled, revision: str) -> None:
        self.compiled = compiled
        self.revision = revision
        self.sequence = 0  # odd while a revision is being written
        self.changes = Changes()
        self.count = 0
        self.ids: dict[str, dict[str, int]] = {kind: {} for kind in compiled.kinds}
        self.names = [""]  # number 0 is nobody, for the mark
        self.kinds = array("H", [0])
        self.forward = Cells(compiled, self.kinds)
        self.forward.make_room(0)
        self.memo: list[Known | None] = [None]  # by the number of a plain subject
        self.warm = 0  # how many of them there are
        self.deepest = 0  # the most memberships, one above another, that any memo was made of
        self.nameless: dict[str, int] = {}  # of each type one that stands for all that no tuple names
        for kind, number in compiled.kinds.items():
            self.nameless[kind] = len(self.names)
            self._append("", number)
            self.intern(kind, ANYONE)  # in every memo of the type's subjects from the start
        self.above: Neighbours = {}  # reverse, of tuples that feed memoised usersets
        self.behind: Neighbours = {}  # reverse, of all others
        self.timed: dict[int, dict[int, tuple[float, TupleCondition | None]]] = {}
        self.timed_behind: dict[int, set[int]] = {}
        self.uncommon: dict[int, Who] = {}  # memos of usersets, and of subjects whose memberships expire
        self.narrowed: dict[tuple[object, ...], Who] = {}
        self.routes: dict[str, dict[str, Route]] = {}
        for each in compiled.model.types.values():
            self.routes[each.name] = {name: self.route(each.name, name) for name in each.relations}
        if compiled.permission_key >= 0 and PLATFORM.type in self.ids:
            self.routes[PLATFORM.type][ASKING] = self.route(PLATFORM.type, ASKING)

    def intern(self, kind: str, name: str) -> int:
        """The number of an entity, given now if it has none.  Raises `KeyError` if the model has no such type."""
        ids = self.ids[kind]
        number = ids.get(name)
        if number is None:
            number = ids[name] = self._append(name, self.compiled.kinds[kind] + (name == ANYONE))
        return number

    def _append(self, name: str, kind: int) -> int:
        self.names.append(name)
        self.kinds.append(kind)
        self.memo.append(None)
        self.forward.make_room(kind)
        return len(self.names) - 1

    def spans(self) -> tuple[range, ...]:
        """The numbers of everything that there is now.  None of them is ever taken back."""
        return (range(1, len(self.names)),)

    def forget_everybody(self) -> None:
        self.memo = [None] * len(self.names)
        self.uncommon = {}
        self.warm = 0

    def forget(self, value: int) -> None:
        self.uncommon.pop(value, None)
        number, relation = value >> self.compiled.bits, value & self.compiled.mask
        if not relation and self.memo[number] is not None:
            self.memo[number] = None
            self.warm -= 1

    def known_route(self, kind: str, action: str) -> Route | None:
        """What a relation of the model looks up; None for any other action."""
        return self.routes[kind].get(action)

    def route(self, kind: str, action: str) -> Route:
        """Work out what `action` on `kind` looks up.

        Only the names of the model's own relations, and of what is asked with every question of a decider, get a number
        here: an action that somebody made up leaves no trace.
        """
        compiled = self.compiled
        key = compiled.relation_key(kind, action)
        plan = None if key is None else compiled.plans[key]
        wanted = (action if kind == PLATFORM.type else f"{kind}:{action}").split(":", 1)
        keys: set[int] = set()
        if len(wanted) == 2 and PLATFORM.type in self.ids and compiled.permission_key >= 0:
            pairs = {(t, a) for t in (wanted[0], "*") for a in (wanted[1], "*")}
            if kind == PLATFORM.type and wanted[0] in PLATFORM_NOUNS and wanted[1] != "*":
                # `*:view` means every resource type.  It must not open the directory or the audit trail too.
                pairs.discard(("*", wanted[1]))
            names = [f"{t}.{a}" for t, a in pairs]
            if key is not None or (kind == PLATFORM.type and action == ASKING):
                for name in names:
                    self.intern(PLATFORM.type, name)
            keys = {self.value(PLATFORM.type, name) for name in names} - {0}
        return Route(action, self.ids[kind], plan, 0 if key is None else key & compiled.mask, frozenset(keys))

    def value(self, kind: str, name: str, relation: str = "") -> int:
        """A subject's number, or 0 if no tuple has ever named it or the model has no such relation."""
        number = self.ids.get(kind, {}).get(name, 0)
        suffix = self.compiled.relations.get(relation, 0)
        return 0 if not number or (relation and not suffix) else number << self.compiled.bits | suffix

    def text(self, value: int) -> str:
        """Write an object, subject or userset as `type:id` or `type:id#relation`."""
        number, relation = value >> self.compiled.bits, value & self.compiled.mask
        name = f"{self.kind_name(number)}:{self.names[number]}"
        return f"{name}#{self.compiled.relation_names[relation]}" if relation else name

    def kind_name(self, number: int) -> str:
        return self.compiled.kind_names[self.kinds[number] >> 1]

    def relation_key(self, key: int) -> int:
        """The relation of a type that a forward key belongs to."""
        return self.kinds[key >> self.compiled.bits] << self.compiled.bits | key & self.compiled.mask

    def held(self, key: int) -> tuple[int, ...]:
        """The permanent subjects of a forward key."""
        return tuple(value for value in spread(self.forward.get(key)) if value)

    def alive(self, key: int, moment: Moment) -> list[tuple[int, float, int]]:
        """The timed subjects of a forward key that count: value, expiry, and YES or, by the condition, UNKNOWN."""
        timed = self.timed.get(key)
        if timed is None:
            return []
        hurry(len(timed))
        found = []
        for value, (expires, condition) in timed.items():
            if expires > moment.now:
                verdict = YES if condition is None else moment.judge(condition)
                if verdict != NO:
                    found.append((value, expires, verdict))
        return found

    def pointing_at(self, value: int) -> tuple[int, ...]:
        """The forward keys whose tuples name a subject, expired ones too."""
        return (
            *spread(self.above.get(value)),
            *spread(self.behind.get(value)),
            *(self.timed_behind.get(value, ())),
        )

    def add(self, key: int, value: int, expires: float | None, condition: TupleCondition | None) -> None:
        """Put in a tuple, in the place of one that differs in expiry or condition only."""
        self.remove(key, value)
        self.count += 1
        if expires is None and condition is None:
            link(self.forward, key, value)
            link(self._reverse(key), value, key)
            return
        self.timed.setdefault(key, {})[value] = (float("inf") if expires is None else expires, condition)
        self.timed_behind.setdefault(value, set()).add(key)
        held = self.forward.get(key)
        if isinstance(held, set):
            held.add(MARK)
        else:
            self.forward[key] = {MARK} if held is None else {MARK, held}

    def remove(self, key: int, value: int) -> None:
        """Take out a tuple, if it is there."""
        timed = self.timed.get(key)
        if timed is not None and value in timed:
            del timed[value]
            behind = self.timed_behind[value]
            behind.discard(key)
            if not behind:
                del self.timed_behind[value]
            if not timed:
                del self.timed[key]
                unlink(self.forward, key, MARK)
            self.count -= 1
        if unlink(self.forward, key, value):
            unlink(self._reverse(key), value, key)
            self.count -= 1

    def _reverse(self, key: int) -> Neighbours:
        return self.above if self.relation_key(key) in self.compiled.feeds else self.behind


class Who:
    """A subject with all that it stands for: usersets it is in, those it may be in, and its permissions.

    `until` (unix seconds) is when the first membership on the way expires; `value` is the subject's own number.
    `guarded` says that a condition was judged on the way, so that all this holds for one question's context only.
    """

    __slots__ = ("guarded", "maybe", "mine", "permissions", "until", "value")

    def __init__(
        self,
        value: int,
        mine: frozenset[int],
        maybe: frozenset[int],
        permissions: frozenset[int],
        until: float,
        *,
        guarded: bool = False,
    ) -> None:
        self.guarded = guarded
        self.value = value
        self.mine = mine
        self.maybe = maybe
        self.permissions = permissions
        self.until = until


def spread(held: int | Iterable[int] | None) -> tuple[int, ...]:
    """The neighbours as a tuple of their own, which later writes do not change."""
    if held is None:
        return ()
    return (held,) if isinstance(held, int) else tuple(held)


def link(neighbours: Neighbours | Cells, key: int, value: int) -> None:
    held = neighbours.get(key)
    if held is None:
        neighbours[key] = value
    elif isinstance(held, int):
        if held != value:
            neighbours[key] = {held, value}
    else:
        held.add(value)


def unlink(neighbours: Neighbours | Cells, key: int, value: int) -> bool:
    """Take `value` out; tell whether it was there.  A set of one becomes an int again, unless it is the mark."""
    held = neighbours.get(key)
    if held is None:
        return False
    if isinstance(held, int):
        if held == value:
            del neighbours[key]
            return True
        return False
    if value not in held:
        return False
    if len(held) == 1:
        del neighbours[key]
        return True
    held.discard(value)
    if len(held) == 1 and MARK not in held:
        (neighbours[key],) = held
    return True
