"""A slow, obvious answer to every question: the definition of each relation, read aloud, over a list of tuples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatepost.access.model import (
    AuthorizationModel,
    Computed,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Rewrite,
    Union,
)
from gatepost.access.tuples import RelationTuple
from gatepost.principal import Entity, Subject

NO, UNKNOWN, YES = 0, 1, 2

NOTHING: Mapping[str, object] = {}

Asked = tuple[Entity, str]


class EntangledError(Exception):
    """A cycle through `but not`: there is no answer."""


class Oracle:
    """`tuples` are those in force, allowed by the model; its one condition is `LATE`, asked with `context`."""

    def __init__(
        self, model: AuthorizationModel, tuples: Iterable[RelationTuple], context: Mapping[str, object] = NOTHING
    ) -> None:
        self.model = model
        self.tuples = list(tuples)
        self.context = context

    def holds(self, subject: Subject, relation: str, entity: Entity) -> int:
        return self._relation(subject, (entity, relation), {}, 0)

    def _relation(self, subject: Subject, asked: Asked, above: dict[Asked, int], negations: int) -> int:
        entity, relation = asked
        if subject.relation == relation and subject.entity == entity:
            return YES
        if asked in above:
            if above[asked] != negations:
                raise EntangledError
            return NO  # the least answer that fits: nothing holds by itself alone
        rewrite = self.model.rewrite(entity.type, relation)
        if rewrite is None:
            return NO
        return self._rewrite(subject, rewrite, asked, above | {asked: negations}, negations)

    def _rewrite(
        self, subject: Subject, rewrite: Rewrite, asked: Asked, above: dict[Asked, int], negations: int
    ) -> int:
        entity, relation = asked
        match rewrite:
            case Direct():
                return max((self._named(subject, t, above, negations) for t in self._of(entity, relation)), default=NO)
            case Computed(other):
                return self._relation(subject, (entity, other), above, negations)
            case FromParent(other, tupleset):
                return max(
                    (
                        self._guarded(t, self._relation(subject, (t.subject.entity, other), above, negations))
                        for t in self._of(entity, tupleset)
                    ),
                    default=NO,
                )
            case Union(children):
                return max([self._rewrite(subject, child, asked, above, negations) for child in children])
            case Intersection(children):
                return min([self._rewrite(subject, child, asked, above, negations) for child in children])
            case Exclusion(base, subtract):
                kept = self._rewrite(subject, base, asked, above, negations)
                return min(kept, YES - self._rewrite(subject, subtract, asked, above, negations + 1))

    def _of(self, entity: Entity, relation: str) -> list[RelationTuple]:
        return [t for t in self.tuples if t.object == entity and t.relation == relation]

    def _named(self, subject: Subject, t: RelationTuple, above: dict[Asked, int], negations: int) -> int:
        if t.subject == subject:
            return self._guarded(t, YES)
        if t.subject.is_wildcard and t.subject.type == subject.type and not subject.relation:
            return self._guarded(t, YES)
        if t.subject.relation:
            held = self._relation(subject, (t.subject.entity, t.subject.relation), above, negations)
            return self._guarded(t, held)
        return NO

    def _guarded(self, t: RelationTuple, answer: int) -> int:
        return answer if t.condition is None else min(answer, late({**self.context, **t.condition.context}))


def late(context: Mapping[str, object]) -> int:
    """The condition of the random models, by hand: `now > 1`, and not known without a whole number."""
    now = context.get("now")
    if not isinstance(now, int):
        return UNKNOWN
    return YES if now > 1 else NO
