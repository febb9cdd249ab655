"""The keys that sign our tokens (RFC 7517): one active, one published ahead, and those still needed to verify.

The next key stands in the JWKS before it signs anything, so that a verifier which caches the set knows it by then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from sqlalchemy import Connection, insert, select, update

from gatepost.errors import Unavailable
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.sealing import Sealer

Key = ECKey | RSAKey | OKPKey

ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA")
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class KeyState(StrEnum):
    """`next` is published and does not sign yet; `retired` verifies what it signed, until that has expired."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key.  The private half is opened from its seal once, when memory is filled."""

    kid: str
    algorithm: str
    state: KeyState
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None
    public: Mapping[str, Any]
    key: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every key that is published, and the one that signs."""

    keys: tuple[SigningKey, ...] = ()

    @property
    def active(self) -> SigningKey:
        for key in self.keys:
            if key.state is KeyState.ACTIVE:
                return key
        raise Unavailable("there is no signing key")

    def by_kid(self, kid: str) -> SigningKey | None:
        return next((key for key in self.keys if key.kid == kid), None)

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public halves, as `/.well-known/jwks.json` shows them."""
        return {"keys": [dict(key.public) for key in self.keys]}

    def verifiers(self) -> KeySet:
        return KeySet([key.key for key in self.keys])


def make_key(algorithm: str) -> Key:
    if algorithm.startswith("ES"):
        return ECKey.generate_key(_CURVES[algorithm], auto_kid=True)
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519", auto_kid=True)
    return RSAKey.generate_key(3072, auto_kid=True)


def load_keys(connection: Connection, sealer: Sealer) -> Keyring:
    """Read and open every key.  Raises `Unavailable` if the key that sealed them is not configured."""
    t = tables.signing_keys
    return Keyring(
        tuple(_opened(row, sealer) for row in connection.execute(select(t).order_by(t.c.created_at, t.c.kid)))
    )


def _opened(row: Any, sealer: Sealer) -> SigningKey:
    private = json.loads(sealer.open(row.private, f"signing_keys/{row.kid}"))
    kinds: dict[str, type[Key]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
    return SigningKey(
        kid=row.kid,
        algorithm=row.algorithm,
        state=KeyState(row.state),
        created_at=row.created_at,
        activated_at=row.activated_at,
        retired_at=row.retired_at,
        public=row.public,
        key=kinds[private["kty"]].import_key(private),
    )


def add_key(tx: Change, sealer: Sealer, algorithm: str, state: KeyState) -> str:
    """Make a key and store it sealed.  Returns its `kid`."""
    key = make_key(algorithm)
    kid = str(key.kid)
    usage = {"kid": kid, "use": "sig", "alg": algorithm}
    private = json.dumps(key.as_dict(private=True) | usage).encode()
    tx.connection.execute(
        insert(tables.signing_keys).values(
            kid=kid,
            algorithm=algorithm,
            state=state,
            public=key.as_dict(private=False) | usage,
            private=sealer.seal(private, f"signing_keys/{kid}"),
            created_at=tx.at,
            activated_at=tx.at if state is KeyState.ACTIVE else None,
        )
    )
    tx.log("key", kid, state=state)
    return kid


def rotate_keys(tx: Change, sealer: Sealer, algorithm: str, longest_life: timedelta) -> str:
    """Retire the active key, let the published next one sign, and publish another.  Returns the new active `kid`.

    Retired keys go once nothing that they signed can still be valid (`longest_life` after they retired).
    """
    t = tables.signing_keys
    rows = tx.connection.execute(select(t.c.kid, t.c.state, t.c.algorithm, t.c.retired_at)).all()
    chosen = next((r.kid for r in rows if r.state == KeyState.NEXT and r.algorithm == algorithm), None)
    if chosen is None:
        chosen = add_key(tx, sealer, algorithm, KeyState.NEXT)
    for row in rows:
        if row.state == KeyState.ACTIVE or (row.state == KeyState.NEXT and row.kid != chosen):
            _set_state(tx, row.kid, state=KeyState.RETIRED, retired_at=tx.at)
        elif row.state == KeyState.RETIRED and row.retired_at + longest_life < tx.at:
            tx.connection.execute(t.delete().where(t.c.kid == row.kid))
            tx.log("key", row.kid, state="gone")
    _set_state(tx, chosen, state=KeyState.ACTIVE, activated_at=tx.at)
    add_key(tx, sealer, algorithm, KeyState.NEXT)
    return chosen


def _set_state(tx: Change, kid: str, **values: object) -> None:
    t = tables.signing_keys
    tx.connection.execute(update(t).where(t.c.kid == kid).values(**values))
    tx.log("key", kid, state=values["state"])


def ensure_keys(tx: Change, sealer: Sealer, algorithm: str, states: Iterable[str]) -> None:
    """On an empty database: one key that signs, and the next one, published."""
    held = set(states)
    for state in (KeyState.ACTIVE, KeyState.NEXT):
        if state not in held:
            add_key(tx, sealer, algorithm, state)
