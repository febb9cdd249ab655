"""Why may they, or what would it take?  The same graph as the check, walked for a person to read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from gatepost.access.check import check, counts, route_of, subject_of
from gatepost.access.decision import Decision, Reason, TooComplex
from gatepost.access.edges import Edges, Who
from gatepost.access.evaluate import evaluate
from gatepost.access.graph import Graph
from gatepost.access.lookup import Plan
from gatepost.access.moment import NO, Moment
from gatepost.access.trail import Hop, trail_of_usersets, trail_to_resource
from gatepost.access.wording import named, sentence_of, step_text
from gatepost.principal import ANONYMOUS, Question, permission

MAX_SUGGESTIONS = 5
MAX_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Step:
    """One tuple on the way from the subject to the resource, with its wording."""

    object: str
    relation: str
    subject: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer with its reasons: for a yes the path, for a no what was tried and what would make it a yes."""

    allowed: bool
    path: tuple[Step, ...]
    sentence: str
    tried: tuple[str, ...] = ()
    would_allow: tuple[str, ...] = ()


def explain(question: Question, graph: Graph) -> Explanation:
    """Answer the question again, with reasons.  Raises as `check` does."""
    with graph.lock:
        decision = check(question, graph)
        if decision.reason is Reason.OUTSIDE_SCOPE:
            return _outside_scope(question)
        edges, moment = graph.edges, graph.moment(question.context)
        someone = subject_of(edges, question, moment)
        if decision.allowed:
            return _yes(question, edges, someone, decision, moment)
        return _no(question, edges, someone, moment)


def _outside_scope(question: Question) -> Explanation:
    wanted = permission(question.resource.type, question.action)
    return Explanation(
        allowed=False,
        path=(),
        sentence=f"the credential's scope does not cover {wanted}",
        tried=(f"scope: {question.scope}",),
        would_allow=(f"a credential whose scope covers {wanted}",),
    )


def _yes(question: Question, edges: Edges, someone: Who, decision: Decision, moment: Moment) -> Explanation:
    if decision.reason is Reason.ROLE_PERMISSION:
        hops = _permission_hops(question, edges, someone, moment)
    else:
        hops = _relation_hops(question, edges, someone, moment)
    path = tuple(
        Step(hop.object, hop.relation, hop.subject, step_text(hop.object, hop.relation, hop.subject)) for hop in hops
    )
    subject = named(str(question.subject))
    if not path:
        return Explanation(allowed=True, path=(), sentence=f"{subject} is {question.action} of {question.resource}")
    sentence = sentence_of(question, [(step.object, step.relation, step.subject) for step in path])
    return Explanation(allowed=True, path=path, sentence=sentence)


def _relation_hops(question: Question, edges: Edges, someone: Who, moment: Moment) -> list[Hop]:
    route = route_of(edges, question.resource.type, question.action)
    number = route.ids.get(question.resource.id)
    if route.plan is None or number is None:
        return []

    def holds(plan: Plan, base: int) -> bool:
        """A part of an inexact plan is a reason only if it holds by itself."""
        return plan.exact or any(
            evaluate(edges, someone, base | relation, moment, deadline=deadline) for relation in plan.relations
        )

    # Each object on the way is asked about by itself, with everybody waiting: a way that takes too long is not shown.
    deadline = time.monotonic() + MAX_SECONDS
    try:
        found = trail_to_resource(edges, route.plan, number << edges.compiled.bits, someone, holds, moment)
    except TooComplex:
        return []
    if found is None:
        return []
    end, upper = found
    return [*trail_of_usersets(edges, someone, end, _vouched(question, edges), moment), *upper]


def _permission_hops(question: Question, edges: Edges, someone: Who, moment: Moment) -> list[Hop]:
    """The way to a role of the subject that holds the permission, and the permission itself."""
    compiled = edges.compiled
    route = route_of(edges, question.resource.type, question.action)
    for granted in sorted(route.permissions & someone.permissions):
        for key in edges.pointing_at(granted):
            userset = key & ~compiled.mask | compiled.assignee
            if userset in someone.mine:
                own = Hop(edges.text(key & ~compiled.mask), "permission", edges.text(granted))
                return [*trail_of_usersets(edges, someone, userset, _vouched(question, edges), moment), own]
    return []


def _vouched(question: Question, edges: Edges) -> frozenset[int]:
    """The groups and roles that the call's issuer vouches for: no tuple leads to them."""
    groups = {edges.value("group", name, "member") for name in question.groups}
    return frozenset(groups | {edges.value("role", name, "assignee") for name in question.roles})


