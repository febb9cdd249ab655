"""An attempt is kept in its browser alone: sealed, for ten minutes, for a single use (trap 16)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from gatepost.errors import GatepostError, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.sso.attempts import PLACE, cookie_for, open_attempt, seal_attempt, use_once
from gatepost.sso.login import Attempt
from gatepost.store import tables
from tests.conftest import OpenGate
from tests.dice import FakeDice


def attempt_at(gate: Gatepost, state: str = "state-1") -> Attempt:
    return Attempt(
        provider="corp",
        issuer="https://op.example",
        state=state,
        nonce="nonce-1",
        code_verifier="verifier-1",
        redirect_uri="http://127.0.0.1:8420/oauth/corp/callback",
        next="/",
        begun_at=gate.now(),
    )


def test_it_comes_back_as_it_was_and_shows_nothing_on_the_way(gate: Gatepost) -> None:
    attempt = attempt_at(gate)
    sealed = seal_attempt(gate, attempt)
    assert open_attempt(gate, sealed) == attempt
    for secret in ("state-1", "nonce-1", "verifier-1"):
        assert secret not in sealed
        assert secret not in repr(attempt)


def test_ten_minutes(gate: Gatepost, dice: FakeDice) -> None:
    sealed = seal_attempt(gate, attempt_at(gate))
    dice.advance(timedelta(minutes=10) - timedelta(microseconds=1))
    open_attempt(gate, sealed)
    dice.advance(timedelta(microseconds=1))
    with pytest.raises(InvalidRequest, match="too long ago"):
        open_attempt(gate, sealed)


def changed(sealed: str) -> Iterator[str]:
    name, _, text = sealed.partition(".")
    yield f"{name}.{text[:-4]}AAAA"
    yield f"{name}."
    yield f"{name}.{text[:20]}"
    yield sealed + "A" * 40


def test_what_was_changed_or_sealed_for_something_else_is_refused(gate: Gatepost) -> None:
    sealed = seal_attempt(gate, attempt_at(gate))
    for text in changed(sealed):
        with pytest.raises(InvalidRequest):
            open_attempt(gate, text)
    with pytest.raises(InvalidRequest):
        open_attempt(gate, gate.sealer.seal(attempt_at(gate).to_bytes(), "sessions/x"))
    for rubbish in (b"", b"{}", b"[]", b'{"begun_at": 5}', b"\xff", b'{"begun_at": "2026-11-22T12:00:00+00:00"}'):
        with pytest.raises(InvalidRequest):
            open_attempt(gate, gate.sealer.seal(rubbish, PLACE))


def test_a_single_use_in_all_processes(gate: Gatepost, second_gate: Gatepost) -> None:
    use_once(gate, attempt_at(gate))
    for there in (gate, second_gate):
        with pytest.raises(InvalidRequest, match="finished already"):
            use_once(there, attempt_at(there))
    use_once(gate, attempt_at(gate, "another tab"))


def test_of_two_uses_at_once_one_is_the_first(open_gate: OpenGate, database_url: str) -> None:
    gates = [open_gate(database_url), open_gate(database_url)]
    attempt = attempt_at(gates[0])

    def ending(n: int) -> str:
        try:
            use_once(gates[n % 2], attempt)
        except GatepostError as error:
            return type(error).__name__
        return "used"

    with ThreadPoolExecutor(8) as pool:
        endings = sorted(pool.map(ending, range(8)))
    assert endings == ["InvalidRequest"] * 7 + ["used"]


def test_used_ones_are_forgotten_when_they_could_not_be_used_anyway(gate: Gatepost, dice: FakeDice) -> None:
    """Nobody can fill the database with them."""
    for n in range(5):
        use_once(gate, attempt_at(gate, f"state-{n}"))
    dice.advance(timedelta(minutes=11))
    use_once(gate, attempt_at(gate, "later"))
    with gate.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.used_once)).scalar_one() == 1


def test_each_attempt_has_its_own_cookie() -> None:
    """Parallel tabs; and the name tells nothing of the state."""
    assert cookie_for("a", secure=True).startswith("__Host-gp_login_")
    assert cookie_for("a", secure=False) != cookie_for("b", secure=False)
    assert cookie_for("\ud800; Path=/evil", secure=False).replace("_", "").isalnum()
