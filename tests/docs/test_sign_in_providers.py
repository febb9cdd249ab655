"""docs/how-to/sign-in-providers.md: each configuration in it passes the check, and each preset has its place there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatepost.settings.load import check_file, load
from gatepost.settings.presets import PRESETS
from tests.house.source import ROOT

PAGE = (ROOT / "docs" / "how-to" / "sign-in-providers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("toml", BLOCKS, ids=range(len(BLOCKS)))
def test_what_is_to_be_written_passes_the_check(toml: str, tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_text(f"[main]\nallow_anonymous_access = false\n\n{toml}", encoding="utf-8")
    environ = dict.fromkeys(re.findall(r'env = "(\w+)"', toml), "a secret")

    assert check_file(file, environ) == []
    assert load(file, environ).warnings() == []


def test_every_preset_is_written_about() -> None:
    assert {name for name in PRESETS if f'preset = "{name}"' not in PAGE} == set()


def test_what_goes_wrong_is_said_in_these_words() -> None:
    """Each sentence of the table is one that the sign-in says."""
    files = [*(ROOT / "src/gatepost/sso").glob("*.py"), ROOT / "src/gatepost/server/pools.py"]
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    said = re.findall(r"^\| `([^`]+)` \|", PAGE, flags=re.MULTILINE)

    assert len(said) == 7
    assert [sentence for sentence in said if sentence not in code] == []
