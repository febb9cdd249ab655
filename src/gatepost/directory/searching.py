"""Who may, what may they reach, and what may they do there: whole lists, in order.

About oneself anybody may ask what they reach and may do; about others, and who may, it takes `decision:ask`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select

from gatepost import access
from gatepost.access import ConditionUndecided, TooComplex
from gatepost.access.slices import in_order, pause
from gatepost.directory.evaluation import require_ask
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import ANYONE, Entity, Principal, Question, Subject
from gatepost.store import tables

DEADLINE = 3.0  # seconds; past it there is no answer, rather than half of one
PAUSE_EVERY = 100  # subjects judged in one go

_DIRECTORY = {
    "user": (tables.users.c.username, tables.users.c.disabled_at.is_(None)),
    "service": (tables.services.c.name, tables.services.c.name != ""),
}


def search_resources(
    gate: Gatepost, caller: Principal, subject: str, action: str, kind: str, context: Mapping[str, object]
) -> list[str]:
    """The ids of everything of type `kind` that `subject` may do `action` to.

    Nobody that is known, or no such type or action, is an empty list.  Raises `TooComplex` past the deadline.
    """
    question = _question(gate, caller, subject, action, Entity(kind, "any"), context)
    types = gate.memory.graph.model.types
    if kind not in types or action not in types[kind].relations or gate.is_disabled(question.subject):
        return []
    found: list[str] = []
    ends = time.monotonic() + DEADLINE
    for part in access.walk_ids(question, gate.memory.graph):
        found += part
        _give_up_after(ends)
    # A list takes its time: whoever was disabled meanwhile reaches nothing, as `Gatepost.decide` has it.
    return [] if gate.is_disabled(question.subject) else list(in_order(found))


def search_subjects(
    gate: Gatepost, caller: Principal, kind: str, action: str, resource: str, context: Mapping[str, object]
) -> list[str]:
    """The ids of everybody of type `kind` who may do `action` to `resource`.

    Where a wildcard lets everybody in, that is everybody whom the directory knows and who is not disabled.
    """
    require_ask(gate, caller)
    thing = _entity(resource, "resource")
    types = gate.memory.graph.model.types
    if thing.type not in types or action not in types[thing.type].relations or kind not in types:
        return []
    ends = time.monotonic() + DEADLINE
    named = set[Subject]()
    for part in access.walk_subjects(thing, action, gate.memory.graph, context):
        named |= {Subject.parse(text) for text in part}
        _give_up_after(ends)
    ids = {subject.id for subject in named if subject.type == kind and subject.id != ANYONE}
    if Subject(kind, ANYONE) in named:
        ids |= _everybody(gate, kind)
    found = []
    for count, identifier in enumerate(sorted(ids)):
        if count % PAUSE_EVERY == 0:
            pause()
            _give_up_after(ends)
        question = Question(subject=Subject(kind, identifier), action=action, resource=thing, context=context)
        if gate.decide(question).allowed:
            found.append(identifier)
    return [identifier for identifier in found if not gate.is_disabled(Subject(kind, identifier))]


def search_actions(
    gate: Gatepost, caller: Principal, subject: str, resource: str, context: Mapping[str, object]
) -> tuple[list[str], list[str]]:
    """The actions that `subject` may do to `resource`, and those that could not be decided for want of context."""
    thing = _entity(resource, "resource")
    question = _question(gate, caller, subject, "", thing, context)
    kind = gate.memory.graph.model.types.get(thing.type)
    allowed: list[str] = []
    undecided: list[str] = []
    for action in sorted(kind.relations) if kind is not None else ():
        try:
            if gate.decide(replace(question, action=action)).allowed:
                allowed.append(action)
        except ConditionUndecided:
            undecided.append(action)
    return allowed, undecided


def _question(
    gate: Gatepost, caller: Principal, subject: str, action: str, resource: Entity, context: Mapping[str, object]
) -> Question:
    try:
        asked = Subject.parse(subject)
    except ValueError as error:
        raise InvalidField({"subject": "not of the form type:id, such as user:alice"}) from error
    if asked.type == "user" and not asked.relation:
        asked = Subject("user", asked.id.lower())
    if asked == Subject.of(caller.subject):
        return caller.asks(action, resource, context)
    require_ask(gate, caller)
    return Question(subject=asked, action=action, resource=resource, context=context)


def _entity(text: str, name: str) -> Entity:
    try:
        thing = Entity.parse(text)
    except ValueError as error:
        raise InvalidField({name: "not of the form type:id, such as collection:sales"}) from error
    if thing.id == ANYONE:
        raise InvalidField({name: "this names no single resource"})
    return thing


def _everybody(gate: Gatepost, kind: str) -> set[str]:
    if kind not in _DIRECTORY:
        return set()
    column, counts = _DIRECTORY[kind]
    with gate.database.read() as connection:
        return set(connection.execute(select(column).where(counts)).scalars())


def _give_up_after(ends: float) -> None:
    if time.monotonic() > ends:
        raise TooComplex(f"the list was not complete after {DEADLINE:g} seconds: narrow the question")
