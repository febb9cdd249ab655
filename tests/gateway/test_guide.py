"""docs/how-to/gateways.md: what it says to write is what is tested, and what it says to check is enough."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.errors import JoseError

from tests.dice import FakeDice
from tests.gateway.conftest import OTHER, URL, Ask, Gateway
from tests.gateway.test_forward_auth import told
from tests.house.source import ROOT
from tests.server.calling import ok

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
    identity = told(ask(**gateway.people.ann))["identity"]

    assert names["who"](identity, jwks, URL, own) == "user:ann"
    access = gateway.people.ann["Authorization"].removeprefix("Bearer ")
    for token, issuer, audience in (
        (identity, URL, OTHER),
        (identity, "https://evil.example", own),
        (access, URL, URL),
        (identity[:-4] + "AAAA", URL, own),
    ):
        with pytest.raises((JoseError, ValueError)):
            names["who"](token, jwks, issuer, audience)
