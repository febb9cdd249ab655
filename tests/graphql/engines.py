"""Asking the engine without HTTP in between."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import anyio

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.graphql.engine import Engine, Request
from gatepost.server.pools import Pools

T = TypeVar("T")


def run_apart(asking: Callable[[], Awaitable[T]]) -> T:
    """Run it on a loop and a thread of its own: a browser that other tests use has one on this thread already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, asking).result()


def answered(engine: tuple[Engine, Pools], gate: Gatepost, caller: Principal, query: str) -> dict[str, Any]:
    """The data of an answer without errors."""

    async def asking() -> bytes:
        return (await engine[0](gate, caller, engine[1], Request(query=query))).body

    body = json.loads(run_apart(asking))
    assert "errors" not in body, body
    data: dict[str, Any] = body["data"]
    return data
