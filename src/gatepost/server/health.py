"""Liveness, readiness and metrics, for those who run it."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.server.pools import Pools
from gatepost.server.provider_metrics import ProviderMetrics
from gatepost.server.request_metrics import RequestMetrics


class Metrics:
    """What `/metrics` shows.  Labels are kinds, statuses and configured names, never people or things."""

    def __init__(self, gate: Gatepost, pools: Pools) -> None:
        self.registry = CollectorRegistry()
        requests = RequestMetrics()
        self.observe = requests.observe
        self.registry.register(requests)
        for name, text, read in (
            ("gatepost_tuples", "Relation tuples in memory.", lambda: gate.memory.graph.tuple_count),
            ("gatepost_revision", "The newest revision in memory.", lambda: gate.memory.revision.number),
            ("gatepost_behind_seconds", "Since the database last answered.", lambda: gate.memory.behind_seconds),
            ("gatepost_reloads", "Full loads of the graph.", lambda: gate.memory.reloads),
            ("gatepost_journal_dropped", "Records that did not fit the buffer.", lambda: gate.journal.dropped),
            ("gatepost_passwords_waiting", "Passwords being hashed or waiting.", lambda: pools.passwords.busy),
            ("gatepost_queries_waiting", "Queries running or waiting.", lambda: pools.database.busy),
            ("gatepost_provider_calls_waiting", "Calls at providers, or waiting.", lambda: pools.waiting_for_providers),
        ):
            gauge = Gauge(name, text, registry=self.registry)
            gauge.set_function(_number(read))
        self.registry.register(ProviderMetrics(gate))


def _number(read: Callable[[], float]) -> Callable[[], float]:
    def safe() -> float:
        try:
            return float(read())
        except Unavailable:
            return float("nan")

    return safe


def routes(metrics: Metrics) -> list[BaseRoute]:
    async def show(_request: Request) -> Response:
        return PlainTextResponse(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    return [
        Route("/healthz", alive, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/metrics", show, methods=["GET"]),
    ]


async def alive(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """The graph is loaded, and the database has confirmed it lately enough to answer from it."""
    gate: Gatepost = request.state.gate
    behind = round(gate.memory.behind_seconds, 1)
    try:
        revision = str(gate.memory.graph.revision)
    except Unavailable as error:
        return JSONResponse({"status": "not ready", "reason": str(error), "behind_seconds": behind}, 503)
    return JSONResponse({"status": "ready", "revision": revision, "behind_seconds": behind})
