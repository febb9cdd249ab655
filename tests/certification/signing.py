"""Signatures made with `cryptography` alone, so that what Gatepost's own JOSE library takes for granted is not.

Everything here may be as wrong as a test wants it: a header is any object, a payload any bytes, a signature any function.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Document = dict[str, Any]
Sign = Callable[[bytes], bytes]
HASHES: Mapping[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name, and the algorithm that it signs with."""

    kid: str
    alg: str
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        digest = HASHES[self.alg[2:]]
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(digest)))
            return r.to_bytes(32) + s.to_bytes(32)
        if self.alg.startswith("PS"):
            return self.private.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return self.private.sign(message, padding.PKCS1v15(), digest)

    def jwk(self) -> Document:
        """The public half, as a key set has it (RFC 7517)."""
        public = self.private.public_key()
        named = {"kid": self.kid, "use": "sig"}
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **named}
        if isinstance(public, ec.EllipticCurvePublicKey):
            point = public.public_numbers()
            return {
                "kty": "EC",
                "crv": "P-256",
                "x": b64(point.x.to_bytes(32)),
                "y": b64(point.y.to_bytes(32)),
                **named,
            }
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **named}

    def pem(self) -> bytes:
        """What a confused verifier takes for an HMAC secret."""
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, spki)


@cache
def rsa_key(kid: str, alg: str = "RS256", bits: int = 2048) -> SigningKey:
    return SigningKey(kid, alg, rsa.generate_private_key(65537, bits))


@cache
def ec_key(kid: str) -> SigningKey:
    return SigningKey(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


@cache
def ed_key(kid: str) -> SigningKey:
    return SigningKey(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def hmac_with(secret: bytes) -> Sign:
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


def no_signature(_message: bytes) -> bytes:
    return b""


def broken(sign: Sign) -> Sign:
    """A signature with one bit turned over."""

    def signed(message: bytes) -> bytes:
        signature = bytearray(sign(message))
        signature[-1] ^= 1
        return bytes(signature)

    return signed


def compact(header: object, payload: bytes, sign: Sign) -> str:
    """RFC 7515 section 7.1."""
    message = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
    return f"{message}.{b64(sign(message.encode()))}"
