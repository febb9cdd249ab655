"""The way back: from the provider's answer to a person (OpenID Connect Core 3.1.2.5 to 3.1.3.7)."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gatepost.errors import Forbidden, InvalidRequest, InvalidToken, ProviderFailed
from gatepost.settings.tenants import speaks_for
from gatepost.sso.claims import read_display_name, read_email, read_groups, read_username, require_admission
from gatepost.sso.id_token import numeric_date, validate_id_token
from gatepost.sso.keys import VerifiedClaims
from gatepost.sso.login import Attempt
from gatepost.sso.oauth2 import read_identity
from gatepost.sso.token_request import Tokens, redeem
from gatepost.sso.userinfo import complete

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

CALLBACK_PARAMETERS = ("state", "code", "iss", "error", "error_description", "error_uri", "session_state", "id_token")
MAX_PARAMETER = 8192
_CODE = re.compile(r"[\x20-\x7e]+", re.ASCII)  # RFC 6749 appendix A.11
# Clocks of two replicas differ a little; a cookie from the future beyond that was not made by us.
CLOCKS_DIFFER = timedelta(minutes=1)

# What a provider may say no with (RFC 6749 section 4.1.2.1, OpenID Connect Core 3.1.2.6), in words for people.
REFUSALS: Mapping[str, str] = {
    "access_denied": "the sign-in was refused or cancelled there",
    "login_required": "it wants you to sign in there first",
    "interaction_required": "it wants to ask you something first",
    "consent_required": "it wants your consent first",
    "account_selection_required": "it wants you to choose an account first",
}
FAILURES: Mapping[str, str] = {
    "server_error": "it has a problem of its own",
    "temporarily_unavailable": "it is not available now",
    "unauthorized_client": "it does not let Gatepost sign people in: an admin has to look at the client there",
    "unsupported_response_type": "it does not support the authorization code flow",
    "invalid_scope": "it does not know a scope that is configured here",
    "invalid_request": "it finds the request malformed",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who came back.  (issuer, subject) is the identity; everything else is an attribute that may change."""

    provider: str
    issuer: str
    subject: str
    claims: Mapping[str, object] = field(repr=False)
    username: str
    email: str  # empty if there is none
    email_verified: bool
    display_name: str
    groups: tuple[str, ...] | None  # the provider's names; None when it did not say, which is not the same as none
    id_token: str = field(repr=False)
    sid: str
    auth_time: datetime | None
    notes: tuple[str, ...] = ()  # what was odd, for the record of this sign-in
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the provider said and proved, before anything is made of it.  A dry run shows this."""

    claims: VerifiedClaims
    tokens: Tokens = field(repr=False)
    notes: tuple[str, ...] = ()


def finish(provider: Provider, attempt: Attempt, params: Mapping[str, str], now: datetime) -> SignedIn:
    """Finish a sign-in: judge the answer, redeem the code, validate the ID token, read the person.

    The caller has taken the attempt out of this browser's cookie, so that it serves once.

    Raises `InvalidRequest` for an answer that does not belong to the attempt, `Forbidden` for a person who may not
    enter, `ProviderFailed` for a provider that does not do its part.
    """
    return read_person(provider, vouch(provider, attempt, params, now))


def vouch(provider: Provider, attempt: Attempt, params: Mapping[str, str], now: datetime) -> Vouched:
    """Return the claims that the provider vouches for.  The same errors as `finish`."""
    check_answer(provider, attempt, params, now)
    return redeem_answer(provider, attempt, params["code"], now)


def check_answer(provider: Provider, attempt: Attempt, params: Mapping[str, str], now: datetime) -> None:
    """Return for an answer that belongs to the attempt and is a yes.  The same errors as `finish`."""
    for check in ANSWER_CHECKS:
        check(_Answer(provider, attempt, params, now))


def redeem_answer(provider: Provider, attempt: Attempt, code: str, now: datetime) -> Vouched:
    """Return what the code is worth, once the answer was checked.  The same errors as `finish`."""
    try:
        return _redeemed(provider, attempt, code, now)
    except ProviderFailed as failure:
        # What the browser brought tells nothing of the provider; what the provider answered us does.
        provider.note_failure(str(failure))
        raise


def _redeemed(provider: Provider, attempt: Attempt, code: str, now: datetime) -> Vouched:
    tokens = redeem(provider, attempt, code)
    if provider.settings.protocol == "oauth2":
        claims, notes = read_identity(provider, tokens)
        return Vouched(claims=claims, tokens=tokens, notes=notes)
    expected = replace(
        provider.expected(),
        now=now,
        nonce=attempt.nonce,
        access_token=tokens.access_token,
        max_age=attempt.max_age,
    )
    try:
        claims = validate_id_token(tokens.id_token, provider.keys, expected)
    except InvalidToken as error:
        log.warning("ID token of %s refused: %s", provider.name, error.detail)
        raise ProviderFailed(f"{provider.name}: its ID token is not valid", detail=error.detail) from error
    claims, notes = complete(provider, claims, tokens)
    return Vouched(claims=claims, tokens=tokens, notes=notes)


def read_person(provider: Provider, vouched: Vouched) -> SignedIn:
    """Make a person of the claims.  Raises `Forbidden` with the first thing that does not fit."""
    claims, settings = vouched.claims, provider.settings
    groups = read_groups(claims, settings.groups_claim)
    require_admission(claims, groups, settings)
    username = read_username(claims, settings)
    email, verified = read_email(claims, settings)
    signed_in = numeric_date(claims.get("auth_time"))
    sid = claims.get("sid")
    return SignedIn(
        provider=provider.name,
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        claims=claims,
        username=username,
        email=email,
        email_verified=verified,
        display_name=read_display_name(claims, username),
        groups=groups.names,
        id_token=vouched.tokens.id_token,
        refresh_token=vouched.tokens.refresh_token,
        sid=sid if isinstance(sid, str) and len(sid) <= 255 and sid.isprintable() else "",
        auth_time=None if signed_in is None else datetime.fromtimestamp(signed_in, UTC),
        notes=(*vouched.notes, *([groups.note] if groups.note else [])),
    )


def read_params(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Read the parameters of an answer, from a query or a form.

    Raises `InvalidRequest` for one that comes twice (RFC 6749 section 3.1) or is too long; unknown ones are ignored.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in CALLBACK_PARAMETERS:
            continue
        if name in found:
            raise InvalidRequest(f"the provider's answer has {name} twice")
        if len(value) > MAX_PARAMETER:
            raise InvalidRequest(f"the provider's answer has a {name} that is too long")
        found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class _Answer:
    provider: Provider
    attempt: Attempt
    params: Mapping[str, str] = field(repr=False)
    now: datetime


def _is_ours(answer: _Answer) -> None:
    """Refuse an attempt of another provider, or one that is too old."""
    attempt = answer.attempt
    if attempt.provider != answer.provider.name or attempt.issuer != answer.provider.issuer:
        raise InvalidRequest("this answer is for a sign-in at another provider: begin again")
    if not attempt.begun_at - CLOCKS_DIFFER <= answer.now < attempt.expires_at:
        raise InvalidRequest("this sign-in took longer than ten minutes: begin again")


def _has_our_state(answer: _Answer) -> None:
    """RFC 6749 section 10.12: nobody is signed in by an answer to somebody else's request."""
    state = answer.params.get("state", "")
    if not answer.attempt.state or not hmac.compare_digest(state.encode(), answer.attempt.state.encode()):
        raise InvalidRequest("this answer does not belong to a sign-in that was begun in this browser: begin again")


