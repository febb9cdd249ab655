"""Asking a provider over HTTP, with a bound on everything: time, size, redirects, addresses."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from gatepost.errors import ProviderFailed
from gatepost.settings.urls import is_loopback
from gatepost.sso.addresses import is_off_limits, why_not_callable
from gatepost.sso.strict_json import strict_json

if TYPE_CHECKING:
    import httpx2

MAX_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered.  The body may hold tokens, so it has no place in a log."""

    status: int
    content_type: str
    cache_control: str
    body: bytes = field(repr=False)
    date: str = ""  # the provider's clock, as its `Date` header tells it (RFC 9110 section 6.6.1)


class Http(Protocol):
    """How the flow asks a provider.  `what` names the thing asked for, in words for people: `discovery document`."""

    def get(self, url: str, what: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Answer whatever the status is.  Raises `ProviderFailed` for no answer within the bounds."""

    def post(self, url: str, what: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Send a form.  The same answers and errors as `get`."""


class ProviderHttp:
    """The only door to one provider.  A connection a call: sign-ins are rare, and nothing hostile is kept open."""

    def __init__(
        self, name: str, *, timeout: timedelta, allow_insecure: bool = False, configured: Collection[str] = ()
    ) -> None:
        """`configured` are the hosts that the configuration names: whoever runs this knows where they lead."""
        self.name = name
        self._configured = frozenset(configured)
        self._seconds = timeout.total_seconds()
        self._allow_insecure = allow_insecure

    def get(self, url: str, what: str, headers: Mapping[str, str] | None = None) -> Answer:
        import httpx2  # here and below: to open a gate, or to be asked from memory, takes no HTTP library

        return self._send(httpx2.Request("GET", self._checked(url, what), headers=dict(headers or {})), what)

    def post(self, url: str, what: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        import httpx2

        request = httpx2.Request("POST", self._checked(url, what), data=dict(form), headers=dict(headers or {}))
        return self._send(request, what)

    def _checked(self, url: str, what: str) -> str:
        if reason := why_not_callable(url, allow_insecure=self._allow_insecure):
            raise ProviderFailed(f"{self.name}: the address of the {what} {reason}", detail=repr(url[:200]))
        return url

    def _send(self, request: httpx2.Request, what: str) -> Answer:
        import httpx2

        request.headers.setdefault("Accept", "application/json")
        # An encoding would let a kilobyte grow to a gigabyte between the socket and our count of bytes.
        request.headers["Accept-Encoding"] = "identity"
        request.headers["User-Agent"] = "gatepost"
        deadline = _Deadline(self._seconds)
        host = request.url.raw_host.decode()  # what is connected to: `url.host` spells xn--bcher-kva as bücher
        peer = _Peer(host, is_anywhere=self._may_be_anywhere(host))

        def trace(event: str, given: dict[str, Any]) -> None:
            deadline.trace(event, given)
            peer.trace(event, given)

        request.extensions = {"timeout": httpx2.Timeout(self._seconds).as_dict(), "trace": trace}
        # Egress through a company's proxy is wished for, but neither for this machine nor in the clear.
        trust_env = request.url.scheme == "https" and not is_loopback(host)
        try:
            with deadline.running(), _client(trust_env=trust_env) as client:
                response = client.send(request, stream=True)
                try:
                    answer = self._read(response, what)
                finally:
                    response.close()
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise self._failed(what, TimeoutError() if deadline.passed else error) from error
        except _OffLimits as error:
            raise ProviderFailed(
                f"{self.name}: the address of the {what} leads to a machine that it has no business with",
                detail=repr(host),
            ) from error
        if deadline.passed:  # an answer that ends with the connection looks whole when the connection is cut
            raise self._failed(what, TimeoutError())
        return answer

    def _may_be_anywhere(self, host: str) -> bool:
        return is_loopback(host) or host in self._configured

    def _failed(self, what: str, error: Exception) -> ProviderFailed:
        import httpx2

        slow = isinstance(error, httpx2.TimeoutException | TimeoutError)
        reason = f"no answer within {self._seconds:g} s" if slow else "no answer"
        return ProviderFailed(
            f"{self.name}: {reason} when asked for the {what}", detail=f"{type(error).__name__}: {error}"
        )

    def _read(self, response: httpx2.Response, what: str) -> Answer:
        if response.is_redirect:
            raise ProviderFailed(f"{self.name}: the {what} is a redirect, which is not followed")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ProviderFailed(f"{self.name}: the {what} came in an encoding that was not asked for")
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > MAX_ANSWER:
                raise ProviderFailed(f"{self.name}: the {what} is over 1 MiB")
        return Answer(
            status=response.status_code,
            content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            cache_control=response.headers.get("cache-control", ""),
            body=bytes(body),
            date=response.headers.get("date", "")[:64],
        )


@cache
def _tls() -> ssl.SSLContext:
    """Return the one context with the machine's certificate authorities: reading them takes 16 ms."""
    import httpx2

    return httpx2.create_ssl_context()


def _client(*, trust_env: bool) -> httpx2.Client:
    import httpx2

    return httpx2.Client(verify=_tls(), trust_env=trust_env, follow_redirects=False)


class _OffLimits(Exception):
    """A connection to where no provider is."""


class _Peer:
    """Looks where a connection has led before anything is sent on it.

    A provider's own document lists its endpoints, and names lead where their owner has them lead, each time anew (DNS
    rebinding): what listens on this machine, or on a cloud's link-local address, mostly asks nobody who calls.
    """

    def __init__(self, host: str, *, is_anywhere: bool) -> None:
        self._host = host
        self._is_anywhere = is_anywhere
        self._is_direct = True

    def trace(self, event: str, given: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self._is_direct = given.get("host") == self._host  # else it is a proxy, which the environment names
        elif event == "connection.connect_tcp.complete" and self._is_direct and not self._is_anywhere:
            stream = given["return_value"]
            if is_off_limits(str(stream.get_extra_info("server_addr")[0])):
                stream.close()
                raise _OffLimits


class _Deadline:
    """A bound on the whole exchange.  A read time-out alone lets one byte every nine seconds go on for days."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def trace(self, event: str, given: dict[str, Any]) -> None:
        """Remember the socket of the connection: httpcore tells each step of it by name."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._lock:
                self._socket = given["return_value"].get_extra_info("socket")
                if self.passed:
                    self._cut()

    @contextmanager
    def running(self) -> Iterator[None]:
        timer = threading.Timer(self._seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._socket = None
            timer.join()

    def _expire(self) -> None:
        with self._lock:
            self.passed = True
            self._cut()

    def _cut(self) -> None:
        # Shutting down, unlike closing, wakes a thread that waits in a read of this socket.
        if self._socket is not None:
            try:
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return


def json_object(answer: Answer, name: str, what: str) -> dict[str, object]:
    """Read the JSON object in an answer.  Raises `ProviderFailed` for anything else, duplicate members included."""
    try:
        document = strict_json(answer.body)
    except (ValueError, RecursionError) as error:
        raise ProviderFailed(f"{name}: the {what} is not JSON", detail=type(error).__name__) from error
    if not isinstance(document, dict):
        raise ProviderFailed(f"{name}: the {what} is not a JSON object")
    return document
