"""What is installed from the wheel has everything that it needs to run, and nothing that it does not."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.source import ROOT

VENDOR = "gatepost/server/console/static/vendor/"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from this work tree."""
    folder: Path = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def test_the_wheel_has_the_front_end_files_though_git_ignores_them(files: set[str]) -> None:
    pinned = (ROOT / "frontend/vendor.sha256").read_text(encoding="utf-8").splitlines()

    assert {VENDOR + line.split()[1] for line in pinned} <= files


def test_the_wheel_has_every_file_of_the_package(files: set[str]) -> None:
    package = ROOT / "src/gatepost"
    wanted = {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert wanted <= files


def test_the_wheel_has_its_licence_and_no_tests(files: set[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in files)
    assert [name for name in files if name.startswith(("tests/", "tools/", "frontend/"))] == []
