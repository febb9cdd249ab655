"""The client for tasks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self, TypeVar

import httpx2

from gatepost.client.call import Call
from gatepost.client.credentials import Credential, Tokens
from gatepost.client.environment import environment, server_from
from gatepost.client.operations import Operations
from gatepost.client.reading import Page
from gatepost.client.retry import Retry
from gatepost.client.server import Server, parse_server
from gatepost.client.sync_client import TIMEOUT, signin_for
from gatepost.client.talk import Renew, Send, Step, Talk, Wait, renewal, talk

T = TypeVar("T")


class AsyncClient(Operations):
    """Gatepost over HTTP, for one event loop and any number of its tasks.  `Client` says what the arguments are."""

    def __init__(
        self,
        server: Server | str,
        credential: Credential | None = None,
        *,
        role: str | None = None,
        retry: Retry | None = None,
        verify: ssl.SSLContext | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        trust_env: bool = False,
    ) -> None:
        self.server = parse_server(server) if isinstance(server, str) else server
        self._signin = signin_for(self.server, credential, role)
        self._retry = retry or Retry()
        self._renewing: asyncio.Task[Tokens] | None = None
        self._sleep = sleep
        self._http = httpx2.AsyncClient(
            timeout=TIMEOUT, transport=transport, trust_env=trust_env, verify=True if verify is None else verify
        )

    @classmethod
    def from_environment(cls) -> Self:
        """Connect as GATEPOST_URL, GATEPOST_API_KEY, GATEPOST_USER, GATEPOST_PASSWORD and GATEPOST_AUTH_MODE say."""
        return cls(server_from(environment()), trust_env=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections.  The sign-in is not ended: that is `logout`."""
        await self._http.aclose()

    async def sign_in(self) -> Tokens:
        """Exchange the password now, or renew the tokens now, and return what came of it.  Raises `ClientError`."""
        await self._renew(self._signin.tokens)
        assert self._signin.tokens is not None  # noqa: S101 - what renewing leaves behind
        return self._signin.tokens

    async def send(self, call: Call[T], /) -> T:
        """Send one call and return its answer.  Raises `ClientError`."""
        return await self._drive(talk(self._signin, call, self._retry))

    async def all(self, call: Call[Page[T]], /) -> AsyncIterator[T]:
        """Yield the items of every page, fetching each page when it is needed."""
        while True:
            page = await self.send(call)
            for item in page.items:
                yield item
            if not page.next_cursor:
                return
            call = call.page_after(page.next_cursor)

    async def _drive(self, steps: Talk[T]) -> T:
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._do(step))
        except StopIteration as end:
            answer: T = end.value
            return answer

    async def _do(self, step: Step) -> httpx2.Response | httpx2.TransportError | None:
        match step:
            case Send(request):
                try:
                    return await self._http.send(request)
                except httpx2.TransportError as error:
                    return error
            case Wait(seconds):
                await self._sleep(seconds)
            case Renew(stale):
                await self._renew(stale)
        return None

    async def _renew(self, stale: Tokens | None) -> None:
        """Renew once for everybody, in a task of its own.

        A refresh token is good once.  Were the task that asked first cancelled half way, the successor would be lost
        and with it the sign-in; so nobody's cancellation reaches the renewal.
        """
        if self._signin.tokens is not stale:
            return
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._drive(renewal(self._signin, self._retry)))
            self._renewing.add_done_callback(self._renewed)
        await asyncio.shield(self._renewing)

    def _renewed(self, task: asyncio.Task[Tokens]) -> None:
        self._renewing = None
        # Asking for the exception marks it as seen, also where everybody who waited has gone.
        if not task.cancelled() and task.exception() is None:
            self._signin.tokens = task.result()
