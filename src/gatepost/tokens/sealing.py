"""Sealing what must be read again (signing keys, providers' tokens) with a key that no backup of the database holds.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce.  Each value is bound to its place: what is sealed as one thing
cannot be pasted over another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatepost.errors import ConfigurationError, Unavailable

LEAST_CHARACTERS = 32


class Sealer:
    """The first key seals; every key opens, so that a key can be replaced without losing what the old one sealed."""

    def __init__(self, keys: Sequence[str], urandom: Callable[[int], bytes]) -> None:
        if not keys or any(len(key) < LEAST_CHARACTERS for key in keys):
            raise ConfigurationError(
                [f"keys.encryption_keys: at least one is needed, each of {LEAST_CHARACTERS} characters or more"]
            )
        self._urandom = urandom
        self._keys = [hashlib.sha256(b"gatepost sealing\0" + key.encode()).digest() for key in keys]
        self._secrets = [hashlib.sha256(b"gatepost deriving\0" + key.encode()).digest() for key in keys]
        self._ciphers = {self._name(key): AESGCM(key) for key in self._keys}

    @staticmethod
    def _name(key: bytes) -> str:
        """Enough of a digest to tell which key sealed a value, and too little to help anyone find it."""
        return hashlib.sha256(b"name\0" + key).hexdigest()[:8]

    def seal(self, plain: bytes, place: str) -> str:
        nonce = self._urandom(12)
        name = self._name(self._keys[0])
        sealed = self._ciphers[name].encrypt(nonce, plain, place.encode())
        return f"{name}.{base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"

    def open(self, sealed: str, place: str) -> bytes:
        """Raises `ValueError` for what was tampered with or sealed elsewhere, `Unavailable` if its key is not here."""
        name, _, text = sealed.partition(".")
        if (cipher := self._ciphers.get(name)) is None:
            raise Unavailable("the key that sealed this value is not configured", detail=f"sealing key {name[:8]}")
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return cipher.decrypt(raw[:12], raw[12:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise ValueError("the sealed value was changed, or belongs elsewhere") from error

    def derive(self, purpose: str, text: str) -> list[str]:
        """Derive a secret from another one (a refresh token's successor), under each key, the current one first."""
        return [
            base64.urlsafe_b64encode(hmac.digest(secret, f"{purpose}\0{text}".encode(), "sha256")).decode().rstrip("=")
            for secret in self._secrets
        ]
