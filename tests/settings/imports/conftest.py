"""An import, and the configuration that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatepost.settings import Settings, check_file, load
from gatepost.settings.imports import Imported, convert


@dataclass(frozen=True)
class Taken:
    """What was printed, and what Gatepost reads in it."""

    imported: Imported
    settings: Settings

    @property
    def toml(self) -> str:
        return self.imported.toml

    @property
    def notes(self) -> str:
        return "\n".join(self.imported.notes)


Take = Callable[[str, str], Taken]


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Import a text, and load what comes of it as `config check` does, with the secrets set that it asks for."""

    def take_over(product: str, text: str) -> Taken:
        imported = convert(product, text, "FILE")
        file = tmp_path / "gatepost.toml"
        file.write_text(imported.toml, encoding="utf-8")
        environ = {name: f"the value of {name}" for name in imported.secrets}
        assert check_file(file, environ) == []
        return Taken(imported, load(file, environ))

    return take_over
