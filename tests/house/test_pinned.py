"""Whatever comes from other people is pinned: by hash in the locks, by sum in the pages."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

LOCKS = ("run", "demo", "dev", "node")
EXACT = re.compile(r"\d+\.\d+\.\d+")
VENDORED = re.compile(r"vendor/([\w.-]+)")
FOREIGN = re.compile(
    r"""<(?:script|link|img|iframe|source|use)\b[^>]*\b(?:src|href)=["'](?:https?:)?//""", re.IGNORECASE
)


def locked(name: str) -> dict[str, str]:
    """Read one lock: the version of each package, by its canonical name."""
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    return {canonicalize_name(package): version for package, version in re.findall(r"(?m)^([\w.-]+)==(\S+)", text)}


def pyproject() -> dict[str, object]:
    content: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_has_a_hash(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert requirements
    assert [line[:60] for line in requirements if "==" not in line or "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("name", ["run", "demo", "dev"])
def test_the_locks_hold_what_the_package_declares(name: str) -> None:
    """A dependency that was added or raised without `make lock` fails here, not on somebody's machine."""
    project = pyproject()["project"]
    assert isinstance(project, dict)
    versions = locked(name)

    for text in project["dependencies"]:
        wanted = Requirement(text)
        assert canonicalize_name(wanted.name) in versions, f"{wanted.name} is not locked: run `make lock`"
        assert versions[canonicalize_name(wanted.name)] in wanted.specifier, f"{wanted}: run `make lock`"


def test_what_is_tested_is_what_is_run() -> None:
    tested = locked("dev")

    for name in ("run", "demo"):
        assert {package: version for package, version in locked(name).items() if tested.get(package) != version} == {}


@pytest.mark.parametrize("folder", ["frontend", "tests/peers/oidc_provider", "tests/peers/saml_idp"])
def test_npm_packages_are_pinned_and_the_lock_names_no_address(folder: str) -> None:
    wanted = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    entries = {name.removeprefix("node_modules/"): entry for name, entry in packages.items() if name}

    assert packages[""]["dependencies"] == wanted
    assert {name: entries[name]["version"] for name in wanted} == wanted
    assert all(EXACT.fullmatch(version) for version in wanted.values())
    assert all(entry["integrity"].startswith("sha512-") for entry in entries.values())
    assert not any("resolved" in entry for entry in entries.values())


def test_the_pages_take_nothing_from_npm_but_what_is_named() -> None:
    packages = json.loads((ROOT / "frontend/package-lock.json").read_text(encoding="utf-8"))["packages"]

    assert {name.removeprefix("node_modules/") for name in packages if name} == packages[""]["dependencies"].keys()


def vendored() -> set[str]:
    """The names in frontend/vendor.sha256."""
    return {line.split()[1] for line in (ROOT / "frontend/vendor.sha256").read_text(encoding="utf-8").splitlines()}


def test_every_vendored_file_has_a_sum() -> None:
    wanted = tomllib.loads((ROOT / "frontend/assets.toml").read_text(encoding="utf-8"))

    assert vendored() == {*wanted["files"], "sprite.svg", "LICENSES.txt"}


def pages() -> list[Path]:
    return sorted((ROOT / "src/gatepost/server").rglob("*.html"))


def test_pages_load_nothing_from_elsewhere() -> None:
    assert [str(page.relative_to(ROOT)) for page in pages() if FOREIGN.search(page.read_text(encoding="utf-8"))] == []


def test_pages_use_vendored_files_that_are_pinned() -> None:
    used = {name for page in pages() for name in VENDORED.findall(page.read_text(encoding="utf-8"))}

    assert used - vendored() == set()


def test_pages_use_icons_that_the_sprite_has() -> None:
    icons = tomllib.loads((ROOT / "frontend/assets.toml").read_text(encoding="utf-8"))["sprite"]["icons"]
    used = {
        name
        for page in pages()
        for name in re.findall(r"sprite\.svg[^#\"']*#([a-z0-9-]+)", page.read_text(encoding="utf-8"))
    }

    assert icons == sorted(icons)
    assert used - set(icons) == set()
