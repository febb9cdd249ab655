"""One provider at run time: its settings, what is known of it, and how it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gatepost.errors import ProviderFailed
from gatepost.sso.discovery import Discovery, Metadata
from gatepost.sso.http import Http, ProviderHttp
from gatepost.sso.jwks import ProviderKeys
from gatepost.sso.keys import FixedKeys, Keys
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
    """Made at start without a word to the provider: one that is down stops nothing and nobody else."""

    def __init__(self, settings: ProviderSettings, now: Callable[[], datetime], http: Http | None = None) -> None:
        self.settings = settings
        self.name = settings.name
        self.display_name = settings.display_name or settings.name
        self.now = now
        self.http = _Watched(
            http or ProviderHttp(self.name, timeout=settings.http_timeout, allow_insecure=settings.allow_insecure), now
        )
        self.discovery = Discovery(settings, self.http, now)
        fixed = read_public_keys(settings)
        self.keys: Keys = FixedKeys(fixed) if fixed else ProviderKeys(self.name, self._jwks_uri, self.http, now)

    def metadata(self) -> Metadata:
        """Return the provider's endpoints.  Raises `ProviderFailed`."""
        return self.discovery.metadata()
