"""Signing keys: published before use, kept until nothing needs them, sealed at rest (rule 5, trap 3 c)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from gatepost.errors import ConfigurationError, Forbidden, Unavailable
from gatepost.gate import Gatepost
from gatepost.settings import KeysSettings, Secret
from gatepost.store import tables
from gatepost.tokens.key_rotation import list_keys, rotate
from gatepost.tokens.sealing import Sealer
from gatepost.tokens.signing_keys import ALGORITHMS
from tests.conftest import ENCRYPTION_KEY, OpenGate, settings_for
from tests.dice import FakeDice
from tests.directory.people import ADMIN, make_people, person
from tests.tokens.signing_in import by_bearer, make_user, pair_for, part


def states(gate: Gatepost) -> dict[str, str]:
    return {key.kid: key.state for key in gate.memory.keys.keys}


def test_the_next_key_is_published_before_it_signs(gate: Gatepost, second_gate: Gatepost) -> None:
    """A verifier that caches the set knows it by then."""
    make_user(gate)
    assert sorted(states(gate).values()) == ["active", "next"]
    [coming] = [kid for kid, state in states(gate).items() if state == "next"]
    assert {key["kid"] for key in gate.memory.keys.jwks()["keys"]} == set(states(gate))
    token = pair_for(gate).access_token
    assert rotate(gate, ADMIN) == coming
    assert sorted(states(gate).values()) == ["active", "next", "retired"]
    assert part(pair_for(gate).access_token, 0)["kid"] == coming
    second_gate.memory.catch_up()
    assert states(second_gate) == states(gate)
    assert by_bearer(second_gate, token).subject.id == "alice"


def test_a_retired_key_goes_once_nothing_it_signed_can_be_valid(gate: Gatepost, dice: FakeDice) -> None:
    first = gate.memory.keys.active.kid
    rotate(gate, ADMIN)
    dice.advance(timedelta(minutes=30))
    rotate(gate, ADMIN)
    assert states(gate)[first] == "retired"
    dice.advance(timedelta(seconds=1))
    rotate(gate, ADMIN)
    assert first not in states(gate)


def test_the_set_shows_public_halves_alone(gate: Gatepost) -> None:
    for public in gate.memory.keys.jwks()["keys"]:
        assert set(public) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    shown = repr(list_keys(gate, ADMIN)) + json.dumps(gate.memory.keys.jwks())
    for key in gate.memory.keys.keys:
        assert str(key.key.as_dict(private=True)["d"]) not in shown


def test_the_private_half_is_sealed_at_rest(gate: Gatepost, tmp_path: Path) -> None:
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.name.startswith("gatepost.db"))
    for key in gate.memory.keys.keys:
        private = str(key.key.as_dict(private=True)["d"])
        octets = base64.urlsafe_b64decode(private + "==")
        assert key.kid.encode() in raw, "this is where it would stand"
        assert private.encode() not in raw
        assert octets not in raw
        assert octets.hex().encode() not in raw
    assert ENCRYPTION_KEY.encode() not in raw


def test_a_wrong_encryption_key_stops_the_start(gate: Gatepost, open_gate: OpenGate, gate_url: str) -> None:
    gate.close()
    with pytest.raises(ConfigurationError, match="none of them is the key"):
        open_gate(replace(settings_for(gate_url), keys=KeysSettings(encryption_keys=(Secret("y" * 40),))))
    old_one_second = KeysSettings(encryption_keys=(Secret("y" * 40), Secret(ENCRYPTION_KEY)))
    again = open_gate(replace(settings_for(gate_url), keys=old_one_second))
    assert states(again) == states(gate)
    rotate(again, ADMIN)


def test_a_sealed_value_cannot_be_moved_or_changed(gate: Gatepost) -> None:
    """Whoever writes to the database must not put one key in the place of another."""
    seal, opened = gate.sealer.seal, gate.sealer.open
    sealed = seal(b"secret", "signing_keys/one")
    assert opened(sealed, "signing_keys/one") == b"secret"
    assert seal(b"secret", "signing_keys/one") != sealed
    for text, place in (
        (sealed, "signing_keys/two"),
        (sealed[:-2] + ("AA" if not sealed.endswith("AA") else "BB"), "signing_keys/one"),
        (sealed.partition(".")[0] + ".", "signing_keys/one"),
    ):
        with pytest.raises(ValueError, match="changed"):
            opened(text, place)
    with pytest.raises(Unavailable):
        opened("00000000." + sealed.partition(".")[2], "signing_keys/one")


def test_a_key_that_was_swapped_in_the_database_stops_the_start(
    gate: Gatepost, open_gate: OpenGate, gate_url: str
) -> None:
    t = tables.signing_keys
    with gate.database.write() as connection:
        rows = connection.execute(select(t)).all()
        connection.execute(update(t).where(t.c.kid == rows[0].kid).values(private=rows[1].private))
    with pytest.raises((ValueError, Unavailable)):
        open_gate(gate_url)


def test_a_short_encryption_key_is_none() -> None:
    for keys in ([], ["short"], ["x" * 32, "short"]):
        with pytest.raises(ConfigurationError):
            Sealer(keys, lambda size: b"\0" * size)


def test_who_rotates(gate: Gatepost) -> None:
    make_people(gate, "alice")
    for attempt in (lambda: rotate(gate, person("alice")), lambda: list_keys(gate, person("alice"))):
        with pytest.raises(Forbidden):
            attempt()
    with pytest.raises(Forbidden):
        rotate(gate, person("admin", scope="key:view"))


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # its name is; RFC 9864 calls the same algorithm Ed25519
@pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if a[0] in "EP" and a not in ("PS384", "PS512")])
def test_another_algorithm_is_published_first_and_signs_after_a_rotation(
    open_gate: OpenGate, gate_url: str, algorithm: str
) -> None:
    make_user(open_gate(gate_url))
    base = settings_for(gate_url)
    gate = open_gate(replace(base, tokens=replace(base.tokens, signing_algorithm=algorithm)))  # type: ignore[arg-type]
    old = pair_for(gate).access_token
    assert part(old, 0)["alg"] == "ES256"
    rotate(gate, ADMIN)
    new = pair_for(gate).access_token
    assert part(new, 0)["alg"] == algorithm
    for token in (old, new):
        assert by_bearer(gate, token).subject.id == "alice"


def key_file(folder: Path) -> Path:
    return folder / "gatepost.db.key"


def test_on_sqlite_the_key_is_a_file_of_its_owner_alone(
    open_gate: OpenGate, gate_url: str, tmp_path: Path, dice: FakeDice
) -> None:
    settings = replace(settings_for(gate_url), keys=KeysSettings())
    gate = open_gate(settings)
    assert key_file(tmp_path).stat().st_mode & 0o777 == 0o600
    kept = key_file(tmp_path).read_text().strip()
    assert len(kept) == 64
    gate.close()
    key_file(tmp_path).unlink()
    with pytest.raises(ConfigurationError):
        open_gate(settings)


@pytest.mark.postgres
def test_on_postgresql_a_key_has_to_be_given(open_gate: OpenGate, postgres_database: str) -> None:
    """Else a backup would hold its own key."""
    with pytest.raises(ConfigurationError, match="required on PostgreSQL"):
        open_gate(replace(settings_for(postgres_database), keys=KeysSettings()))
