"""Conditions: CEL expressions over typed parameters, compiled once and decided for each tuple and question."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from gatepost.access.condition_cost import MACRO, MOST, Cost
from gatepost.access.decision import ConditionUndecided
from gatepost.access.model import Condition
from gatepost.access.parameters import Value, address, convert, in_cidr, in_microseconds
from gatepost.access.patience import MOST_AT_ONCE, hurry
from gatepost.errors import InvalidModel

if TYPE_CHECKING:
    from cel_expr_python import cel

MAX_SAID = 300

MAX_SUMS = 8

MOST_KEPT = 1_000_000  # characters of all the expressions that stay compiled: each takes some 140 bytes then
KEPT_AT_LEAST = 250  # characters that a short one counts for

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


def context_fault(condition: Condition, stored: Mapping[str, object]) -> str:
    """Say what is wrong with a tuple's own context; empty if nothing is.  Nothing is compiled for it."""
    kinds = dict(condition.parameters)
    for name, value in stored.items():
        if name not in kinds:
            return f"{name} is not a parameter of condition {condition.name}: one of {', '.join(kinds)}"
        try:
            convert(value, kinds[name])
        except ValueError as error:
            return f"{name} of condition {condition.name} is no {kinds[name]}: {error}"
    return ""


class _Kept:
    """Conditions that were compiled, by what they say, so that a model that is loaded anew finds its own.

    Those that were asked for last: what one store's owner writes must not fill everybody's memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_text: dict[Condition, CompiledCondition] = {}
        self._size = 0

    def get(self, condition: Condition) -> CompiledCondition:
        with self._lock:
            found = self._by_text.pop(condition, None)
            if found is not None:
                self._by_text[condition] = found  # the last one now
                return found
        found = compile_condition(condition)
        with self._lock:
            if condition not in self._by_text:
                self._by_text[condition] = found
                self._size += _weight(condition)
            while self._size > MOST_KEPT and len(self._by_text) > 1:
                oldest = next(iter(self._by_text))
                del self._by_text[oldest]
                self._size -= _weight(oldest)
        return found

    def clear(self) -> None:
        with self._lock:
            self._by_text.clear()
            self._size = 0


def _weight(condition: Condition) -> int:
    return max(KEPT_AT_LEAST, len(condition.expression))


kept = _Kept()


def compile_condition(condition: Condition) -> CompiledCondition:
    """Compile and type-check, which takes a millisecond or more: `kept.get` does it when a condition is first decided.

    Raises `ExpressionError` with the place in the expression and what was expected.
    """
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
        env = cel.NewEnv(config=_config(), variables=variables, functions=_functions())
        expression = env.compile(in_microseconds(condition.expression))
        kind = expression.return_type()  # of a map whose keys can be none, the library has none
    except (TypeError, ValueError):
        raise ExpressionError(condition.name, "expected an expression that is text") from None
    except RuntimeError as error:
        place = _PLACE.search(str(error))
        if place is None:
            raise ExpressionError(condition.name, _plain(_STATUS.sub("", str(error)))) from None
        row, offset, sentence = place.groups()
        raise ExpressionError(condition.name, _plain(sentence), max(int(row), 1), max(int(offset), 1)) from None
    if kind != cel.Type.BOOL:
        raise ExpressionError(
            condition.name, f"expected an expression that is true or false, found {kind.name().lower()}"
        )
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
    # Functions of Python's take no types of their own as what they are called on.  Nothing else is bytes, so that an
    # address compares with addresses alone: `ip == "::1"` would hang on the spelling.
    named = {"any": "DYN", "ipaddress": "BYTES"}.get(outer, outer.upper())
    found: cel.Type = getattr(cel.Type, named)
    return found


@cache
def _config() -> cel.EnvConfig:
    """Without `getMilliseconds` of a duration: it is all of them to OpenFGA, and to this library what is over a second."""
    from cel_expr_python import cel

    overload = {"name": "getMilliseconds", "overloads": [{"id": "duration_to_milliseconds"}]}
    return cel.NewEnvConfigFromYaml(json.dumps({"name": "gatepost", "stdlib": {"exclude_functions": [overload]}}))


@cache
def _functions() -> tuple[cel.FunctionDecl, ...]:
    from cel_expr_python import cel

    text, ip, yes_or_no = cel.Type.STRING, cel.Type.BYTES, cel.Type.BOOL
    within = cel.Overload("ipaddress_in_cidr", yes_or_no, [ip, text], is_member=True, impl=in_cidr)
    made = cel.Overload("string_to_ipaddress", ip, [text], is_member=False, impl=address)
    return cel.FunctionDecl("in_cidr", [within]), cel.FunctionDecl("ipaddress", [made])