def _is_of_the_issuer(answer: _Answer) -> None:
    """RFC 9207 section 2.4: an answer of another provider than the one asked is a mix-up attack."""
    iss, provider = answer.params.get("iss"), answer.provider
    if iss is None and not provider.metadata().iss_parameter:
        return
    if iss is None or not speaks_for(provider.settings, iss):
        hint = "" if provider.settings.issuer else " (its answers name an issuer, so issuer has to be configured)"
        raise InvalidRequest(
            f"this answer is not from {provider.settings.called}: begin again{hint}", detail=f"iss {str(iss)[:200]!r}"
        )


def _is_no_refusal(answer: _Answer) -> None:
    """Tell the person what the provider said, in our words: its own may be an attacker's."""
    error = answer.params.get("error")
    if error is None:
        return
    name = answer.provider.name
    said = f"{error[:100]!r}: {answer.params.get('error_description', '')[:300]!r}"
    if error in REFUSALS:
        raise Forbidden(f"{name}: {REFUSALS[error]}", detail=said)
    raise ProviderFailed(f"{name}: {FAILURES.get(error, 'it answered with an error')}", detail=said)


def _has_a_code(answer: _Answer) -> None:
    if not answer.params.get("code"):
        raise InvalidRequest(f"the answer of {answer.provider.settings.called} has no code: begin again")
    if _CODE.fullmatch(answer.params["code"]) is None:  # made up: no provider has to be asked about it
        raise InvalidRequest(f"the answer of {answer.provider.settings.called} has a malformed code: begin again")


ANSWER_CHECKS: tuple[Callable[[_Answer], None], ...] = (
    _is_ours,
    _has_our_state,
    _is_of_the_issuer,
    _is_no_refusal,
    _has_a_code,
)
