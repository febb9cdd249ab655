"""What a provider says about itself: OpenID Connect Discovery 1.0, checked, cached, and never fatal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gatepost.errors import ProviderFailed
from gatepost.settings.tenants import discovered_at, is_multi_tenant, template_of
from gatepost.sso.addresses import why_not_listed
from gatepost.sso.http import Http, json_object

if TYPE_CHECKING:
    from gatepost.settings import ProviderSettings
    from gatepost.settings.issuers import DelegatedIssuer

FRESH = timedelta(hours=1)
STALE = timedelta(hours=24)
COOL_DOWN = timedelta(seconds=5)
WELL_KNOWN = "/.well-known/openid-configuration"
OAUTH2_WELL_KNOWN = "/.well-known/oauth-authorization-server"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Where a provider's endpoints are, and what it promises."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    revocation_endpoint: str = ""  # RFC 7009; empty for one that cannot be called, which keeps nobody from signing in
    iss_parameter: bool = False  # RFC 9207: every authorization response carries `iss`
    scopes: frozenset[str] = frozenset()  # those it says it supports; empty if it does not say


ENDPOINTS = (  # and the protocols that cannot do without
    ("authorization_endpoint", ("oidc", "oauth2")),
    ("token_endpoint", ("oidc", "oauth2")),
    ("jwks_uri", ("oidc",)),
    ("userinfo_endpoint", ("oauth2",)),
    ("end_session_endpoint", ()),
)


def read_metadata(document: Mapping[str, object], settings: ProviderSettings) -> Metadata:
    """Check a discovery document.  Raises `ProviderFailed` with what is wrong with it.

    Section 4.3: its `issuer` must be the configured one, to the byte; else one provider could speak for another.
    """
    name = settings.name
    issuer = settings.issuer or ""
    # Entra's document for several tenants names a template.  Which tenants it stands for is the allow-list's to say.
    named = template_of(issuer) if is_multi_tenant(issuer, settings.preset) else issuer
    if not named or document.get("issuer") != named:
        raise ProviderFailed(
            f"{name}: the discovery document names another issuer than the configured one",
            detail=f"issuer {str(document.get('issuer'))[:200]!r}",
        )
    found: dict[str, str] = {}
    protocol = settings.protocol
    for endpoint, required in ENDPOINTS:
        found[endpoint] = _endpoint(document, settings, endpoint, required=protocol in required)
    return Metadata(
        issuer=issuer,
        **found,
        revocation_endpoint=_callable(document.get("revocation_endpoint"), settings),
        iss_parameter=document.get("authorization_response_iss_parameter_supported") is True,
        scopes=_texts(document.get("scopes_supported")),
    )


def read_key_address(document: Mapping[str, object], settings: DelegatedIssuer) -> Metadata:
    """Check the discovery document of an issuer at which nobody signs in: all it has to tell is where its keys are."""
    if document.get("issuer") != settings.issuer:
        raise ProviderFailed(
            f"{settings.name}: the discovery document names another issuer than the configured one",
            detail=f"issuer {str(document.get('issuer'))[:200]!r}",
        )
    address = document.get("jwks_uri")
    if not isinstance(address, str) or not address:
        raise ProviderFailed(f"{settings.name}: the discovery document has no jwks_uri")
    if reason := why_not_listed(address, settings.issuer, allow_insecure=settings.allow_insecure):
        raise ProviderFailed(f"{settings.name}: jwks_uri {reason}", detail=repr(address[:200]))
    return Metadata(issuer=settings.issuer, authorization_endpoint="", token_endpoint="", jwks_uri=address)


def oauth2_metadata_of(issuer: str) -> str:
    """Return where the metadata of an authorization server stand that knows no OpenID Connect (RFC 8414 section 3.1)."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}{OAUTH2_WELL_KNOWN}{parts.path}"


def configured_metadata(settings: ProviderSettings) -> Metadata | None:
    """Return the metadata of a provider whose endpoints are all configured, so that nothing has to be fetched."""
    if settings.needs_discovery or not (settings.authorization_endpoint and settings.token_endpoint):
        return None
    return Metadata(
        issuer=settings.identity_issuer,
        authorization_endpoint=settings.authorization_endpoint,
        token_endpoint=settings.token_endpoint,
        jwks_uri=settings.jwks_uri or "",
        userinfo_endpoint=settings.userinfo_endpoint or "",
        end_session_endpoint=settings.end_session_endpoint or "",
    )


