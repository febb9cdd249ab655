"""The storage contract: everything here is asked of both databases, and has to come out the same."""

from __future__ import annotations

import pytest

from gatepost.gate import Gatepost
from tests.conftest import OpenGate


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(gate_url, follow=False)


@pytest.fixture
def second_gate(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(gate_url, follow=False)