def _no(question: Question, edges: Edges, someone: Who, moment: Moment) -> Explanation:
    subject, resource = named(str(question.subject)), question.resource
    route = route_of(edges, resource.type, question.action)
    wanted = permission(resource.type, question.action)
    groups = sorted(named(text) for text in _memberships(edges, someone))
    tried = []
    number = route.ids.get(resource.id)
    if route.plan is not None:
        if number is None:
            tried.append(f"no tuple names {resource}")
        else:
            tried += _tried(edges, route.plan, number << edges.compiled.bits, someone, moment)
        tried.append(f"{subject} is in {', '.join(groups)}" if groups else f"{subject} is in no group and has no role")
    tried.append(f"no role of {subject} holds {wanted}")
    if not counts(question.subject.type, question.action, question.resource.type):
        tried.append("for whoever is anonymous, roles count for viewing resources only")
    sentence = f"{subject} may not {_verb(question)}: no relation and no role gives it"
    would_allow = tuple(_suggestions(question, edges))
    return Explanation(allowed=False, path=(), sentence=sentence, tried=tuple(tried), would_allow=would_allow)


def _verb(question: Question) -> str:
    if question.resource.type == "platform":
        return question.action
    return f"{question.action} {question.resource}"


def _memberships(edges: Edges, someone: Who) -> Iterator[str]:
    for value in someone.mine:
        if value & edges.compiled.mask and value != someone.value:
            yield edges.text(value)


def _tried(edges: Edges, plan: Plan, base: int, someone: Who, moment: Moment) -> Iterator[str]:
    """Say which relations of the resource, and of what it draws on, were looked at and whom they name."""
    seen = {(id(plan), base)}
    todo = [(plan, base)]
    bits = edges.compiled.bits
    while todo and len(seen) <= MAX_SUGGESTIONS * 4:
        plan, base = todo.pop(0)
        names = [edges.compiled.relation_names[relation] for relation in plan.own]
        held = sum(len(edges.held(base | r)) + len(edges.alive(base | r, moment)) for r in plan.own)
        yield f"{' or '.join(names)} of {edges.text(base)}: {held} named, none of them fits"
        for relation in plan.own:
            yield from _under_conditions(edges, base | relation, someone, moment)
        for tupleset, targets in plan.parents:
            for value in edges.held(base | tupleset):
                target = targets.get(edges.kinds[value >> bits])
                if target is not None and (id(target), value) not in seen:
                    seen.add((id(target), value))
                    todo.append((target, value))


def _under_conditions(edges: Edges, key: int, someone: Who, moment: Moment) -> Iterator[str]:
    """Name the tuples that would give it, were their condition to hold."""
    for value, (expires, condition) in edges.timed.get(key, {}).items():
        if value in someone.mine and expires > moment.now and condition and moment.judge(condition) == NO:
            relation = edges.compiled.relation_names[key & edges.compiled.mask]
            text = step_text(edges.text(key & ~edges.compiled.mask), relation, edges.text(value))
            yield f"{text} under the condition {condition.name}, which does not hold here"


def _suggestions(question: Question, edges: Edges) -> Iterator[str]:
    """Say what would make it a yes: a share, a membership, a role."""
    subject, resource = named(str(question.subject)), question.resource
    route = route_of(edges, resource.type, question.action)
    compiled = edges.compiled
    if route.plan is not None:
        least = next((r for r in reversed(route.plan.own) if _may_be(edges, route.plan.kind, r, question)), None)
        if least is not None:
            yield f"make {subject} {compiled.relation_names[least]} of {resource}"
        base = route.ids.get(resource.id, 0) << compiled.bits
        sharing = (value for relation in route.plan.own for value in edges.held(base | relation) if base)
        joinable = (v for v in sharing if v & compiled.mask and _may_join(edges, v, question))
        for value in islice(joinable, MAX_SUGGESTIONS):
            yield f"add {subject} to {named(edges.text(value))}"
    if counts(question.subject.type, question.action, question.resource.type):
        yield f"give {subject} a role that holds {permission(resource.type, question.action)}"
    if question.subject.type == ANONYMOUS.type:
        yield "sign in"


def _may_be(edges: Edges, kind: int, relation: int, question: Question) -> bool:
    """Tell whether the model allows a tuple of this relation that names the subject."""
    compiled, subject = edges.compiled, question.subject
    shape = compiled.shape(kind << compiled.bits | relation, subject.type, subject.id, subject.relation)
    return shape is not None and (shape, "") in compiled.allowed


def _may_join(edges: Edges, userset: int, question: Question) -> bool:
    return _may_be(edges, edges.kinds[userset >> edges.compiled.bits], userset & edges.compiled.mask, question)
