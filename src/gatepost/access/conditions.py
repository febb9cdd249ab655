"""Conditions: CEL expressions over typed parameters, compiled once and decided for each tuple and question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from gatepost.access.condition_cost import MACRO, MOST, Cost
from gatepost.access.decision import ConditionUndecided
from gatepost.access.model import Condition
from gatepost.access.parameters import Value, address, convert, in_cidr
from gatepost.access.patience import MOST_AT_ONCE, hurry
from gatepost.errors import InvalidModel

if TYPE_CHECKING:
    from cel_expr_python import cel

MAX_SAID = 300

MAX_SUMS = 8

_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_STATUS = re.compile(r"^[A-Z_]+: ")


class ExpressionError(InvalidModel):
    """An expression that does not compile.  `row` and `offset` count from 1 within the expression."""

    def __init__(self, condition: str, sentence: str, row: int = 1, offset: int = 1) -> None:
        super().__init__(f"condition {condition}: {sentence}")
        self.sentence = f"condition {condition}: {sentence}"
        self.row = row
        self.offset = offset


class CompiledCondition:
    """One condition, ready to be asked.  Threads may share it."""

    def __init__(self, condition: Condition, expression: cel.Expression) -> None:
        self.name = condition.name
        self._kinds = dict(condition.parameters)
        self._expression = expression
        self._cost = Cost(condition.expression)

    def decide(self, stored: Mapping[str, object], asked: Mapping[str, object]) -> bool:
        """Tell whether the condition holds for a tuple's `stored` context, which wins, and the question's own.

        Raises `ConditionUndecided` for a value of a wrong type, and for one that is missing: as in OpenFGA each parameter
        needs one, whether or not the answer hangs on it.
        """
        missing = tuple(name for name in self._kinds if name not in asked and name not in stored)
        if missing:
            raise ConditionUndecided.over(self.name, f"the context is missing {', '.join(missing)}", missing)
        values = self._typed({**asked, **stored})
        steps = self._cost.steps(values.values())
        hurry(steps)
        if steps > MOST:
            raise ConditionUndecided.over(self.name, "the values are too large for what it does with them")
        try:
            answer = self._expression.eval(data=values).plain_value()
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise ConditionUndecided.over(self.name, _plain(str(error))) from None
        if isinstance(answer, bool):
            return answer
        raise ConditionUndecided.over(self.name, _plain(_STATUS.sub("", str(answer))))

    def _typed(self, values: Mapping[str, object]) -> dict[str, Value]:
        typed: dict[str, Value] = {}
        for name, kind in self._kinds.items():
            if name in values:
                try:
                    typed[name] = convert(values[name], kind)
                except ValueError as error:
                    raise ConditionUndecided.over(self.name, f"{name} is no {kind}: {error}") from None
        return typed

    def context_fault(self, stored: Mapping[str, object]) -> str:
        """Say what is wrong with a tuple's own context; empty if nothing is."""
        for name, value in stored.items():
            if name not in self._kinds:
                return f"{name} is not a parameter of condition {self.name}: one of {', '.join(self._kinds)}"
            try:
                convert(value, self._kinds[name])
            except ValueError as error:
                return f"{name} of condition {self.name} is no {self._kinds[name]}: {error}"
        return ""


@lru_cache(maxsize=1024)
def compile_condition(condition: Condition) -> CompiledCondition:
    """Compile and type-check.  Raises `ExpressionError` with the place in the expression and what was expected."""
    hurry(MOST_AT_ONCE + 1)  # a first time takes milliseconds
    try:
        from cel_expr_python import cel  # 50 MB that only models with conditions need
    except ImportError:
        raise ExpressionError(
            condition.name, "conditions need the package cel-expr-python, which is not here"
        ) from None
    if MACRO.search(condition.expression) and condition.expression.count("+") > MAX_SUMS:
        # Each macro may double what the one before it made: twenty of them would fill any memory.
        raise ExpressionError(condition.name, f"beside a macro such as map, expected no more than {MAX_SUMS} '+'")
    variables = {name: _cel_type(kind) for name, kind in condition.parameters}
    try:
        env = cel.NewEnv(variables=variables, functions=_functions())
        expression = env.compile(condition.expression)
    except (TypeError, ValueError):
        raise ExpressionError(condition.name, "expected an expression that is text") from None
    except RuntimeError as error:
        place = _PLACE.search(str(error))
        if place is None:
            raise ExpressionError(condition.name, _plain(_STATUS.sub("", str(error)))) from None
        row, offset, sentence = place.groups()
        raise ExpressionError(condition.name, _plain(sentence), max(int(row), 1), max(int(offset), 1)) from None
    if expression.return_type() != cel.Type.BOOL:
        kind = expression.return_type().name().lower()
        raise ExpressionError(condition.name, f"expected an expression that is true or false, found {kind}")
    return CompiledCondition(condition, expression)


def _plain(text: str) -> str:
    """The first line of what the library says, and no more of it than a person would read."""
    return text.partition("\n")[0].encode("ascii", "backslashreplace").decode()[:MAX_SAID]


def _cel_type(kind: str) -> cel.Type:
    from cel_expr_python import cel

    outer, _, inner = kind.partition("<")
    if outer == "list":
        return cel.Type.List(_cel_type(inner[:-1]))
    if outer == "map":
        return cel.Type.Map(cel.Type.STRING, _cel_type(inner[:-1]))
    # An address is text to CEL: functions of Python's take no types of their own as what they are called on.
    named = {"any": "DYN", "ipaddress": "STRING"}.get(outer, outer.upper())
    found: cel.Type = getattr(cel.Type, named)
    return found


@cache
def _functions() -> tuple[cel.FunctionDecl, ...]:
    from cel_expr_python import cel

    text, yes_or_no = cel.Type.STRING, cel.Type.BOOL
    within = cel.Overload("ipaddress_in_cidr", yes_or_no, [text, text], is_member=True, impl=in_cidr)
    made = cel.Overload("string_to_ipaddress", text, [text], is_member=False, impl=address)
    return cel.FunctionDecl("in_cidr", [within]), cel.FunctionDecl("ipaddress", [made])
