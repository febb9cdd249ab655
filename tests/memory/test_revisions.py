"""Reading one's own writes: a revision makes any process catch up before it answers."""

from __future__ import annotations

import pytest

from gatepost.directory.groups import create_group
from gatepost.errors import Conflict
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store.revision import Revision
from tests.conftest import OpenGate


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


@pytest.fixture
def elsewhere(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> Gatepost:
    """Another process, which does not hear of changes by itself."""
    return open_gate(gate_url, follow=False)


def test_a_process_catches_up_with_the_revision_that_it_is_shown(
    gate: Gatepost, elsewhere: Gatepost, admin: Principal
) -> None:
    before = elsewhere.memory.revision
    create_group(gate, admin, "data-team")
    assert elsewhere.memory.revision == before

    elsewhere.reach(str(gate.memory.revision))

    assert elsewhere.memory.revision == gate.memory.revision != before


def test_a_revision_that_was_never_given_is_a_conflict(elsewhere: Gatepost) -> None:
    at = elsewhere.memory.revision

    with pytest.raises(Conflict, match="was never given"):
        elsewhere.reach(Revision(at.epoch, at.number + 1))


def test_a_revision_of_another_epoch_means_the_newest_state(
    gate: Gatepost, elsewhere: Gatepost, admin: Principal
) -> None:
    create_group(gate, admin, "data-team")

    elsewhere.reach("0123456789abcdef.999999")

    assert elsewhere.memory.revision == gate.memory.revision


@pytest.mark.parametrize(
    "text", ["", "7", "abc", "ab.", ".7", "ab.-1", "ab.7 ", "AB.7", "ab.7\n", "ab.٣", "ab." + "9" * 19]
)
def test_what_is_no_revision_is_refused(elsewhere: Gatepost, text: str) -> None:
    with pytest.raises(ValueError, match="is not a revision"):
        elsewhere.reach(text)


def test_every_change_is_answered_with_its_own_revision(gate: Gatepost, admin: Principal) -> None:
    first = gate.memory.revision
    create_group(gate, admin, "one")
    second = gate.memory.revision
    create_group(gate, admin, "two")

    assert [first.number + 1, first.number + 2] == [second.number, gate.memory.revision.number]
