"""How does Gatepost compare with a real OpenFGA server, on the same data, in the same run?

Both answer OpenFGA's HTTP API on two cores, with `wrk` beside them on the same two: Gatepost with two workers, OpenFGA
with its caches off and on, on its memory store or on PostgreSQL.  Gatepost keeps its tuples where OpenFGA does: in a
SQLite file beside the memory store, else in a database on the same PostgreSQL.  Each asks the same `--questions` over and
over, and for as long before the clock starts: a cache holds 500 of them all.  The answers are compared first.
pycasbin, where it is installed, answers in this process what it can be told of the same data.

    make bench BENCH=benchmarks/openfga.py ARGS="--store postgres 10000 1000000"
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import psycopg
from check import rss_bytes
from parts import casbin_peer, shop
from parts.load import Result, request_bytes, wrk
from parts.openfga_server import copy_in, migrate, openfga, postgres, version
from parts.serving import ADMIN_PASSWORD, bearer, gatepost, resident, signed_in
from parts.shop import Key

from gatepost import Gatepost
from gatepost.access import Graph, check
from gatepost.access import read_model as read_text
from gatepost.access.model_json import write_model
from gatepost.principal import Entity, Question, Subject
from gatepost.settings import load
from gatepost.store.columns import to_micros

BATCH = 50
AT_ONCE = 100  # tuples in one write
LISTED = 20
"""How many lists are asked for in turns."""


@dataclass
class Contestant:
    """One server with the data in it."""

    name: str
    url: str
    pid: int
    store: str
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.url}/stores/{self.store}/{verb}"
        answer = httpx2.post(url, json=body, headers=self.headers, timeout=120)
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"{self.name} answers {answer.status_code}: {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found

    def request(self, verb: str, body: dict[str, Any]) -> bytes:
        sent = json.dumps(body, separators=(",", ":")).encode()
        return request_bytes(self.url, "POST", f"/stores/{self.store}/{verb}", self.headers, sent)


def key(user: str, relation: str, entity: str) -> dict[str, Any]:
    return {"tuple_key": {"user": user, "relation": relation, "object": entity}}


def make_store(url: str) -> str:
    """Make OpenFGA a store with the model."""
    model = {**write_model(read_text(shop.MODEL))}
    store: str = httpx2.post(f"{url}/stores", json={"name": "bench"}).json()["id"]
    answer = httpx2.post(f"{url}/stores/{store}/authorization-models", json=model)
    assert answer.status_code == 201, answer.text
    return store


def write_in(contestant: Contestant, keys: Iterable[Key]) -> float:
    """Write through the API, a hundred at a time; return tuples a second."""
    begun, count = time.perf_counter(), 0
    with httpx2.Client(headers=contestant.headers, timeout=120) as client:
        left = iter(keys)
        while part := list(islice(left, AT_ONCE)):
            tuples = [key(user, relation, entity)["tuple_key"] for entity, relation, user in part]
            url = f"{contestant.url}/stores/{contestant.store}/write"
            answer = client.post(url, json={"writes": {"tuple_keys": tuples}})
            assert answer.status_code == 200, answer.text
            count += len(part)
    return count / (time.perf_counter() - begun)


def fill_ours(folder: Path, database: str, n: int) -> None:
    """Make the database, and put the tuples in past Gatepost, as a restored backup would have them."""
    (folder / "model.fga").write_text(shop.GATEPOST_MODEL)
    keys = f'[keys]\nencryption_keys = ["{"x" * 40}"]\n'
    written = f'[database]\nurl = "{database}"\n{keys}[access]\nmodel = "{folder}/model.fga"\n'
    (folder / "gatepost.toml").write_text(written)
    environ = {"GATEPOST_INITIAL_ADMIN_PASSWORD": ADMIN_PASSWORD}
    with Gatepost.open(load(folder / "gatepost.toml", environ)) as gate:
        at = to_micros(gate.now())
    columns = "INSERT INTO tuples (store, object, relation, subject, origin, author, created_at) VALUES"
    made = ((*each, at) for each in shop.tuples(n))
    if database.startswith("sqlite"):
        with sqlite3.connect(folder / "gatepost.db") as lite:
            lite.executemany(f"{columns} ('main', ?, ?, ?, 'manual', 'platform:main', ?)", made)
        return
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        names = "store, object, relation, subject, origin, author, created_at"
        with cursor.copy(f"COPY tuples ({names}) FROM STDIN".encode()) as copy:
            for entity, relation, subject, moment in made:
                copy.write_row(("main", entity, relation, subject, "manual", "platform:main", moment))


def ours(stack: ExitStack, folder: Path) -> Contestant:
    begun = time.perf_counter()
    url, pid = stack.enter_context(gatepost(folder, workers=2))
    print(f"gatepost      ready with all tuples after {time.perf_counter() - begun:.1f} s, start included")
    with httpx2.Client(base_url=url) as client:
        headers = bearer(signed_in(client, "admin", ADMIN_PASSWORD))
    return Contestant("gatepost", url, pid, "main", headers)


def theirs(stack: ExitStack, folder: Path, n: int, database: str) -> list[Contestant]:
    """OpenFGA without and with its caches."""
    found, store = list[Contestant](), ""
    for cached in (False, True):
        place = folder / f"cached-{cached}"
        place.mkdir()
        url, pid = stack.enter_context(openfga(place, cached=cached, database=database))
        each = Contestant("openfga cache" if cached else "openfga", url, pid, store or make_store(url))
        if not database:
            print(f"{each.name:13} took {write_in(each, shop.tuples(n)):,.0f} tuples a second by its API")
        elif not store:
            store = each.store
            seconds = copy_in(database, store, shop.tuples(n))
            print(f"{each.name:13} tuples copied into its table in {seconds:.1f} s")
        found.append(each)
    return found


def requests_to(each: Contestant, asked: shop.Asked) -> dict[str, list[bytes]]:
    """Name each case and what is sent."""
    batches = [
        {"checks": [{**key(user, "viewer", entity), "correlation_id": str(i)} for i, (user, entity) in enumerate(part)]}
        for part in (asked.pairs[at : at + BATCH] for at in range(0, len(asked.pairs), BATCH))
    ]
    lists = [{"user": user, "relation": "viewer", "type": "dataset"} for user in asked.users[:LISTED]]
    excluded = [{"user": user, "relation": "can_view", "type": "dataset"} for user in asked.users[:LISTED]]
    whom = [
        {
            "object": dict(zip(("type", "id"), entity.split(":"), strict=True)),
            "relation": "viewer",
            "user_filters": [{"type": "user"}],
        }
        for entity in asked.datasets[:LISTED]
    ]
    cases = {
        "check": [each.request("check", key(user, "viewer", entity)) for user, entity in asked.pairs],
        "check but not": [each.request("check", key(user, "can_view", entity)) for user, entity in asked.pairs],
        "check and": [each.request("check", key(user, "can_review", entity)) for user, entity in asked.reviews],
        f"batch of {BATCH}": [each.request("batch-check", body) for body in batches],
        "list objects": [each.request("list-objects", body) for body in lists],
        "list but not": [each.request("list-objects", body) for body in excluded],
        "list users": [each.request("list-users", body) for body in whom],
    }
    if each.name == "gatepost":
        cases["evaluation"] = [evaluation(each, user, entity) for user, entity in asked.pairs]
    return cases


def evaluation(each: Contestant, user: str, entity: str) -> bytes:
    """The same question in AuthZEN's words."""
    subject, resource = (dict(zip(("type", "id"), text.split(":"), strict=True)) for text in (user, entity))
    body = json.dumps({"subject": subject, "action": {"name": "viewer"}, "resource": resource}).encode()
    return request_bytes(each.url, "POST", "/access/v1/evaluation", each.headers, body)


