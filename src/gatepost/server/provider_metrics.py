"""How each configured provider and delegated issuer is doing, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gatepost.gate import Gatepost
from gatepost.sso.health import ProviderState
from gatepost.sso.states import providers_of

LABELS = ("kind", "provider")  # names of the configuration only, so that no caller can make a new series


class ProviderMetrics(Collector):
    """Reads what the process knows when it is asked for it; nobody is called for a scrape."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate

    def describe(self) -> Iterator[Metric]:
        """Nothing yet: the providers are made after the metrics are."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("gatepost_provider_up", "1 up, 0 down; absent until it was asked.", labels=LABELS)
        success = GaugeMetricFamily(
            "gatepost_provider_last_success_timestamp_seconds", "When it last answered as it should.", labels=LABELS
        )
        failures = CounterMetricFamily("gatepost_provider_failures", "Calls that came to nothing.", labels=LABELS)
        fetches = CounterMetricFamily("gatepost_provider_key_fetches", "Times its keys were fetched.", labels=LABELS)
        for labels, state in self._states():
            if state.up is not None:
                up.add_metric(labels, int(state.up))
            if state.last_success_at is not None:
                success.add_metric(labels, state.last_success_at.timestamp())
            failures.add_metric(labels, state.failures)
            fetches.add_metric(labels, state.key_fetches)
        yield from (up, success, failures, fetches)

    def _states(self) -> Iterator[tuple[list[str], ProviderState]]:
        providers = {provider.name for provider in self._gate.settings.sso.providers}
        for source in providers_of(self._gate).sources():
            yield ["provider" if source.name in providers else "issuer", source.name], source.state()
