"""An attempt is kept in its browser alone: sealed, for ten minutes, for a single use (trap 16)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gatepost.errors import GatepostError, InvalidRequest
from gatepost.gate import Gatepost
from gatepost.settings import KeysSettings, Secret
from gatepost.sso.attempts import (
    MOST_AT_ONCE,
    MOST_CHARACTERS,
    PLACE,
    cookie_for,
    open_attempt,
    seal_attempt,
    superseded,
    use_once,
)
from gatepost.sso.login import Attempt
from gatepost.store import tables
from tests.conftest import OpenGate, settings_for
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


def test_a_cookie_that_an_unknown_key_sealed_is_a_bad_request(
    gate: Gatepost, open_gate: OpenGate, tmp_path: Path
) -> None:
    """After the key was replaced, or planted by somebody: the person begins again, and nothing is out of order."""
    url = f"sqlite:///{tmp_path}/another.db"
    another = open_gate(replace(settings_for(url), keys=KeysSettings(encryption_keys=(Secret("y" * 40),))))
    for sealed in (seal_attempt(another, attempt_at(another)), "deadbeef.AAAA", "", "."):
        with pytest.raises(InvalidRequest, match="begin again"):
            open_attempt(gate, sealed)


def test_the_oldest_make_room(gate: Gatepost, dice: FakeDice) -> None:
    """And whatever cannot be opened; other cookies are left alone."""
    cookies = {"gp_session": "gps_x", "gp_login_planted": "deadbeef.AAAA", "__Host-gp_login_x": "not read here"}
    for n in range(MOST_AT_ONCE):
        dice.advance(timedelta(seconds=1))
        cookies[cookie_for(f"state-{n}", secure=False)] = seal_attempt(gate, attempt_at(gate, f"state-{n}"))
    begun = seal_attempt(gate, attempt_at(gate))

    dropped = superseded(gate, cookies, begun, secure=False)

    assert dropped == ["gp_login_planted", cookie_for("state-0", secure=False)]
    assert superseded(gate, cookies, "x" * MOST_CHARACTERS, secure=False) == [
        "gp_login_planted",
        *(cookie_for(f"state-{n}", secure=False) for n in reversed(range(MOST_AT_ONCE))),
    ]


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
    with gate.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.used_once)).scalar_one() == 1


def test_each_attempt_has_its_own_cookie() -> None:
    """Parallel tabs; and the name tells nothing of the state."""
    assert cookie_for("a", secure=True).startswith("__Host-gp_login_")
    assert cookie_for("a", secure=False) != cookie_for("b", secure=False)
    assert cookie_for("\ud800; Path=/evil", secure=False).replace("_", "").isalnum()
