"""How many requests a second does one worker answer, and how fast, beside the least that the same uvicorn can do?

A real `gatepost serve` on SQLite with 10,000 tuples, one core for it and the other for the load; each request with an
access token, an API token or a session cookie.  The peers answer a constant: a bare ASGI function, and Starlette.

    PYTHONPATH=src python benchmarks/over_http.py [--seconds 4] [--rounds 3] [--connections 16]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from check import SEED, rows, sizes
from parts.load import Result, request_bytes, wrk
from parts.serving import ADMIN_PASSWORD, PERSON, SERVER_CORE, cpu_seconds, gatepost, hello, ways_of_a_person

from gatepost import Gatepost
from gatepost.settings import DatabaseSettings, MainSettings, Secret, Settings
from gatepost.store.relations import relate

TUPLES = 10_000
QUESTIONS = 500


def fill(folder: Path) -> None:
    """Write the tuples that the other benchmarks ask about, and put our person into some of the groups."""
    settings = replace(
        Settings(),
        main=replace(MainSettings(), initial_admin_password=Secret(ADMIN_PASSWORD)),
        database=DatabaseSettings(url=Secret(f"sqlite:///{folder / 'gatepost.db'}")),
    )
    with Gatepost.open(settings) as gate, gate.change_unasked() as tx:
        for entity, relation, subject, _, _ in rows(TUPLES, random.Random(SEED)):
            relate(tx, entity, relation, subject, author="platform:main")
        for group in (3, 7, 12):
            relate(tx, f"group:{group}", "member", f"user:{PERSON}", author="platform:main")


def questions() -> Iterator[bytes]:
    """Ask about oneself: `view` on datasets drawn at random."""
    rnd, datasets = random.Random(SEED), sizes(TUPLES)[3]
    for _ in range(QUESTIONS):
        yield json.dumps({"action": "view", "resource": f"dataset:{rnd.randrange(datasets)}"}).encode()


Server = tuple[str, int]  # its URL and its process id


def requests_to(server: Server, peers: dict[str, Server]) -> dict[str, tuple[Server, list[bytes]]]:
    """Name each case, with where it goes and what is sent."""
    url = server[0]
    ways = asdict(ways_of_a_person(url))
    asked = list(questions())
    some = ways["access_token"]
    cases: dict[str, tuple[Server, list[bytes]]] = {}
    for name, peer in peers.items():
        cases[f"GET {name}"] = (peer, [request_bytes(peer[0], "GET", "/api/v1/me", some)])
        cases[f"POST {name}"] = (peer, [request_bytes(peer[0], "POST", "/api/v1/check", some, each) for each in asked])
    for way, headers in ways.items():
        cases[f"me {way}"] = (server, [request_bytes(url, "GET", "/api/v1/me", headers)])
        cases[f"check {way}"] = (server, [request_bytes(url, "POST", "/api/v1/check", headers, each) for each in asked])
    return cases


def show(results: dict[str, list[Result]], cpu_us: dict[str, list[float]]) -> None:
    rates = {name: median(r.per_second for r in each) for name, each in results.items()}
    for name, each in results.items():
        method = "GET" if name.startswith(("GET", "me")) else "POST"
        of_starlette, of_bare = (rates[name] / rates[f"{method} {peer}"] for peer in ("starlette", "bare"))
        print(
            f"{name:19} per_second={rates[name]:.0f} ({min(r.per_second for r in each):.0f} to "
            f"{max(r.per_second for r in each):.0f}) p50_us={median(r.p50_us for r in each):.0f} "
            f"p99_us={median(r.p99_us for r in each):.0f} cpu_us={median(cpu_us[name]):.1f} "
            f"of_starlette={of_starlette:.2f} of_bare={of_bare:.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="requests per second over HTTP, beside bare peers")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(4)]
        fill(folders[0])
        server = stack.enter_context(gatepost(folders[0], SERVER_CORE))
        peers = {
            name: stack.enter_context(hello(name, folder, SERVER_CORE))
            for name, folder in zip(("bare", "starlette"), folders[1:], strict=False)
        }
        cases = requests_to(server, peers)
        results: dict[str, list[Result]] = {name: [] for name in cases}
        cpu_us: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(arguments.rounds):
            for name, ((url, pid), sent) in cases.items():  # in turns: a busy moment meets one round of a case, not all
                before = cpu_seconds(pid)
                result = wrk(url, sent, folders[3], seconds=arguments.seconds, connections=arguments.connections)
                results[name].append(result)
                cpu_us[name].append((cpu_seconds(pid) - before) * 1e6 / result.requests)
        show(results, cpu_us)
    print(f"load_average={os.getloadavg()[0]:.1f} connections={arguments.connections}")


if __name__ == "__main__":
    main()
