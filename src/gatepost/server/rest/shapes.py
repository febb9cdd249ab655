"""What goes in and comes out: pydantic models for bodies and answers, which also make the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from gatepost.directory import given

T = TypeVar("T")

MOST_TEXT, clean, in_utc = given.MOST_TEXT, given.clean, given.in_utc

Text = Annotated[str, Field(max_length=MOST_TEXT), AfterValidator(clean)]
Moment = Annotated[AwareDatetime, BeforeValidator(given.no_number), AfterValidator(in_utc)]
Secret = Annotated[str, Field(max_length=MOST_TEXT, json_schema_extra={"format": "password"})]


class Body(BaseModel):
    """What a caller sends.  A field that is not known is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What we send."""

    model_config = ConfigDict(from_attributes=True)


class Page(Answer, Generic[T]):
    """One page of a list; `next_cursor` is null at the end."""

    items: list[T]
    next_cursor: str | None


class Problem(Answer):
    """RFC 9457.  `errors` names each wrong field; `items` lists what stands in the way."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: dict[str, str] | None = None
    items: list[str] | None = None


class LoginBody(Body):
    username: Text
    password: Secret


class RefreshBody(Body):
    refresh_token: Secret


class TokenPairAnswer(Answer):
    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class ProviderLink(Answer):
    name: str
    display_name: str
    login_url: str


class MeAnswer(Answer):
    kind: str
    id: str | None
    username: str | None
    display_name: str | None
    email: str | None
    groups: list[str]
    roles: list[str]
    method: str
    provider: str | None


class UserBody(Body):
    username: Text
    password: Secret | None = None
    email: Text | None = None
    display_name: Text | None = None
    external: Text | None = None


class UserPatch(Body):
    disabled: StrictBool | None = None
    display_name: Text | None = None
    email: Text | None = None
    email_verified: StrictBool | None = None


class UserAnswer(Answer):
    id: str
    username: str
    display_name: str
    email: str | None
    email_verified: bool
    disabled: bool
    external: str | None
    has_password: bool
    created_at: datetime
    created_by: str


class ChangedUserAnswer(UserAnswer):
    """After a disabling: what ended, and what is left without an owner."""

    sessions_ended: int
    tokens_refused: int
    left_without_owner: list[str]


class PasswordBody(Body):
    password: Secret
    current_password: Secret | None = None


class IdentityAnswer(Answer):
    id: str
    provider: str
    issuer: str
    subject: str
    linked_at: datetime
    last_sign_in_at: datetime


class ConflictAnswer(Answer):
    id: str
    provider: str
    issuer: str
    subject: str
    username: str
    email: str | None
    reason: str
    at: datetime


class FoundAnswer(Answer):
    subject: str
    kind: str
    name: str
    display_name: str


class NamedBody(Body):
    name: Text
    description: Text = ""


class DescriptionPatch(Body):
    description: Text


class RoleBody(NamedBody):
    permissions: list[Text] = Field(max_length=200)


class RolePatch(Body):
    permissions: Annotated[list[Text], Field(max_length=200)] | None = None
    description: Text | None = None


class GroupAnswer(Answer):
    name: str
    description: str
    origin: str
    created_at: datetime
    created_by: str


class RoleAnswer(Answer):
    name: str
    description: str
    builtin: bool
    permissions: list[str]
    created_at: datetime
    created_by: str


class ServiceAnswer(Answer):
    name: str
    description: str
    role: str | None
    created_at: datetime
    created_by: str


class MemberBody(Body):
    expires_at: Moment | None = None


class MemberAnswer(Answer):
    subject: str
    origin: str
    author: str
    created_at: datetime
    expires_at: datetime | None


class TokenBody(Body):
    name: Text
    scopes: Annotated[list[Text], Field(max_length=200)] | None = None
    expires_at: Moment | None = None


class ServiceTokenBody(TokenBody):
    role: Text


class TokenAnswer(Answer):
    id: str
    name: str
    owner: str
    scopes: list[str]
    issuer: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class IssuedTokenAnswer(TokenAnswer):
    """The answer that makes a token is the only one that shows it."""

    token: str


class ServiceTokenAnswer(TokenAnswer):
    role: str | None


class IssuedServiceTokenAnswer(ServiceTokenAnswer):
    token: str


class SessionAnswer(Answer):
    id: str
    subject: str
    method: str
    provider: str
    address: str
    agent: str
    current: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


class ResourceBody(Body):
    type: Text
    id: Text
    display_name: Text | None = None
    parent: Text | None = None


class ResourcePatch(Body):
    display_name: Text | None = None
    parent: Text | None = None


class ResourceAnswer(Answer):
    type: str
    id: str
    display_name: str
    parent: str | None
    created_at: datetime
    created_by: str


class GrantBody(Body):
    subject: Text
    relation: Text
    expires_at: Moment | None = None


class GrantAnswer(Answer):
    """`why` says in one sentence what the grant lets whom do, and where it comes from."""

    subject: str
    relation: str
    origin: str
    author: str
    created_at: datetime
    expires_at: datetime | None
    inherited_from: str | None
    why: str


class AuditAnswer(Answer):
    id: str
    at: datetime
    revision: str | None
    event: str
    outcome: str
    subject: str
    actor: str | None
    issuer: str | None
    method: str
    credential_id: str
    target: str
    reason: str
    address: str
    count: int
    detail: dict[str, Any]


class ProviderAnswer(Answer):
    """`kind` is `provider` or `issuer`; `status` is `up`, `down`, or `unknown`.  `addresses` are to be registered there."""

    kind: str
    name: str
    display_name: str
    protocol: str
    issuer: str | None
    status: str
    message: str
    last_error: str
    last_error_at: datetime | None
    last_success_at: datetime | None
    failures: int
    keys_known: int
    key_fetches: int
    addresses: dict[str, str]


class CheckAnswer(Answer):
    """One line of an examination: `status` is `ok`, `warn` or `fail`."""

    name: str
    status: str
    message: str


class ExaminationAnswer(Answer):
    """Everything that was looked at; `status` is the worst of it."""

    status: str
    checks: list[CheckAnswer]


class KeyAnswer(Answer):
    kid: str
    algorithm: str
    state: str
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


class RotatedAnswer(Answer):
    kid: str
