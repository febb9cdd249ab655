"""Logout tokens, to the letter of OpenID Connect Back-Channel Logout 1.0 section 2.6: one claim, one check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gatepost.errors import InvalidToken
from gatepost.sso.id_token import MAX_SUBJECT, Expected, numeric_date
from gatepost.sso.keys import verify_jws

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = frozenset({"", "jwt", "logout+jwt"})
MAX_JTI = 1024
# A provider may try again for a while.  Beyond this a token is old, whatever it says, so that few `jti` are remembered.
LONGEST_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """Whose session is over at the provider: that of `sid`, or, where it is empty, every one of `subject`."""

    issuer: str
    subject: str
    sid: str
    jti: str
    issued: float  # seconds since the epoch, by the provider's clock
    good_until: datetime


@dataclass(frozen=True, slots=True)
class _Case:
    claims: Mapping[str, object]
    expected: Expected


def read_logout_token(provider: Provider, token: str) -> LogoutToken:
    """Return what a logout token says, once all of it holds.  That it is used once is the caller's to see to.

    Raises `InvalidToken`, whose `detail` names the first check that failed, or `ProviderFailed` without keys.
    """
    expected = provider.expected()
    claims = verify_jws(token, provider.keys, provider.settings.algorithms, TYPES).claims
    case = _Case(claims, expected)
    for claim, check in CHECKS:
        if wrong := check(case):
            raise InvalidToken(detail=f"logout token: {claim}: {wrong}")
    issued, expires = numeric_date(claims["iat"]) or 0.0, numeric_date(claims.get("exp"))
    end = min(issued + LONGEST_LIFE.total_seconds(), expires or float("inf")) + expected.slack
    return LogoutToken(
        issuer=str(claims["iss"]),
        subject=str(claims.get("sub", "")),
        sid=str(claims.get("sid", "")),
        jti=str(claims["jti"]),
        issued=issued,
        good_until=datetime.fromtimestamp(end, expected.now.tzinfo),
    )


def _iss(case: _Case) -> str:
    return "" if case.expected.is_issuer(case.claims.get("iss")) else "another issuer"


def _aud(case: _Case) -> str:
    value = case.claims.get("aud")
    audiences = value if isinstance(value, list) else [value]
    if not audiences or not all(isinstance(audience, str) for audience in audiences):
        return "missing or malformed"
    return "" if case.expected.client_id in audiences else "not for this client"


def _iat(case: _Case) -> str:
    if (issued := numeric_date(case.claims.get("iat"))) is None:
        return "missing or not a time"
    now = case.expected.now.timestamp()
    if issued > now + case.expected.slack:
        return "in the future"
    return "" if now < issued + LONGEST_LIFE.total_seconds() + case.expected.slack else "too long ago"


def _exp(case: _Case) -> str:
    # Required by the final text, and unknown to providers that implement an older draft: then `iat` bounds it.
    if "exp" not in case.claims:
        return ""
    if (expires := numeric_date(case.claims["exp"])) is None:
        return "not a time"
    return "" if case.expected.now.timestamp() < expires + case.expected.slack else "expired"


def _jti(case: _Case) -> str:
    value = case.claims.get("jti")
    return "" if isinstance(value, str) and 0 < len(value) <= MAX_JTI else "missing or not a short text"


def _events(case: _Case) -> str:
    value = case.claims.get("events")
    if not isinstance(value, Mapping):
        return "missing or not an object"
    return "" if isinstance(value.get(EVENT), Mapping) else "not a logout"


def _nonce(case: _Case) -> str:
    # It may not be there (section 2.4), so that no logout token can be passed off as an ID token.
    return "there" if "nonce" in case.claims else ""


def _whose(case: _Case) -> str:
    given = [case.claims[name] for name in ("sub", "sid") if name in case.claims]
    if not given:
        return "both missing"
    fits = all(isinstance(v, str) and 0 < len(v) <= MAX_SUBJECT and v.isprintable() for v in given)
    return "" if fits else "not a short text"


CHECKS: tuple[tuple[str, Callable[[_Case], str]], ...] = (
    ("iss", _iss),
    ("aud", _aud),
    ("iat", _iat),
    ("exp", _exp),
    ("jti", _jti),
    ("events", _events),
    ("nonce", _nonce),
    ("sub or sid", _whose),
)
