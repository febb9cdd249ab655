"""The signing keys as an operation: their state, and rotating them."""

from __future__ import annotations

from datetime import timedelta

from gatepost.audit.record import AuditRecord
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.tokens.client_assertions import LIFE
from gatepost.tokens.signing_keys import SigningKey, rotate_keys

# A provider whose clock is behind takes an assertion for good a while longer, and needs the key that signed it.
CLOCKS_DIFFER = timedelta(minutes=5)


def list_keys(gate: Gatepost, caller: Principal) -> list[SigningKey]:
    """Every published key, without its private half."""
    gate.require(caller, "key:view", seen_by="")
    return list(gate.memory.keys.keys)


def rotate(gate: Gatepost, caller: Principal) -> str:
    """Let the published next key sign, and publish another.  Tokens of the old one stay good until they expire."""
    settings = gate.settings.tokens
    with gate.change(caller, "key:rotate", seen_by="") as tx:
        kid = rotate_keys(
            tx, gate.sealer, settings.signing_algorithm, max(settings.access_token_ttl, LIFE + CLOCKS_DIFFER)
        )
        tx.record(AuditRecord.of(caller, "key.rotated", f"key:{kid}", at=tx.at))
    return kid
