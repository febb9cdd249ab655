"""Stores are tested on both databases."""

from __future__ import annotations

import pytest


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url
