"""The configuration: frozen, complete, and with every problem reported at once."""

from __future__ import annotations

from gatepost.settings.formats import Algorithm, ClaimRule, Network
from gatepost.settings.issuers import (
    DelegatedIssuer,
    DelegatedSettings,
    GroupSync,
    IssuerSettings,
    ProviderSettings,
    SsoSettings,
)
from gatepost.settings.load import check_file, for_database, load
from gatepost.settings.reference import KeyDoc, reference
from gatepost.settings.root import Settings
from gatepost.settings.secret import Secret
from gatepost.settings.sections import (
    AccessSettings,
    DatabaseSettings,
    ForwardAuthSettings,
    HostSettings,
    KeysSettings,
    MainSettings,
    SessionsSettings,
    TokensSettings,
)

__all__ = [
    "AccessSettings",
    "Algorithm",
    "ClaimRule",
    "DatabaseSettings",
    "DelegatedIssuer",
    "DelegatedSettings",
    "ForwardAuthSettings",
    "GroupSync",
    "HostSettings",
    "IssuerSettings",
    "KeyDoc",
    "KeysSettings",
    "MainSettings",
    "Network",
    "ProviderSettings",
    "Secret",
    "SessionsSettings",
    "Settings",
    "SsoSettings",
    "TokensSettings",
    "check_file",
    "for_database",
    "load",
    "reference",
]
