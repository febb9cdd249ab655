"""One provider at run time: its settings, what is known of it, and how it is doing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gatepost.errors import InvalidToken, ProviderFailed
from gatepost.sso.discovery import Discovery, Metadata, configured_metadata, read_metadata
from gatepost.sso.http import Answer, Http, ProviderHttp
from gatepost.sso.id_token import Expected, validate_id_token
from gatepost.sso.jwks import ProviderKeys
from gatepost.sso.keys import FixedKeys, Keys, VerifiedClaims
from gatepost.sso.public_keys import read_public_keys

if TYPE_CHECKING:
    from gatepost.settings import ProviderSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """How a provider is doing, for people.  `up` is None until somebody asked it for something."""

    name: str
    display_name: str
    issuer: str
    up: bool | None
    last_error: str
    last_error_at: datetime | None
    last_success_at: datetime | None


class Provider:
    """Made at start without a word to the provider: one that is down stops nothing, and nobody else."""

    def __init__(self, settings: ProviderSettings, now: Callable[[], datetime], http: Http | None = None) -> None:
        """Prepare a provider.  `now` is UTC.  Raises `ConfigurationError` for a configured key that is none."""
        self.settings = settings
        self.name = settings.name
        self.display_name = settings.display_name or settings.name
        self._now = now
        self._health = _Health(now)
        door = http or ProviderHttp(self.name, timeout=settings.http_timeout, allow_insecure=settings.allow_insecure)
        self.http: Http = _Watched(door, self._health)
        self._discovery = Discovery(
            settings, self.http, now, lambda document: read_metadata(document, settings), configured_metadata(settings)
        )
        fixed = read_public_keys(settings)
        self.keys: Keys = FixedKeys(fixed) if fixed else ProviderKeys(self.name, self._jwks_uri, self.http, now)

    @property
    def issuer(self) -> str:
        return self.settings.issuer or ""

    def metadata(self) -> Metadata:
        """Return the provider's endpoints.  Raises `ProviderFailed`."""
        try:
            return self._discovery.metadata()
        except ProviderFailed as failure:
            self._health.failed(str(failure))
            raise

    def known_metadata(self) -> Metadata | None:
        """Return the provider's endpoints if they are known already, without asking it."""
        return self._discovery.known()

    def state(self) -> ProviderState:
        """Return how the provider is doing, without asking it."""
        return ProviderState(
            name=self.name,
            display_name=self.display_name,
            issuer=self.issuer,
            up=self._health.up,
            last_error=self._health.error,
            last_error_at=self._health.failed_at,
            last_success_at=self._health.worked_at,
        )

    def note_failure(self, sentence: str) -> None:
        """Show in the state that the provider answered, and wrongly."""
        self._health.failed(sentence)

    def look(self) -> ProviderState:
        """Ask for the metadata and a key, as `gatepost doctor` does, and return how it went.  Never raises."""
        try:
            self.metadata()
            self.keys.candidates(None, self.settings.algorithms[0])
        except ProviderFailed as failure:
            self._health.failed(str(failure))
        return self.state()

    def verify_id_token(self, token: str) -> VerifiedClaims:
        """Return the claims of an ID token presented as a credential.  Raises `InvalidToken`, `ProviderFailed`."""
        return validate_id_token(token, self.keys, self.expected())

    def expected(self) -> Expected:
        """Return what every ID token of this provider has to fit."""
        if not self.issuer or not self.settings.client_id:
            raise InvalidToken(detail=f"{self.name} has no issuer or no client_id to check against")
        return Expected(
            issuer=self.issuer,
            client_id=self.settings.client_id,
            algorithms=self.settings.algorithms,
            now=self._now(),
            leeway=self.settings.leeway,
        )

    def _jwks_uri(self) -> str:
        return self.settings.jwks_uri or self.metadata().jwks_uri


class _Health:
    """The last thing that worked and the last that did not."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.up: bool | None = None
        self.error = ""
        self.failed_at: datetime | None = None
        self.worked_at: datetime | None = None

    def worked(self) -> None:
        self.up, self.worked_at = True, self._now()

    def failed(self, sentence: str) -> None:
        self.up, self.error, self.failed_at = False, sentence, self._now()


class _Watched:
    """A door that notes whether the provider answers.  A status below 500 is an answer."""

    def __init__(self, door: Http, health: _Health) -> None:
        self._door = door
        self._health = health

    def get(self, url: str, what: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._noted(what, lambda: self._door.get(url, what, headers))

    def post(self, url: str, what: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        return self._noted(what, lambda: self._door.post(url, what, form, headers))

    def _noted(self, what: str, ask: Callable[[], Answer]) -> Answer:
        try:
            answer = ask()
        except ProviderFailed as failure:
            self._health.failed(str(failure))
            raise
        if answer.status >= 500:
            self._health.failed(f"the {what} answered {answer.status}")
        else:
            self._health.worked()
        return answer
