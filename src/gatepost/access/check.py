"""Answer one question.  Nothing else in Gatepost may say yes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from gatepost.access.decision import Decision, Reason
from gatepost.access.edges import MARK, Edges, Held, Route, Who
from gatepost.access.evaluate import MAX_SECONDS, evaluate
from gatepost.access.graph import Graph
from gatepost.access.lookup import Combined, How, Plan
from gatepost.access.model import PROTECTED
from gatepost.access.moment import Moment
from gatepost.access.patience import held, hurry
from gatepost.access.usersets import Narrowing, who
from gatepost.errors import InvalidField, Unavailable
from gatepost.principal import ANONYMOUS, ANYONE, PLATFORM, Question, permission

MAX_LOOKED_AT = 1000

PlainQuestion = tuple[tuple[str, str], str, tuple[str, str]]  # a plain subject, an action, a resource


class Answers(NamedTuple):
    """What was answered, in the order of the questions, and as of which revision."""

    allowed: list[bool]
    revision: str


GRANTED, ROLE_PERMISSION, OUTSIDE_SCOPE, NO_RELATION = (
    Reason.GRANTED,
    Reason.ROLE_PERMISSION,
    Reason.OUTSIDE_SCOPE,
    Reason.NO_RELATION,
)


def check(question: Question, graph: Graph, depth: int | None = None) -> Decision:
    """Tell whether the subject may: within the scope, and by a relation or by a permission of one of its roles.

    With a `depth`, a yes that takes more than so many usersets and parents, one above another, raises `TooDeep`.
    Raises `InvalidField` for a type or an action that does not exist, `TooComplex` and `ConditionUndecided` (both
    `Unavailable`) where the answer is not known: an unknown is not a no.
    """
    scope = question.scope
    if scope is not None and not scope.covers(permission(question.resource.type, question.action)):
        no = False
        return Decision(no, OUTSIDE_SCOPE, graph.edges.revision, question, graph)
    if question.role is None and not question.groups and not question.roles:
        decision = from_memo(question, graph, depth)
        if decision is not None:
            return decision
    with held(graph.lock):
        moment, deadline = graph.moment(question.context), time.monotonic() + MAX_SECONDS
        decision = _settled(question, graph, moment, deadline)
        if depth is not None and decision.reason is GRANTED:
            _assert_within(question, graph, depth, moment, deadline)
        return decision


def from_memo(question: Question, graph: Graph, depth: int | None = None) -> Decision | None:
    """Answer without the lock and without waiting; None where that does not tell, or not surely within the depth."""
    edges, subject, resource = graph.edges, question.subject, question.resource
    sequence = edges.sequence
    if sequence & 1 or subject.relation:
        return None
    reason = recalled(edges, subject.type, subject.id, question.action, resource.type, resource.id)
    if reason is None:
        return None
    if depth is not None and not _is_within(edges, reason, question.action, resource.type, resource.id, depth):
        return None
    revision = edges.revision
    if edges.sequence != sequence:
        return None
    return Decision(reason is not NO_RELATION, reason, revision, question, graph)


def answers_from_memo(graph: Graph, asked: Sequence[PlainQuestion], depth: int | None = None) -> Answers | None:
    """Answer many plain questions as `from_memo` does one, all of them from one revision; None where that does not tell."""
    edges = graph.edges
    sequence, revision = edges.sequence, edges.revision
    allowed = []
    for (kind, name), action, (of, identifier) in asked:
        reason = recalled(edges, kind, name, action, of, identifier)
        if reason is None:
            return None
        if depth is not None and reason is GRANTED and not _is_within(edges, reason, action, of, identifier, depth):
            return None
        allowed.append(reason is not NO_RELATION)
    return None if edges.sequence != sequence or sequence & 1 else Answers(allowed, revision)


def recalled(edges: Edges, kind: str, name: str, action: str, of: str, identifier: str) -> Reason | None:
    """Answer without the lock if the subject's memo is warm and the plan is flat; None where that does not tell.

    It counts only if `edges.sequence` was even before, and is the same afterwards: no revision was being written.
    """
    try:
        route, ids = edges.routes[of][action], edges.ids[kind]
        known = edges.memo[ids.get(name) or ids[ANYONE]]  # whom no tuple names has what everybody has
    except (KeyError, IndexError):
        return None
    if known is None:
        return None
    mine, permissions = known
    plan, number = route.plan, route.ids.get(identifier)
    if plan is not None and not plan.exact and plan.combined is None:
        return None
    if number is not None and plan is not None:
        found = flat(edges, plan, number, mine) if plan.exact else made_up(edges, plan.combined, number, mine)
        if found is None:
            return None
        if found:
            return GRANTED
    if permissions and not permissions.isdisjoint(route.permissions) and counts(kind, action, of):
        return ROLE_PERMISSION
    return NO_RELATION


def made_up(edges: Edges, part: Plan | Combined | None, number: int, mine: frozenset[int]) -> bool | None:
    """Walk the flat plans that make up a relation.  None: one of them does not know, and it depends on that one."""
    if part is None or isinstance(part, Plan):
        return None if part is None else flat(edges, part, number, mine)
    settles = part.how is How.OR  # the answer of one part that settles the whole
    unknown = False
    for place, each in enumerate(part.parts):
        found = made_up(edges, each, number, mine)
        if found is None:
            unknown = True
        elif (found if not place or part.how is not How.BUT_NOT else not found) is settles:
            return settles
    return None if unknown else not settles


def flat(edges: Edges, plan: Plan, number: int, mine: frozenset[int]) -> bool | None:
    """Walk a flat plan from the object `number` up its parents.  None: a tuple on the way expires or has a condition."""
    cells, first = edges.forward.cells, edges.forward.first
    start = first[number]
    for place in plan.cells:
        held = cells[start + place]
        if held is not None:
            if held.__class__ is int:
                if held in mine:
                    return True
            elif not mine.isdisjoint(held):  # type: ignore[arg-type]  # a set, then
                return None if MARK in held else True  # type: ignore[operator]
    if not plan.parent_cells:
        return False
    return _flat_above(edges, plan, start, mine)


def _flat_above(edges: Edges, plan: Plan, start: int, mine: frozenset[int]) -> bool | None:
    """Go on from an object whose own tuples did not decide, by the place of its cells."""
    cells, first = edges.forward.cells, edges.forward.first
    kinds, bits = edges.kinds, edges.compiled.bits
    todo: list[tuple[Plan, int]] = []
    seen: set[tuple[int, int]] | None = None
    while True:
        for place, targets in plan.parent_cells:
            held = cells[start + place]
            if held is None:
                continue
            if held.__class__ is not int:
                hurry(len(held))  # type: ignore[arg-type]  # a set, then
                if MARK in held:  # type: ignore[operator]
                    return None
            for parent in (held,) if held.__class__ is int else tuple(held):  # type: ignore[arg-type]
                number = parent >> bits
                target = targets.get(kinds[number])
                if target is None:
                    continue
                above = first[number]
                found = _on(cells, target.cells, above, mine)
                if found is not False:
                    return found
                if target.parent_cells:
                    if seen is None:
                        seen = set()
                    if (id(target), above) not in seen:
                        seen.add((id(target), above))
                        todo.append((target, above))
                        if not len(seen) & 63:
                            hurry()
        if not todo:
            return False
        plan, start = todo.pop()


def _on(cells: list[Held | None], places: tuple[int, ...], start: int, mine: frozenset[int]) -> bool | None:
    """Tell whether one of an object's own cells names somebody in `mine`; None: the tuples are marked."""
    for place in places:
        held = cells[start + place]
        if held is not None:
            if held.__class__ is int:
                if held in mine:
                    return True
            elif not mine.isdisjoint(held):  # type: ignore[arg-type]  # a set, then
                return None if MARK in held else True  # type: ignore[operator]
    return False


