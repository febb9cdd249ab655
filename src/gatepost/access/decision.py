"""The answer to one question."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Never, Self

from gatepost.errors import Unavailable
from gatepost.principal import Question

if TYPE_CHECKING:
    from gatepost.access.explain import Explanation
    from gatepost.access.graph import Graph


class Reason(StrEnum):
    """Why the answer is what it is, for machines."""

    GRANTED = "granted"
    ROLE_PERMISSION = "role_permission"
    OUTSIDE_SCOPE = "outside_scope"
    NO_RELATION = "no_relation"
    DISABLED = "disabled"


class TooComplex(Unavailable):
    """The answer lies beyond a bound, or hangs on a cycle through `but not`.  Never a no."""

    code = "access_too_complex"


class TooDeep(TooComplex):
    """The answer lies deeper than the question allows.  Never a no."""

    code = "access_too_deep"


class ConditionUndecided(Unavailable):
    """The answer hangs on a condition that could not be evaluated.  Never a no.

    `condition` is its name, `missing` names the parameters that neither the tuple nor the question gave a value.
    """

    code = "condition_undecided"

    def __init__(self, description: str = "", *, condition: str = "", missing: tuple[str, ...] = ()) -> None:
        super().__init__(description.encode("ascii", "backslashreplace").decode())
        self.condition = condition
        self.missing = missing

    @classmethod
    def over(cls, condition: str, sentence: str, missing: tuple[str, ...] = ()) -> Self:
        return cls(f"condition {condition} cannot be evaluated: {sentence}", condition=condition, missing=missing)


class Decision:
    """May they?  `path` and `why` are worked out when asked for, on the graph as it is then."""

    __slots__ = ("_explained", "_graph", "_question", "allowed", "reason", "revision")

    def __init__(self, allowed: bool, reason: Reason, revision: str, question: Question, graph: Graph) -> None:
        self.allowed = allowed
        self.reason = reason
        self.revision = revision
        self._question = question
        self._graph = graph

    def __bool__(self) -> Never:
        raise TypeError("a Decision is never tested for truth: ask its .allowed")

    def __repr__(self) -> str:
        return f"Decision(allowed={self.allowed}, reason={self.reason.value!r}, revision={self.revision!r})"

    @property
    def explanation(self) -> Explanation:
        try:
            return self._explained
        except AttributeError:
            from gatepost.access.explain import explain  # explain asks check, so it is imported when first needed

            self._explained: Explanation = explain(self._question, self._graph)
            return self._explained

    @property
    def path(self) -> tuple[str, ...]:
        """The steps that led to a yes, each a readable sentence part; empty for a no."""
        return tuple(str(step) for step in self.explanation.path)

    @property
    def why(self) -> str:
        """One sentence for a person."""
        return self.explanation.sentence
