"""A command line with an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gatepost.cli.commands import root
from tests.cli.stand_in import StandIn, running

Run = Callable[..., Result]


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take Gatepost's own variables away; return the folder where sign-ins are kept."""
    for name in [name for name in os.environ if name.startswith("GATEPOST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "gatepost"


@pytest.fixture
def run(environ: Path) -> Run:
    """Run `gatepost` with these arguments, this standard input and these variables."""

    def run_with(*arguments: str, stdin: str = "", **variables: str) -> Result:
        return CliRunner(env=variables).invoke(root, arguments, input=stdin, prog_name="gatepost")

    return run_with


@pytest.fixture
def server() -> Iterator[StandIn]:
    with running() as stand_in:
        yield stand_in