def counts(subject_type: str, action: str, of: str) -> bool:
    """Tell whether role permissions count for an action on the type `of`: for whoever is anonymous, to view a resource.

    They say what may be done, and not who is in a group or has a role: of those, tuples alone tell.
    """
    if of in PROTECTED and of != PLATFORM.type:
        return False
    if subject_type != ANONYMOUS.type:
        return True
    return action == "view" and of not in PROTECTED


def is_by_role(question: Question, someone: Who, route: Route) -> bool:
    """Tell whether a permission of the subject's roles allows it, whatever the relations say."""
    held_by_roles = bool(someone.permissions & route.permissions)
    return held_by_roles and counts(question.subject.type, question.action, question.resource.type)


def _settled(question: Question, graph: Graph, moment: Moment, deadline: float) -> Decision:
    """Answer under the lock, whatever it takes."""
    edges = graph.edges
    route = route_of(edges, question.resource.type, question.action)
    someone = subject_of(edges, question, moment)
    by_role = is_by_role(question, someone, route)
    try:
        related = by_relation(edges, route, someone, _number(edges, route, question), moment, deadline)
    except Unavailable:
        if not by_role:
            raise
        related = False
    allowed = related or by_role
    reason = GRANTED if related else ROLE_PERMISSION if by_role else NO_RELATION
    return Decision(allowed, reason, edges.revision, question, graph)


def _assert_within(question: Question, graph: Graph, depth: int, moment: Moment, deadline: float) -> None:
    """Raise `TooDeep` if a yes that the model gives takes more than `depth` usersets and parents."""
    edges = graph.edges
    route = route_of(edges, question.resource.type, question.action)
    number = _number(edges, route, question)
    if number is None or route.plan is None or _is_shallow(edges, route.plan, number, depth):
        return
    value = subject_of(edges, question, moment).value
    named = {MARK, value}
    if not value & edges.compiled.mask:
        named.add(edges.value(question.subject.type, ANYONE))
    alone = Who(value, frozenset(named), frozenset(), frozenset(), moment.now)
    evaluate(edges, alone, number << edges.compiled.bits | route.relation, moment, depth, deadline)


