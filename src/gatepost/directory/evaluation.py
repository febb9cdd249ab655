"""Handing a decision to the outside.  About oneself anybody may ask; about others it takes `decision:ask`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from gatepost import access
from gatepost.access import Answers, Decision, Explanation, answers_from_memo
from gatepost.errors import Forbidden, InvalidField, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import PLATFORM, Entity, Principal, Question, Subject

MOST_IN_A_BATCH = 100
MOST_NAMES = 16_384  # whose reading is remembered: callers ask about the same ones again and again
MOST_PLAIN = 256  # characters
_PLAIN = re.compile(r"([\w-]+):([\w.@/+|=~-]+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question as it comes in; without a subject it is about the caller."""

    action: str
    resource: str
    subject: str | None = None
    context: Mapping[str, object] | None = None


class Answer(NamedTuple):
    """Whether they may, as of which revision."""

    allowed: bool
    revision: str


def question_of(gate: Gatepost, caller: Principal, asked: Asked) -> Question:
    """Read and allow a question.  Raises `InvalidField`, `Forbidden`."""
    try:
        resource = Entity.parse(asked.resource)
    except ValueError as error:
        raise InvalidField({"resource": "not of the form type:id, such as collection:sales"}) from error
    if resource.id == "*":
        raise InvalidField({"resource": "this names no single resource"})
    if not asked.action:
        raise InvalidField({"action": "say which one"})
    if asked.subject is None:
        return caller.asks(asked.action, resource, asked.context)
    try:
        subject = Subject.parse(asked.subject)
    except ValueError as error:
        raise InvalidField({"subject": "not of the form type:id, such as user:alice"}) from error
    if subject.type == "user" and not subject.relation:
        subject = Subject("user", subject.id.lower())
    if subject == Subject.of(caller.subject):
        return caller.asks(asked.action, resource, asked.context)
    require_ask(gate, caller)
    return Question(subject=subject, action=asked.action, resource=resource, context=asked.context or {})


def require_ask(gate: Gatepost, caller: Principal) -> None:
    """Raise unless the caller may ask about others.  It is asked of roles alone, so it costs a set look-up."""
    if caller.is_anonymous:
        raise Unauthenticated("asking about others needs a signed-in caller")
    if not gate.may(caller, "decision:ask"):
        raise Forbidden("asking about others takes decision:ask")


def plain_name(text: str) -> tuple[str, str] | None:
    """Type and id of what has plain characters only: nobody in general, and no userset."""
    return _plain_name(text) if len(text) <= MOST_PLAIN else None  # what is long is not remembered either


@lru_cache(MOST_NAMES)
def _plain_name(text: str) -> tuple[str, str] | None:
    found = _PLAIN.fullmatch(text)
    return None if found is None else (found[1], found[2])


def evaluate(gate: Gatepost, caller: Principal, asked: Asked) -> Decision:
    """Answer one question.  An action that the resource's type does not have is an error, not a no."""
    return gate.decide(question_of(gate, caller, asked))


def answer(gate: Gatepost, caller: Principal, asked: Asked) -> Answer:
    """As `evaluate`, for whoever wants no more than the answer: from memory alone where that tells.

    Gateways ask nothing else, and all day: a question about somebody else with plain names takes a third of the time.
    """
    known = evaluate_from_memo(gate, caller, asked)
    if known is not None:
        return Answer(known.allowed[0], known.revision)
    decision = evaluate(gate, caller, asked)
    return Answer(decision.allowed, decision.revision)


def evaluate_from_memo(gate: Gatepost, caller: Principal, asked: Asked) -> Answers | None:
    """Answer a question about somebody else whose names are plain; None where `evaluate` has to look closer."""
    subject, resource = plain_name(asked.subject or ""), plain_name(asked.resource)
    if subject is None or resource is None or asked.context:
        return None
    if subject[0] == "user" and not (asked.subject or "").islower():
        return None  # read as lower case
    if subject == (caller.subject.type, caller.subject.id):
        return None  # within one's own scope and role
    require_ask(gate, caller)
    if asked.subject in gate.memory.disabled:
        return None
    found = answers_from_memo(gate.memory.graph, ((subject, asked.action, resource),))
    return None if asked.subject in gate.memory.disabled else found  # disabled meanwhile: see `Gatepost.decide`


def explain(gate: Gatepost, caller: Principal, asked: Asked) -> tuple[Decision, Explanation]:
    """Answer one question with the path that decided, and what would make it a yes."""
    question = question_of(gate, caller, asked)
    decision = gate.decide(question)
    if gate.is_disabled(question.subject):
        sentence = f"{question.subject} is disabled"
        return decision, Explanation(allowed=False, path=(), sentence=sentence, would_allow=("enabling the account",))
    explanation = access.explain(question, gate.memory.graph)
    if not decision.allowed and not _may_learn(gate, caller, question):
        return decision, replace(explanation, tried=(), would_allow=())
    return decision, explanation


def _may_learn(gate: Gatepost, caller: Principal, question: Question) -> bool:
    """Tell whether a no may come with its reasons.

    They say whether a resource exists and who has it, and whoever cannot view it does not learn that.
    """
    if question.resource == PLATFORM or gate.may(caller, "decision:ask"):
        return True
    relations = gate.memory.graph.model.types[question.resource.type].relations
    return "view" in relations and gate.may(caller, "view", question.resource)
