"""`/access/v1/evaluation` and `/access/v1/evaluations` (AuthZEN 1.0 sections 6 and 7)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from gatepost.access import ConditionUndecided, TooComplex
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
from gatepost.server.authzen.target import Platform, Target

Later = Callable[[], bytes]

DEADLINE = 3.0  # seconds; what is not answered by then is not known
INLINE = 100  # questions that are answered on the loop: well below a millisecond

YES, NO = b'{"decision":true}', b'{"decision":false}'


def answer_evaluation(gate: Gatepost, caller: Principal, body: bytes) -> bytes:
    """Answer one question on the platform's own store."""
    return answer_one(Platform(gate, caller), body)


def answer_evaluations(gate: Gatepost, caller: Principal, body: bytes) -> bytes | Later:
    """Answer several; a long list is worked on beside the loop."""
    return answer_several(Platform(gate, caller), body)


def answer_one(target: Target, body: bytes) -> bytes:
    return YES if _decided(target, read_evaluation(read_members(body))) else NO


def answer_several(target: Target, body: bytes) -> bytes | Later:
    sent = read_members(body)
    several = read_evaluations(sent)
    if several is None:
        return YES if _decided(target, read_evaluation(sent)) else NO
    if len(several.items) > INLINE:
        return lambda: _all(target, several)
    return _all(target, several)


def _all(target: Target, several: Evaluations) -> bytes:
    """Answer in order.  What fails is a denial with its error beside it (section 7.2.1)."""
    answers: list[dict[str, Any]] = []
    ends = time.monotonic() + DEADLINE
    for item in several.items:
        try:
            if time.monotonic() > ends:
                raise TooComplex(f"the evaluations take longer than {DEADLINE:g} s")
            decision = _decided(target, read_evaluation(with_defaults(item, several.defaults)))
            answers.append({"decision": decision})
        except GatepostError as error:
            if error.status in (401, 403):
                raise  # it is about who asks, and so about all of them
            decision = False
            answers.append({"decision": False, "context": {"error": {"status": error.status, "message": str(error)}}})
        if several.semantic.ends_with(decision):
            break
    return json.dumps({"evaluations": answers}, separators=(",", ":")).encode()


def _decided(target: Target, asked: Evaluation) -> bool:
    """Raises `InvalidRequest` for a question that has no answer: 200 with `false` would be a wrong no."""
    try:
        return target.decide(asked.subject, asked.action, asked.resource, asked.context)
    except InvalidField as error:
        raise InvalidRequest("; ".join(f"{name}: {what}" for name, what in error.fields.items())) from error
    except ConditionUndecided as error:
        raise InvalidRequest(str(error)) from error
