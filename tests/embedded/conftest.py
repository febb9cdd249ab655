"""An embedding application's gate: the class that `from gatepost import Gatepost` gives, with the tests' own clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from gatepost.embedded.gatepost import Gatepost
from gatepost.opening import open_gatepost
from gatepost.settings import Settings
from gatepost.tokens.passwords import Passwords
from tests.conftest import settings_for
from tests.dice import FakeDice
from tests.server.conftest import served

__all__ = ["served"]  # a fixture, passed on

Embed = Callable[[str | Settings], Gatepost]


@pytest.fixture
def embed(dice: FakeDice, passwords: Passwords) -> Iterator[Embed]:
    """Open such a gate on any database; it is closed at the end."""
    with ExitStack() as opened:

        def open_one(source: str | Settings) -> Gatepost:
            settings = settings_for(source) if isinstance(source, str) else source
            return opened.enter_context(open_gatepost(Gatepost, settings, dice, passwords))

        yield open_one


@pytest.fixture
def embedded(embed: Embed, gate_url: str) -> Gatepost:
    return embed(gate_url)
