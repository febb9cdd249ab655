"""The model compiled to numbers: what each relation of each type looks up, flat, and what a tuple of it may name.

A relation has one number for all types; `kind << bits | relation` is a relation of one type.  A type's kind is even,
its wildcard's (`user:*`) the odd one after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gatepost.access.combined import combine
from gatepost.access.lookup import NO_RELATION, Link, Plan
from gatepost.access.model import (
    AuthorizationModel,
    Computed,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Rewrite,
    Union,
    direct,
)
from gatepost.access.validate import parts
from gatepost.principal import ANYONE

MAX_SETS = 500


@dataclass(slots=True)
class _Flat:
    """What a walk over rewrites collects."""

    own: set[int] = field(default_factory=set)
    parents: dict[int, set[int]] = field(default_factory=dict)
    uses: set[int] = field(default_factory=set)
    exact: bool = True

    def take(self, used: _Flat) -> None:
        """Add what a relation that this one is computed from looks up."""
        self.own |= used.own
        for tupleset, relations in used.parents.items():
            self.parents.setdefault(tupleset, set()).update(relations)
        self.exact = self.exact and used.exact


class Compiled:
    """A validated model, as numbers.  Without `roles`, types that are named like the protected ones mean nothing more."""

    def __init__(self, model: AuthorizationModel, *, roles: bool = True) -> None:
        self.model = model
        self.roles = roles
        names = dict.fromkeys(name for kind in model.types.values() for name in kind.relations)
        self.relations = {name: number for number, name in enumerate(names, 1)}
        self.relation_names = ("", *names)
        self.bits = max(3, len(self.relations).bit_length())
        self.mask = (1 << self.bits) - 1
        self.kinds = {name: 2 * number for number, name in enumerate(model.types)}
        self.kind_names = tuple(model.types)
        self.rewrites = {self.key(kind, name): rewrite for kind, name, rewrite in _definitions(model)}
        self._flats = self._flattened()
        self._computed = self._closures()
        self.allowed = frozenset(self._shapes())
        self.writable = self._writable()
        self.cells = tuple(
            {key & self.mask: place for place, key in enumerate(self.writable[name].values())} for name in self.kinds
        )
        self.memoised = self._memoised()
        self.own = {key: tuple(sorted(self._flat(key).own)) for key in self.memoised}
        self.sources = {
            key: tuple(used & self.mask for used in self.computed_from(key) if used != key) for key in self.memoised
        }
        self.feeds = self._feeds()
        self.implied = self._implied()
        named = {
            key: {self.key(r.type, r.relation) for r in direct(rewrite) if r.relation}
            for key, rewrite in self.rewrites.items()
        }
        self.name_usersets = frozenset(key for key, usersets in named.items() if usersets)
        self.unmemoised = {key: tuple(usersets - self.memoised) for key, usersets in named.items()}
        self.name_unmemoised = frozenset(key for key, usersets in self.unmemoised.items() if usersets)
        self.plans = self._make_plans()
        combine(self)
        self.role = self.assignee = self.permission = self.permission_key = -1
        held = self.relation_key("role", "permission")
        if roles and held is not None and self.relation_key("role", "assignee") is not None:
            self.role, self.permission_key = self.kinds["role"], held
            self.assignee, self.permission = self.relations["assignee"], held & self.mask

    def key(self, kind: str, relation: str) -> int:
        return self.kinds[kind] << self.bits | self.relations[relation]

    def relation_key(self, kind: str, relation: str) -> int | None:
        """As `key`, or None where the type or the relation is not in the model."""
        return self.key(kind, relation) if self.model.rewrite(kind, relation) is not None else None

    def shape(self, key: int | None, kind: str, name: str, suffix: str) -> int | None:
        """The form of a tuple as `allowed` has it, or None where the model knows no such type or relation."""
        if key is None or kind not in self.kinds or (suffix and suffix not in self.relations):
            return None
        number = self.kinds[kind] + (name == ANYONE)
        return key << 32 | number << self.bits | self.relations.get(suffix, NO_RELATION)

    def _shapes(self) -> Iterator[tuple[int, str]]:
        """Every form a tuple may have: relation and subject in one number, and the condition's name."""
        for key, rewrite in self.rewrites.items():
            for wanted in direct(rewrite):
                shape = self.shape(key, wanted.type, ANYONE if wanted.wildcard else "", wanted.relation)
                if shape is not None:
                    yield shape, wanted.condition

    def _writable(self) -> dict[str, dict[str, int]]:
        """Type and relation to key, for those that take tuples."""
        found: dict[str, dict[str, int]] = {name: {} for name in self.kinds}
        for kind, name, rewrite in _definitions(self.model):
            if direct(rewrite):
                found[kind][name] = self.key(kind, name)
        return found

    def _memoised(self) -> frozenset[int]:
        """The usersets that a subject's memo holds: those that tuples may name and that unions of such tuples make up.

        Starts from all that could be and takes out what draws on something that is not.
        """
        named = {
            self.key(wanted.type, wanted.relation)
            for rewrite in self.rewrites.values()
            for wanted in direct(rewrite)
            if wanted.relation
        }
        if (assignee := self.relation_key("role", "assignee")) is not None:
            named.add(assignee)  # a role's permissions count, whether or not a resource can be shared with roles
        held = {key for key in named if self._is_plain_union(key)}
        while out := {key for key in held if any(used not in held for used in self._usersets(key))}:
            held -= out
        return frozenset(held)

    def _is_plain_union(self, key: int) -> bool:
        return not any(
            isinstance(part, FromParent | Intersection | Exclusion)
            for used in self.computed_from(key)
            for part in parts(self.rewrites[used])
        )

    def computed_from(self, key: int) -> frozenset[int]:
        """The relations of the same object that one is computed from, itself among them."""
        return self._computed[key]

    def _closures(self) -> dict[int, frozenset[int]]:
        uses = {
            key: {key & ~self.mask | self.relations[p.relation] for p in parts(rewrite) if isinstance(p, Computed)}
            for key, rewrite in self.rewrites.items()
        }
        found: dict[int, frozenset[int]] = {}
        for key in _used_first(uses):
            found[key] = frozenset((key,)).union(*(found[used] for used in uses[key]))
        return found

    def _usersets(self, key: int) -> Iterator[int]:
        """The usersets that tuples of this relation, or of those it is computed from, may name."""
        kind = key & ~self.mask
        for number in self._flat(key).own:
            for wanted in direct(self.rewrites[kind | number]):
                if wanted.relation:
                    yield self.key(wanted.type, wanted.relation)

    def _feeds(self) -> dict[int, tuple[int, ...]]:
        """Which memoised relations a tuple of a relation gives."""
        found: dict[int, list[int]] = {}
        for key, numbers in self.own.items():
            for number in numbers:
                found.setdefault(key & ~self.mask | number, []).append(key & self.mask)
        return {key: tuple(sorted(numbers)) for key, numbers in found.items()}

    def _implied(self) -> dict[int, tuple[int, ...]]:
        """Which memoised relations of the same object a userset has: those that are computed from it."""
        found: dict[int, list[int]] = {}
        for key in self.memoised:
            for used in self.computed_from(key):
                found.setdefault(used, []).append(key & self.mask)
        return {key: tuple(sorted(numbers)) for key, numbers in found.items()}

    def _flat(self, key: int) -> _Flat:
        return self._flats[key]

    def _flattened(self) -> dict[int, _Flat]:
        """What each relation looks up, with all that it is computed from; exclusions give nothing."""
        flats = {key: _Flat() for key in self.rewrites}
        for key, rewrite in self.rewrites.items():
            self._flatten(rewrite, key, flats[key])
        for key in _used_first({key: flat.uses for key, flat in flats.items()}):
            for used in tuple(flats[key].uses):
                flats[key].take(flats[used])
        return flats

    def _flatten(self, rewrite: Rewrite, key: int, flat: _Flat) -> None:
        kind, number = key & ~self.mask, key & self.mask
        match rewrite:
            case Direct():
                flat.own.add(number)
            case Computed(relation):
                flat.uses.add(kind | self.relations[relation])
            case FromParent(relation, tupleset):
                flat.parents.setdefault(self.relations[tupleset], set()).add(self.relations[relation])
            case Union(children):
                for child in children:
                    self._flatten(child, key, flat)
            case Intersection(children):
                flat.exact = False
                for child in children:
                    self._flatten(child, key, flat)
            case Exclusion(base, _):
                flat.exact = False
                self._flatten(base, key, flat)

    def _make_plans(self) -> dict[int, Plan]:
        """Make the plan of every relation, and of every set of relations that one of them wants of a parent."""
        todo: list[tuple[Plan, frozenset[int]]] = []
        made: dict[tuple[int, frozenset[int]], Plan] = {}
        whole: set[tuple[int, frozenset[int]]] = set()
        most = len(self.rewrites) + MAX_SETS
        every = {
            kind: frozenset(self.relations[name] for name in self.model.types[self.kind_names[kind >> 1]].relations)
            for kind in self.kinds.values()
        }

        def plan_of(kind: int, numbers: frozenset[int]) -> Plan:
            plan = made.get((kind, numbers))
            if plan is None and len(numbers) > 1 and len(made) >= most:
                # Sets of relations multiply without end in some models.  All of a type's are more than is wanted, and
                # whoever they name is asked about.
                numbers = every[kind]
                plan = made.get((kind, numbers))
                whole.add((kind, numbers))
            if plan is None:
                plan = made[kind, numbers] = Plan(kind, numbers)
                todo.append((plan, numbers))
            return plan

        plans = {key: plan_of(key >> self.bits, frozenset({key & self.mask})) for key in self.rewrites}
        while todo:
            plan, numbers = todo.pop()
            self._fill(plan, numbers, plan_of)
        for each in whole:
            made[each].exact = False
        _spread_inexactness(made.values())
        _measure_heights(made.values())
        return plans

    def _fill(self, plan: Plan, numbers: frozenset[int], plan_of: Callable[[int, frozenset[int]], Plan]) -> None:
        flats = [self._flat(plan.kind << self.bits | number) for number in numbers]
        plan.exact = all(flat.exact for flat in flats)
        plan.own = tuple(sorted({number for flat in flats for number in flat.own}))
        links = []
        for number in plan.own:
            for userset in self.unmemoised[plan.kind << self.bits | number]:
                plan.exact = False
                suffix = userset & self.mask
                links.append(Link(plan_of(userset >> self.bits, frozenset({suffix})), suffix, number))
        above: dict[int, set[int]] = {}
        for flat in flats:
            for tupleset, wanted_there in flat.parents.items():
                above.setdefault(tupleset, set()).update(wanted_there)
        parents = []
        for tupleset, relations in sorted(above.items()):
            targets = {
                kind: plan_of(kind, there)
                for kind in {self.kinds[r.type] for r in direct(self.rewrites[plan.kind << self.bits | tupleset])}
                if (there := frozenset(number for number in relations if kind << self.bits | number in self.rewrites))
            }
            parents.append((tupleset, targets))
            links += [Link(target, NO_RELATION, tupleset) for target in targets.values()]
        plan.parents, plan.links = tuple(parents), tuple(links)
        places = self.cells[plan.kind >> 1]
        plan.cells = tuple(places[number] for number in plan.own if number in places)
        plan.parent_cells = tuple((places[tupleset], targets) for tupleset, targets in plan.parents)


