"""What operators are told of each provider and delegated issuer, and looking at one now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.settings.issuers import ProviderSettings
from gatepost.sso.delegated import Issuer
from gatepost.sso.provider import Provider
from gatepost.sso.states import providers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """A provider's or an issuer's state for people, as this process knows it.

    `kind` is `provider` or `issuer`; `status` is `up`, `down`, or `unknown` until it was asked for something.  `message`
    says in our words what is wrong now, `last_error` what was wrong last.  `addresses` holds those that its
    administrator has to register, under the names of OpenID Connect Dynamic Client Registration.
    """

    kind: str
    name: str
    display_name: str
    protocol: str
    issuer: str | None
    status: str
    message: str
    last_error: str
    last_error_at: datetime | None
    last_success_at: datetime | None
    failures: int
    keys_known: int
    key_fetches: int
    addresses: Mapping[str, str]


def provider_states(gate: Gatepost, caller: Principal) -> list[ProviderReport]:
    """The state of each provider and delegated issuer, without asking any of them.  It takes `provider:view`."""
    gate.require(caller, "provider:view", seen_by="")
    return [report(gate, source) for source in providers_of(gate).sources()]


def look_at(gate: Gatepost, caller: Principal, name: str) -> ProviderReport:
    """Ask one for its documents, which may take as long as its time-out, and return how it is doing.

    It takes `provider:view`.  Raises `NotFound` for a name that is not configured.
    """
    gate.require(caller, "provider:view", seen_by="")
    source = providers_of(gate).source(name)
    source.look()
    return report(gate, source)


def report(gate: Gatepost, source: Provider | Issuer) -> ProviderReport:
    state = source.state()
    status = "unknown" if state.up is None else "up" if state.up else "down"
    signs_in = isinstance(source, Provider)
    return ProviderReport(
        kind="provider" if signs_in else "issuer",
        name=source.name,
        display_name=state.display_name,
        protocol=source.settings.protocol if isinstance(source, Provider) else "jwt",
        issuer=source.issuer or None if isinstance(source, Provider) else source.settings.issuer,
        status=status,
        message=state.last_error if status == "down" else "",
        last_error=state.last_error,
        last_error_at=state.last_error_at,
        last_success_at=state.last_success_at,
        failures=state.failures,
        keys_known=state.keys_known,
        key_fetches=state.key_fetches,
        addresses=addresses_of(gate, source.settings) if isinstance(source, Provider) else {},
    )


def addresses_of(gate: Gatepost, settings: ProviderSettings) -> dict[str, str]:
    """What to register at a provider.  `redirect_uri` is matched to the letter there (RFC 9700 section 4.1.3)."""
    public_url = gate.settings.main.public_url
    here = f"{public_url}/oauth/{settings.name}"
    found = {"redirect_uri": f"{here}/callback"}
    if settings.protocol == "oidc":
        found["post_logout_redirect_uri"] = f"{here}/signed-out"
        found["initiate_login_uri"] = f"{here}/login"
        if settings.back_channel_logout:
            found["backchannel_logout_uri"] = f"{here}/logout"
        if settings.front_channel_logout:
            found["frontchannel_logout_uri"] = f"{here}/logout"
    if settings.token_endpoint_auth_method == "private_key_jwt":  # noqa: S105 - a name of the protocol
        found["jwks_uri"] = f"{public_url}/.well-known/jwks.json"
    return found