def agree(contestants: list[Contestant], asked: shop.Asked) -> None:
    """Raises `RuntimeError` where two of them answer differently."""
    for verb, bodies in {
        "check": [key(u, r, o) for u, o in asked.pairs[:100] for r in ("viewer", "can_view")]
        + [key(u, "can_review", o) for u, o in asked.reviews[:100]],
        "list-objects": [{"user": user, "relation": "viewer", "type": "dataset"} for user in asked.users[:3]],
    }.items():
        for body in bodies:
            said = [each.post(verb, body) for each in contestants]
            answers = [each.get("allowed", sorted(each.get("objects", []))) for each in said]
            if any(answer != answers[0] for answer in answers):
                raise RuntimeError(f"{[each.name for each in contestants]} differ on {body}")


def visible(each: Contestant, name: str, times: int) -> list[float]:
    """Milliseconds from the beginning of a write until a question that was a no is a yes, each time on a new connection."""
    took = []
    for number in range(times):
        written = key("user:visitor", "viewer", f"dataset:new-{name}-{number}")
        assert not each.post("check", written)["allowed"]
        begun = time.perf_counter()
        each.post("write", {"writes": {"tuple_keys": [written["tuple_key"]]}})
        while not each.post("check", written)["allowed"]:
            if time.perf_counter() - begun > 20:
                break
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def in_process(n: int, asked: shop.Asked, seconds: float, *, with_casbin: bool) -> None:
    """Gatepost's engine and pycasbin, each in this process."""
    graph, before, begun = Graph(read_text(shop.MODEL), time.time, roles=False), rss_bytes(), time.perf_counter()
    graph.load(((*each, None, None) for each in shop.tuples(n)), "1.0")
    loaded, took, answers = time.perf_counter() - begun, [], []
    megabytes = (rss_bytes() - before) / 1e6
    for user, entity in asked.pairs:
        begun = time.perf_counter()
        question = Question(subject=Subject.parse(user), action="viewer", resource=Entity.parse(entity))
        answers.append(check(question, graph).allowed)
        took.append((time.perf_counter() - begun) * 1e6)
    print(f"in process: gatepost check p50_us={median(took):.1f} (cold) load_s={loaded:.1f} rss_mb={megabytes:.0f}")
    if not with_casbin:
        print("in process: pycasbin is left out: one answer looks through all policies")
        return
    if importlib.util.find_spec("casbin") is None:
        print("in process: pycasbin is not installed (pip install pycasbin)")
        return
    before, begun = rss_bytes(), time.perf_counter()
    enforcer = casbin_peer.enforcer(shop.tuples(n))
    loaded = time.perf_counter() - begun
    p50, theirs = casbin_peer.ask(enforcer, asked.pairs, seconds)
    same = sum(a == b for a, b in zip(theirs, answers, strict=False))
    print(
        f"in process: pycasbin check p50_us={p50:.0f} load_s={loaded:.1f} rss_mb={(rss_bytes() - before) / 1e6:.0f} "
        f"asked={len(theirs)} same_answers={same}"
    )


