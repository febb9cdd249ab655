"""How long does a list of what one can see take, and does anybody wait for it?

A million of the benchmarks' tuples, a person who sees about 10,000 data sets of them by collections, and one who is named
on 100,000 more by herself.  First pages and whole lists, warm, with a hundred writes a second going on; then another
thread asks `check` once a millisecond while lists are made without a break, and the longest it waited is told beside how
long it waits on the same machine without lists.  Last: one member more and one less in a group of a million.

    PYTHONPATH=src python benchmarks/lists.py [TUPLES]
"""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median

from check import SEED, rows, sizes, write

from gatepost.access import Graph, TupleChange, builtin_model, check, ids_in_order, walk_users
from gatepost.access.loading import Row
from gatepost.access.users import UserFilter
from gatepost.principal import Entity, Question, Subject
from gatepost.server.run import SWITCH_SECONDS

COLLECTIONS = 980  # ten data sets in each
OWN = 100_000
TIMES = 50
POPULAR = 1_000_000
FIRST = 100


def tuples(n: int) -> Iterator[Row]:
    yield from rows(n, random.Random(SEED))
    for number in range(COLLECTIONS):
        yield f"collection:{number * 7 % sizes(n)[2]}", "viewer", "user:lister", None, None
    for number in range(OWN):
        yield f"dataset:own{number}", "viewer", "user:owner", None, None


def about(name: str) -> Question:
    return Question(subject=Subject("user", name), action="view", resource=Entity("dataset", "any"))


def times(what: Callable[[], object], count: int = TIMES) -> list[float]:
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        what()
        took.append((time.perf_counter() - begun) * 1e3)
    return sorted(took)


def show(name: str, took: list[float]) -> None:
    worst = took[len(took) * 99 // 100]
    print(f"{name:34} p50_ms={median(took):.2f} p99_ms={worst:.2f} longest_ms={took[-1]:.2f}")


def waiting(graph: Graph, seconds: float) -> list[float]:
    """Ask once a millisecond; answer in milliseconds how long each answer took from when it was due."""
    question = Question(subject=Subject("user", "17"), action="view", resource=Entity("dataset", "3"))
    took, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        due = time.perf_counter() + 0.001
        time.sleep(0.001)
        check(question, graph)
        took.append((time.perf_counter() - due) * 1e3)
    return sorted(took)


def beside(graph: Graph, what: Callable[[], object], seconds: float = 5) -> list[float]:
    """The same while something else is done over and over."""
    stop = threading.Event()

    def again() -> None:
        while not stop.is_set():
            what()

    other = threading.Thread(target=again)
    other.start()
    took = waiting(graph, seconds)
    stop.set()
    other.join()
    return took


def popular() -> None:
    """The write of one membership, in a group of a million whose members' memos are warm."""
    graph = Graph(builtin_model(), time.time)
    graph.load((("group:all", "member", f"user:{number}", None, None) for number in range(POPULAR)), "1.0")
    for number in range(0, POPULAR, 10):
        check(Question(subject=Subject("user", str(number)), action="view", resource=Entity("dataset", "1")), graph)
    gc.collect()
    gc.freeze()
    for name, entity, subject in (("a member", "group:all", "user:7"), ("a million", "group:5", "group:all#member")):
        took, warm = [], graph.edges.warm
        for removed in (False, True):
            change = [TupleChange(entity, "member", subject, removed, None)]
            begun = time.perf_counter()
            graph.apply(change, "1.1")
            took.append((time.perf_counter() - begun) * 1e3)
        dropped = warm - graph.edges.warm
        print(
            f"{name} in and out of a group: in_ms={took[0]:.2f} out_ms={took[1]:.2f} memos_dropped={dropped} of {warm}"
        )
    listed = times(lambda: sum(map(len, walk_users(Entity("group", "all"), "member", [UserFilter("user")], graph))), 1)
    print(f"the group's members listed in ms={listed[0]:.0f}")


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    sys.setswitchinterval(SWITCH_SECONDS)  # as a server has it
    graph = Graph(builtin_model(), time.time)
    graph.load(tuples(n), "1.0")
    gc.collect()
    gc.freeze()
    users, groups, _, _ = sizes(n)
    stop = threading.Event()
    writer = threading.Thread(target=write, args=(graph, users, groups, stop))
    writer.start()
    try:
        count = len(list(ids_in_order(about("lister"), graph)))
        show(
            f"first {FIRST} of {count}",
            times(lambda: list(islice(ids_in_order(about("lister"), graph, first=FIRST), FIRST))),
        )
        show(f"all {count}", times(lambda: list(ids_in_order(about("lister"), graph))))
        show(f"all {OWN} of another", times(lambda: list(ids_in_order(about("owner"), graph)), 10))
        show("check, nothing else", waiting(graph, 5))
        show(f"check beside lists of {count}", beside(graph, lambda: list(ids_in_order(about("lister"), graph))))
        show(f"check beside lists of {OWN}", beside(graph, lambda: list(ids_in_order(about("owner"), graph))))
    finally:
        stop.set()
        writer.join()
    popular()
    print(f"load_average={os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
