"""How fast does the graph come from the database?

Fills a SQLite file with the benchmarks' platform (the graph of `check_sketch.py`), then opens it as a process that starts
does, and prints tuples a second.  The bar is the design's: 150,000 a second.

    PYTHONPATH=src python benchmarks/cold.py [TUPLES]
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from check import rows

from gatepost import Gatepost
from gatepost.store.columns import to_micros

TIMES = 3


def fill(file: Path, count: int, at: int) -> int:
    """Write the tuples past Gatepost, as a restored backup would have them."""
    insert = (
        "INSERT OR IGNORE INTO tuples (store, object, relation, subject, origin, author, created_at)"
        " VALUES ('main', ?, ?, ?, 'manual', 'platform:main', ?)"
    )
    with sqlite3.connect(file) as connection:
        made = rows(count, random.Random(1))
        connection.executemany(insert, ((each[0], each[1], each[2], at) for each in made))
        return int(connection.execute("SELECT count(*) FROM tuples").fetchone()[0])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cold.db"
        with Gatepost.open(f"sqlite:///{file}") as gate:
            at = to_micros(gate.now())
        held = fill(file, count, at)
        speeds = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            with Gatepost.open(f"sqlite:///{file}") as gate:
                took = time.perf_counter() - begun
                assert gate.memory.graph.tuple_count >= held - 100
            speeds.append(held / took)
        print(f"cold {held} tuples: {sorted(speeds)[TIMES // 2]:,.0f} a second, opening included; all: ", end="")
        print(", ".join(f"{speed:,.0f}" for speed in speeds))


if __name__ == "__main__":
    main()
