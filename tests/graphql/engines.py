"""Asking the engine without HTTP in between."""

from __future__ import annotations

import json
from typing import Any

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.graphql.engine import Engine, Request
from gatepost.server.pools import Pools
from tests.loops import in_a_loop


def answered(engine: tuple[Engine, Pools], gate: Gatepost, caller: Principal, query: str) -> dict[str, Any]:
    """The data of an answer without errors."""

    async def asking() -> bytes:
        return (await engine[0](gate, caller, engine[1], Request(query=query))).body

    body = json.loads(in_a_loop(asking))
    assert "errors" not in body, body
    data: dict[str, Any] = body["data"]
    return data
