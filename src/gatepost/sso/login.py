"""The way out: from our sign-in page to the provider's (OpenID Connect Core 3.1.2.1, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gatepost.errors import InvalidRequest
from gatepost.sso.addresses import safe_next

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

ATTEMPT_TTL = timedelta(minutes=10)
PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})
MAX_HINT = 320

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks of a sign-in.  Everything in it may come from an attacker's link."""

    next: str | None = None
    login_hint: str | None = None
    prompt: str | None = None
    max_age: int | None = None  # seconds
    link: bool = False  # the signed-in owner adds an identity to the account
    owner: str = ""  # of a link: the id of the account
    trial: bool = False  # a dry run, which changes nothing
    terminal: str = ""  # of a dry run: the loopback address that waits for its result


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sign-in under way.

    The caller seals it into a cookie of this attempt and this browser, takes it out once, and lets it live ten minutes.
    """

    provider: str
    issuer: str  # where the browser was sent, so that an answer of another provider is told (RFC 9207)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)  # empty where the provider is configured without PKCE
    redirect_uri: str
    next: str
    begun_at: datetime
    max_age: int | None = None
    link: bool = False
    owner: str = ""
    trial: bool = False
    terminal: str = ""

    @property
    def expires_at(self) -> datetime:
        return self.begun_at + ATTEMPT_TTL

    def to_bytes(self) -> bytes:
        """Write it down, to be sealed: it holds secrets."""
        members = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({**members, "begun_at": self.begun_at.isoformat()}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Self:
        """Read what `to_bytes` wrote.  Raises `InvalidRequest` for anything else."""
        try:
            members = json.loads(text)
            begun_at = datetime.fromisoformat(members.pop("begun_at")).astimezone(UTC)
            return cls(begun_at=begun_at, **members)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidRequest("this sign-in was begun elsewhere, or too long ago: begin again") from error


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Where to send the browser, and what to keep until it comes back."""

    url: str = field(repr=False)
    attempt: Attempt


def begin(
    provider: Provider, wish: Wish, *, redirect_uri: str, now: datetime, random: RandomBytes
) -> AuthorizationRequest:
    """Begin a sign-in.  Raises `ProviderFailed` if the provider's addresses are not to be had.

    Args:
        provider: where to sign in.
        wish: what was asked for; what does not fit is left out, never passed on.
        redirect_uri: the callback below `public_url`; the token request repeats it to the byte.
        now: UTC.
        random: that many unpredictable bytes.
    """
    if wish.max_age is not None and wish.max_age >= 0 and provider.settings.protocol != "oidc":
        # Without an ID token there is no `auth_time`: it could be asked for, and never be checked.
        raise InvalidRequest(
            f"{provider.settings.called} signs people in by OAuth 2.0, which cannot say how long ago that was"
        )
    metadata = provider.metadata()
    attempt = Attempt(
        provider=provider.name,
        issuer=metadata.issuer,
        state=_text(random),
        nonce=_text(random),
        code_verifier=_text(random) if provider.settings.pkce else "",
        redirect_uri=redirect_uri,
        next=safe_next(wish.next),
        begun_at=now,
        max_age=wish.max_age if wish.max_age is None or wish.max_age >= 0 else None,
        link=wish.link,
        owner=wish.owner,
        trial=wish.trial,
        terminal=wish.terminal,
    )
    parameters = _parameters(provider, wish, attempt)
    return AuthorizationRequest(with_query(metadata.authorization_endpoint, parameters), attempt)


def _parameters(provider: Provider, wish: Wish, attempt: Attempt) -> Mapping[str, str]:
    settings = provider.settings
    wanted = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": attempt.redirect_uri,
        "scope": " ".join(_scopes(provider)),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": code_challenge(attempt.code_verifier) if attempt.code_verifier else "",
        "code_challenge_method": "S256" if attempt.code_verifier else "",
        "response_mode": "form_post" if settings.response_mode == "form_post" else "",
        "prompt": _prompt(wish.prompt) or settings.prompt or "",
        "login_hint": _hint(wish.login_hint),
        "max_age": "" if attempt.max_age is None else str(attempt.max_age),
    }
    if settings.protocol == "oauth2":
        wanted["nonce"] = ""  # of the ID token, which there is none of
    if settings.preset == "github":
        # GitHub knows one prompt, its choice of accounts, and calls the hint otherwise.
        asks = {"login", "select_account"} & set(wanted["prompt"].split())
        wanted |= {"prompt": "select_account" if asks else "", "login": wanted["login_hint"], "login_hint": ""}
    return {name: value for name, value in wanted.items() if value}


def code_challenge(verifier: str) -> str:
    """RFC 7636 section 4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Add parameters to an address that may already have some (RFC 6749 section 3.1); ours replace its own."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in parameters]
    return urlunsplit(parts._replace(query=urlencode([*kept, *parameters.items()])))


def _text(random: RandomBytes) -> str:
    # 32 bytes are 43 characters: the least that RFC 7636 takes for a verifier, and 256 bits.
    return base64.urlsafe_b64encode(random(32)).rstrip(b"=").decode()


def _scopes(provider: Provider) -> tuple[str, ...]:
    """Return what to ask for: the operator's word as it is, our own default only as far as the provider supports it."""
    settings, supported = provider.settings, provider.metadata().scopes
    scopes = settings.scopes
    if settings.protocol == "oauth2":  # asked for openid, the provider would do OpenID Connect
        scopes = tuple(scope for scope in scopes if scope != "openid")
    if settings.scopes_configured or not supported:
        return scopes
    return tuple(scope for scope in scopes if scope == "openid" or scope in supported)


def _prompt(wanted: str | None) -> str:
    values = (wanted or "").split()
    known = values and PROMPTS.issuperset(values) and not ("none" in values and len(values) > 1)
    return " ".join(values) if known else ""


def _hint(wanted: str | None) -> str:
    hint = (wanted or "").strip()
    return hint if len(hint) <= MAX_HINT and hint.isprintable() else ""
