"""`/api/v1/check`, `/check/batch` and `/explain`.

The first two are answered in front of the framework (`gatepost.server.hot`); here they are described, and answered alike
should the front ever pass one on.
"""

from __future__ import annotations

from fastapi import APIRouter

from gatepost.directory import evaluation
from gatepost.directory.evaluation import Asked
from gatepost.errors import InvalidField
from gatepost.server.problems import body_of
from gatepost.server.rest.given import Caller, Gate, problems
from gatepost.server.rest.question_shapes import (
    BatchAnswer,
    BatchBody,
    BatchItem,
    DecisionAnswer,
    ExplanationAnswer,
    QuestionBody,
    StepAnswer,
)
from gatepost.server.rest.shapes import Problem

router = APIRouter(tags=["Questions"])
PATHS = frozenset({"/api/v1/check", "/api/v1/check/batch", "/api/v1/explain"})  # posted, and no writes


@router.post("/check", responses=problems())
def check(body: QuestionBody, gate: Gate, caller: Caller) -> DecisionAnswer:
    """May `subject` (or the caller) do `action` to `resource`?  About others it takes `decision:ask`."""
    decision = evaluation.evaluate(gate, caller, Asked(**body.model_dump()))
    return DecisionAnswer(allowed=decision.allowed, revision=decision.revision)


@router.post("/check/batch", responses=problems())
def check_batch(body: BatchBody, gate: Gate, caller: Caller) -> BatchAnswer:
    """Ask up to 100 questions; one that cannot be answered says so and spoils no other."""
    results = []
    for question in body.checks:
        try:
            decision = evaluation.evaluate(gate, caller, Asked(**question.model_dump()))
            results.append(BatchItem(allowed=decision.allowed))
        except InvalidField as error:
            results.append(BatchItem(allowed=None, error=Problem.model_validate(body_of(error))))
    return BatchAnswer(results=results, revision=gate.memory.graph.revision)


@router.post("/explain", responses=problems())
def explain(body: QuestionBody, gate: Gate, caller: Caller) -> ExplanationAnswer:
    """As `check`, with the path that decided; for a no, what was tried and what would make it a yes."""
    decision, found = evaluation.explain(gate, caller, Asked(**body.model_dump()))
    return ExplanationAnswer(
        allowed=decision.allowed,
        revision=decision.revision,
        reason=str(decision.reason),
        sentence=found.sentence,
        path=[StepAnswer(object=s.object, relation=s.relation, subject=s.subject, text=s.text) for s in found.path],
        tried=list(found.tried),
        would_allow=list(found.would_allow),
    )
