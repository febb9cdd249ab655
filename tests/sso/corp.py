"""A company's provider, as its word arrives: two providers, and somebody for whom one of them vouches."""

from __future__ import annotations

from dataclasses import replace

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.settings import ProviderSettings, Settings, SsoSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.provisioning import Visit, enter
from gatepost.tokens.sessions import NewSession
from tests.conftest import settings_for

CORP = ProviderSettings(name="corp", issuer="https://corp.example", client_id="gatepost", groups_claim="groups")
TRUSTED = replace(CORP, trust_email=True)
OTHER = ProviderSettings(name="other", issuer="https://other.example", client_id="gatepost")


def with_providers(url: str) -> Settings:
    return replace(settings_for(url), sso=SsoSettings(providers=(CORP, OTHER)))


def said(subject: str = "sub-alice", username: str = "alice", **what: object) -> SignedIn:
    """What `corp` vouches for, unless told otherwise."""
    told = SignedIn(
        provider="corp",
        issuer="https://corp.example",
        subject=subject,
        claims={},
        username=username,
        email=f"{username}@corp.example",
        email_verified=True,
        display_name=username.title(),
        groups=None,
        id_token="header.claims.signature",
        sid="",
        auth_time=None,
    )
    return replace(told, **what) if what else told  # type: ignore[arg-type]


def elsewhere(subject: str = "sub-alice", username: str = "alice", **what: object) -> SignedIn:
    return said(subject, username, provider="other", issuer="https://other.example", **what)


def come(
    gate: Gatepost, who: SignedIn, settings: ProviderSettings = CORP, linking: Principal | None = None
) -> NewSession:
    return enter(gate, settings, who, Visit(address="192.0.2.7", agent="browser", linking=linking))
