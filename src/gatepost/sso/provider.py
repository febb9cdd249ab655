"""One provider at run time: its settings, what is known of it, and how it is doing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from gatepost.errors import InvalidToken, ProviderFailed
from gatepost.settings.tenants import tenant_issuers
from gatepost.sso.addresses import hosts_of
from gatepost.sso.discovery import ENDPOINTS, Discovery, Metadata, configured_metadata, read_metadata
from gatepost.sso.health import Health, ProviderState, Watched
from gatepost.sso.http import Http, ProviderHttp
from gatepost.sso.id_token import Expected, validate_id_token
from gatepost.sso.jwks import ProviderKeys
from gatepost.sso.keys import FixedKeys, Keys, VerifiedClaims
from gatepost.sso.public_keys import read_public_keys

if TYPE_CHECKING:
    from gatepost.settings import ProviderSettings


Signer = Callable[[str, str], str]  # of a client_id and an audience, to the assertion


class Provider:
    """Made at start without a word to the provider: one that is down stops nothing, and nobody else."""

    def __init__(
        self,
        settings: ProviderSettings,
        now: Callable[[], datetime],
        http: Http | None = None,
        sign: Signer | None = None,
    ) -> None:
        """Prepare a provider.  `now` is UTC.  Raises `ConfigurationError` for a configured key that is none.

        `sign` makes the proof of `private_key_jwt`.
        """
        self.sign = sign
        self.settings = settings
        self.name = settings.name
        self.display_name = settings.called
        self._now = now
        self._health = Health(now)
        door = http or ProviderHttp(
            self.name,
            timeout=settings.http_timeout,
            allow_insecure=settings.allow_insecure,
            configured=hosts_of(settings.issuer, *(getattr(settings, name) for name, _ in ENDPOINTS)),
        )
        self.http: Http = Watched(self.name, door, self._health, now)
        self._discovery = Discovery(
            settings, self.http, now, lambda document: read_metadata(document, settings), configured_metadata(settings)
        )
        self._discovery.tell(self._health.told("discovery document"))
        fixed = read_public_keys(settings)
        fetched = ProviderKeys(self.name, self._jwks_uri, self.http, now)
        fetched.tell(self._health.told("key set"))
        self.keys: Keys = FixedKeys(fixed) if fixed else fetched

    @property
    def issuer(self) -> str:
        return self.settings.identity_issuer

    def metadata(self) -> Metadata:
        """Return the provider's endpoints.  Raises `ProviderFailed`."""
        return self._discovery.metadata()

    def known_metadata(self) -> Metadata | None:
        """Return the provider's endpoints if they are known already, without asking it."""
        return self._discovery.known()

    def state(self) -> ProviderState:
        """Return how the provider is doing, without asking it."""
        known, fetches = self.keys.known, self.keys.fetches
        return self._health.state(self.name, self.display_name, self.issuer, keys=known, fetches=fetches)

    def note_failure(self, sentence: str) -> None:
        """Show in the state that the provider answered, and wrongly."""
        self._health.answered_wrongly(sentence)

    def look(self) -> ProviderState:
        """Ask for the metadata and the keys, as `gatepost doctor` does, and return how it went.  Never raises."""
        try:
            self._discovery.look()
            if self.settings.protocol == "oidc":
                self.keys.look()
            elif self.settings.userinfo_endpoint:
                # There is no document to ask for.  Any answer, and mostly it is a 401, says that somebody is there.
                self.http.get(self.settings.userinfo_endpoint, "userinfo endpoint")
        except ProviderFailed:
            return self.state()  # which says it
        return self.state()

    def verify_id_token(self, token: str) -> VerifiedClaims:
        """Return the claims of an ID token presented as a credential.  Raises `InvalidToken`, `ProviderFailed`."""
        return validate_id_token(token, self.keys, self.expected())

    def expected(self) -> Expected:
        """Return what every ID token of this provider has to fit."""
        if self.settings.protocol != "oidc":
            raise InvalidToken(detail=f"{self.name} signs people in by OAuth 2.0, which has no ID tokens")
        if not self.issuer or not self.settings.client_id:
            raise InvalidToken(detail=f"{self.name} has no issuer or no client_id to check against")
        return Expected(
            issuer=self.issuer,
            client_id=self.settings.client_id,
            algorithms=self.settings.algorithms,
            now=self._now(),
            leeway=self.settings.leeway,
            tenants=tenant_issuers(self.settings),
        )

    def _jwks_uri(self) -> str:
        return self.settings.jwks_uri or self.metadata().jwks_uri
