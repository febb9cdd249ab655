"""A server process keeps what it has loaded out of the garbage collector's sight."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

from gatepost.access import Graph, builtin_model
from gatepost.access.edges import Edges

WORKER = """
import gc
from gatepost.server.run import worker
app = worker()
print(gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_what_a_worker_has_loaded_is_not_walked_again(tmp_path: Path) -> None:
    environ = {**os.environ, "GATEPOST_WORKER_HOST": "127.0.0.1", "GATEPOST_WORKER_PORT": "8420"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    frozen, walked = map(int, done.stdout.split())

    assert frozen > 10_000
    assert walked < frozen / 10


def test_a_graph_that_is_replaced_goes_without_the_collector() -> None:
    """Else freezing would keep the first graph for good, beside every later one."""
    gc.disable()
    try:
        before = number_of_edges()
        graph = Graph(builtin_model(), time.time)
        graph.load([("group:g", "member", "user:u", None, None)], "1.0")
        assert number_of_edges() == before + 1

        del graph

        assert number_of_edges() == before
    finally:
        gc.enable()


def number_of_edges() -> int:
    return sum(isinstance(each, Edges) for each in gc.get_objects())
