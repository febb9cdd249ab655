"""The whole configuration, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field

from gatepost.settings.cautions import cautions
from gatepost.settings.issuers import DelegatedSettings, SsoSettings
from gatepost.settings.sections import (
    AccessSettings,
    DatabaseSettings,
    ForwardAuthSettings,
    KeysSettings,
    MainSettings,
    SessionsSettings,
    TokensSettings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is configured.  `Settings()` holds the defaults; each field is a section of the file.

    `remarks` is no section: it holds what the sources gave reason to warn of, such as a misspelt variable.
    """

    main: MainSettings = field(default_factory=MainSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    keys: KeysSettings = field(default_factory=KeysSettings)
    tokens: TokensSettings = field(default_factory=TokensSettings)
    sessions: SessionsSettings = field(default_factory=SessionsSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    sso: SsoSettings = field(default_factory=SsoSettings)
    delegated: DelegatedSettings = field(default_factory=DelegatedSettings)
    forward_auth: ForwardAuthSettings = field(default_factory=ForwardAuthSettings)
    remarks: tuple[str, ...] = ()

    def warnings(self) -> list[str]:
        """Return one sentence for each thing that is allowed and should not go unseen at start."""
        return [*self.remarks, *cautions(self)]
