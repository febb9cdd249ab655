"""Bounded pools for what may block: for passwords, for the database, and one for each provider and issuer.

A storm in one, or a provider that does not answer, holds up nobody else.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from gatepost.access import WouldWait, at_once
from gatepost.authn.pending import PROVIDER
from gatepost.errors import Unavailable
from gatepost.tokens.throttle import network_of

P = ParamSpec("P")
T = TypeVar("T")

DATABASE_THREADS = 8
WAITING_PASSWORDS = 100
WAITING_QUERIES = 1_000
PROVIDER_THREADS = 4
WAITING_FOR_PROVIDER = 200
ONE_NETWORKS_SHARE = 0.5  # of a provider's places
FULL = "too many are waiting: try again in a moment"


class Pool:
    """Some threads, and so many who may wait for one.  Whoever comes when it is full is told at once."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self.name = name
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"gatepost-{name}")
        self._most = threads + waiting
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self.busy = 0

    async def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the pool.  Raises `Unavailable` if too many wait already."""
        return await asyncio.wrap_future(self._begun(work, *args, **kwargs))

    async def for_visitor(self, address: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` for whoever calls from `address`, in which anybody may ask for it as often as they like.

        One network gets no more than its share of the places: made-up answers from there keep nobody else from signing
        in.  Raises `Unavailable` if too many wait already.
        """
        network = network_of(address)
        with self._lock:
            if self._held[network] >= self._most * ONE_NETWORKS_SHARE:
                raise Unavailable(FULL, detail=f"the pool {self.name} has no more places for {network}")
            self._held[network] += 1
        try:
            future = self._begun(work, *args, **kwargs)
        except BaseException:
            self._give_back(network)
            raise
        future.add_done_callback(lambda _done: self._give_back(network))
        return await asyncio.wrap_future(future)

    def _give_back(self, network: str) -> None:
        with self._lock:
            self._held[network] -= 1
            if not self._held[network]:
                del self._held[network]

    def _begun(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._lock:
            if self.busy >= self._most:
                raise Unavailable(FULL, detail=f"the pool {self.name} is full")
            self.busy += 1
        future = self._executor.submit(work, *args, **kwargs)
        # Whoever hangs up does not free the thread: the place is given back when the work is done.
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: object) -> None:
        with self._lock:
            self.busy -= 1

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


class Pools:
    """The pools of one server."""

    def __init__(self, *, passwords: int) -> None:
        self.passwords = Pool("passwords", passwords, WAITING_PASSWORDS)
        self.database = Pool("database", DATABASE_THREADS, WAITING_QUERIES)
        self._providers: dict[str, Pool] = {}

    def provider(self, name: str) -> Pool:
        """The pool of one provider or issuer, by a name that the configuration has."""
        pool = self._providers.get(name)
        if pool is None:  # routes that are plain functions ask from threads: of two pools made at once one stays
            made = Pool(f"provider-{name}", PROVIDER_THREADS, WAITING_FOR_PROVIDER)
            pool = self._providers.setdefault(name, made)
        return pool

    @property
    def waiting_for_providers(self) -> int:
        """How many calls are at a provider or issuer, or wait to be."""
        return sum(pool.busy for pool in list(self._providers.values()))

    async def soon(self, ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask, here where the graph answers within a moment, else on the database's pool: others are waiting."""
        try:
            return at_once(ask, *args, **kwargs)
        except WouldWait:
            return await self.database(ask, *args, **kwargs)

    def for_work(self, name: str) -> Pool:
        """The pool that pending work names."""
        if name.startswith(PROVIDER):
            return self.provider(name.removeprefix(PROVIDER))
        return self.passwords if name == "passwords" else self.database

    def close(self) -> None:
        self.passwords.close()
        self.database.close()
        for pool in self._providers.values():
            pool.close()
