"""The errors of a client.

    ClientError
    ├── Misconfigured         the server spec, the environment or the caller's own values
    ├── Unreachable           no answer: network, name, TLS, time-out
    ├── NotGatepost           an answer that is not Gatepost's
    ├── SignInEnded           the sign-in is over and has to be done again
    ├── SignInRefused         a sign-in through the browser came to nothing
    └── Refused               an answer with an error in it: `problem` is that answer
        └── one class a status, each also the class of the same name in `gatepost.errors`

So `except gatepost.errors.Forbidden` reads the same whether the engine is in the process or behind HTTP.
No message holds a secret: they are made of the server's problem document, which never repeats one, and of addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gatepost import errors


@dataclass(frozen=True, slots=True)
class Problem:
    """RFC 9457, with our `code` and with a sentence for each wrong field.  `members` are all that the server sent."""

    status: int
    title: str = ""
    detail: str = ""
    type: str = "about:blank"
    code: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    items: tuple[str, ...] = ()
    retry_after: int = 0
    members: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def sentence(self) -> str:
        named = "; ".join(f"{name}: {text}" for name, text in self.fields.items())
        if self.detail and not all(text in self.detail for text in self.fields.values()):
            return f"{self.detail} ({named})"
        return self.detail or named or self.title or f"the server answered {self.status}"


class ClientError(errors.GatepostError):
    """Anything that keeps a client from an answer."""


class Misconfigured(ClientError):
    """The server spec, the environment or a value of the caller's is not usable."""

    code: ClassVar[str] = "misconfigured"


class Unreachable(ClientError):
    """The server could not be spoken with.  Whether a change was made is unknown."""

    code: ClassVar[str] = "unreachable"


class NotGatepost(ClientError):
    """Something answered, and it was not Gatepost's API."""

    code: ClassVar[str] = "not_gatepost"


class SignInEnded(ClientError):
    """The access token is over and there is nothing left to renew it with."""

    code: ClassVar[str] = "sign_in_ended"


class SignInRefused(ClientError):
    """A sign-in in the browser, or on another device, was refused, took too long, or answered for somebody else."""

    code: ClassVar[str] = "sign_in_refused"


class Refused(ClientError):
    """The server answered with an error."""

    def __init__(self, problem: Problem) -> None:
        # Not `super()`: next in line would be the embedded class, whose constructor takes what a server knows.
        errors.GatepostError.__init__(self, problem.sentence)
        self.problem = problem
        self.fields = dict(problem.fields)
        self.items = problem.items
        self.retry_after = problem.retry_after

    def __str__(self) -> str:
        listed = f": {', '.join(self.items)}" if self.items else ""
        return f"{self.problem.sentence}{listed}"


class InvalidRequest(Refused, errors.InvalidRequest):
    """400."""


class Unauthenticated(Refused, errors.Unauthenticated):
    """401: no credential was sent where one is needed."""


class InvalidToken(Refused, errors.InvalidToken):
    """401: the credential is expired, revoked or not for this server."""


class InvalidCredentials(Refused, errors.InvalidCredentials):
    """401: the name and the password do not fit."""


class Forbidden(Refused, errors.Forbidden):
    """403."""


class NotFound(Refused, errors.NotFound):
    """404: not there, or not for the caller to see."""


class Conflict(Refused, errors.Conflict):
    """409: `items` lists what stands in the way."""


class AlreadyExists(Conflict, errors.AlreadyExists):
    """409: the name is taken."""


class TooLarge(Refused, errors.TooLarge):
    """413."""


class Misdirected(Refused, errors.Misdirected):
    """421: the server does not answer to this host name."""


class InvalidField(Refused, errors.InvalidField):
    """422: `fields` maps each wrong field to a sentence."""


class Throttled(Refused, errors.Throttled):
    """429: `retry_after` is in whole seconds, 0 where the server did not say."""


class ProviderFailed(Refused, errors.ProviderFailed):
    """502."""


class Unavailable(Refused, errors.Unavailable):
    """503: an answer cannot be given now; it is not a no."""


class ServerFailed(Refused):
    """Any other 5xx: a fault of the server's."""


_BY_CODE: Mapping[tuple[int, str], type[Refused]] = {
    (kind.status, kind.code): kind for kind in (Unauthenticated, InvalidToken, InvalidCredentials, AlreadyExists)
}
_BY_STATUS: Mapping[int, type[Refused]] = {
    kind.status: kind
    for kind in (
        InvalidRequest, InvalidToken, Forbidden, NotFound, Conflict, TooLarge,
        Misdirected, InvalidField, Throttled, ProviderFailed, Unavailable,
    )
}  # fmt: skip
_SERVER_FAULTS = 500


def refusal(problem: Problem) -> Refused:
    """Return the error for a problem: by status and code, by status, or the general one."""
    kind = _BY_CODE.get((problem.status, problem.code)) or _BY_STATUS.get(problem.status)
    if kind is None:
        kind = ServerFailed if problem.status >= _SERVER_FAULTS else Refused
    return kind(problem)
