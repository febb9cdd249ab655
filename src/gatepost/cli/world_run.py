"""Asking a world's questions, with the engine that the server has."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gatepost.access import (
    Contextual,
    Graph,
    RelationTuple,
    TupleChange,
    UserFilter,
    check,
    explain,
    list_users,
    objects,
)
from gatepost.cli.world_file import Expected, ExpectedCheck, ExpectedObjects, ExpectedUsers, World, WorldTest
from gatepost.errors import GatepostError
from gatepost.principal import Entity, Question, Subject

OPENFGA_DEPTH = 25
"""Usersets and parents, one above another, that OpenFGA's own server goes through for a check; past it, it errs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, what was expected, and what came.  `why` is there where it is something else."""

    question: str
    expected: str
    came: str
    why: str = ""

    @property
    def passed(self) -> bool:
        return self.expected == self.came


@dataclass(frozen=True, slots=True)
class Result:
    """One test with its outcomes."""

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes)


def run_world(world: World, *, main: bool = False, depth: int | None = None) -> Iterator[Result]:
    """Run each test.  `main`: permissions of roles count, as on the platform's own store.

    With a `depth`, a check that takes more than so many usersets and parents has no answer.
    """
    graph = Graph(world.model, time.time, roles=main)
    graph.apply(list(_changes(world.tuples)), "1")
    for test in world.tests:
        yield _run(test, Contextual(graph, test.tuples) if test.tuples else graph, main=main, depth=depth)


def _changes(tuples: Iterable[RelationTuple]) -> Iterator[TupleChange]:
    for each in tuples:
        stored = each.condition.stored() if each.condition else None
        yield TupleChange(
            str(each.object), each.relation, str(each.subject), removed=False, expires_at=None, condition=stored
        )


def _run(test: WorldTest, graph: Graph, *, main: bool, depth: int | None) -> Result:
    return Result(test.name, tuple(_asked(each, graph, main=main, depth=depth) for each in test.expected))


def _asked(expected: Expected, graph: Graph, *, main: bool, depth: int | None) -> Outcome:
    try:
        match expected:
            case ExpectedCheck():
                return _checked(expected, graph, depth)
            case ExpectedObjects():
                return _objects(expected, graph, main=main)
            case ExpectedUsers():
                return _users(expected, graph)
    except GatepostError as error:
        # An answer that cannot be had is neither a yes nor a no.
        return Outcome(_words(expected), _answer(expected), "an error", str(error))


def _checked(expected: ExpectedCheck, graph: Graph, depth: int | None) -> Outcome:
    question = Question(
        subject=Subject.parse(expected.user),
        action=expected.relation,
        resource=Entity.parse(expected.object),
        context=expected.context,
    )
    allowed = check(question, graph, depth).allowed
    why = "" if allowed == expected.allowed else explain(question, graph).sentence
    return Outcome(_words(expected), _answer(expected), "yes" if allowed else "no", why)


def _objects(expected: ExpectedObjects, graph: Graph, *, main: bool) -> Outcome:
    question = Question(
        subject=Subject.parse(expected.user),
        action=expected.relation,
        resource=Entity(expected.type, "any"),
        context=expected.context,
    )
    found = objects(question, graph)
    every = "a role gives it on every object of the type" if main and found.everything else ""
    return Outcome(
        _words(expected), _answer(expected), _listed(found.ids), every or _between(expected.objects, found.ids)
    )


def _users(expected: ExpectedUsers, graph: Graph) -> Outcome:
    wanted = []
    for each in expected.filters:
        kind, _, relation = each.partition("#")
        wanted.append(UserFilter(kind, relation))
    subjects = list_users(Entity.parse(expected.object), expected.relation, wanted, graph, expected.context)
    found = [str(subject) for subject in subjects]
    return Outcome(_words(expected), _answer(expected), _listed(found), _between(expected.users, found))


def _words(expected: Expected) -> str:
    given = ", ".join(f"{name}={value}" for name, value in expected.context.items())
    return f"{_asks(expected)} ({given})" if given else _asks(expected)


def _asks(expected: Expected) -> str:
    match expected:
        case ExpectedCheck():
            return f"{expected.user} {expected.relation} {expected.object}"
        case ExpectedObjects():
            return f"{expected.type} objects with {expected.user} as {expected.relation}"
        case ExpectedUsers():
            return f"{', '.join(expected.filters)} with {expected.relation} of {expected.object}"


def _answer(expected: Expected) -> str:
    match expected:
        case ExpectedCheck():
            return "yes" if expected.allowed else "no"
        case ExpectedObjects():
            return _listed(expected.objects)
        case ExpectedUsers():
            return _listed(expected.users)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _between(expected: Iterable[str], came: Iterable[str]) -> str:
    """Say what is missing and what is too much: of long lists nobody sees it."""
    wanted, found = set(expected), set(came)
    said = [("missing", wanted - found), ("not expected", found - wanted)]
    return "; ".join(f"{what}: {', '.join(sorted(names))}" for what, names in said if names)
