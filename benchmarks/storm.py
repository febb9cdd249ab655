"""Does a storm of password sign-ins hold up anybody else?

A real `gatepost serve` with one worker and both cores.  A visitor asks `GET /api/v1/me` two hundred times a second, first
alone, then while passwords come in at three times the rate that this machine was just found to hash; what waits too
long for a hash is refused, which is meant.  Latency is counted from when a request was due, not from when it was sent.

    PYTHONPATH=src python benchmarks/storm.py [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
from parts.load import request_bytes
from parts.serving import PASSWORD, gatepost, ways_of_a_person

BAR_MS = 20.0
ASKED_PER_SECOND = 200
TIMES = 3
CONNECTIONS = 8


class Line:
    """One kept-open connection, and one request at a time on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send a request, read its answer whole, and return its status."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await self.reader.readexactly(int(line[15:]))
        return status


async def lines(port: int, count: int) -> asyncio.Queue[Line]:
    free: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(count):
        free.put_nowait(Line(*await asyncio.open_connection("127.0.0.1", port)))
    return free


async def at_a_rate(per_second: float, seconds: float, work: Callable[[float], Awaitable[None]]) -> None:
    """Start `work` at each due moment, whether the one before has ended or not."""
    begun, started = time.perf_counter(), []
    for number in range(int(per_second * seconds)):
        due = begun + number / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        started.append(asyncio.ensure_future(work(due)))
    await asyncio.gather(*started)


async def visit(free: asyncio.Queue[Line], request: bytes, seconds: float) -> list[float]:
    """Ask who we are at a steady rate; return each latency in milliseconds."""
    took: list[float] = []

    async def one(due: float) -> None:
        line = await free.get()
        status = await line.ask(request)
        took.append((time.perf_counter() - due) * 1e3)
        assert status == 200, status
        free.put_nowait(line)

    await at_a_rate(ASKED_PER_SECOND, seconds, one)
    return sorted(took)


async def hashes_per_second(free: asyncio.Queue[Line], request: bytes, seconds: float) -> float:
    """Sign in from a few connections as fast as the server lets us."""
    until, done = time.perf_counter() + seconds, 0

    async def sign_in_again() -> None:
        nonlocal done
        line = await free.get()
        while time.perf_counter() < until:
            assert await line.ask(request) == 200
            done += 1
        free.put_nowait(line)

    await asyncio.gather(*(sign_in_again() for _ in range(CONNECTIONS)))
    return done / seconds


async def storm(port: int, request: bytes, rate: float, seconds: float) -> Counter[int]:
    """Sign in at a rate, everybody on a connection of their own; return how often each status was answered."""
    statuses: Counter[int] = Counter()

    async def one(_due: float) -> None:
        line = Line(*await asyncio.open_connection("127.0.0.1", port))
        statuses[await line.ask(request)] += 1
        line.writer.close()

    await at_a_rate(rate, seconds, one)
    return statuses


def p(took: list[float], share: float) -> float:
    return took[min(len(took) - 1, int(len(took) * share))]


async def measure(url: str, seconds: float) -> None:
    port = int(httpx2.URL(url).port or 0)
    ways = await asyncio.to_thread(ways_of_a_person, url)
    me = request_bytes(url, "GET", "/api/v1/me", ways.access_token)
    body = f'{{"username": "bench", "password": "{PASSWORD}"}}'.encode()
    sign_in = request_bytes(url, "POST", "/api/v1/auth/login", {}, body)
    idle = await visit(await lines(port, 16), me, seconds)
    rate = await hashes_per_second(await lines(port, CONNECTIONS), sign_in, 4)
    storming = asyncio.ensure_future(storm(port, sign_in, rate * TIMES, seconds + 1))
    await asyncio.sleep(1)
    busy = await visit(await lines(port, 16), me, seconds)
    statuses = await storming
    for name, took in (("idle", idle), ("storm", busy)):
        print(f"{name:6} p50_ms={p(took, 0.5):.2f} p99_ms={p(took, 0.99):.2f} max_ms={took[-1]:.1f} asked={len(took)}")
    over = p(busy, 0.99) - p(idle, 0.99)
    print(f"hashed_per_second={rate:.1f} sent_per_second={rate * TIMES:.1f} answers={dict(statuses)}")
    print(
        f"p99_over_idle_ms={over:.1f} bar={BAR_MS:.0f} {'met' if over <= BAR_MS else 'MISSED'} "
        f"load_average={os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="other requests while passwords come in")
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, gatepost(Path(folder)) as (url, _):
        asyncio.run(measure(url, arguments.seconds))


if __name__ == "__main__":
    main()