def show(results: dict[tuple[str, str], list[Result]], names: list[str], cases: list[str]) -> None:
    rates = {at: median(each.per_second for each in found) for at, found in results.items()}
    for case in cases:
        for name in names:
            found = results.get((case, name))
            if not found:
                continue
            line = f"{case:14} {name:13} per_second={rates[case, name]:10.1f} "
            line += f"({min(r.per_second for r in found):.1f} to {max(r.per_second for r in found):.1f}) "
            line += (
                f"p50_ms={median(r.p50_us for r in found) / 1e3:.2f} p99_ms={median(r.p99_us for r in found) / 1e3:.2f}"
            )
            if failed := sum(r.errors for r in found):
                line += f" failed={failed} of {sum(r.requests for r in found)}"
            peer = "check" if case == "evaluation" else case
            if name == "gatepost":
                ratios = [f"{rates[case, name] / rates[peer, n]:.2f} x {n}" for n in names[1:] if rates.get((peer, n))]
                line += f"  = {', '.join(ratios)}"
            print(line)


def compare(n: int, kind: str, arguments: argparse.Namespace) -> None:
    print(f"== {n} tuples, {kind} store")
    asked = shop.asked(n, arguments.questions)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database, own = "", f"sqlite:///{folder}/gatepost.db"
        if kind == "postgres":
            database = stack.enter_context(postgres())
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("CREATE DATABASE own")
            own = database.replace("/postgres?", "/own?")
            migrate(database)
        fill_ours(folder, own, n)
        contestants = [ours(stack, folder), *theirs(stack, folder, n, database)]
        agree(contestants, asked)
        names = [each.name for each in contestants]
        results: dict[tuple[str, str], list[Result]] = {}
        sent = {each.name: requests_to(each, asked) for each in contestants}
        for _ in range(arguments.rounds):
            for case in sent["gatepost"]:
                for each in contestants:  # in turns, so that a busy moment of the machine meets all of them
                    if case in sent[each.name]:
                        seconds, connections = arguments.seconds, arguments.connections
                        if case.startswith("list"):
                            connections = 2
                        elif case.startswith("batch"):
                            connections = 8
                        wanted = sent[each.name][case]
                        found = [
                            wrk(
                                each.url,
                                wanted,
                                folder,
                                seconds=seconds,
                                connections=connections,
                                core=None,
                                may_fail=each.name != "gatepost",  # OpenFGA gives up after three seconds
                            )
                            for _ in ("to warm up", "to count")
                        ]
                        results.setdefault((case, each.name), []).append(found[1])
        show(results, names, list(sent["gatepost"]))
        for each in contestants:
            took = visible(each, each.name.replace(" ", "-"), 3 if "cache" in each.name else 20)
            print(f"write to visible {each.name:13} p50_ms={median(took):.1f} longest_ms={max(took):.1f}")
        for each in contestants:
            print(f"resident      {each.name:13} {' + '.join(f'{mb:.0f}' for mb in resident(each.pid))} MB")
    print(f"load_average={os.getloadavg()[0]:.1f} connections={arguments.connections} seconds={arguments.seconds}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Gatepost beside OpenFGA and pycasbin")
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000])
    parser.add_argument("--store", choices=["memory", "postgres", "both"], default="both")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--questions", type=int, default=500, help="how many differ: a cache holds a few of them all")
    parser.add_argument(
        "--most-in-memory", type=int, default=10_000, help="beyond it, no OpenFGA on memory and no pycasbin"
    )
    arguments = parser.parse_args()
    print(version())
    for n in arguments.sizes:
        asked = shop.asked(n, arguments.questions)
        in_process(n, asked, 20, with_casbin=n <= arguments.most_in_memory)
        for kind in ("memory", "postgres"):
            if arguments.store in (kind, "both"):
                if kind == "memory" and n > arguments.most_in_memory:
                    print(f"== {n} tuples, memory store: left out, for each write looks through all tuples there are")
                    continue
                compare(n, kind, arguments)


if __name__ == "__main__":
    main()
