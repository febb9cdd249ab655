"""docs/how-to/gateways.md: what it says to write is what is tested, and what it says to check is enough."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gatepost.settings.load import load
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.dice import FakeDice
from tests.gateway.conftest import OTHER, URL, Ask, Gateway
from tests.gateway.test_forward_auth import told
from tests.house.source import ROOT
from tests.server.calling import ok, sign_in
from tests.server.conftest import InProcess

PAGE = (ROOT / "docs" / "how-to" / "gateways.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("toml", "gatepost.toml"),
        ("nginx", "nginx.conf"),
        ("nginx", "nginx-forward-auth.conf"),
        ("caddyfile", "Caddyfile"),
        ("yaml", "traefik.yaml"),
        ("yaml", "traefik-routes.yaml"),
        ("yaml", "envoy.yaml"),
    ],
)
def test_the_guide_shows_the_file_that_is_tested(language: str, name: str) -> None:
    assert (ROOT / "deploy" / name).read_text(encoding="utf-8") in blocks(language)


def test_checking_the_signed_identity(gateway: Gateway, ask: Ask, dice: FakeDice) -> None:
    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(code, names)
    jwks = ok(gateway.client.get("/.well-known/jwks.json"))
    own = f"{URL}/forward-auth"
    dice.time = datetime.now(UTC)  # the library has a clock of its own
    access = sign_in(gateway.client, "ann")["access_token"]  # that of before is over by now, or not yet good
    identity = told(ask(Authorization=f"Bearer {access}"))["identity"]

    assert names["who"](identity, jwks, URL, own) == "user:ann"
    for token, issuer, audience in (
        (identity, URL, OTHER),
        (identity, "https://evil.example", own),
        (access, URL, URL),
        (identity[:-4] + "AAAA", URL, own),
    ):
        with pytest.raises((JoseError, ValueError)):
            names["who"](token, jwks, issuer, audience)


def test_hasura_reads_our_tokens_as_the_guide_configures_it(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, dice: FakeDice, tmp_path: Path
) -> None:
    """JWT mode (HA-X1, HA-X3, HA-X6): keys by `jwk_url`, issuer, audience, and the default namespace."""
    file = tmp_path / "gatepost.toml"
    file.write_text(blocks("toml")[1])
    assert load(file, {}).tokens.hasura_claims
    (line,) = blocks("sh")
    secret = json.loads(line.partition("='")[2].rstrip("'\n"))
    settings = settings_for(gate_url)
    main = replace(settings.main, public_url=secret["issuer"], public_url_configured=True)
    hasura = replace(settings.tokens, hasura_claims=True)
    client = in_process(open_gate(replace(settings, main=main, tokens=hasura)))
    dice.time = datetime.now(UTC)

    keys = KeySet.import_key_set(ok(client.get(secret["jwk_url"].removeprefix(secret["issuer"]))))
    token = jwt.decode(sign_in(client, "admin", ADMIN_PASSWORD)["access_token"], keys, algorithms=["ES256"])

    assert (token.claims["iss"], token.claims["aud"]) == (secret["issuer"], secret["audience"])
    assert token.claims["https://hasura.io/jwt/claims"]["x-hasura-default-role"] == "admin"
