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
    """A cycle through `but not`: what is read aloud comes to no end, and `Settled` tells whether there is an answer."""


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


class Settled(Oracle):
    """The same about one subject where there are cycles through `but not`: the well-founded semantics, word by word.

    What surely holds and what may hold, each worked out from nothing under the exclusions of the other, until both stay.
    Between the two there is no answer.
    """

    def value(self, subject: Subject, relation: str, entity: Entity) -> int:
        surely: dict[Asked, int] = {}
        while True:
            perhaps = self._least(subject, surely)
            more = self._least(subject, perhaps)
            if more == surely:
                low, high = (self._looked_up(subject, (entity, relation), each) for each in (surely, perhaps))
                return low if low == high else UNKNOWN
            surely = more

    def _least(self, subject: Subject, opposed: dict[Asked, int]) -> dict[Asked, int]:
        self.opposed = opposed
        self.found: dict[Asked, int] = {}
        entities = {t.object for t in self.tuples} | {t.subject.entity for t in self.tuples}
        nodes = [
            (e, name) for e in entities if e.type in self.model.types for name in self.model.types[e.type].relations
        ]
        while True:
            again = {
                (e, name): self._rewrite(subject, rewrite, (e, name), {}, 0)
                for e, name in nodes
                if (rewrite := self.model.rewrite(e.type, name)) is not None
            }
            if again == self.found:
                return again
            self.found = again

    def _relation(self, subject: Subject, asked: Asked, above: dict[Asked, int], negations: int) -> int:
        return self._looked_up(subject, asked, self.opposed if negations % 2 else self.found)

    def _looked_up(self, subject: Subject, asked: Asked, table: dict[Asked, int]) -> int:
        itself = subject.relation == asked[1] and subject.entity == asked[0]
        return YES if itself else table.get(asked, NO)


def late(context: Mapping[str, object]) -> int:
    """The condition of the random models, by hand: `now > 1`, and not known without a whole number."""
    now = context.get("now")
    if not isinstance(now, int):
        return UNKNOWN
    return YES if now > 1 else NO
