"""`/access/v1/evaluation` and `/access/v1/evaluations` (AuthZEN 1.0 sections 6 and 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gatepost.access import ConditionUndecided
from gatepost.directory.evaluation import Asked, evaluate
from gatepost.errors import GatepostError, InvalidField, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.authzen.reading import (
    Evaluation,
    Evaluations,
    read_evaluation,
    read_evaluations,
    read_members,
    with_defaults,
)

Decide = Callable[[Evaluation], bool]
Later = Callable[[], bytes]

INLINE = 100  # questions that are answered on the loop: well below a millisecond

YES, NO = b'{"decision":true}', b'{"decision":false}'


def decider(gate: Gatepost, caller: Principal) -> Decide:
    """How questions to the platform's own store are decided: about oneself, or with `decision:ask`."""

    def decide(asked: Evaluation) -> bool:
        question = Asked(
            action=asked.action, resource=asked.resource, subject=asked.subject, context=asked.context or None
        )
        return evaluate(gate, caller, question).allowed

    return decide


def answer_evaluation(gate: Gatepost, caller: Principal, body: bytes) -> bytes:
    """Answer one question on the platform's own store."""
    return answer_one(decider(gate, caller), body)


def answer_evaluations(gate: Gatepost, caller: Principal, body: bytes) -> bytes | Later:
    """Answer several; a long list is worked on beside the loop."""
    return answer_several(decider(gate, caller), body)


def answer_one(decide: Decide, body: bytes) -> bytes:
    return YES if _decided(decide, read_evaluation(read_members(body))) else NO


def answer_several(decide: Decide, body: bytes) -> bytes | Later:
    sent = read_members(body)
    several = read_evaluations(sent)
    if several is None:
        return YES if _decided(decide, read_evaluation(sent)) else NO
    if len(several.items) > INLINE:
        return lambda: _all(decide, several)
    return _all(decide, several)


def _all(decide: Decide, several: Evaluations) -> bytes:
    """Answer in order.  What fails is a denial with its error beside it (section 7.2.1)."""
    answers: list[dict[str, Any]] = []
    for item in several.items:
        try:
            decision = _decided(decide, read_evaluation(with_defaults(item, several.defaults)))
            answers.append({"decision": decision})
        except GatepostError as error:
            if error.status in (401, 403):
                raise  # it is about who asks, and so about all of them
            decision = False
            answers.append({"decision": False, "context": {"error": {"status": error.status, "message": str(error)}}})
        if several.semantic.ends_with(decision):
            break
    return json.dumps({"evaluations": answers}, separators=(",", ":")).encode()


def _decided(decide: Decide, asked: Evaluation) -> bool:
    """Raises `InvalidRequest` for a question that has no answer: 200 with `false` would be a wrong no."""
    try:
        return decide(asked)
    except InvalidField as error:
        raise InvalidRequest("; ".join(f"{name}: {what}" for name, what in error.fields.items())) from error
    except ConditionUndecided as error:
        raise InvalidRequest(str(error)) from error
