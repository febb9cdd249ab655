"""Relations with `and` and `but not` whose parts are flat: each part is looked up as if it stood alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepost.access.lookup import NO_RELATION, Combined, How, Link, Plan
from gatepost.access.model import Computed, Direct, Exclusion, FromParent, Intersection, Rewrite, Union, direct

if TYPE_CHECKING:
    from gatepost.access.plan import Compiled

MOST_LEAVES = 20  # beyond it, or nested deeper, a relation is worked out like any other that is not flat
MOST_LEVELS = 20


def combine(compiled: Compiled) -> None:
    """Give every plan that is not exact the combination that is, where there is one."""
    for key, plan in compiled.plans.items():
        if not plan.exact:
            found = _Maker(compiled).of(key)
            plan.combined = found if isinstance(found, Combined) else None


class _Maker:
    """Makes one relation's combination.  None on the way: a part is not flat, or there are too many."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.left = MOST_LEAVES
        self.levels = 0

    def of(self, key: int) -> Plan | Combined | None:
        plan = self.compiled.plans[key]
        self.left -= 1
        if self.left < 0:
            return None
        return plan if plan.exact else self._made(self.compiled.rewrites[key], key)

    def _made(self, rewrite: Rewrite, key: int) -> Plan | Combined | None:
        compiled = self.compiled
        match rewrite:
            case Direct():
                return self._leaf(key)
            case Computed(relation):
                return self.of(key & ~compiled.mask | compiled.relations[relation])
            case FromParent(relation, tupleset):
                return self._above(key, compiled.relations[relation], compiled.relations[tupleset])
            case Union(children):
                return self._all(How.OR, children, key)
            case Intersection(children):
                return self._all(How.AND, children, key)
            case Exclusion(kept, subtract):
                return self._all(How.BUT_NOT, (kept, subtract), key)

    def _all(self, how: How, rewrites: tuple[Rewrite, ...], key: int) -> Combined | None:
        if self.levels == MOST_LEVELS:
            return None
        self.levels += 1
        parts = []
        for rewrite in rewrites:
            part = self._made(rewrite, key)
            if part is None:
                break
            parts.append(part)
        self.levels -= 1
        return Combined(how, tuple(parts)) if len(parts) == len(rewrites) else None

    def _leaf(self, key: int) -> Plan | None:
        """The tuples of the relation itself."""
        compiled, number = self.compiled, key & self.compiled.mask
        if compiled.unmemoised[key]:
            return None
        kind = key >> compiled.bits
        place = compiled.cells[kind >> 1][number]
        self.left -= 1
        return Plan(kind, frozenset(), own=(number,), cells=(place,), height=0) if self.left >= 0 else None

    def _above(self, key: int, relation: int, tupleset: int) -> Plan | None:
        """A relation of the parents."""
        compiled = self.compiled
        kind = key >> compiled.bits
        kinds = {compiled.kinds[each.type] for each in direct(compiled.rewrites[kind << compiled.bits | tupleset])}
        keys = {each: each << compiled.bits | relation for each in kinds}
        targets = {each: compiled.plans[above] for each, above in keys.items() if above in compiled.plans}
        self.left -= 1
        if self.left < 0 or not all(target.exact for target in targets.values()):
            return None
        place = compiled.cells[kind >> 1][tupleset]
        return Plan(
            kind,
            frozenset(),
            parents=((tupleset, targets),),
            parent_cells=((place, targets),),
            links=tuple(Link(target, NO_RELATION, tupleset) for target in targets.values()),
            height=max((target.height + 1 for target in targets.values()), default=0),
        )
