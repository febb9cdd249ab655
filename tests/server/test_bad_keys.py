"""A public key in the configuration that is none stops the start, and says which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatepost.errors import ConfigurationError
from gatepost.server.app import create_app
from gatepost.settings import DelegatedIssuer, DelegatedSettings, ProviderSettings, SsoSettings
from tests.conftest import OpenGate, settings_for

JUNK = ("-----BEGIN PUBLIC KEY-----\njunk\n-----END PUBLIC KEY-----",)


@pytest.mark.parametrize("where", ["sso.providers", "delegated.issuers"])
def test_a_key_that_is_none_stops_the_start(open_gate: OpenGate, gate_url: str, where: str) -> None:
    settings = settings_for(gate_url)
    if where == "sso.providers":
        provider = ProviderSettings(name="x", issuer="https://x.example", client_id="c", public_keys=JUNK)
        settings = replace(settings, sso=SsoSettings(providers=(provider,)))
    else:
        issuer = DelegatedIssuer(name="x", issuer="https://x.example", audience=("a",), public_keys=JUNK)
        settings = replace(settings, delegated=DelegatedSettings(issuers=(issuer,)))

    with pytest.raises(ConfigurationError, match=rf"{where} 'x', public_keys\[0\]: not a public key"):
        create_app(open_gate(settings))
