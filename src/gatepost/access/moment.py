"""When a question is asked and with which context: what expiry and conditions are judged by."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gatepost.access.conditions import kept
from gatepost.access.decision import ConditionUndecided
from gatepost.access.model import AuthorizationModel
from gatepost.access.patience import hurry
from gatepost.errors import InvalidModel

if TYPE_CHECKING:
    from gatepost.access.tuples import TupleCondition

NO, UNKNOWN, YES = 0, 1, 2
MAX_SECONDS = 1.0  # of evaluating conditions for one question: nothing else in the process runs meanwhile
NOTHING: Mapping[str, object] = {}


class Moment:
    """One question's time (unix seconds) and context.  Each condition is evaluated once in it.

    `problem` is why the first condition that could not be evaluated could not.
    """

    __slots__ = ("_judged", "_spent", "context", "model", "now", "problem")

    def __init__(self, model: AuthorizationModel, now: float, context: Mapping[str, object] = NOTHING) -> None:
        self.model = model
        self.now = now
        self.context = context
        self.problem: ConditionUndecided | None = None
        self._judged: dict[TupleCondition, int] | None = None
        self._spent = 0.0

    def judge(self, condition: TupleCondition) -> int:
        """Answer YES, NO, or UNKNOWN where the condition cannot be evaluated: an unknown is not a no."""
        if self._judged is None:
            self._judged = {}
        verdict = self._judged.get(condition)
        if verdict is None:
            hurry()
            began = time.monotonic()
            verdict = self._judged[condition] = self._evaluate(condition)
            self._spent += time.monotonic() - began
        return verdict

    def _evaluate(self, condition: TupleCondition) -> int:
        declared = self.model.conditions.get(condition.name)
        try:
            if declared is None:
                raise ConditionUndecided.over(condition.name, "the model does not have it")
            if self._spent > MAX_SECONDS:
                sentence = f"the conditions of this question take longer than {MAX_SECONDS:g} s"
                raise ConditionUndecided.over(condition.name, sentence)
            return YES if kept.get(declared).decide(condition.context, self.context) else NO
        except InvalidModel as error:
            self._keep(ConditionUndecided.over(condition.name, str(error)))
        except ConditionUndecided as error:
            self._keep(error)
        return UNKNOWN

    def _keep(self, problem: ConditionUndecided) -> None:
        self.problem = self.problem or problem