def _endpoint(document: Mapping[str, object], settings: ProviderSettings, endpoint: str, *, required: bool) -> str:
    value = getattr(settings, endpoint) or document.get(endpoint) or ""
    if not isinstance(value, str):
        raise ProviderFailed(f"{settings.name}: {endpoint} in the discovery document is not text")
    if not value and required and not (endpoint == "jwks_uri" and settings.public_keys):
        raise ProviderFailed(f"{settings.name}: the discovery document has no {endpoint}")
    issuer = value if getattr(settings, endpoint) else settings.issuer or ""  # what is configured lists itself
    if value and (reason := why_not_listed(value, issuer, allow_insecure=settings.allow_insecure)):
        raise ProviderFailed(f"{settings.name}: {endpoint} {reason}", detail=repr(value[:200]))
    return value


def _callable(value: object, settings: ProviderSettings) -> str:
    listed, issuer = value if isinstance(value, str) else "", settings.issuer or ""
    return "" if why_not_listed(listed, issuer, allow_insecure=settings.allow_insecure) else listed


def _texts(value: object) -> frozenset[str]:
    return frozenset(text for text in value if isinstance(text, str)) if isinstance(value, list) else frozenset()


class Discovery:
    """One provider's metadata: fresh for an hour, used for a day when the provider fails, fetched by one thread."""

    def __init__(
        self,
        settings: ProviderSettings | DelegatedIssuer,
        http: Http,
        now: Callable[[], datetime],
        read: Callable[[Mapping[str, object]], Metadata],
        configured: Metadata | None = None,
    ) -> None:
        """`read` checks a document; `configured` is what to go by if nothing has to be fetched."""
        self._settings = settings
        self._read = read
        self._http = http
        self._now = now
        self._lock = threading.Lock()
        self._metadata: Metadata | None = configured
        self._fixed = self._metadata is not None
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._failure: ProviderFailed | None = None
        self._tell: Callable[[ProviderFailed | None], None] = lambda _failure: None

    def tell(self, then: Callable[[ProviderFailed | None], None]) -> None:
        """Call `then` after each fetch, with what was wrong or None."""
        self._tell = then

    def look(self) -> None:
        """Fetch now, whatever is known, unless somebody just did or there is nothing to fetch.  Never raises."""
        with self._lock:
            if not self._fixed and (self._asked_at is None or self._now() - self._asked_at >= COOL_DOWN):
                self._try()

    def known(self) -> Metadata | None:
        """Return the metadata if they are here already, without asking anybody."""
        return self._usable(STALE)

    def metadata(self) -> Metadata:
        """Return the metadata, fetching it if need be.  Raises `ProviderFailed` if there is none to go by."""
        if (known := self._usable(FRESH)) is not None:
            return known
        stale = self._usable(STALE)
        # Whoever has something to go on with does not wait for the one that is fetching.
        if not self._lock.acquire(blocking=stale is None):
            return stale or self._fall_back()
        try:
            return self._usable(FRESH) or self._refreshed()
        finally:
            self._lock.release()

    def _refreshed(self) -> Metadata:
        found = None if self._cooling() else self._try()
        return found or self._fall_back()

    def _try(self) -> Metadata | None:
        self._asked_at = self._now()
        try:
            found = self._fetch()
        except ProviderFailed as failure:
            self._failed_at, self._failure = self._now(), failure
            log.warning("%s (%s)", failure, failure.detail)
            self._tell(failure)
            return None
        self._tell(None)
        return found

    def _usable(self, age: timedelta) -> Metadata | None:
        if self._fixed:
            return self._metadata
        if self._fetched_at is None or self._now() - self._fetched_at > age:
            return None
        return self._metadata

    def _cooling(self) -> bool:
        return self._failed_at is not None and self._now() - self._failed_at < COOL_DOWN

    def _fall_back(self) -> Metadata:
        if (stale := self._usable(STALE)) is not None:
            return stale
        failure = self._failure or ProviderFailed(f"{self._settings.name}: there is no discovery document")
        raise ProviderFailed(str(failure), detail=failure.detail)

    def _fetch(self) -> Metadata:
        what = "discovery document"
        issuer = discovered_at(self._settings.issuer or "").rstrip("/")
        answer = self._http.get(issuer + WELL_KNOWN, what)
        if answer.status == 404 and getattr(self._settings, "protocol", "") == "oauth2":
            answer = self._http.get(oauth2_metadata_of(issuer), what)
        if answer.status != 200:
            raise ProviderFailed(f"{self._settings.name}: the {what} answered {answer.status}")
        metadata = self._read(json_object(answer, self._settings.name, what))
        self._metadata, self._fetched_at = metadata, self._now()
        self._failed_at = self._failure = None
        return metadata
