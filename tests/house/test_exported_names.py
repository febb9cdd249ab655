"""The names that other people's programs import from `gatepost`.  A change here is a change of the public contract."""

from __future__ import annotations

import tomllib

import gatepost
from tests.house.source import ROOT


def test_the_public_names_are_these() -> None:
    assert gatepost.__all__ == ["Gatepost", "__version__"]


def test_every_public_name_can_be_had() -> None:
    for name in gatepost.__all__:
        assert getattr(gatepost, name)


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert gatepost.__version__ == project["version"]
