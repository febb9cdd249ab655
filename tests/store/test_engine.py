"""`[access] engine`: an engine that is not there is not replaced in silence by another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatepost.errors import ConfigurationError
from tests.conftest import OpenGate, settings_for


def test_a_start_with_an_engine_that_is_not_there_is_refused(open_gate: OpenGate, tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path}/never.db")
    settings = replace(
        settings, access=replace(settings.access, engine="openfga", url="http://127.0.0.1:1", store="01")
    )

    with pytest.raises(ConfigurationError, match="not available yet"):
        open_gate(settings)

    assert list(tmp_path.iterdir()) == [], "and nothing was made"
