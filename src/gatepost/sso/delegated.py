"""One issuer of `[[delegated.issuers]]` at run time: its keys, and what a token of it has to fit (RFC 7519, RFC 9068)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gatepost.errors import InvalidToken
from gatepost.sso.addresses import hosts_of
from gatepost.sso.discovery import Discovery, read_key_address
from gatepost.sso.health import Health, ProviderState, Watched
from gatepost.sso.http import Http, ProviderHttp
from gatepost.sso.id_token import numeric_date
from gatepost.sso.jwks import ProviderKeys
from gatepost.sso.keys import FixedKeys, Keys, VerifiedClaims, verify_jws
from gatepost.sso.public_keys import read_public_keys

if TYPE_CHECKING:
    from gatepost.settings.issuers import DelegatedIssuer

# An access token or a plain JWT.  A logout token, or a token of any purpose that we do not know, is not for signing in.
TYPES = frozenset({"", "jwt", "at+jwt"})


class Issuer:
    """Made without a word to the issuer: one that is down stops nothing, and nobody else."""

    def __init__(self, settings: DelegatedIssuer, now: Callable[[], datetime], http: Http | None = None) -> None:
        """Prepare an issuer.  `now` is UTC.  Raises `ConfigurationError` for a configured key that is none."""
        self.settings = settings
        self.name = settings.name
        self._now = now
        door = http or ProviderHttp(
            self.name,
            timeout=settings.http_timeout,
            allow_insecure=settings.allow_insecure,
            configured=hosts_of(settings.issuer, settings.jwks_uri),
        )
        self._health = Health(now)
        http = Watched(self.name, door, self._health, now)
        self._discovery = Discovery(settings, http, now, lambda document: read_key_address(document, settings))
        self._discovery.tell(self._health.told("discovery document"))
        fixed = read_public_keys(settings, "delegated.issuers")
        fetched = ProviderKeys(self.name, self._jwks_uri, http, now)
        fetched.tell(self._health.told("key set"))
        self.keys: Keys = FixedKeys(fixed) if fixed else fetched

    def state(self) -> ProviderState:
        """Return how the issuer is doing, without asking it."""
        known, fetches = self.keys.known, self.keys.fetches
        return self._health.state(self.name, self.name, self.settings.issuer, keys=known, fetches=fetches)

    def look(self) -> ProviderState:
        """Ask for what its tokens are verified with, and return how it went.  Never raises."""
        if not isinstance(self.keys, FixedKeys):
            if not self.settings.jwks_uri:
                self._discovery.look()
            self.keys.look()
        return self.state()

    def verify(self, token: str) -> VerifiedClaims:
        """Return the claims of a token that holds in every respect.

        Raises `InvalidToken`, whose `detail` names the first check that failed, or `ProviderFailed` without keys.
        """
        verified = verify_jws(token, self.keys, self.settings.algorithms, TYPES)
        case = _Case(verified.claims, self.settings, self._now().timestamp())
        for claim, check in CHECKS:
            if wrong := check(case):
                raise InvalidToken(detail=f"{self.name}: {claim}: {wrong}")
        return verified.claims

    def _jwks_uri(self) -> str:
        return self.settings.jwks_uri or self._discovery.metadata().jwks_uri


@dataclass(frozen=True, slots=True)
class _Case:
    """One token under examination.  `now` is in seconds since the epoch."""

    claims: Mapping[str, object]
    settings: DelegatedIssuer
    now: float

    @property
    def slack(self) -> float:
        return self.settings.leeway.total_seconds()


def audiences_of(claims: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the audiences, none if there is no `aud`.  None for a claim that is not text or a list of texts."""
    value = claims.get("aud", [])
    entries = value if isinstance(value, list) else [value]
    texts = tuple(entry for entry in entries if isinstance(entry, str) and entry)
    return texts if len(texts) == len(entries) else None


def is_meant(settings: DelegatedIssuer, audiences: tuple[str, ...]) -> bool:
    return settings.allow_any_audience or not set(audiences).isdisjoint(settings.audience)


def _iss(case: _Case) -> str:
    return "" if case.claims.get("iss") == case.settings.issuer else "another issuer"


def _aud(case: _Case) -> str:
    audiences = audiences_of(case.claims)
    if audiences is None:
        return "malformed"
    return "" if is_meant(case.settings, audiences) else "not for us"


def _exp(case: _Case) -> str:
    if (expires := numeric_date(case.claims.get("exp"))) is None:
        return "missing or not a time"
    return "" if case.now < expires + case.slack else "expired"


def _begun(claim: str) -> Callable[[_Case], str]:
    def check(case: _Case) -> str:
        if claim not in case.claims:
            return ""
        if (when := numeric_date(case.claims[claim])) is None:
            return "not a time"
        return "" if when <= case.now + case.slack else "in the future"

    return check


def _events(case: _Case) -> str:
    return "it tells of an event (RFC 8417) and is nobody's credential" if "events" in case.claims else ""


def _required(case: _Case) -> str:
    for name, wanted in case.settings.required_claims.items():
        value = case.claims.get(name)
        # `True == 1` in Python, and not in JSON.
        if type(value) is not type(wanted) or value != wanted:
            return f"{name} is not as configured"
    return ""


CHECKS: tuple[tuple[str, Callable[[_Case], str]], ...] = (
    ("iss", _iss),
    ("aud", _aud),
    ("exp", _exp),
    ("nbf", _begun("nbf")),
    ("iat", _begun("iat")),
    ("events", _events),
    ("required_claims", _required),
)
