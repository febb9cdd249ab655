"""What the document on models tells people to type does what it says, in order, against a real server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cli.test_against_server import ADMIN, serving
from tests.docs.test_examples import ENVIRON, blocks
from tests.house.source import ROOT

TEXT = (ROOT / "docs/how-to/models.md").read_text(encoding="utf-8")
STEP = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)


def test_everything_that_is_typed_about_models(tmp_path: Path) -> None:
    """The files stand in the document; what a command prints is compared where the document shows it."""
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "model.fga").write_text(blocks(TEXT, "fga")[0])
    for name, content in zip(
        ("world.fga.yaml", "office.fga.yaml", "store.fga.yaml"), blocks(TEXT, "yaml"), strict=True
    ):
        (desk / name).write_text(content)
    (desk / "stores.py").write_text(blocks(TEXT, "python")[0])
    (desk / "gatepost").write_text(f'#!/bin/sh\nexec {sys.executable} -m gatepost.cli "$@"\n')
    (desk / "gatepost").chmod(0o755)
    python = shutil.which("python3") or sys.executable
    with serving(tmp_path) as url:
        environ = ENVIRON | {
            "PATH": f"{desk}:{Path(python).parent}:{ENVIRON['PATH']}",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "GATEPOST_URL": url,
            "GATEPOST_USER": ADMIN.username,
            "GATEPOST_PASSWORD": ADMIN.password,
        }

        def typed(script: str) -> str:
            command = ["bash", "-euo", "pipefail", "-c", script]
            done = subprocess.run(
                command, cwd=desk, env=environ, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
            return done.stdout

        steps = STEP.findall(TEXT)
        assert len(steps) == len(blocks(TEXT, "sh"))
        for script, shown in steps:
            printed = typed(script)
            assert not shown or printed == shown
        assert typed(f"{sys.executable} stores.py").splitlines() == ["main ['table']", "Tickets ['ticket']"]
