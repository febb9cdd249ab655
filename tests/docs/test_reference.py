"""The reference pages say what the program does now."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys

import pytest

from gatepost.directory.permissions import PLATFORM_PERMISSIONS
from gatepost.settings import reference as keys
from tests.house.source import ROOT

TOOL = runpy.run_path(str(ROOT / "tools/reference.py"))


PRINT = "import json, runpy, sys; json.dump(runpy.run_path(sys.argv[1])['written'](), sys.stdout)"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """In a process of its own: a command that ran here before may have kept its help option in another form."""
    command = [sys.executable, "-c", PRINT, str(ROOT / "tools/reference.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    made: dict[str, str] = json.loads(done.stdout)
    return made


@pytest.mark.parametrize("name", ["configuration", "rest", "permissions", "errors", "cli"])
def test_the_page_is_current(pages: dict[str, str], name: str) -> None:
    """If this fails: `make reference`."""
    there = (ROOT / f"docs/reference/{name}.md").read_text(encoding="utf-8")

    assert there == f"{TOOL['MADE']}\n\n{pages[name].rstrip()}\n"


def test_nothing_is_left_out(pages: dict[str, str]) -> None:
    """DH-28: how to prove who one is stands there as everything else does."""
    for address in ("/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/service-tokens"):
        assert f"`POST {address}`" in pages["rest"]
    assert [key.key for key in keys() if f"| `{key.key.rpartition('.')[2]}`" not in pages["configuration"]] == []
    assert [name for name in PLATFORM_PERMISSIONS if f"| `{name}` |" not in pages["permissions"]] == []
    assert "`POST /api/v1/check`" in pages["rest"]
    assert "`POST /oauth2/token`" in pages["rest"]
    assert "gatepost check [OPTIONS] SUBJECT ACTION" in pages["cli"]
    assert "| `invalid_token` | 401 | `InvalidToken` |" in pages["errors"]


def test_every_cell_stays_in_its_row(pages: dict[str, str]) -> None:
    """A `|` in a value would begin another column."""
    for page in pages.values():
        widths = [line.replace("\\|", "").count("|") for line in page.splitlines() if line.startswith("| ")]
        heads = {line.count("|") for line in page.splitlines() if line.startswith("| ---")}
        assert set(widths) <= heads
