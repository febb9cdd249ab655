"""The providers and delegated issuers of this process."""

from __future__ import annotations

from typing import TypeVar

from gatepost.errors import NotFound
from gatepost.gate import Gatepost
from gatepost.sso.delegated import Issuer
from gatepost.sso.jwks import ProviderKeys
from gatepost.sso.provider import Provider
from gatepost.tokens.client_assertions import sign_client_assertion

Source = TypeVar("Source", Provider, Issuer)


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
            self._made.setdefault(name, self._watched(Provider(settings, self._gate.now, sign=self._sign)))
        return self._made[name]

    def issuer(self, name: str) -> Issuer:
        """A delegated issuer.  Raises `NotFound` for a name that is not configured."""
        if name not in self._issuers:
            settings = next((d for d in self._gate.settings.delegated.issuers if d.name == name), None)
            if settings is None:
                raise NotFound("there is no such issuer")
            self._issuers.setdefault(name, self._watched(Issuer(settings, self._gate.now)))
        return self._issuers[name]

    def _sign(self, client_id: str, audience: str) -> str:
        return sign_client_assertion(self._gate, client_id, audience)

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

    def sources(self) -> list[Provider | Issuer]:
        """Every one, providers first.  No two have the same name."""
        return [*self.all(), *(self.issuer(settings.name) for settings in self._gate.settings.delegated.issuers)]

    def source(self, name: str) -> Provider | Issuer:
        """A provider or an issuer.  Raises `NotFound` for a name that is not configured."""
        is_issuer = any(settings.name == name for settings in self._gate.settings.delegated.issuers)
        return self.issuer(name) if is_issuer else self.get(name)


def providers_of(gate: Gatepost) -> Providers:
    """The gate's providers; they live as long as the gate, with what they know of keys and endpoints."""
    return gate.providers_made_by(Providers)
