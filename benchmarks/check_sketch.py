#!/usr/bin/env python3
"""The sketch behind the design's first number: how fast can `check` be in plain Python?

Builds the synthetic platform that the benchmarks use (N relation tuples: users, groups nested by tens, collections
shared with groups, datasets under collections with owners and viewers), then times dataset `view` = owner or editor or
viewer, or the same on the parent. Interned integers; `object << 6 | relation` as key; one subject as an int, several as
a set; each subject's usersets memoised as a frozenset. No writes go on, no expiry, no reverse edges: the product has
all of these. Run: check_sketch.py [N]
"""

from __future__ import annotations

import random
import sys
import time
from collections import defaultdict
from pathlib import Path

MEMBER, OWNER, EDITOR, VIEWER, PARENT = 1, 2, 3, 4, 5


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


def build(
    n: int, rnd: random.Random
) -> tuple[dict[str, int], dict[int, int | set[int]], int, int, int, list[tuple[str, str]]]:
    users, groups, collections, datasets = (max(10, int(n * share)) for share in (0.02, 0.002, 0.02, 0.2))
    ids: dict[str, int] = {}
    edges: dict[int, int | set[int]] = {}
    count = 0

    def intern(name: str) -> int:
        return ids.setdefault(name, len(ids))

    def add(obj: str, relation: int, subject: str, userset: int = 0) -> None:
        nonlocal count
        key, value = intern(obj) << 6 | relation, intern(subject) << 6 | userset
        held = edges.get(key)
        if held is None:
            edges[key] = value
        elif isinstance(held, int):
            if held == value:
                return
            edges[key] = {held, value}
        elif value in held:
            return
        else:
            held.add(value)
        count += 1

    for g in range(groups):
        for _ in range(50):
            add(f"group:{g}", MEMBER, f"user:{rnd.randrange(users)}")
        if g >= 10:
            add(f"group:{g // 10}", MEMBER, f"group:{g}", MEMBER)
    for c in range(collections):
        add(f"collection:{c}", EDITOR, f"group:{rnd.randrange(groups)}", MEMBER)
        add(f"collection:{c}", VIEWER, f"group:{rnd.randrange(groups)}", MEMBER)
    for d in range(datasets):
        add(f"dataset:{d}", OWNER, f"user:{rnd.randrange(users)}")
        add(f"dataset:{d}", PARENT, f"collection:{rnd.randrange(collections)}")
    direct: list[tuple[str, str]] = []
    while count < n:
        d, u = rnd.randrange(datasets), rnd.randrange(users)
        add(f"dataset:{d}", VIEWER, f"user:{u}")
        direct.append((f"user:{u}", f"dataset:{d}"))
    return ids, edges, count, users, datasets, direct


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rnd = random.Random(1)
    before, started = rss_bytes(), time.perf_counter()
    ids, edges, count, users, datasets, direct = build(n, rnd)
    seconds = time.perf_counter() - started

    above: defaultdict[int, list[int]] = defaultdict(list)  # subject -> groups that hold it
    for key, held in edges.items():
        if key & 63 == MEMBER:
            for subject in (held,) if isinstance(held, int) else held:
                above[subject >> 6].append(key >> 6)
    memo: dict[int, frozenset[int]] = {}

    def usersets(user: int) -> frozenset[int]:
        known = memo.get(user)
        if known is None:
            seen: set[int] = set()
            todo = [user]
            while todo:
                for group in above.get(todo.pop(), ()):
                    if group not in seen:
                        seen.add(group)
                        todo.append(group)
            known = memo[user] = frozenset([user << 6, *(g << 6 | MEMBER for g in seen)])
        return known

    def on(base: int, mine: frozenset[int]) -> bool:
        for relation in (OWNER, EDITOR, VIEWER):
            held = edges.get(base | relation)
            if held is not None and (held in mine if isinstance(held, int) else not mine.isdisjoint(held)):
                return True
        return False

    def check(user: str, dataset: str) -> bool:
        u, d = ids.get(user), ids.get(dataset)
        if u is None or d is None:
            return False
        mine, base = usersets(u), d << 6
        if on(base, mine):
            return True
        parents = edges.get(base | PARENT)
        if parents is None:
            return False
        return any(on(p, mine) for p in ((parents,) if isinstance(parents, int) else parents))

    questions = rnd.sample(direct, min(50_000, len(direct)))
    questions += [(f"user:{rnd.randrange(users)}", f"dataset:{rnd.randrange(datasets)}") for _ in range(50_000)]
    rnd.shuffle(questions)
    for name in ("memo cold", "memo warm"):
        took, allowed = [], 0
        for question in questions:
            t = time.perf_counter_ns()
            allowed += check(*question)
            took.append(time.perf_counter_ns() - t)
        took.sort()
        p50, p99 = took[len(took) // 2] / 1e3, took[len(took) * 99 // 100] / 1e3
        print(f"{name}: p50_us={p50:.1f} p99_us={p99:.1f} allowed={allowed / len(questions):.0%}")
    print(f"{count} tuples, built at {count / seconds:,.0f}/s, {(rss_bytes() - before) / count:.0f} bytes a tuple")


if __name__ == "__main__":
    main()
