"""Every command of docs/how-to/as-files.md is run as it stands there, in one shell, and prints what stands there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.test_against_server import ADMIN, serving
from tests.docs.test_examples import ENVIRON, blocks
from tests.house.source import ROOT

PAGE = (ROOT / "docs/how-to/as-files.md").read_text(encoding="utf-8")


def test_what_the_page_says_is_what_happens(tmp_path: Path) -> None:
    (tmp_path / "gatepost").write_text(f'#!/bin/sh\nexec {sys.executable} -m gatepost.cli "$@"\n')
    (tmp_path / "gatepost").chmod(0o700)
    (tmp_path / "platform.yaml").write_text(blocks(PAGE, "yaml")[0])
    typed = "\n".join(blocks(PAGE, "sh"))
    with serving(tmp_path) as url:
        environ = {
            **ENVIRON,
            "PATH": f"{tmp_path}:{ENVIRON['PATH']}",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "GATEPOST_USER": ADMIN.username,
            "GATEPOST_PASSWORD": ADMIN.password,
        }
        script = typed.replace("http://127.0.0.1:8420", url)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, (done.stdout, done.stderr)
    for block in blocks(PAGE, "text"):
        assert block in done.stdout
    assert "allowed\n" in done.stdout
    assert {file.name for file in (tmp_path / "tables").iterdir()} >= {"users.csv", "members.csv"}
