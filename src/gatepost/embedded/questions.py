"""May they?  In batches, and with the path that decided.  One question alone is `check`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatepost.client import answers as a
from gatepost.directory import evaluation
from gatepost.directory.evaluation import MOST_IN_A_BATCH, Asked
from gatepost.directory.given import why_no_text
from gatepost.embedded.asking import Asking
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.problems import body_of

Context = Mapping[str, object]


def asked_of(subject: str | None, action: str, resource: str, context: Context | None) -> Asked:
    """Raises `InvalidField` for a context that is no mapping."""
    if not isinstance(context, Mapping | None):
        raise InvalidField({"context": "this has to be a mapping"})
    return Asked(action=action, resource=resource, subject=subject, context=context)


class Questions(Asking):
    """Calls that ask."""

    def check_batch(self, questions: Iterable[tuple[str | None, str, str]]) -> a.Decisions:
        """Ask up to 100 questions, each `(subject, action, resource)`; one without an answer spoils no other."""
        wanted = _read(questions)
        gate, by = self._for()
        revision = str(gate.memory.graph.revision)  # before the first: each answer is at least as new
        return a.Decisions(tuple(_answered(gate, by, each) for each in wanted), revision)

    def explain(self, subject: str | None, action: str, resource: str, *, context: Context | None = None) -> a.Decision:
        """Ask as `check` does, and for the path that decided."""
        by = self._for(subject=subject, action=action, resource=resource)
        decision, found = evaluation.explain(*by, asked_of(subject, action, resource, context))
        return a.Decision(
            allowed=decision.allowed,
            revision=decision.revision,
            reason=decision.reason.value,
            sentence=found.sentence,
            path=tuple(a.Step(step.object, step.relation, step.subject, step.text) for step in found.path),
            tried=found.tried,
            would_allow=found.would_allow,
        )


def _read(questions: Iterable[tuple[str | None, str, str]]) -> list[Asked]:
    try:
        wanted = [Asked(action=action, resource=resource, subject=subject) for subject, action, resource in questions]
    except (TypeError, ValueError) as error:
        raise InvalidField({"questions": "each has to be a subject, an action and a resource"}) from error
    if not 1 <= len(wanted) <= MOST_IN_A_BATCH:
        raise InvalidField({"questions": f"1 to {MOST_IN_A_BATCH} questions"})
    for index, each in enumerate(wanted):
        given = {
            "action": each.action,
            "resource": each.resource,
            "subject": "" if each.subject is None else each.subject,
        }
        for name, value in given.items():
            if sentence := why_no_text(value):
                raise InvalidField({f"questions[{index}].{name}": sentence})
    return wanted


def _answered(gate: Gatepost, by: Principal, asked: Asked) -> a.Answered:
    try:
        return a.Answered(allowed=evaluation.evaluate(gate, by, asked).allowed)
    except InvalidField as error:
        return a.Answered(error=body_of(error))
