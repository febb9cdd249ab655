"""How many requests were answered, and in what time, as Prometheus reads it.

Counted here with plain numbers, for the loop alone counts: the library's own counters lock, and cost each request more
than finding out who is calling.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Times:
    """How often an answer took how long."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0


class RequestMetrics(Collector):
    """Answers by kind, method and status, and their times by kind: labels that no caller can add to."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, int], int] = {}
        self._times: dict[str, _Times] = {}

    def observe(self, kind: str, method: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (kind, method if method in METHODS else "other", status)
        self._answers[key] = self._answers.get(key, 0) + 1
        times = self._times.get(kind)
        if times is None:
            times = self._times[kind] = _Times()
        times.counts[bisect_left(SECONDS, seconds)] += 1
        times.total += seconds

    def describe(self) -> Iterator[Metric]:
        """Nothing yet: no request was answered."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        answers = CounterMetricFamily("gatepost_requests", "Requests answered.", labels=("kind", "method", "status"))
        for (kind, method, status), count in sorted(self._answers.items()):
            answers.add_metric([kind, method, str(status)], count)
        seconds = HistogramMetricFamily("gatepost_request_seconds", "Time to answer.", labels=("kind",))
        bounds = [*map(str, SECONDS), "+Inf"]
        for kind, times in sorted(self._times.items()):
            below = list(zip(bounds, accumulate(times.counts), strict=True))
            seconds.add_metric([kind], below, times.total)
        yield from (answers, seconds)
