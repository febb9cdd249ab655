"""One call from request to answer, without I/O: the same body for threads and for tasks.

`talk` yields what it wants done (send this, wait so long, renew the sign-in) and is sent what came of it;
`Client` does it by blocking, `AsyncClient` by awaiting.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

import httpx2

from gatepost import __version__
from gatepost.client import requests
from gatepost.client.answer import read_answer
from gatepost.client.call import Call
from gatepost.client.credentials import Credential, Password, Tokens
from gatepost.client.errors import Misconfigured, SignInEnded, Unreachable
from gatepost.client.retry import Retry

T = TypeVar("T")

REVISION = "Gatepost-Revision"
AT_LEAST = "Gatepost-At-Least"
# The system's name as browsers write it, so that a list of sign-ins says which machine each is on.
_SYSTEM = {"linux": "Linux", "darwin": "Mac OS X", "win32": "Windows"}.get(sys.platform, sys.platform)
AGENT = f"gatepost/{__version__} ({_SYSTEM})"


@dataclass(frozen=True, slots=True)
class Send:
    """Send this request; the reply is a response, or the transport's error as a value."""

    request: httpx2.Request = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Renew:
    """Replace these tokens, unless somebody has done so already.  None: there were none yet."""

    stale: Tokens | None


Step = Send | Wait | Renew
Talk = Generator[Step, httpx2.Response | httpx2.TransportError | None, T]


@dataclass(slots=True)
class Signin:
    """What one client knows of its sign-in and of the last revision that it saw; shared by its threads or tasks."""

    url: str
    credential: Credential = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: Tokens | None = field(default=None, repr=False)
    revision: str = ""
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.credential, Tokens):
            self.tokens = self.credential

    @property
    def can_renew(self) -> bool:
        return isinstance(self.credential, Password) or bool(self.tokens and self.tokens.refresh_token)

    def authorization(self) -> str | None:
        if isinstance(self.credential, Password | Tokens):
            return self.tokens.authorization() if self.tokens else None
        return self.credential.authorization()

    def saw(self, revision: str | None) -> None:
        """Remember the newest revision.  Another epoch means another history, in which our number says nothing."""
        if not revision:
            return
        with self._lock:
            if _ahead(self.revision, revision):
                return
            self.revision = revision


def _ahead(known: str, seen: str) -> bool:
    known_epoch, _, known_number = known.rpartition(".")
    seen_epoch, _, seen_number = seen.rpartition(".")
    if known_epoch != seen_epoch or not (known_number.isdecimal() and seen_number.isdecimal()):
        return False
    return int(known_number) > int(seen_number)


def talk(signin: Signin, wanted: Call[T], retry: Retry) -> Talk[T]:
    """Send one call: signed in if need be, renewed once if refused for its token, repeated where that is safe."""
    if wanted.authenticated and signin.tokens is None and isinstance(signin.credential, Password):
        yield Renew(None)
    used = signin.tokens
    response = yield from _exchange(signin, wanted, retry)
    if wanted.authenticated and response.status_code == httpx2.codes.UNAUTHORIZED and used and signin.can_renew:
        # Refused before anything was done, so even a call that may not be repeated is sent again.
        yield Renew(used)
        response = yield from _exchange(signin, wanted, retry)
    return read_answer(wanted, response)


def _exchange(signin: Signin, wanted: Call[T], retry: Retry) -> Talk[httpx2.Response]:
    attempt, lost = 0, False
    while True:
        attempt += 1
        reply = yield Send(request_for(signin, wanted))
        if isinstance(reply, httpx2.Response):
            if lost and wanted.method == "DELETE" and reply.status_code == httpx2.codes.NOT_FOUND:
                # The answer to an earlier try was lost on the way, and that try is what deleted it.
                return httpx2.Response(httpx2.codes.NO_CONTENT, request=reply.request)
            signin.saw(reply.headers.get(REVISION))
            pause = _pause_after(wanted, reply, retry, attempt)
            if pause is None:
                return reply
        elif isinstance(reply, httpx2.TransportError):
            lost = lost or not _never_sent(reply)
            pause = retry.wait(attempt) if wanted.repeatable or _never_sent(reply) else None
            if pause is None or _is_final(reply):
                raise Unreachable(_why_unreachable(signin.url, reply)) from reply
        else:
            raise TypeError("a request was answered with neither a response nor an error")
        yield Wait(pause)


def _pause_after(wanted: Call[T], response: httpx2.Response, retry: Retry, attempt: int) -> float | None:
    if not wanted.repeatable or not retry.is_passing(response.status_code):
        return None
    asked = response.headers.get("Retry-After", "")
    return retry.wait(attempt, int(asked) if asked.isdecimal() else None)


def renewal(signin: Signin, retry: Retry) -> Talk[Tokens]:
    """Get new tokens: by the refresh token, else by the password.

    Raises `SignInEnded` where neither is left.  A refresh is repeated although it is a POST: whoever lost the answer
    and asks again within the grace gets the same successor, and giving up would lose the sign-in for certain.
    """
    tokens = signin.tokens
    if tokens is not None and tokens.refresh_token:
        response = yield from _exchange(signin, requests.refresh(tokens.refresh_token), retry)
        if response.status_code not in (httpx2.codes.BAD_REQUEST, httpx2.codes.UNAUTHORIZED):
            return read_answer(requests.refresh(""), response)
    if isinstance(signin.credential, Password):
        wanted = requests.login(signin.credential.username, signin.credential.password)
        return read_answer(wanted, (yield from _exchange(signin, wanted, retry)))
    raise SignInEnded("the sign-in has ended: sign in again")


def request_for(signin: Signin, wanted: Call[T]) -> httpx2.Request:
    """Write the request.  Only here do headers come from."""
    headers = {"Accept": f"{wanted.accept}, application/problem+json", "User-Agent": AGENT}
    headers.update(signin.headers)
    if signin.revision:
        headers[AT_LEAST] = signin.revision
    if wanted.authenticated and (authorization := signin.authorization()):
        if not (authorization.isascii() and authorization.isprintable()) or authorization.endswith(" "):
            # The HTTP library refuses it too, with the credential in its error.
            raise Misconfigured(
                "the credential has a character that no HTTP header takes, such as a line break, or a space at its end"
            )
        headers["Authorization"] = authorization
    return httpx2.Request(
        wanted.method,
        httpx2.URL(signin.url + wanted.path),
        params=dict(wanted.params) or None,
        headers=headers,
        json=wanted.body,
        data=None if wanted.form is None else dict(wanted.form),
    )


def _never_sent(error: httpx2.TransportError) -> bool:
    return isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _is_final(error: httpx2.TransportError) -> bool:
    """A certificate that does not verify now will not verify in a moment."""
    return "certificate verify failed" in str(error).lower()


def _why_unreachable(url: str, error: httpx2.TransportError) -> str:
    if _is_final(error):
        return f"{url} shows a certificate that does not verify: {_certificate_trouble(error)}"
    if isinstance(error, httpx2.TimeoutException):
        return f"{url} did not answer in time"
    # Without the number and the line in OpenSSL's source, which say nothing to people.
    why = re.sub(r"^\[[^\]]*\] | \(_ssl\.c:\d+\)$", "", str(error))
    return f"{url} cannot be reached: {why or type(error).__name__}"


def _certificate_trouble(error: httpx2.TransportError) -> str:
    return str(error).partition("certificate verify failed:")[2].rpartition("(_ssl")[0].strip() or "unknown reason"
