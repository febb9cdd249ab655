"""May they?  Check, many checks, and why."""

from __future__ import annotations

import strawberry
from strawberry.scalars import JSON

from gatepost.directory import evaluation
from gatepost.directory.evaluation import MOST_IN_A_BATCH, Asked
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.graphql.asking import Info
from gatepost.server.problems import body_of


@strawberry.input(description="One question; without a subject it is about the caller.")
class Question:
    action: str
    resource: str
    subject: str | None = None
    context: JSON | None = None


@strawberry.type(description="An answer, and the revision that it was given from.")
class Decision:
    allowed: bool
    revision: str


@strawberry.type(description="Why a question could not be answered.")
class Problem:
    code: str
    detail: str


@strawberry.type(description="One of many answers: `allowed` is null for a question that cannot be answered.")
class BatchItem:
    allowed: bool | None
    error: Problem | None


@strawberry.type(description="Many answers, in the order of the questions.")
class Batch:
    results: list[BatchItem]
    revision: str


@strawberry.type(description="One step of the path that decided.")
class Step:
    object: str
    relation: str
    subject: str
    text: str


@strawberry.type(description="An answer with the path that decided; for a no, what was tried and what would change it.")
class Explanation:
    allowed: bool
    revision: str
    reason: str
    sentence: str
    path: list[Step]
    tried: list[str]
    would_allow: list[str]


def asked_by(question: Question, place: str = "") -> Asked:
    if not isinstance(question.context, dict | None):
        raise InvalidField({f"{place}context": "this has to be an object"})
    return Asked(action=question.action, resource=question.resource, subject=question.subject, context=question.context)


def _decisions(gate: Gatepost, caller: Principal, questions: list[Asked]) -> Batch:
    results = []
    for question in questions:
        try:
            results.append(BatchItem(allowed=evaluation.evaluate(gate, caller, question).allowed, error=None))
        except InvalidField as error:
            problem = body_of(error)
            results.append(BatchItem(allowed=None, error=Problem(code=problem["code"], detail=problem["detail"])))
    return Batch(results=results, revision=gate.memory.graph.revision)


@strawberry.type
class Queries:
    @strawberry.field(
        description="May `subject` (or the caller) do `action` to `resource`?  About others it takes `decision:ask`."
    )
    async def check(
        self, info: Info, action: str, resource: str, subject: str | None = None, context: JSON | None = None
    ) -> Decision | None:
        question = Question(action=action, resource=resource, subject=subject, context=context)
        decision = await info.context.ask(evaluation.evaluate, asked_by(question))
        return Decision(allowed=decision.allowed, revision=decision.revision)

    @strawberry.field(description="Up to 100 questions; one that cannot be answered says so and spoils no other.")
    async def check_batch(self, info: Info, checks: list[Question]) -> Batch | None:
        if not 1 <= len(checks) <= MOST_IN_A_BATCH:
            raise InvalidField({"checks": f"1 to {MOST_IN_A_BATCH} questions"})
        asked = [asked_by(question, f"checks[{index}].") for index, question in enumerate(checks)]
        return await info.context.ask(_decisions, asked)

    @strawberry.field(description="As `check`, with the path that decided, and what would make a no a yes.")
    async def explain(
        self, info: Info, action: str, resource: str, subject: str | None = None, context: JSON | None = None
    ) -> Explanation | None:
        question = Question(action=action, resource=resource, subject=subject, context=context)
        decision, found = await info.context.ask(evaluation.explain, asked_by(question))
        return Explanation(
            allowed=decision.allowed,
            revision=decision.revision,
            reason=str(decision.reason),
            sentence=found.sentence,
            path=[Step(object=s.object, relation=s.relation, subject=s.subject, text=s.text) for s in found.path],
            tried=list(found.tried),
            would_allow=list(found.would_allow),
        )
