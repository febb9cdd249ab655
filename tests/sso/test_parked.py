"""A posted answer in its handle: unreadable, bounded, for one provider, for a minute (design rule 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.errors import InvalidRequest
from gatepost.gate import Gatepost
from gatepost.sso.parked import MOST_SAID, park, unpark
from tests.dice import FakeDice

ANSWER = {"state": "the-state", "code": "the-code", "iss": "https://op.example"}
LONGEST_ADDRESS = 8000  # what proxies take by default, with the path and the rest of the line


def test_it_comes_back_as_it_was_and_shows_nothing_on_the_way(gate: Gatepost) -> None:
    handle = park(gate, "corp", ANSWER)
    assert unpark(gate, "corp", handle) == ANSWER
    assert not any(value in handle for value in ANSWER.values())
    assert handle != park(gate, "corp", ANSWER), "nobody can tell that two answers are the same"


def test_only_what_is_judged_is_kept(gate: Gatepost) -> None:
    long = {**ANSWER, "session_state": "s" * 5000, "id_token": "t" * 8000, "error_description": "\u00fc" * 8000}
    kept = unpark(gate, "corp", park(gate, "corp", long))
    assert kept == {**ANSWER, "error_description": "\u00fc" * MOST_SAID}


def test_the_address_is_bounded(gate: Gatepost) -> None:
    longest = park(gate, "corp", {**ANSWER, "code": "c" * 4800})
    assert len(longest) < LONGEST_ADDRESS
    for too_long in ({"code": "c" * 5000}, {"state": "s" * 8000}, {"code": "\u00fc" * 2000}):
        with pytest.raises(InvalidRequest, match="too long"):
            park(gate, "corp", {**ANSWER, **too_long})


def test_a_minute_and_one_provider(gate: Gatepost, dice: FakeDice) -> None:
    handle = park(gate, "corp", ANSWER)
    dice.advance(timedelta(minutes=1) - timedelta(microseconds=1))
    assert unpark(gate, "corp", handle) == ANSWER
    with pytest.raises(InvalidRequest):
        unpark(gate, "other", handle)
    dice.advance(timedelta(microseconds=1))
    with pytest.raises(InvalidRequest, match="too long ago"):
        unpark(gate, "corp", handle)


@pytest.mark.parametrize("handle", ["", ".", "deadbeef.AAAA", "x", "\u00fc.\u00fc", "A" * 20_000])
def test_what_was_not_parked_here_is_no_handle(gate: Gatepost, handle: str) -> None:
    with pytest.raises(InvalidRequest):
        unpark(gate, "corp", handle)
    with pytest.raises(InvalidRequest):
        unpark(gate, "corp", gate.sealer.seal(b"{}", "sso/attempt"))


@pytest.mark.parametrize("missing", [{"state": ""}, {"code": ""}])
def test_what_is_no_answer_is_not_parked(gate: Gatepost, missing: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="not the answer"):
        park(gate, "corp", {**ANSWER, **missing})
