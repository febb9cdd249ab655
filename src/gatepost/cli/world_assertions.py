"""What of a world's tests a store can keep: OpenFGA's assertions, which are checks with an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from gatepost.access import AuthorizationModel, RelationTuple
from gatepost.cli.world_file import ExpectedCheck, World
from gatepost.principal import Entity, Subject

MOST = 100  # of one model
MOST_TUPLES = 20  # that come with one
MOST_BYTES = 60_000  # of them all: OpenFGA takes 64,000 as it writes them down
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Kept:
    """The assertions of a world, and how many of its questions are none."""

    assertions: tuple[Json, ...]
    lists: int
    others: int

    def __str__(self) -> str:
        """Say it in words; nothing for a world that asks nothing."""
        out = [f"{self.lists} lists"] if self.lists else []
        if self.others:
            out.append(f"{self.others} checks")
        said = f"{len(self.assertions)} assertions" if self.assertions or out else ""
        return f"{said}; {' and '.join(out)} of its tests are no assertions and stay in the file" if out else said


def kept_of(world: World) -> Kept:
    """The checks that are assertions: all but those beyond OpenFGA's bounds, or about what the model does not know."""
    found: list[Json] = []
    lists = checks = size = 0
    for test in world.tests:
        for each in test.expected:
            if not isinstance(each, ExpectedCheck):
                lists += 1
                continue
            checks += 1
            assertion = _assertion(each, test.tuples)
            length = len(json.dumps(assertion))
            fits = len(test.tuples) <= MOST_TUPLES and len(found) < MOST and size + length <= MOST_BYTES
            if fits and _is_known(world.model, each):
                found.append(assertion)
                size += length
    return Kept(tuple(found), lists, checks - len(found))


def _is_known(model: AuthorizationModel, check: ExpectedCheck) -> bool:
    subject, kind = Subject.parse(check.user), model.types.get(Entity.parse(check.object).type)
    asks = kind is not None and check.relation in kind.relations
    about = model.types.get(subject.type)
    return asks and about is not None and (not subject.relation or subject.relation in about.relations)


def _assertion(check: ExpectedCheck, tuples: tuple[RelationTuple, ...]) -> Json:
    key = {"user": check.user, "relation": check.relation, "object": check.object}
    said: dict[str, object] = {"tuple_key": key, "expectation": check.allowed}
    if tuples:
        said["contextual_tuples"] = [tuple_key(each) for each in tuples]
    if check.context:
        said["context"] = dict(check.context)
    return said


def tuple_key(each: RelationTuple) -> Json:
    """A tuple as OpenFGA's API has it."""
    key: dict[str, object] = {"user": str(each.subject), "relation": each.relation, "object": str(each.object)}
    if each.condition is not None:
        key["condition"] = each.condition.stored()
    return key
