"""What a subject stands for: itself, its type's wildcard, and every group and role it is in, however deep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gatepost.access.edges import MARK, Edges, Who, spread
from gatepost.access.moment import NO, YES, Moment
from gatepost.access.patience import hurry
from gatepost.principal import ANYONE, Subject

FOREVER = float("inf")
MAX_NARROWED = 10_000
MAX_MEMO = 1_000_000
MAX_FORGOTTEN = 20_000  # members below a change that are looked up one by one, with everybody waiting


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a call adds to or takes from its subject: one role alone, and names that the call's issuer vouches for."""

    role: str | None = None
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


PLAIN = Narrowing()


def who(edges: Edges, subject: Subject, narrowing: Narrowing, moment: Moment) -> Who:
    """Look the subject up in its memo, or work it out and keep it.  Call with the graph's lock held.

    What a condition had a part in is not kept: the next question may come with another context.
    """
    value = edges.value(subject.type, subject.id, subject.relation)
    if not value and subject.relation:
        value = edges.nameless[subject.type] << edges.compiled.bits | edges.compiled.relations[subject.relation]
    elif not value:
        value = edges.value(subject.type, ANYONE)
    if narrowing == PLAIN and not edges.is_overlay:
        return _plain(edges, value, moment)
    key = (value, narrowing.role, narrowing.groups, narrowing.roles)
    known = edges.narrowed.get(key)
    if known is None or known.until <= moment.now:
        if len(edges.narrowed) >= MAX_NARROWED:
            edges.narrowed.clear()
        known = work_out(edges, value, narrowing, moment)
        if not known.guarded:
            edges.narrowed[key] = known
    return known


def _plain(edges: Edges, value: int, moment: Moment) -> Who:
    plain = not value & edges.compiled.mask
    known = edges.memo[value >> edges.compiled.bits] if plain else None
    if known is not None:
        return Who(value, known[0], frozenset(), known[1], FOREVER)
    uncommon = edges.uncommon.get(value)
    if uncommon is not None and uncommon.until > moment.now:
        return uncommon
    found = work_out(edges, value, PLAIN, moment)
    if found.guarded:
        edges.uncommon.pop(value, None)
        return found
    if edges.warm + len(edges.uncommon) >= MAX_MEMO:
        edges.forget_everybody()
    if not plain or found.until != FOREVER:
        edges.uncommon[value] = found
    else:
        edges.memo[value >> edges.compiled.bits] = (found.mine, found.permissions)
        edges.warm += 1
    return found


def work_out(edges: Edges, value: int, narrowing: Narrowing, moment: Moment) -> Who:
    """Walk up from the subject, without the memo."""
    walk = _Walk(edges, narrowing, moment)
    walk.up(starts_of(edges, value, narrowing))
    mine = frozenset(walk.seen)
    walk.up_beyond_conditions()
    permissions = frozenset(walk.permissions(mine))
    edges.deepest = max(edges.deepest, walk.levels)
    return Who(value, mine, frozenset(walk.seen) - mine, permissions, walk.until, guarded=walk.guarded)


def starts_of(edges: Edges, value: int, narrowing: Narrowing) -> list[int]:
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

    __slots__ = ("chosen", "conditional", "edges", "guarded", "levels", "moment", "seen", "until")

    def __init__(self, edges: Edges, narrowing: Narrowing, moment: Moment) -> None:
        self.edges = edges
        self.moment = moment
        self.seen: set[int] = set()
        self.conditional: list[int] = []  # keys of tuples whose condition could not be evaluated
        self.guarded = False
        self.levels = 0
        self.until = FOREVER
        self.chosen: int | None = None  # the one role that counts; 0 if it is unknown, so that none does
        if narrowing.role is not None:
            self.chosen = edges.value("role", narrowing.role)

    def up(self, todo: list[int], *, whatever: bool = False) -> None:
        """Add everything above `todo`, level by level; with `whatever`, beyond undecided conditions too."""
        seen, above, timed_behind = self.seen, self.edges.above, self.edges.timed_behind
        seen.update(todo)
        levels = 0
        while todo:
            higher: list[int] = []
            hurry(len(todo))
            for value in todo:
                keys = spread(above.get(value))
                if len(keys) > 1:
                    hurry(len(keys))
                for key in keys:
                    self._reach(key, higher)
                if value in timed_behind:
                    self._reach_timed(value, higher, whatever=whatever)
            todo = higher
            levels += 1
        self.levels += levels

    def up_beyond_conditions(self) -> None:
        """Add what only a condition that could not be evaluated stands before."""
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
        keys = edges.timed_behind[value]
        hurry(len(keys))
        for key in keys:
            expires, condition = edges.timed[key][value]
            if expires <= self.moment.now or edges.relation_key(key) not in edges.compiled.feeds:
                continue
            self.until = min(self.until, expires)
            verdict = YES
            if condition is not None:
                self.guarded = True
                verdict = self.moment.judge(condition)
            if verdict == YES or (whatever and verdict != NO):
                self._reach(key, todo)
            elif verdict != NO:
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
            for value, expires, verdict in edges.alive(key, self.moment):
                self.until = min(self.until, expires)
                if verdict == YES:
                    yield value


def forget_below(edges: Edges, value: int) -> None:
    """Drop the memo of everybody who is, or is below, the subject `value`: what stands above it has changed."""
    compiled = edges.compiled
    limit = min(2 * (edges.warm + len(edges.uncommon)) + 100, MAX_FORGOTTEN)
    seen, todo = {value}, [value]
    while todo:
        current = todo.pop()
        edges.forget(current)
        if edges.kinds[current >> compiled.bits] & 1 or len(seen) > limit:
            # Everybody of a type is below, or more than have a memo, or too many: dropping all is right, and cheaper.
            edges.forget_everybody()
            return
        if not current & compiled.mask:
            continue
        base, relation_key = current & ~compiled.mask, edges.relation_key(current)
        for relation in compiled.sources.get(relation_key, ()):
            edges.forget(base | relation)  # asked about as itself, it has what is computed from it
        for relation in compiled.own.get(relation_key, ()):
            key = base | relation
            held = edges.forward.get(key)
            if isinstance(held, set) and len(held) > limit:
                edges.forget_everybody()
                return
            for below in (*spread(held), *edges.timed.get(key, ())):
                if below not in seen:
                    seen.add(below)
                    todo.append(below)
