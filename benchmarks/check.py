"""How fast is `check`, beside the plain-Python sketch on the same graph in the same run?

Each measurement is a process of its own, so that resident memory is its own; the product's has a hundred writes
a second going on.  The tuples are read from a file while loading; questions and decisions are made in the measured
time.  The last lines are `check N p50_us=… p99_us=… bytes_per_tuple=… load_per_s=…`, one for each N; before them come the
sketch's numbers and the ratios.

    PYTHONPATH=src python benchmarks/check.py [--big] [N ...]
    make bench-check    # 10,000, 1,000,000 and 10,000,000
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from gatepost.access import Graph, TupleChange, builtin_model, check
from gatepost.access.loading import Row
from gatepost.principal import Entity, Question, Subject

SEED = 1
WRITES_PER_SECOND = 100
QUESTIONS = 50_000


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


def sizes(n: int) -> tuple[int, int, int, int]:
    users, groups, collections, datasets = (max(10, int(n * share)) for share in (0.02, 0.002, 0.02, 0.2))
    return users, groups, collections, datasets


def rows(n: int, rnd: random.Random) -> Iterator[Row]:
    """The sketch's graph, drawn in the sketch's order; the last draws may repeat one another, as there."""
    users, groups, collections, datasets = sizes(n)
    seen: set[int] = set()
    count = 0
    for g in range(groups):
        members = {rnd.randrange(users) for _ in range(50)}
        for u in members:
            yield f"group:{g}", "member", f"user:{u}", None, None
        count += len(members)
        if g >= 10:
            yield f"group:{g // 10}", "member", f"group:{g}#member", None, None
            count += 1
    for c in range(collections):
        yield f"collection:{c}", "editor", f"group:{rnd.randrange(groups)}#member", None, None
        yield f"collection:{c}", "viewer", f"group:{rnd.randrange(groups)}#member", None, None
    count += 2 * collections
    for d in range(datasets):
        yield f"dataset:{d}", "owner", f"user:{rnd.randrange(users)}", None, None
        yield f"dataset:{d}", "parent", f"collection:{rnd.randrange(collections)}", None, None
    count += 2 * datasets
    while count < n:
        d, u = rnd.randrange(datasets), rnd.randrange(users)
        if d * users + u not in seen:
            seen.add(d * users + u)
            count += 1
            yield f"dataset:{d}", "viewer", f"user:{u}", None, None


def spool(n: int, path: Path) -> None:
    with path.open("w", encoding="ascii") as out:
        for entity, relation, subject, _, _ in rows(n, random.Random(SEED)):
            out.write(f"{entity} {relation} {subject}\n")


def spooled(path: Path) -> Iterator[Row]:
    with path.open(encoding="ascii") as lines:
        for line in lines:
            entity, relation, subject = line.rstrip().split(" ")
            yield entity, relation, subject, None, None


def direct(graph: Graph, rnd: random.Random, datasets: int) -> list[tuple[str, str]]:
    """Draw (user, dataset) pairs that a viewer tuple joins, from the loaded graph."""
    edges = graph.edges
    viewer = edges.compiled.relations["viewer"]
    found: list[tuple[str, str]] = []
    while len(found) < QUESTIONS:
        d = rnd.randrange(datasets)
        held = edges.held(edges.value("dataset", str(d)) | viewer)
        if held:
            found.append((edges.names[rnd.choice(held) >> edges.compiled.bits], str(d)))
    return found


def write(graph: Graph, users: int, groups: int, stop: threading.Event) -> None:
    """Change a membership or a share a hundred times a second."""
    rnd, number = random.Random(2), 0
    while not stop.wait(1 / WRITES_PER_SECOND):
        number += 1
        if number % 2:
            change = (f"group:{rnd.randrange(groups)}", "member", f"user:{rnd.randrange(users)}")
        else:
            change = (f"dataset:{rnd.randrange(users)}", "viewer", f"user:{rnd.randrange(users)}")
        graph.apply([TupleChange(*change, removed=False, expires_at=None)], f"1.{number}")


def ask(graph: Graph, pairs: list[tuple[str, str]]) -> tuple[float, float, float]:
    """Return the median and the 99th percentile in microseconds, and the share that is allowed."""
    took, allowed = [], 0
    for user, dataset in pairs:
        started = time.perf_counter_ns()
        question = Question(subject=Subject("user", user), action="view", resource=Entity("dataset", dataset))
        decision = check(question, graph)
        took.append(time.perf_counter_ns() - started)
        allowed += decision.allowed
    took.sort()
    return took[len(took) // 2] / 1e3, took[len(took) * 99 // 100] / 1e3, allowed / len(pairs)


def measure(n: int) -> None:
    rnd = random.Random(SEED)
    users, groups, _, datasets = sizes(n)
    graph = Graph(builtin_model(), time.time)
    with tempfile.TemporaryDirectory() as folder:
        path = (
            Path(folder) / "tuples"
        )  # written by another process: drawing them shall cost neither memory nor time here
        subprocess.run([sys.executable, __file__, "--spool", str(path), str(n)], check=True)
        before, started = rss_bytes(), time.perf_counter()
        graph.load(spooled(path), "1.0")
        seconds = time.perf_counter() - started
    loaded, bytes_loaded = graph.tuple_count, rss_bytes() - before
    pairs = direct(graph, rnd, datasets)
    pairs += [(str(rnd.randrange(users)), str(rnd.randrange(datasets))) for _ in range(QUESTIONS)]
    rnd.shuffle(pairs)
    gc.collect()
    gc.freeze()  # as the server does once it has loaded
    stop = threading.Event()
    writer = threading.Thread(target=write, args=(graph, users, groups, stop))
    writer.start()
    before = rss_bytes()
    cold = ask(graph, pairs)
    warm = ask(graph, pairs)
    stop.set()
    writer.join()
    bytes_each = (bytes_loaded + rss_bytes() - before) / loaded  # without the questions of this benchmark
    print(f"cold {n} p50_us={cold[0]:.1f} p99_us={cold[1]:.1f} allowed={cold[2]:.0%} revision={graph.revision}")
    print(
        f"check {n} p50_us={warm[0]:.1f} p99_us={warm[1]:.1f} bytes_per_tuple={bytes_each:.0f} "
        f"load_per_s={loaded / seconds:.0f}"
    )


def own(n: int) -> dict[str, str]:
    """Measure in a new process; return its fields."""
    out = subprocess.run(
        [sys.executable, __file__, "--here", str(n)], capture_output=True, text=True, check=True
    ).stdout
    print(out, end="", file=sys.stderr)
    return dict(re.findall(r"(\w+)=(\S+)", out.splitlines()[-1])) | {"line": out.splitlines()[-1]}


def sketch(n: int) -> dict[str, str]:
    script = Path(__file__).with_name("check_sketch.py")
    out = subprocess.run([sys.executable, str(script), str(n)], capture_output=True, text=True, check=True).stdout
    warm = next(line for line in out.splitlines() if line.startswith("memo warm"))
    return dict(re.findall(r"(\w+)=(\S+)", warm))


def main() -> None:
    parser = argparse.ArgumentParser(description="check in the process, beside the sketch")
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000, 1_000_000])
    parser.add_argument("--big", action="store_true", help="10,000,000 tuples as well")
    parser.add_argument("--here", action="store_true", help="measure in this process")
    parser.add_argument("--spool", type=Path, help="write the tuples to a file")
    arguments = parser.parse_args()
    if arguments.spool:
        spool(arguments.sizes[0], arguments.spool)
        return
    if arguments.here:
        for n in arguments.sizes:
            measure(n)
        return
    ratios, lines = [], []
    for n in [*arguments.sizes, *([10_000_000] if arguments.big else [])]:
        ours, theirs = own(n), sketch(n)
        p50, p99 = (float(ours[name]) / float(theirs[name]) for name in ("p50_us", "p99_us"))
        ratios.append(
            f"beside {n} sketch_p50_us={theirs['p50_us']} sketch_p99_us={theirs['p99_us']} "
            f"p50_ratio={p50:.2f} p99_ratio={p99:.2f}"
        )
        lines.append(ours["line"])
    print(f"load_average={os.getloadavg()[0]:.1f}")
    print("\n".join([*ratios, *lines]))


if __name__ == "__main__":
    main()
