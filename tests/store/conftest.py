"""Both databases, a store on each, and processes that do not follow unless a test says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatepost.gate import Gatepost
from gatepost.store.migrate import upgrade
from gatepost.store.store import Store
from tests.conftest import OpenGate
from tests.dice import FakeDice


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(gate_url, follow=False)


@pytest.fixture
def second_gate(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(gate_url, follow=False)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    dice = FakeDice()
    store = Store(database_url, now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp)
    upgrade(store)
    yield store
    store.close()