def _used_first(uses: Mapping[int, Collection[int]]) -> Iterator[int]:
    """Yield each relation after all that it uses.  Raises `ValueError` for a cycle, which no validated model has."""
    done: set[int] = set()
    most = len(uses) + sum(map(len, uses.values()))
    for start in uses:
        todo = [start]
        while todo:
            missing = [used for used in uses[todo[-1]] if used not in done]
            if missing:
                todo += missing
                if len(todo) > most:
                    raise ValueError("a relation is computed from itself")
                continue
            key = todo.pop()
            if key not in done:
                done.add(key)
                yield key


def _spread_inexactness(plans: Iterable[Plan]) -> None:
    """A plan is exact only if all that it draws on is."""
    users: dict[int, list[Plan]] = {}
    for plan in plans:
        for link in plan.links:
            users.setdefault(id(link.source), []).append(plan)
    todo = [plan for plan in plans if not plan.exact]
    while todo:
        for user in users.get(id(todo.pop()), ()):
            if user.exact:
                user.exact = False
                todo.append(user)


def _measure_heights(plans: Iterable[Plan]) -> None:
    """Give a height to every plan whose parents end: those without any first, then those right below them."""
    below, missing, ready = dict[int, list[Plan]](), dict[int, int](), list[Plan]()
    for plan in plans:
        above = {id(target): target for _, targets in plan.parents for target in targets.values()}
        missing[id(plan)] = len(above)
        for each in above:
            below.setdefault(each, []).append(plan)
        if not above:
            ready.append(plan)
    while ready:
        plan = ready.pop()
        plan.height = max((t.height + 1 for _, targets in plan.parents for t in targets.values()), default=0)
        for lower in below.get(id(plan), ()):
            missing[id(lower)] -= 1
            if not missing[id(lower)]:
                ready.append(lower)


def _definitions(model: AuthorizationModel) -> Iterator[tuple[str, str, Rewrite]]:
    for kind in model.types.values():
        for name, rewrite in kind.relations.items():
            yield kind.name, name, rewrite


def relations_given_by(model: AuthorizationModel, kind: str, relation: str) -> tuple[str, ...]:
    """List the relations of an object that having `relation` to it can give, itself among them, in the model's order.

    Also those that take more than this relation (`and`): whoever hands it out opens the way to them.
    """
    found = model.types.get(kind)
    if found is None or relation not in found.relations:
        return ()
    given, grew = {relation}, True
    while grew:
        before = len(given)
        for name, rewrite in found.relations.items():
            if any(isinstance(part, Computed) and part.relation in given for part in _positive(rewrite)):
                given.add(name)
        grew = len(given) > before
    return tuple(name for name in found.relations if name in given)


def _positive(rewrite: Rewrite) -> Iterator[Rewrite]:
    """Yield the parts of a rewrite that do not stand under a `but not`."""
    match rewrite:
        case Union(children) | Intersection(children):
            for child in children:
                yield from _positive(child)
        case Exclusion(base, _):
            yield from _positive(base)
        case _:
            yield rewrite
