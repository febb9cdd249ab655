"""Answers beside a writer are of one revision: with new names, memos that are dropped, and everybody's in between."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatepost.access import Graph, TupleChange, answers_from_memo, check, groups_of, parse_model
from gatepost.access.standing import standing
from gatepost.principal import Entity, Question, Subject

MODEL = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, user:*, group#member]
type folder
  relations
    define viewer: [user, user:*, group#member]
    define barred: [user]
    define parent: [folder]
    define seen: viewer or seen from parent
    define let_in: viewer but not barred
"""
REVISIONS = 5_000
EXCLUSIVE = ("left", "right")


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Threads take turns after each few instructions, or two of them would hardly ever meet."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def question(subject: str, action: str, resource: str) -> Question:
    return Question(subject=Subject.parse(subject), action=action, resource=Entity.parse(resource))


def change(written: str, *, removed: bool = False) -> TupleChange:
    name, _, subject = written.partition("@")
    entity, _, relation = name.partition("#")
    return TupleChange(object=entity, relation=relation, subject=subject, expires_at=None, removed=removed)


class World:
    """Each revision moves Ann from one group to the other, and Ben from one folder to the other.

    It also gives a newcomer what everybody had, or everybody again.  So in every revision each of the two has one of the
    two folders, and everybody who has ever been named, and the next one, sees `open`.
    """

    def __init__(self) -> None:
        self.graph = Graph(parse_model(MODEL), lambda: 0.0, roles=False)
        self.graph.load(
            [
                *((f"folder:{side}", "viewer", f"group:{side}#member", None, None) for side in EXCLUSIVE),
                ("group:left", "member", "user:ann", None, None),
                ("folder:left", "viewer", "user:ben", None, None),
                ("folder:open", "viewer", "user:*", None, None),
                ("folder:low", "parent", "folder:open", None, None),
                ("folder:shut", "viewer", "user:ann", None, None),
            ],
            revision="0",
        )
        self.next = 0
        self.is_over = threading.Event()

    def write(self) -> None:
        for number in range(REVISIONS):
            old, new = EXCLUSIVE if number % 2 == 0 else EXCLUSIVE[::-1]
            changes = [
                change(f"group:{old}#member@user:ann", removed=True),
                change(f"group:{new}#member@user:ann"),
                change(f"folder:{old}#viewer@user:ben", removed=True),
                change(f"folder:{new}#viewer@user:ben"),
            ]
            if number % 2 == 0:
                newcomer = change(f"folder:open#viewer@user:new{self.next}")
                changes += [change("folder:open#viewer@user:*", removed=True), newcomer]
                changes += [
                    change(f"folder:let{number // 2}#viewer@user:ann"),
                    change(f"folder:let{number // 2}#barred@user:ann"),
                ]
            else:
                changes.append(change("folder:open#viewer@user:*"))
            if number % 10 == 9:
                changes += [change("group:all#member@user:*", removed=number % 20 == 19)]  # everybody's memo is dropped
            self.graph.apply(changes, str(number + 1))
            self.next = (number + 1) // 2

    def beside(self, *looks: Callable[[], None]) -> None:
        def look(once: Callable[[], None]) -> int:
            count = 0
            while not self.is_over.is_set() or not count:
                once()
                count += 1
            return count

        with ThreadPoolExecutor(len(looks) + 1) as threads:
            looking = [threads.submit(look, each) for each in looks]
            try:
                threads.submit(self.write).result(timeout=60)
            finally:
                self.is_over.set()
            assert all(each.result(timeout=60) for each in looking)


def test_one_of_two_that_exclude_each_other() -> None:
    world, found = World(), list[bool]()
    several = 20 * [(("user", name), "seen", ("folder", side)) for name in ("ann", "ben") for side in EXCLUSIVE]

    def in_a_batch() -> None:
        for asked in (several, [each for each in several if each[0][1] == "ben"]):  # his memo is never dropped alone
            answers = answers_from_memo(world.graph, asked)
            if answers is not None:
                assert answers.allowed[::2] == [int(answers.revision) % 2 == 0] * (len(asked) // 2)
                assert answers.allowed[1::2] == [not each for each in answers.allowed[::2]]
                found.extend(answers.allowed)

    def alone() -> None:
        for name in ("ann", "ben"):
            decision = check(question(f"user:{name}", "seen", "folder:left"), world.graph)
            assert decision.allowed is (int(decision.revision) % 2 == 0)

    world.beside(in_a_batch, in_a_batch, alone, alone)
    assert set(found) == {True, False}


def test_whoever_gets_a_first_tuple_in_the_place_of_everybody_s() -> None:
    world = World()

    def newcomer() -> None:
        for action, folder in (("viewer", "open"), ("seen", "low"), ("let_in", "open")):
            assert check(question(f"user:new{world.next}", action, f"folder:{folder}"), world.graph).allowed
            assert check(question("user:new0", action, f"folder:{folder}"), world.graph).allowed

    def nobody() -> None:
        decision = check(question("user:nobody", "viewer", "folder:open"), world.graph)
        assert decision.allowed is (int(decision.revision) % 2 == 0)

    world.beside(newcomer, nobody)


def test_what_is_given_and_barred_at_once_is_never_open() -> None:
    world = World()

    def let_in() -> None:
        for number in range(world.next, world.next + 3):
            assert not check(question("user:ann", "let_in", f"folder:let{number}"), world.graph).allowed

    world.beside(let_in, let_in)


def test_names_that_were_told_are_kept_as_long_as_the_standing_is_the_same() -> None:
    world, told = World(), dict[int, tuple[object, frozenset[str]]]()
    ann = Subject.parse("user:ann")

    def look() -> None:
        now = standing(ann.entity, world.graph)
        names = groups_of(ann, world.graph)
        if standing(ann.entity, world.graph) is now:
            known = told.setdefault(id(now), (now, names))
            assert known == (now, names)
            assert len(names & set(EXCLUSIVE)) == 1

    world.beside(look, look)
    assert len({names for _, names in told.values()}) > 1
