"""What a subject stands for: itself, its type's wildcard, and every group and role it is in, however deep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gatepost.access.edges import MARK, Edges, Who, spread
from gatepost.principal import ANYONE, Subject

FOREVER = float("inf")
MAX_NARROWED = 10_000
MAX_MEMO = 1_000_000


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a call adds to or takes from its subject: one role alone, and names that the call's issuer vouches for."""

    role: str | None = None
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


PLAIN = Narrowing()


def who(edges: Edges, subject: Subject, narrowing: Narrowing, now: float) -> Who:
    """Look the subject up in its memo, or work it out and keep it.  Call with the graph's lock held."""
    value = edges.value(subject.type, subject.id, subject.relation)
    if not value and subject.relation:
        value = edges.nameless[subject.type] << edges.compiled.bits | edges.compiled.relations[subject.relation]
    elif not value:
        value = edges.value(subject.type, ANYONE)
    if narrowing == PLAIN:
        return _plain(edges, value, now)
    key = (value, narrowing.role, narrowing.groups, narrowing.roles)
    known = edges.narrowed.get(key)
    if known is None or known.until <= now:
        if len(edges.narrowed) >= MAX_NARROWED:
            edges.narrowed.clear()
        known = edges.narrowed[key] = work_out(edges, value, narrowing, now)
    return known


def _plain(edges: Edges, value: int, now: float) -> Who:
    plain = not value & edges.compiled.mask
    known = edges.memo[value >> edges.compiled.bits] if plain else None
    if known is not None:
        return Who(value, known[0], frozenset(), known[1], FOREVER)
    uncommon = edges.uncommon.get(value)
    if uncommon is not None and uncommon.until > now:
        return uncommon
    found = work_out(edges, value, PLAIN, now)
    if edges.warm + len(edges.uncommon) >= MAX_MEMO:
        edges.forget_everybody()
    if not plain or found.maybe or found.until != FOREVER:
        edges.uncommon[value] = found
    else:
        edges.memo[value >> edges.compiled.bits] = (found.mine, found.permissions)
        edges.warm += 1
    return found


def work_out(edges: Edges, value: int, narrowing: Narrowing, now: float) -> Who:
    """Walk up from the subject, without the memo."""
    walk = _Walk(edges, narrowing, now)
    walk.up(_starts(edges, value, narrowing))
    mine = frozenset(walk.seen)
    walk.up_beyond_conditions()
    permissions = frozenset(walk.permissions(mine))
    return Who(value, mine, frozenset(walk.seen) - mine, permissions, walk.until)


def _starts(edges: Edges, value: int, narrowing: Narrowing) -> list[int]:
    """The subject, its type's wildcard, and what is vouched for.  A userset is none of its type's individuals."""
    compiled = edges.compiled
    starts = [MARK, value]
    if value and not value & compiled.mask:
        starts.append(edges.value(edges.kind_name(value >> compiled.bits), ANYONE))
    starts += [edges.value("group", name, "member") for name in narrowing.groups]
    starts += [edges.value("role", name, "assignee") for name in narrowing.roles if narrowing.role in (None, name)]
    return [*starts, *(implied for start in starts if start for implied in _implied(edges, start))]


def _implied(edges: Edges, userset: int) -> Iterable[int]:
    """The usersets of the same object that are computed from one.  Those met on the way up bring theirs along."""
    mask = edges.compiled.mask
    if not userset & mask:
        return ()
    return [userset & ~mask | relation for relation in edges.compiled.implied.get(edges.relation_key(userset), ())]


class _Walk:
    """One walk over membership edges, from subjects to the usersets that hold them."""

    __slots__ = ("chosen", "conditional", "edges", "now", "seen", "until")

    def __init__(self, edges: Edges, narrowing: Narrowing, now: float) -> None:
        self.edges = edges
        self.now = now
        self.seen: set[int] = set()
        self.conditional: list[int] = []  # keys of tuples that a condition guards
        self.until = FOREVER
        self.chosen: int | None = None  # the one role that counts; 0 if it is unknown, so that none does
        if narrowing.role is not None:
            self.chosen = edges.value("role", narrowing.role)

    def up(self, todo: list[int], *, whatever: bool = False) -> None:
        """Add everything above `todo`; with `whatever`, beyond conditions too."""
        seen, above, timed_behind = self.seen, self.edges.above, self.edges.timed_behind
        seen.update(todo)
        while todo:
            value = todo.pop()
            for key in spread(above.get(value)):
                self._reach(key, todo)
            if value in timed_behind:
                self._reach_timed(value, todo, whatever=whatever)

    def up_beyond_conditions(self) -> None:
        """Add what only a condition stands before."""
        todo: list[int] = []
        for key in self.conditional:
            self._reach(key, todo)
        self.up(todo, whatever=True)

    def _reach(self, key: int, todo: list[int]) -> None:
        edges, seen = self.edges, self.seen
        compiled = edges.compiled
        base = key & ~compiled.mask
        for relation in compiled.feeds.get(edges.relation_key(key), ()):
            userset = base | relation
            if userset not in seen and self._counts(base, relation):
                seen.add(userset)
                todo.append(userset)

    def _reach_timed(self, value: int, todo: list[int], *, whatever: bool) -> None:
        edges = self.edges
        for key in edges.timed_behind[value]:
            expires, condition = edges.timed[key][value]
            if expires <= self.now or edges.relation_key(key) not in edges.compiled.feeds:
                continue
            self.until = min(self.until, expires)
            if condition is None or whatever:
                self._reach(key, todo)
            else:
                self.conditional.append(key)

    def _counts(self, base: int, relation: int) -> bool:
        """Tell whether a userset counts under the chosen role: those of other roles do not."""
        if self.chosen is None or base == self.chosen:
            return True
        compiled = self.edges.compiled
        return relation != compiled.assignee or self.edges.kinds[base >> compiled.bits] != compiled.role

    def permissions(self, mine: Iterable[int]) -> Iterable[int]:
        """Yield what the roles among `mine` hold."""
        edges, compiled = self.edges, self.edges.compiled
        for userset in mine:
            if userset & compiled.mask != compiled.assignee or edges.kinds[userset >> compiled.bits] != compiled.role:
                continue
            key = userset & ~compiled.mask | compiled.permission
            yield from edges.held(key)
            for value, expires, _ in edges.alive(key, self.now):
                self.until = min(self.until, expires)
                yield value


def forget_below(edges: Edges, value: int) -> None:
    """Drop the memo of everybody who is, or is below, the subject `value`: what stands above it has changed."""
    compiled = edges.compiled
    limit = edges.warm + len(edges.uncommon)
    seen, todo = {value}, [value]
    while todo:
        current = todo.pop()
        edges.forget(current)
        if edges.kinds[current >> compiled.bits] & 1 or len(seen) > 2 * limit + 100:
            # Everybody of a type is below, or more than have a memo: dropping all is both right and cheaper.
            edges.forget_everybody()
            return
        if not current & compiled.mask:
            continue
        base, relation_key = current & ~compiled.mask, edges.relation_key(current)
        for relation in compiled.sources.get(relation_key, ()):
            edges.forget(base | relation)  # asked about as itself, it has what is computed from it
        for relation in compiled.own.get(relation_key, ()):
            key = base | relation
            for below in (*edges.held(key), *edges.timed.get(key, ())):
                if below not in seen:
                    seen.add(below)
                    todo.append(below)
