"""The signing keys as an operation: their state, and rotating them."""

from __future__ import annotations

from gatepost.audit.record import AuditRecord
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.tokens.signing_keys import SigningKey, rotate_keys


def list_keys(gate: Gatepost, caller: Principal) -> list[SigningKey]:
    """Every published key, without its private half."""
    gate.require(caller, "key:view", seen_by="")
    return list(gate.memory.keys.keys)


def rotate(gate: Gatepost, caller: Principal) -> str:
    """Let the published next key sign, and publish another.  Tokens of the old one stay good until they expire."""
    settings = gate.settings.tokens
    with gate.change(caller, "key:rotate", seen_by="") as tx:
        kid = rotate_keys(tx, gate.sealer, settings.signing_algorithm, settings.access_token_ttl)
        tx.record(AuditRecord.of(caller, "key.rotated", f"key:{kid}", at=tx.at))
    return kid
