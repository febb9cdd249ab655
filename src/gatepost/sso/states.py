"""The providers and delegated issuers of this process, and how each provider is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from gatepost.errors import NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.sso.delegated import Issuer
from gatepost.sso.jwks import ProviderKeys
from gatepost.sso.provider import Provider

Source = TypeVar("Source", Provider, Issuer)


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """A provider's state for people: `status` is `up`, `down`, or `unknown` until somebody signed in there."""

    name: str
    display_name: str
    protocol: str
    issuer: str | None
    status: str
    message: str
    last_success_at: datetime | None


class Providers:
    """The configured providers by name, each made when it is first needed: making one asks nothing of it."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        self._made: dict[str, Provider] = {}
        self._issuers: dict[str, Issuer] = {}

    def get(self, name: str) -> Provider:
        """Raises `NotFound` for a name that is not configured."""
        if name not in self._made:
            settings = next((p for p in self._gate.settings.sso.providers if p.name == name), None)
            if settings is None:
                raise NotFound("there is no such provider")
            self._made.setdefault(name, self._watched(Provider(settings, self._gate.now)))
        return self._made[name]

    def issuer(self, name: str) -> Issuer:
        """A delegated issuer.  Raises `NotFound` for a name that is not configured."""
        if name not in self._issuers:
            settings = next((d for d in self._gate.settings.delegated.issuers if d.name == name), None)
            if settings is None:
                raise NotFound("there is no such issuer")
            self._issuers.setdefault(name, self._watched(Issuer(settings, self._gate.now)))
        return self._issuers[name]

    def _watched(self, made: Source) -> Source:
        if isinstance(made.keys, ProviderKeys):
            made.keys.tell_withdrawn(lambda: self._gate.memory.vouched.forget_issuer(made.name))
        return made

    def prepare(self) -> None:
        """Make every one, without asking any for anything.  Raises `ConfigurationError` for a key that is none."""
        self.all()
        for settings in self._gate.settings.delegated.issuers:
            self.issuer(settings.name)

    def all(self) -> list[Provider]:
        return [self.get(settings.name) for settings in self._gate.settings.sso.providers]


def provider_states(gate: Gatepost, caller: Principal) -> list[ProviderReport]:
    """The state of each provider, as this process knows it.  It takes `provider:view`."""
    gate.require(caller, "provider:view", seen_by="")
    return [report(provider) for provider in providers_of(gate).all()]


def report(provider: Provider) -> ProviderReport:
    state = provider.state()
    status = "unknown" if state.up is None else "up" if state.up else "down"
    return ProviderReport(
        name=provider.name,
        display_name=provider.display_name,
        protocol=provider.settings.protocol,
        issuer=provider.settings.issuer,
        status=status,
        message="" if state.up else state.last_error,
        last_success_at=state.last_success_at,
    )


def providers_of(gate: Gatepost) -> Providers:
    """The gate's providers; they live as long as the gate, with what they know of keys and endpoints."""
    return gate.providers(Providers)
