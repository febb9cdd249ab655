"""ID token validation, to the letter of OpenID Connect Core 3.1.3.7: one claim, one check."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gatepost.errors import InvalidToken
from gatepost.settings.tenants import TEMPLATE
from gatepost.sso.keys import Keys, VerifiedClaims, VerifiedToken, left_half_hash, verify_jws

TYPES = frozenset({"", "jwt"})
MAX_LEEWAY = timedelta(minutes=5)
MAX_SUBJECT = 255
# Anything larger is no time that a calendar has.
_LAST_SECOND = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an ID token has to fit.  `nonce` is None only where none was sent: a token presented as a credential."""

    issuer: str
    client_id: str
    algorithms: tuple[str, ...]
    now: datetime
    leeway: timedelta = timedelta(seconds=60)
    nonce: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    max_age: int | None = None  # seconds
    tenants: Mapping[str, str] = field(default_factory=dict)  # where `issuer` stands for many: `tid` to `iss`

    def is_issuer(self, value: object) -> bool:
        return value in self.tenants.values() if self.tenants else value == self.issuer

    @property
    def slack(self) -> float:
        """The leeway in seconds, bounded whatever was configured, since it revives expired tokens."""
        return min(max(self.leeway, timedelta()), MAX_LEEWAY).total_seconds()


@dataclass(frozen=True, slots=True)
class Case:
    """One token under examination."""

    claims: Mapping[str, object]
    algorithm: str
    expected: Expected
    key_issuer: str = ""

    def at_most(self, when: float) -> bool:
        """Tell whether a time is not in the future, by the provider's clock within the leeway."""
        return when <= self.expected.now.timestamp() + self.expected.slack


Check = Callable[[Case], str]


def validate_id_token(token: str, keys: Keys, expected: Expected) -> VerifiedClaims:
    """Return the claims of an ID token that holds in every respect.

    Raises `InvalidToken`, whose `detail` names the first check that failed, or `ProviderFailed` without keys.
    """
    verified = verify_jws(token, keys, expected.algorithms, TYPES)
    check_claims(verified, expected)
    return verified.claims


def check_claims(verified: VerifiedToken, expected: Expected) -> None:
    """Go through `CHECKS`.  Raises `InvalidToken` at the first that fails; what is not in the table is ignored."""
    case = Case(verified.claims, verified.algorithm, expected, verified.key_issuer)
    for claim, check in CHECKS:
        if wrong := check(case):
            raise InvalidToken(detail=f"{claim}: {wrong}")


def numeric_date(value: object) -> float | None:
    """Read a NumericDate (RFC 7519 section 2).  None for everything else: text, booleans, NaN, beyond the calendar."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= _LAST_SECOND else None


def _iss(case: Case) -> str:
    return "" if case.expected.is_issuer(case.claims.get("iss")) else "another issuer"


def _tid(case: Case) -> str:
    """Entra: one key set signs for every tenant, so `tid`, `iss` and the issuer of the key have to be one tenant's."""
    tenants, tenant = case.expected.tenants, case.claims.get("tid")
    if not tenants:
        return ""
    if not isinstance(tenant, str) or tenants.get(tenant) != case.claims.get("iss"):
        return "missing, or not the tenant of the issuer"
    key_issuer = case.key_issuer.replace(TEMPLATE, tenant)
    return "" if key_issuer in ("", case.claims.get("iss")) else "of another tenant than the key that signed it"


def _sub(case: Case) -> str:
    value = case.claims.get("sub")
    if not isinstance(value, str) or not value:
        return "missing"
    fits = len(value) <= MAX_SUBJECT and value.isascii() and value.isprintable()
    return "" if fits else "not 255 ASCII characters at most"


def _aud(case: Case) -> str:
    value = case.claims.get("aud")
    audiences = value if isinstance(value, list) else [value]
    if not audiences or not all(isinstance(audience, str) for audience in audiences):
        return "missing or malformed"
    return "" if case.expected.client_id in audiences else "not for this client"


def _azp(case: Case) -> str:
    value = case.claims.get("azp")
    audience = case.claims.get("aud")
    if value is None:
        several = isinstance(audience, list) and len(set(map(str, audience))) > 1
        return "missing, though there are several audiences" if several else ""
    return "" if value == case.expected.client_id else "another authorized party"


def _exp(case: Case) -> str:
    value = case.claims.get("exp")
    if (expires := numeric_date(value)) is None:
        return "missing or not a time"
    return "" if case.expected.now.timestamp() < expires + case.expected.slack else "expired"


def _iat(case: Case) -> str:
    value = case.claims.get("iat")
    if (issued := numeric_date(value)) is None:
        return "missing or not a time"
    return "" if case.at_most(issued) else "in the future"


def _nbf(case: Case) -> str:
    value = case.claims.get("nbf")
    if value is None:
        return ""
    if (begins := numeric_date(value)) is None:
        return "not a time"
    return "" if case.at_most(begins) else "in the future"


def _nonce(case: Case) -> str:
    value = case.claims.get("nonce")
    if case.expected.nonce is None:
        return ""
    if not isinstance(value, str):
        return "missing"
    return "" if _same(value, case.expected.nonce) else "of another sign-in"


def _at_hash(case: Case) -> str:
    value = case.claims.get("at_hash")
    # In the code flow it may be left out (3.1.3.6); where it is, it binds the access token to this ID token.
    if value is None or case.expected.access_token is None:
        return ""
    if not isinstance(value, str):
        return "not text"
    wanted = left_half_hash(case.expected.access_token, case.algorithm)
    return "" if _same(value, wanted) else "of another access token"


def _same(said: str, wanted: str) -> bool:
    # JSON can spell half a character, which no encoding has.
    return hmac.compare_digest(said.encode("utf-8", "surrogatepass"), wanted.encode())


def _events(case: Case) -> str:
    # A logout token may be without its `typ`; else it has all that an ID token has.
    return "it tells of an event (RFC 8417), and of no sign-in" if "events" in case.claims else ""


def _auth_time(case: Case) -> str:
    value = case.claims.get("auth_time")
    if value is None:
        return "" if case.expected.max_age is None else "missing, though max_age was asked for"
    if (signed_in := numeric_date(value)) is None:
        return "not a time"
    if not case.at_most(signed_in):
        return "in the future"
    age = case.expected.now.timestamp() - signed_in
    too_old = case.expected.max_age is not None and age > case.expected.max_age + case.expected.slack
    return "longer ago than max_age allows" if too_old else ""


CHECKS: tuple[tuple[str, Check], ...] = (
    ("iss", _iss),
    ("tid", _tid),
    ("aud", _aud),
    ("azp", _azp),
    ("exp", _exp),
    ("iat", _iat),
    ("nbf", _nbf),
    ("nonce", _nonce),
    ("sub", _sub),
    ("at_hash", _at_hash),
    ("auth_time", _auth_time),
    ("events", _events),
)
