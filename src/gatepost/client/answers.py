"""What the server answers, as values.  Times are aware and in UTC; a missing member has its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Me:
    """Who the caller is: `kind` is `user`, `service` or `anonymous`, and `application` for one that embeds Gatepost."""

    kind: str
    id: str = ""
    username: str = ""
    display_name: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    method: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """An account.  `external` names the provider that speaks for it."""

    username: str
    id: str = ""
    display_name: str = ""
    email: str = ""
    email_verified: bool = False
    disabled: bool = False
    external: str = ""
    has_password: bool = False
    created_at: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class ChangedUser(User):
    """An account after a change.  After a disabling: what ended with it, and what is left without an owner."""

    sessions_ended: int = 0
    tokens_refused: int = 0
    left_without_owner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of memberships or roles, and why: a sentence for each name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    beyond_limit: int = 0
    why: object = None  # for each name a sentence
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reread:
    """What one provider said when it was asked again.  `refused` says why the person may not enter any more, `failed` why
    nothing could be read there.
    """

    provider: str
    groups: Synced = field(default_factory=Synced)
    roles: Synced = field(default_factory=Synced)
    sessions_narrowed: int = 0
    sessions_ended: int = 0
    refused: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A sign-in elsewhere that is linked to an account: an issuer and its name for the person."""

    id: str
    provider: str = ""
    issuer: str = ""
    subject: str = ""
    linked_at: datetime | None = None
    last_sign_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignInConflict:
    """A sign-in that was refused because its name or e-mail is somebody else's."""

    id: str = ""
    provider: str = ""
    issuer: str = ""
    subject: str = ""
    username: str = ""
    email: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundSubject:
    """Somebody to share with."""

    subject: str
    kind: str = ""
    name: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group, by name."""

    name: str
    description: str = ""
    origin: str = ""
    created_at: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """A role and its permissions, `type:action` with `*` on either side."""

    name: str
    description: str = ""
    permissions: tuple[str, ...] = ()
    builtin: bool = False
    created_at: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A machine that calls."""

    name: str
    description: str = ""
    role: str = ""
    created_at: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """Who is in a group or has a role, and where that came from (`manual`, `sso:<provider>`, `config`)."""

    subject: str
    origin: str = ""
    author: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token of a person.  `token` is the secret, in the answer that made it and never again."""

    id: str
    name: str = ""
    owner: str = ""
    issuer: str = ""
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A token of a service.  `token` is the secret, in the answer that made it and never again."""

    id: str
    name: str = ""
    owner: str = ""
    role: str = ""
    issuer: str = ""
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One of the caller's sign-ins."""

    id: str
    subject: str = ""
    method: str = ""
    provider: str = ""
    address: str = ""
    agent: str = ""
    current: bool = False
    created_at: datetime | None = None
    last_seen_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """Something to share, written `type:id`."""

    type: str
    id: str
    display_name: str = ""
    parent: str = ""
    created_at: datetime | None = None
    created_by: str = ""

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of Access Control: who has which relation to a resource, and why."""

    subject: str
    relation: str = ""
    origin: str = ""
    author: str = ""
    inherited_from: str = ""
    why: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One tuple on the way from the subject to the resource, with its wording."""

    object: str = ""
    relation: str = ""
    subject: str = ""
    text: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a question.  Ask for `.allowed`: a decision itself is neither true nor false.

    The rest is there where it was asked for with `explain`: for a yes the path that decided, for a no what was tried
    and what would make it a yes.
    """

    allowed: bool
    revision: str = ""
    reason: str = ""
    sentence: str = ""
    path: tuple[Step, ...] = ()
    tried: tuple[str, ...] = ()
    would_allow: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        raise TypeError("a Decision is not a truth value: ask for .allowed")


@dataclass(frozen=True, slots=True)
class Answered:
    """One of a batch.  `allowed` is None for a question that could not be answered, which is not a no: see `error`."""

    allowed: bool | None = None
    error: object = None

    def __bool__(self) -> bool:
        raise TypeError("an answer is not a truth value: ask whether .allowed is True")


@dataclass(frozen=True, slots=True)
class Decisions:
    """The answers to a batch of questions, in their order, each as of `revision` or later."""

    results: tuple[Answered, ...]
    revision: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log."""

    id: str = ""
    at: datetime | None = None
    event: str = ""
    target: str = ""
    subject: str = ""
    method: str = ""
    outcome: str = ""
    actor: str = ""
    issuer: str = ""
    credential_id: str = ""
    reason: str = ""
    address: str = ""
    count: int = 1
    detail: object = None
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider (`kind` provider) or delegated issuer (`kind` issuer) and how it is doing."""

    name: str
    display_name: str = ""
    kind: str = "provider"
    protocol: str = ""
    issuer: str = ""
    status: str = ""
    message: str = ""
    last_error: str = ""
    last_error_at: datetime | None = None
    last_success_at: datetime | None = None
    failures: int = 0
    keys_known: int = 0
    key_fetches: int = 0
    addresses: object = None  # an object of texts, under the names of OpenID Connect Dynamic Client Registration


@dataclass(frozen=True, slots=True)
class Examined:
    """One line of `gatepost doctor`: `status` is `ok`, `warn` or `fail`."""

    name: str
    status: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was looked at, and the worst of it."""

    status: str
    checks: tuple[Examined, ...] = ()


@dataclass(frozen=True, slots=True)
class SignInOption:
    """What the sign-in page offers."""

    name: str
    display_name: str = ""
    login_url: str = ""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of those that sign our tokens."""

    kid: str
    algorithm: str = ""
    state: str = ""
    created_at: datetime | None = None
    activated_at: datetime | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rotated:
    """The key that signs from now on."""

    kid: str
