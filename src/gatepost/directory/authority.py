"""What somebody carries, and the rule that nobody hands out more than they hold, nor for longer.

To grant a role, add to a group, mint a token or reset a password is to hand over everything that comes with it.  So each
of these asks whether the caller holds all of it already: the permissions of roles, and the shares on resources.  And it
asks whether they will still hold it when what they hand out ends (`until`; None: never), or whoever is owner for a day
would make themselves owner for good.

What an issuer vouches for, for one session or one call, is used and not handed out: in other hands, or under the same
person's own name, it would go on when the provider has long taken it back.  Who is to hand out gets the role for good,
by hand or by `role_map`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from gatepost.access import (
    AuthorizationModel,
    ConditionUndecided,
    Later,
    Reason,
    carried,
    check_at,
    ends,
    permissions_carried,
    permissions_of,
)
from gatepost.access.given import relations_given_by
from gatepost.access.later import FOR_GOOD, INSTANT
from gatepost.directory.inheritance import relations_given_below
from gatepost.directory.permissions import PLATFORM_PERMISSIONS, PROTECTED_TYPES
from gatepost.errors import Forbidden, InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import PLATFORM, Entity, Principal, Question, Scope, Subject, permission

MOST_PATTERNS = 200
BEYOND_VIEWING = frozenset({"owner", "editor", "edit", "delete", "manage_access"})


def held_permissions(gate: Gatepost, caller: Principal, moment: float | None = None) -> Scope:
    """The permissions that the caller's roles give now, or at a later moment (unix seconds).

    Those that an issuer vouches for are among them.
    """
    subject, graph = Subject.of(caller.subject), gate.memory.graph
    at = graph if moment is None else Later(graph, moment)
    return Scope(frozenset(permissions_of(subject, at, role=caller.role, groups=caller.groups, roles=caller.roles)))


def for_good(caller: Principal) -> Principal:
    """The caller without what an issuer vouches for: that ends with the session or the call."""
    if caller.is_application:  # nobody vouches for its role, and it does not end
        return caller
    return replace(caller, roles=frozenset(), groups=frozenset()) if caller.roles or caller.groups else caller


def moment_before(until: datetime | None) -> float:
    """The last moment (unix seconds) of what is handed out until then."""
    return FOR_GOOD if until is None else until.timestamp() - INSTANT


def require_holds(gate: Gatepost, caller: Principal, patterns: Iterable[str], until: datetime | None = None) -> None:
    """Raise `Forbidden` unless the caller's roles, within the caller's scope, hold every pattern until then."""
    last = moment_before(until)
    _require_held(gate, caller, ((pattern, last) for pattern in sorted(patterns)))


def _require_held(gate: Gatepost, caller: Principal, wanted: Iterable[tuple[str, float]]) -> None:
    """Raise `Forbidden` unless the caller holds each pattern until its moment."""
    lasting = for_good(caller)
    held = held_permissions(gate, lasting)
    always = held_permissions(gate, lasting, FOR_GOOD)
    for pattern, last in wanted:
        if not held.covers(pattern) or (caller.scope is not None and not caller.scope.covers(pattern)):
            if held_permissions(gate, caller).covers(pattern):
                raise Forbidden(
                    f"you cannot hand out {pattern}: {caller.provider or 'your provider'} vouches for it, and that ends "
                    "with your session; role_map gives a role for good"
                )
            raise Forbidden(f"you cannot hand out {pattern}, which you do not hold yourself")
        if not always.covers(pattern) and not held_permissions(gate, lasting, last).covers(pattern):
            end = _end(gate, lasting.subject, partial(_covers_at, gate, lasting, pattern))
            raise Forbidden(f"you cannot hand out {pattern} for longer than you hold it yourself{end}")


def _covers_at(gate: Gatepost, caller: Principal, pattern: str, moment: float) -> bool:
    return held_permissions(gate, caller, moment).covers(pattern)


def require_until(
    gate: Gatepost, caller: Principal, action: str, resource: Entity = PLATFORM, until: datetime | None = None
) -> None:
    """Raise `Forbidden` if the right to hand something out, which the caller has now, ends before what they hand out."""
    question = caller.asks(action, resource)
    if not _held_at(gate, question, moment_before(until)):
        end = _end(gate, caller.subject, partial(_held_at, gate, question))
        where = "" if resource == PLATFORM else f" of {resource}"
        raise Forbidden(f"you have {action}{where} for a time only, and nothing that you hand out may last longer{end}")


def _held_at(gate: Gatepost, question: Question, moment: float) -> bool:
    try:
        return check_at(question, gate.memory.graph, moment).allowed
    except ConditionUndecided:
        return False  # what is held under a condition is not handed out without it


def _end(gate: Gatepost, caller: Entity, holds: Callable[[float], bool]) -> str:
    """Say until when the caller holds something that ends, if it is a grant of theirs that ends."""
    moments = ends(Subject.of(caller), gate.memory.graph)
    # Grants end and none begins, so the moments up to which it holds stand before the others.
    place = bisect_left(moments, 1, key=lambda moment: 0 if holds(moment) else 1)
    if place == len(moments):
        return ""
    return f": until {datetime.fromtimestamp(moments[place], UTC):%Y-%m-%d %H:%M:%S} UTC"


def is_unlimited(gate: Gatepost, caller: Principal, until: datetime | None = None) -> bool:
    """Tell whether the caller may do everything until then: there is nothing to compare."""
    if caller.scope is not None and not caller.scope.covers("*:*"):
        return False
    lasting = for_good(caller)
    if not held_permissions(gate, lasting).covers("*:*"):
        return False
    return held_permissions(gate, lasting, moment_before(until)).covers("*:*")


def require_carries_no_more(gate: Gatepost, caller: Principal, subject: Subject, until: datetime | None = None) -> None:
    """Raise `Forbidden` if `subject` (a person, or a group's members) carries what the caller does not hold.

    What it carries for a time has to be held for that time only.
    """
    if is_unlimited(gate, caller, until):
        return
    graph, last = gate.memory.graph, moment_before(until)
    permissions = permissions_carried(subject, graph)
    _require_held(gate, caller, ((name, min(last, end - INSTANT)) for name, end in sorted(permissions.items())))
    for each in carried(subject, graph):
        resource = Entity.parse(each.object)
        if resource.type not in ("group", "role", "platform"):
            _require_may_grant(gate, caller, each.relation, resource, min(last, each.until - INSTANT))


def require_may_grant(
    gate: Gatepost, caller: Principal, relation: str, resource: Entity, until: datetime | None = None
) -> None:
    """Raise `Forbidden` unless the caller may do to `resource`, until then, all that `relation` to it would allow."""
    _require_may_grant(gate, caller, relation, resource, moment_before(until))


def _require_may_grant(gate: Gatepost, caller: Principal, relation: str, resource: Entity, last: float) -> None:
    model = gate.memory.graph.model
    below: set[str] = set()
    lasting = for_good(caller)
    for action in sorted(relations_given_by(model, resource.type, relation)):
        reasons = _reasons(gate, lasting.asks(action, resource), f"{relation} of {resource}", last)
        if Reason.ROLE_PERMISSION in reasons:
            # A role's permission ends at the type it names; the relation that is handed out goes on to what is inside.
            below.update(f"{kind}:{inner}" for kind, inner in relations_given_below(model, resource.type, action))
    _require_held(gate, caller, ((pattern, last) for pattern in sorted(below)))


def _reasons(gate: Gatepost, question: Question, wanted: str, last: float) -> set[Reason]:
    """Why the asker may do something, now and at the last moment.  Raises `Forbidden` if they may not."""
    action = question.action
    try:
        now = gate.decide(question)
    except ConditionUndecided as error:
        raise Forbidden(f"you cannot hand out {wanted}: that you may {action} it hangs on {error.condition}") from error
    if not now.allowed:
        raise Forbidden(f"you cannot hand out {wanted}: you may not {action} it yourself")
    if not _held_at(gate, question, last):
        end = _end(gate, question.subject.entity, partial(_held_at, gate, question))
        raise Forbidden(f"you cannot hand out {wanted} for longer than you may {action} it yourself{end}")
    return {now.reason, check_at(question, gate.memory.graph, last).reason}


def more_than_view(model: AuthorizationModel, kind: str, relation: str) -> frozenset[str]:
    """What a relation gives beyond viewing.  Whoever is anonymous can be granted no such relation."""
    given = relations_given_by(model, kind, relation)
    return (given - {relation, "view", "viewer"}) | (given & BEYOND_VIEWING)


def require_patterns(gate: Gatepost, patterns: Iterable[str], field: str) -> frozenset[str]:
    """Check `type:action` patterns against the types and actions that there are.  Raises `InvalidField`."""
    wanted = frozenset(patterns)
    if len(wanted) > MOST_PATTERNS:
        raise InvalidField({field: f"too many: {MOST_PATTERNS} at most"})
    known = frozenset(known_permissions(gate))
    for pattern in sorted(wanted):
        kind, colon, action = pattern.partition(":")
        if not colon or not kind or not action:
            raise InvalidField({field: f"{pattern[:80]!r} is not of the form type:action"})
        matches = (p for p in known if (kind in ("*", p.partition(":")[0])) and action in ("*", p.partition(":")[2]))
        if next(matches, None) is None:
            raise InvalidField({field: f"{pattern[:80]!r} is no permission: there is no such type or action"})
    return wanted


def known_permissions(gate: Gatepost) -> Iterator[str]:
    """Every permission that a role can hold: the platform's own, and each resource type's actions."""
    yield from PLATFORM_PERMISSIONS
    for name, kind in gate.memory.graph.model.types.items():
        if name not in PROTECTED_TYPES:
            yield f"{name}:create"
            yield from (permission(name, relation) for relation in kind.relations)
