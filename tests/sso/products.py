"""The providers of docs/how-to/sign-in-providers.md, as a reader would configure them, but at a provider of the test."""

from __future__ import annotations

import re
from pathlib import Path

from gatepost.settings import ProviderSettings
from gatepost.settings.load import load
from tests.house.source import ROOT
from tests.sso.provider_in_process import CLIENT_ID, CLIENT_SECRET

PAGE = (ROOT / "docs" / "how-to" / "sign-in-providers.md").read_text(encoding="utf-8")


def written(heading: str, number: int = 0) -> str:
    """One of the configurations below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks: list[str] = re.findall(r"^```toml\n(.*?)^```", section, flags=re.DOTALL | re.MULTILINE)
    return blocks[number]


def configured(toml: str, folder: Path, issuer: str, more: str = "") -> ProviderSettings:
    """Load a configuration for our client at another issuer, with more keys."""
    text = re.sub(r"^(issuer|client_id) = .*\n", "", toml, flags=re.MULTILINE)
    file = folder / "gatepost.toml"
    file.write_text(f'{text}issuer = "{issuer}"\nclient_id = "{CLIENT_ID}"\n{more}', encoding="utf-8")
    environ = dict.fromkeys(re.findall(r'env = "(\w+)"', toml), CLIENT_SECRET)
    return load(file, environ).sso.providers[0]