def _is_within(edges: Edges, reason: Reason, action: str, of: str, identifier: str, depth: int) -> bool:
    """Tell without the lock whether a yes cannot lie deeper: by the types alone, or else by the object's parents."""
    if reason is not GRANTED:
        return True
    route = edges.routes[of][action]
    plan, number = route.plan, route.ids.get(identifier)
    if plan is None or number is None:
        return False
    height = plan.height if plan.combined is None else plan.combined.height
    return edges.deepest + height <= depth + 1 or _is_shallow(edges, plan, number, depth)


def _is_shallow(edges: Edges, plan: Plan, number: int, depth: int) -> bool:
    """Tell cheaply whether nothing about an object can lie deeper; False where that is not known."""
    if not plan.exact:
        return False
    bits, levels, seen = edges.compiled.bits, edges.deepest, {(id(plan), number)}
    level = [(plan, number)]
    while level and levels <= depth + 1 and len(seen) < MAX_LOOKED_AT:
        above = []
        for current, at in level:
            for tupleset, targets in current.parents:
                key = at << bits | tupleset
                values = (*edges.held(key), *edges.timed.get(key, ()))
                hurry(len(values))
                for value in values:
                    target = targets.get(edges.kinds[value >> bits])
                    if target is not None and (id(target), value >> bits) not in seen:
                        seen.add((id(target), value >> bits))
                        above.append((target, value >> bits))
        level, levels = above, levels + bool(above)
    return not level and levels <= depth + 1


def _number(edges: Edges, route: Route, question: Question) -> int | None:
    """Find the resource's number.  A userset has relations to its own object even if no tuple names that."""
    number = route.ids.get(question.resource.id)
    if number is None and question.subject.relation and question.subject.entity == question.resource:
        return edges.nameless[question.resource.type]
    return number


def by_relation(
    edges: Edges, route: Route, someone: Who, number: int | None, moment: Moment, deadline: float | None = None
) -> bool:
    """Tell whether the model says yes of the object `number`.  Call with the graph's lock held."""
    if number is None or route.plan is None:
        return False
    base = number << edges.compiled.bits
    if not someone.maybe and not someone.value & edges.compiled.mask and not edges.is_overlay:
        found = made_up(edges, route.plan if route.plan.exact else route.plan.combined, number, someone.mine)
        if found is not None:
            return found
    return evaluate(edges, someone, base | route.relation, moment, deadline=deadline)


def subject_of(edges: Edges, question: Question, moment: Moment) -> Who:
    """Find whom the question is about.  Raises `InvalidField` for a type or a relation that the model does not have."""
    subject = question.subject
    if subject.type not in edges.ids:
        raise InvalidField({"subject": f"unknown type {subject.type}: one of {', '.join(edges.ids)}"})
    if subject.relation and edges.compiled.relation_key(subject.type, subject.relation) is None:
        raise InvalidField({"subject": f"{subject.relation} is not a relation of {subject.type}"})
    return who(edges, subject, Narrowing(question.role, question.groups, question.roles), moment)


def route_of(edges: Edges, kind: str, action: str) -> Route:
    """Find what an action looks up.  Raises `InvalidField` for one that is neither a relation nor in any role."""
    compiled = edges.compiled
    if kind not in compiled.kinds:
        known = ", ".join(compiled.model.resource_types)
        raise InvalidField({"resource": f"unknown type {kind}: one of {known}"})
    route = edges.known_route(kind, action)
    if route is not None:
        return route
    actions = compiled.model.types[kind].relations
    if not compiled.roles:
        raise InvalidField({"action": f"{action} is not a relation of {kind}: one of {', '.join(actions)}"})
    if kind == PLATFORM.type and not all(permission(kind, action).partition(":")):
        raise InvalidField({"action": f"{action} is not an action of the platform: write type:action"})
    if kind not in PROTECTED and not _held_by_a_role(edges, kind, action):
        raise InvalidField({"action": f"{action} is not an action on {kind}: one of {', '.join(actions)}"})
    return edges.route(kind, action)


def related_route(edges: Edges, kind: str, relation: str) -> Route:
    """Find what a relation of the model looks up.  Raises `InvalidField` if there is none."""
    definition = edges.compiled.model.types.get(kind)
    if definition is None:
        raise InvalidField({"resource": f"unknown type {kind}: one of {', '.join(edges.compiled.kinds)}"})
    route = edges.known_route(kind, relation) if relation in definition.relations else None
    if route is None:
        known = ", ".join(definition.relations)
        raise InvalidField({"relation": f"{relation} is not a relation of {kind}: one of {known}"})
    return route


def _held_by_a_role(edges: Edges, kind: str, action: str) -> bool:
    named = (edges.value(PLATFORM.type, f"{of}.{action}") for of in (kind, ANYONE))
    return any(value and edges.pointing_at(value) for value in named)
