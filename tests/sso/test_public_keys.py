"""Keys from the configuration: PEM, one JWK, or a set."""

from __future__ import annotations

import json

import pytest
from joserfc.jwk import ECKey, RSAKey

from gatepost.errors import ConfigurationError
from gatepost.settings import ProviderSettings
from gatepost.sso.public_keys import read_public_keys

EC = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)


def settings(*keys: str) -> ProviderSettings:
    return ProviderSettings(name="op", issuer="https://op.example", client_id="gatepost", public_keys=keys)


def test_each_form_is_read() -> None:
    one = json.dumps(EC.as_dict(private=False))
    both = json.dumps({"keys": [EC.as_dict(private=False), RSA.as_dict(private=False)]})
    pem = RSA.as_pem(private=False).decode()

    assert [key.kty for key in read_public_keys(settings(pem, one, both))] == ["RSA", "EC", "EC", "RSA"]
    assert read_public_keys(settings()) == ()


@pytest.mark.parametrize("text", ["junk", "{", "[]", "{}", '{"kty":"oct","k":"AAAA"}', '{"keys":[]}'])
def test_what_is_no_key_stops_the_start_and_says_which(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sso\.providers 'op', public_keys\[1\]: not a public key"):
        read_public_keys(settings(json.dumps(EC.as_dict(private=False)), text))
