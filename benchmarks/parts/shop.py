"""The data that Gatepost, OpenFGA and pycasbin are asked about: the sketch's platform, with more of the language in it.

Groups nested by tens, collections shared with groups, data sets under collections with owners and viewers; besides, some
collections are everybody's, some data sets block one person (`but not`), and some may be reviewed by a group (`and`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from check import SEED, rows, sizes

Key = tuple[str, str, str]  # object, relation, user

RESOURCES = """
type collection
  relations
    define owner: [user]
    define editor: [user, group#member] or owner
    define viewer: [user, user:*, group#member] or editor

type dataset
  relations
    define parent: [collection]
    define owner: [user]
    define viewer: [user, user:*, group#member] or owner or viewer from parent
    define blocked: [user]
    define reviewer: [group#member]
    define can_view: viewer but not blocked
    define can_review: reviewer and viewer
"""
MODEL = f"""model
  schema 1.1

type user

type group
  relations
    define member: [user, group#member]
{RESOURCES}"""
GATEPOST_MODEL = f"model\n  schema 1.1\n{RESOURCES}"  # groups and users are types that it has

OPEN_TO_ALL, BLOCKS, REVIEWED = 200, 20, 10  # every how many-th collection, data set, data set


def tuples(n: int) -> Iterator[Key]:
    """About `n` of the sketch's tuples, each once, and an eighth more."""
    seen: set[Key] = set()
    users, groups, collections, datasets = sizes(n)
    for entity, relation, subject, _, _ in rows(n, random.Random(SEED)):
        key = (entity, relation, subject)
        if relation != "viewer" or not entity.startswith("dataset:"):
            yield key
        elif key not in seen:
            seen.add(key)
            yield key
    rnd = random.Random(SEED + 1)
    for number in range(0, collections, OPEN_TO_ALL):
        yield f"collection:{number}", "viewer", "user:*"
    for number in range(0, datasets, BLOCKS):
        yield f"dataset:{number}", "blocked", f"user:{rnd.randrange(users)}"
    for number in range(0, datasets, REVIEWED):
        yield f"dataset:{number}", "reviewer", f"group:{rnd.randrange(groups)}#member"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: `direct` are pairs that a tuple joins, so that half of the questions are a yes."""

    pairs: list[tuple[str, str]]
    reviews: list[tuple[str, str]]
    users: list[str]
    datasets: list[str]


def asked(n: int, count: int) -> Asked:
    """Draw the questions: users and data sets, each uniformly, half of them joined by a tuple."""
    rnd = random.Random(SEED + 2)
    users, _, _, datasets = sizes(n)
    direct = [(user, entity) for entity, relation, user in tuples(n) if relation == "viewer" and entity[0] == "d"]
    pairs = rnd.sample(direct, min(len(direct), count // 2))
    pairs += [(f"user:{rnd.randrange(users)}", f"dataset:{rnd.randrange(datasets)}") for _ in range(count - len(pairs))]
    rnd.shuffle(pairs)
    reviews = [(user, f"dataset:{rnd.randrange(0, datasets, REVIEWED)}") for user, _ in pairs]
    return Asked(pairs, reviews, [user for user, _ in pairs[:100]], [entity for _, entity in pairs[:100]])
