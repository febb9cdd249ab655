"""docs/how-to/scripts-and-jobs.md: every command is run in one shell, and what is to be written passes the check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gatepost.settings.load import check_file, load
from tests.cli.test_against_server import ADMIN, serving
from tests.docs.test_examples import ENVIRON, blocks
from tests.house.source import ROOT

PAGE = (ROOT / "docs/how-to/scripts-and-jobs.md").read_text(encoding="utf-8")


def test_what_the_page_says_is_what_happens(tmp_path: Path) -> None:
    (tmp_path / "gatepost").write_text(f'#!/bin/sh\nexec {sys.executable} -m gatepost.cli "$@"\n')
    (tmp_path / "gatepost").chmod(0o700)
    (tmp_path / "notebook.py").write_text(blocks(PAGE, "python")[0])
    first, token, *others = blocks(PAGE, "sh")
    notebook = f"(unset GATEPOST_USER GATEPOST_PASSWORD; GATEPOST_API_KEY=$(cat token) {sys.executable} notebook.py)\n"
    refused = "GATEPOST_USER= GATEPOST_PASSWORD= GATEPOST_API_KEY=$(cat etl-token) gatepost whoami && exit 3 || true\n"
    with serving(tmp_path) as url:
        script = "\n".join((first, token, notebook, *others, "unset GATEPOST_USER GATEPOST_PASSWORD", refused))
        script = script.replace("http://127.0.0.1:8420", url).replace("THE PRINTED ONE", ADMIN.password)
        environ = {
            **ENVIRON,
            "PATH": f"{tmp_path}:{ENVIRON['PATH']}",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }
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
    assert "admin\n[]\n" in done.stdout
    for block in blocks(PAGE, "text"):
        assert block in done.stdout
    assert "service.called" in done.stdout
    assert done.stderr.endswith("gatepost: the credential is not valid\n")


def test_what_is_to_be_written_for_a_ci_job_passes_the_check(tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_text(f"[main]\nallow_anonymous_access = false\n\n{blocks(PAGE, 'toml')[0]}", encoding="utf-8")

    assert check_file(file, {}) == []
    assert load(file, {}).warnings() == []
