"""The errors we raise on purpose; anything else is a bug.

    GatepostError
    ├── InvalidRequest        400  the request itself is malformed
    ├── Unauthenticated       401  no credential, where one is needed
    ├── InvalidToken          401  a credential that is there and bad
    ├── InvalidCredentials    401  a name and password that do not fit
    ├── Forbidden             403  known, and may not
    ├── NotFound              404  not there, or not for the caller to see
    ├── Conflict              409  the state of things forbids it
    │   └── AlreadyExists     409
    ├── TooLarge              413
    ├── Misdirected           421  the `Host` is not ours
    ├── InvalidField          422  one or more fields are wrong; each is named
    │   └── InvalidModel      422  an authorization model that does not parse or validate
    ├── Throttled             429  with the seconds to wait
    ├── ProviderFailed        502  an identity provider did not do its part
    ├── Unavailable           503  an answer cannot be given now: never a no
    └── ConfigurationError         settings; stops the start, never HTTP

Every error has a `code` (of an RFC where one names it), a public description (ASCII, as RFC 6749 section 5.2 wants)
and a private `detail` that goes to the log only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar


class GatepostError(Exception):
    """An error we raise on purpose.  Anything else is a bug: `server_error`, 500, no details."""

    code: ClassVar[str] = "server_error"
    status: ClassVar[int] = 500

    def __init__(self, description: str = "", *, detail: str = "") -> None:
        super().__init__(description or self.code)
        self.detail = detail


class InvalidRequest(GatepostError):
    """RFC 6749 section 5.2: malformed, unsupported or repeated."""

    code = "invalid_request"
    status = 400


class Unauthenticated(GatepostError):
    """RFC 6750 section 3.1: no credential was sent; the challenge carries no error code."""

    code = "unauthenticated"
    status = 401


class InvalidToken(GatepostError):
    """RFC 6750 section 3.1.  Expired, revoked, forged or not for us: the caller is never told which."""

    code = "invalid_token"
    status = 401

    def __init__(self, description: str = "the credential is not valid", *, detail: str = "") -> None:
        super().__init__(description, detail=detail)


class InvalidCredentials(GatepostError):
    """A username and password that do not fit.  An unknown user and a wrong password read and take alike."""

    code = "invalid_credentials"
    status = 401

    def __init__(self, description: str = "the username or the password is wrong", *, detail: str = "") -> None:
        super().__init__(description, detail=detail)


class Forbidden(GatepostError):
    """The caller is known, sees the thing, and may not do this to it."""

    code = "forbidden"
    status = 403


class NotFound(GatepostError):
    """Not there, or not for this caller to see: the two read alike."""

    code = "not_found"
    status = 404


class Conflict(GatepostError):
    """The state of things forbids it.  `items` lists what stands in the way.

    `settled_by` is the parameter that would settle it, by its name in Python and REST, where there is one.
    """

    code = "conflict"
    status = 409
    settled_by = ""

    def __init__(
        self, description: str = "", *, detail: str = "", items: Iterable[str] = (), settled_by: str = ""
    ) -> None:
        super().__init__(f"{description} ({settled_by})" if settled_by else description, detail=detail)
        self.items = tuple(items)
        self.settled_by = settled_by


class AlreadyExists(Conflict):
    """A name or an id that is taken."""

    code = "already_exists"


class TooLarge(GatepostError):
    """A body beyond the limit."""

    code = "too_large"
    status = 413


class Misdirected(GatepostError):
    """RFC 9110 section 15.5.20: the `Host` header names somebody else."""

    code = "misdirected_request"
    status = 421


class InvalidField(GatepostError):
    """One or more fields are wrong.  `fields` maps each to a sentence that says what is allowed."""

    code = "invalid_field"
    status = 422

    def __init__(self, fields: dict[str, str], *, detail: str = "") -> None:
        super().__init__("; ".join(f"{name}: {sentence}" for name, sentence in fields.items()), detail=detail)
        self.fields = fields


class InvalidModel(InvalidField):
    """An authorization model that does not parse or validate.  `line` and `column` count from 1; 0 where unknown."""

    code = "invalid_authorization_model"

    def __init__(self, description: str, *, line: int = 0, column: int = 0) -> None:
        place = f"line {line}, column {column}: " if line else ""
        super().__init__({"model": f"{place}{description}"})
        self.line = line
        self.column = column


class Throttled(GatepostError):
    """Too many failures.  `retry_after` is in whole seconds."""

    code = "too_many_requests"
    status = 429

    def __init__(self, description: str, *, retry_after: int, detail: str = "") -> None:
        super().__init__(description, detail=detail)
        self.retry_after = retry_after


class ProviderFailed(GatepostError):
    """An identity provider is down, slow, or answered something that is not the protocol."""

    code = "provider_failed"
    status = 502


class Unavailable(GatepostError):
    """An answer cannot be given now.  It is not a no: whoever asks has to ask again."""

    code = "temporarily_unavailable"
    status = 503


class ConfigurationError(Exception):
    """Everything that is wrong with the configuration, reported at once."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
