"""A configuration file for a test, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gatepost.errors import ConfigurationError
from gatepost.settings import Settings, load

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Load a text as the configuration file, over an environment."""

    def read_text(toml: str, environ: Mapping[str, str] | None = None, host: str = "127.0.0.1") -> Settings:
        file = tmp_path / "gatepost.toml"
        file.write_text(toml)
        return load(file, environ or {}, host=host)

    return read_text


@pytest.fixture
def problems(read: Read, tmp_path: Path) -> Problems:
    """Return every problem of a text; the path of the file is written FILE, its folder FOLDER."""

    def problems_of(toml: str, environ: Mapping[str, str] | None = None, host: str = "127.0.0.1") -> list[str]:
        try:
            read(toml, environ, host)
        except ConfigurationError as error:
            file = str(tmp_path / "gatepost.toml")
            return [p.replace(file, "FILE").replace(str(tmp_path), "FOLDER") for p in error.problems]
        return []

    return problems_of
