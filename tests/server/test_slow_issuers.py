"""A provider or issuer that does not answer holds up whoever comes from it, and nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.settings import DelegatedSettings, Settings, SsoSettings
from tests.authn.conftest import delegated
from tests.dice import FakeDice
from tests.server.conftest import Running, Served
from tests.sso.provider_in_process import InProcessProvider, Raw, running_provider

KEYS = "/.well-known/openid-configuration"
WAIT = 3.0  # what the slow one makes us wait, in seconds
CALLERS = 12  # more than the pool of one issuer has threads
QUICK = 1.5
Storm = tuple[ThreadPoolExecutor, list[Future[int]]]


@pytest.fixture
def ops(dice: FakeDice) -> Iterator[tuple[InProcessProvider, InProcessProvider]]:
    with running_provider() as slow, running_provider(host="localhost") as quick:
        slow.now = quick.now = dice.clock
        slow.tamper.raw[KEYS] = Raw(pieces=(b"{", b" " * 8, b"}"), pause=WAIT)
        yield slow, quick


@pytest.fixture
def running(served: Served, ops: tuple[InProcessProvider, InProcessProvider]) -> Running:
    slow, quick = ops
    waits = timedelta(seconds=WAIT)

    def change(settings: Settings) -> Settings:
        issuers = (delegated(slow, name="slow", http_timeout=waits), delegated(quick, name="quick"))
        providers = (slow.settings(name="slow-op", client_id="ui", http_timeout=waits),)
        return replace(settings, delegated=DelegatedSettings(issuers=issuers), sso=SsoSettings(providers=providers))

    return served(change)


def storm(
    running: Running, path: str, headers: Callable[[int], dict[str, str]]
) -> tuple[ThreadPoolExecutor, list[Future[int]]]:
    """Begin many calls that wait for the slow one."""
    pool = ThreadPoolExecutor(CALLERS)

    def call(number: int) -> int:
        with running.another_client() as client:
            return client.get(path, headers=headers(number), follow_redirects=False).status_code

    return pool, [pool.submit(call, number) for number in range(CALLERS)]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["a token", "a sign-in"])
def test_everybody_else_goes_on(running: Running, ops: tuple[InProcessProvider, InProcessProvider], where: str) -> None:
    slow, quick = ops
    if where == "a token":
        tokens = [slow.token(sub=f"s-{n}", email=f"s{n}@corp.example") for n in range(CALLERS)]
        pool, calls = storm(running, "/api/v1/me", lambda n: {"Authorization": f"Bearer {tokens[n]}"})
    else:
        pool, calls = storm(running, "/oauth/slow-op/login", lambda _: {})
    deadline = time.monotonic() + 10
    while f"gatepost_provider_calls_waiting {CALLERS}.0" not in running.client.get("/metrics").text:
        assert time.monotonic() < deadline, "the storm did not gather"

    began = time.monotonic()
    token = quick.token(sub="q", email="q@corp.example")
    answer = running.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    listed = running.client.get("/api/v1/resources")
    took = time.monotonic() - began

    assert (answer.status_code, listed.status_code) == (200, 200)
    assert took < QUICK
    with pool:
        assert {call.result() for call in calls} <= {502, 503}
