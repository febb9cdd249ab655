"""Design, "One writer of the graph, many readers": a change of two tuples is never seen half, nor a load half done."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from gatepost.access import objects
from gatepost.directory.groups import add_member, create_group
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Question, Subject
from gatepost.store.relations import relate, unrelate
from tests.conftest import OpenGate

MOVES = 150
READERS = 3
HERE, THERE = "collection:here", "collection:there"


def move(gate: Gatepost, source: str, target: str) -> None:
    """Ann's one share goes from one collection to the other, in one change: at no revision has she two, or none."""
    with gate.change_unasked() as tx:
        unrelate(tx, source, "viewer", "user:ann")
        relate(tx, target, "viewer", "user:ann", author="user:admin")


def seen(gate: Gatepost) -> list[str]:
    """What Ann may view, as one question: the list is of one revision."""
    question = Question(subject=Subject("user", "ann"), action="view", resource=gate_resource())
    return sorted(str(entity) for entity in objects(question, gate.memory.graph))
