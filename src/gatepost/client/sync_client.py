"""The client for threads."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from threading import RLock
from typing import Protocol, Self, TypeVar

import httpx2

from gatepost.client.call import Call
from gatepost.client.credentials import Credential, Tokens
from gatepost.client.environment import environment, server_from
from gatepost.client.operations import Operations
from gatepost.client.reading import Page
from gatepost.client.retry import Retry
from gatepost.client.server import Server, parse_server
from gatepost.client.talk import Renew, Send, Signin, Step, Talk, Wait, renewal, talk

T = TypeVar("T")
TIMEOUT = httpx2.Timeout(30.0, connect=10.0)  # seconds


class Keeper(Protocol):
    """Where tokens live that several processes share, such as the command line's file.

    A refresh token is good once: whoever renews holds the lock, and looks first whether another has done it.
    """

    def locked(self) -> AbstractContextManager[None]: ...

    def read(self) -> Tokens | None: ...

    def write(self, tokens: Tokens) -> None: ...


class Client(Operations):
    """Gatepost over HTTP.  One client may be used by many threads; close it, or use it in a `with`.

    `server` is a URL, a server spec or a `Server`; a `credential` given here stands for the spec's.  `role` narrows
    every call to one of the caller's roles.  The process's environment (proxies too) is
    read by `from_environment` only.
    """

    def __init__(
        self,
        server: Server | str,
        credential: Credential | None = None,
        *,
        role: str | None = None,
        retry: Retry | None = None,
        keeper: Keeper | None = None,
        verify: ssl.SSLContext | None = None,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        trust_env: bool = False,
    ) -> None:
        self.server = parse_server(server) if isinstance(server, str) else server
        self._signin = signin_for(self.server, credential, role)
        self._retry = retry or Retry()
        self._keeper = keeper
        self._renewing = RLock()
        self._sleep = sleep
        self._http = httpx2.Client(
            timeout=TIMEOUT, transport=transport, trust_env=trust_env, verify=True if verify is None else verify
        )

    @classmethod
    def from_environment(cls) -> Self:
        """Connect as GATEPOST_URL, GATEPOST_API_KEY, GATEPOST_USER, GATEPOST_PASSWORD and GATEPOST_AUTH_MODE say."""
        return cls(server_from(environment()), trust_env=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections.  The sign-in is not ended: that is `logout`."""
        self._http.close()

    def sign_in(self) -> Tokens:
        """Exchange the password now, or renew the tokens now, and return what came of it.  Raises `ClientError`."""
        self._renew(self._signin.tokens)
        assert self._signin.tokens is not None  # noqa: S101 - what renewing leaves behind
        return self._signin.tokens

    def send(self, call: Call[T], /) -> T:
        """Send one call and return its answer.  Raises `ClientError`."""
        return self._drive(talk(self._signin, call, self._retry))

    def all(self, call: Call[Page[T]], /) -> Iterator[T]:
        """Yield the items of every page, fetching each page when it is needed."""
        while True:
            page = self.send(call)
            yield from page.items
            if not page.next_cursor:
                return
            call = call.page_after(page.next_cursor)

    def _drive(self, steps: Talk[T]) -> T:
        try:
            step = next(steps)
            while True:
                step = steps.send(self._do(step))
        except StopIteration as end:
            answer: T = end.value
            return answer

    def _do(self, step: Step) -> httpx2.Response | httpx2.TransportError | None:
        match step:
            case Send(request):
                try:
                    return self._http.send(request)
                except httpx2.TransportError as error:
                    return error
            case Wait(seconds):
                self._sleep(seconds)
            case Renew(stale):
                self._renew(stale)
        return None

    def _renew(self, stale: Tokens | None) -> None:
        """Renew once for everybody: whoever comes second finds other tokens than those that failed it."""
        with self._renewing, self._keeper.locked() if self._keeper else nullcontext():
            if self._signin.tokens is not stale:
                return
            kept = self._keeper.read() if self._keeper else None
            if kept is not None and kept != stale:
                self._signin.tokens = kept
                return
            self._signin.tokens = self._drive(renewal(self._signin, self._retry))
            if self._keeper:
                self._keeper.write(self._signin.tokens)


def signin_for(server: Server, credential: Credential | None, role: str | None) -> Signin:
    """Return what a fresh client knows of itself."""
    shown = server.credential if credential is None else credential
    return Signin(server.url, shown, headers={"X-Gatepost-Role": role} if role else {})
