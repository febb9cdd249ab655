"""What the tests of the sign-in elsewhere share: a clock that they set, and a provider that they tamper with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from gatepost.sso.callback import SignedIn, finish
from gatepost.sso.login import AuthorizationRequest, Wish, begin
from gatepost.sso.provider import Provider
from tests.sso.provider_in_process import InProcessProvider, running_provider

CALLBACK = "http://127.0.0.1:8420/oauth/op/callback"


class Clock:
    """The time, moved by the test alone."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **span: float) -> None:
        self.time += timedelta(**span)


class Flow:
    """A sign-in from end to end, with the browser played by the test."""

    def __init__(self, op: InProcessProvider, clock: Clock, **settings: Any) -> None:
        self.op = op
        self.clock = clock
        self.provider = Provider(op.settings(**settings), clock)

    def begin(self, wish: Wish | None = None) -> AuthorizationRequest:
        return begin(self.provider, wish or Wish(), redirect_uri=CALLBACK, now=self.clock(), random=self.random)

    def sign_in(self, name: str = "bob", wish: Wish | None = None, **answer: str) -> SignedIn:
        request = self.begin(wish)
        params = {**self.op.answer_to(request.url, name), **answer}
        return finish(self.provider, request.attempt, params, self.clock())

    _numbers = count()

    def random(self, size: int) -> bytes:
        return hashlib.sha256(str(next(self._numbers)).encode()).digest()[:size]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def op(clock: Clock) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = lambda: clock().timestamp()
        yield provider


@pytest.fixture
def flow(op: InProcessProvider, clock: Clock) -> Flow:
    return Flow(op, clock)


@pytest.fixture
def flow_with(op: InProcessProvider, clock: Clock) -> Callable[..., Flow]:
    return lambda **settings: Flow(op, clock, **settings)
