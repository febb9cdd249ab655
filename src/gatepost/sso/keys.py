"""The only file of `sso` that touches JOSE: a provider's public keys, and the signatures they verify."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NewType, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact

from gatepost.errors import InvalidToken
from gatepost.sso.strict_json import strict_json

# What a signature was verified over.  Unverified claims do not type-check where these are wanted.
VerifiedClaims = NewType("VerifiedClaims", dict[str, object])

# An algorithm names the type of key it works with.  HMAC and `none` are not here, and so not anywhere.
KEY_TYPES: Mapping[str, tuple[str, str]] = {
    **{f"{family}{bits}": ("RSA", "") for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", ""),
    "Ed25519": ("OKP", "Ed25519"),
    "Ed448": ("OKP", "Ed448"),
}
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
EDDSA = frozenset({"EdDSA", "Ed25519", "Ed448"})
MAX_TOKEN = 128 * 1024
MAX_HEADER = 16 * 1024
MAX_KEYS = 100
MAX_TRIED = 8
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
_JOSE_FAILURES = (JoseError, ValueError, TypeError, RecursionError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key that may verify.  `kid` and `alg` are empty where the provider does not say."""

    kid: str
    kty: str
    crv: str
    alg: str
    key: Key = field(repr=False, compare=False)
    issuer: str = ""  # Entra names in its one key set whose tokens a key signs

    @property
    def thumbprint(self) -> str:
        """What makes it this key whatever it is called (RFC 7638)."""
        return self.key.thumbprint()

    def fits(self, algorithm: str) -> bool:
        """Tell whether this key works with `algorithm`: type, curve, and the key's own `alg` if it has one."""
        kty, crv = KEY_TYPES.get(algorithm, ("", ""))
        same = self.alg in ("", algorithm) or {self.alg, algorithm} <= EDDSA
        return self.kty == kty and crv in ("", self.crv) and same


class Keys(Protocol):
    """Where the keys of one issuer come from."""

    @property
    def known(self) -> int:
        """How many there are, without asking."""

    @property
    def fetches(self) -> int:
        """How often they were asked for since the start."""

    def look(self) -> None:
        """Ask for them now, for the sake of knowing.  Never raises."""

    def candidates(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """Return the keys to try, few.  None for a `kid` that nobody knows.  Raises `ProviderFailed`."""

    def reread(self, tried: Sequence[PublicKey], kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """Return other keys than those tried, after looking again."""


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """Keys from the configuration (`public_keys`)."""

    keys: tuple[PublicKey, ...]
    fetches: int = 0

    @property
    def known(self) -> int:
        return len(self.keys)

    def look(self) -> None:
        """They are here."""

    def candidates(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        return choose(self.keys, kid, algorithm)

    def reread(self, tried: Sequence[PublicKey], kid: str | None, algorithm: str) -> Sequence[PublicKey]:  # noqa: ARG002 - they never change
        return ()


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature holds.  What its claims say is for the caller to judge."""

    claims: VerifiedClaims
    algorithm: str
    key_issuer: str = ""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says before anybody checked: good for choosing the provider by `iss` and `aud`, no more."""

    header: Mapping[str, object]
    claims: Mapping[str, object]


def choose(keys: Iterable[PublicKey], kid: str | None, algorithm: str) -> tuple[PublicKey, ...]:
    """Return the keys that may have signed, up to a bound: those of that `kid`, or without one every fitting key.

    A key set need not name its keys, even where the tokens do (RFC 7517 section 4.5): then the nameless ones are left.
    """
    fitting = [key for key in keys if key.fits(algorithm)]
    named = [key for key in fitting if kid is None or key.kid == kid]
    return tuple((named or [key for key in fitting if not key.kid])[:MAX_TRIED])


def import_keys(document: object) -> tuple[PublicKey, ...]:
    """Read a JSON Web Key Set (RFC 7517), leaving out what cannot be used.  One bad key does not spoil the others."""
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        return ()
    found = (import_key(entry) for entry in entries[:MAX_KEYS])
    return tuple(key for key in found if key is not None)


def import_key(entry: object) -> PublicKey | None:
    """Read one JWK.  None for what may not verify: symmetric, private, for encryption, too weak, or malformed."""
    if not isinstance(entry, Mapping) or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    operations = entry.get("key_ops")
    if entry.get("use", "sig") != "sig" or (operations is not None and "verify" not in _texts(operations)):
        return None
    kid, alg, crv = entry.get("kid", ""), entry.get("alg", ""), entry.get("crv", "")
    if not (isinstance(kid, str) and isinstance(alg, str) and isinstance(crv, str)):
        return None
    if alg and alg not in KEY_TYPES:
        return None
    try:
        key = _public_key(_of_jwk(entry), kid, alg)
    except _JOSE_FAILURES:
        return None
    issuer = entry.get("issuer")
    return replace(key, issuer=issuer) if key is not None and isinstance(issuer, str) else key


def import_pem(pem: bytes, *, kid: str = "") -> PublicKey | None:
    """Read a public key in PEM.  None for what is no public key of a kind that may verify, as for a JWK."""
    try:
        return _public_key(load_pem_public_key(pem), kid, "")
    except (*_JOSE_FAILURES, UnsupportedAlgorithm):
        return None


def _of_jwk(entry: Mapping[str, object]) -> object:
    """Build the key from its public members alone: certificates and unknown members are nobody's business here."""
    if entry["kty"] == "RSA":
        e, n = (int.from_bytes(_base64url(str(entry[name]).rstrip("="))) for name in ("e", "n"))
        return rsa.RSAPublicNumbers(e, n).public_key() if n.bit_length() <= MAX_RSA_BITS else None
    members: dict[str, str | list[str]] = {name: str(entry[name]) for name in ("kty", "crv", "x", "y") if name in entry}
    return (ECKey if entry["kty"] == "EC" else OKPKey).import_key(members).raw_value


def _public_key(key: object, kid: str, alg: str) -> PublicKey | None:
    if isinstance(key, rsa.RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return PublicKey(kid, "RSA", "", alg, RSAKey.import_key(key))
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES:
        return PublicKey(kid, "EC", CURVES[key.curve.name], alg, ECKey.import_key(key))
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        crv = "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "Ed448"
        return PublicKey(kid, "OKP", crv, alg, OKPKey.import_key(key))
    return None


def verify_jws(token: str, keys: Keys, algorithms: Collection[str], typ: Collection[str]) -> VerifiedToken:
    """Verify a signed token and return its claims.  Raises `InvalidToken`, or `ProviderFailed` without keys.

    Args:
        token: a JWS in compact form (RFC 7515).
        keys: the issuer's.  A key inside or named by the token (`jwk`, `jku`, `x5u`) is refused, never used.
        algorithms: what the configuration allows; what the provider or the token says is no reason to trust it.
        typ: the types that fit the purpose, lower-case; an empty text allows the header to be absent.
    """
    header = _checked_header(token, algorithms, typ)
    algorithm, said = str(header["alg"]), header.get("kid")
    kid = said if isinstance(said, str) else None
    tried = keys.candidates(kid, algorithm)
    verified = _first_that_verifies(token, tried, algorithm)
    if verified is None and (tried or kid is None):
        # Without a key id, or where a new key was given the old one's, a rotation shows only in that no key fits.
        verified = _first_that_verifies(token, keys.reread(tried, kid, algorithm), algorithm)
    if verified is None:
        raise InvalidToken(detail=f"no key of the issuer verifies it (kid {str(kid)[:100]!r}, {algorithm})")
    return verified


def read_unverified(token: str) -> UnverifiedToken:
    """Read a token without verifying it.  Raises `InvalidToken` if it is not a JWS with JSON claims."""
    header, payload, _ = _parts(token)
    return UnverifiedToken(_object(header, "header"), _object(payload, "payload"))


def left_half_hash(value: str, algorithm: str) -> str:
    """Return `at_hash` of a value (OpenID Connect Core 3.1.3.6): the left half of the hash that the algorithm uses."""
    if algorithm in ("EdDSA", "Ed25519"):
        digest = hashlib.sha512(value.encode()).digest()
    elif algorithm == "Ed448":
        digest = hashlib.shake_256(value.encode()).digest(114)
    else:
        digest = hashlib.new(f"sha{algorithm[2:]}", value.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _checked_header(token: str, algorithms: Collection[str], typ: Collection[str]) -> Mapping[str, object]:
    header = _object(_parts(token)[0], "header")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "")
    for wrong, detail in (
        (
            not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in KEY_TYPES,
            f"algorithm {str(algorithm)[:40]!r} is not allowed",
        ),
        (bool({"jwk", "jku", "x5u"} & header.keys()), "it brings its own key"),
        ("crit" in header, "it has critical headers, and we know none"),
        ("b64" in header, "its payload is not encoded"),
        ("zip" in header or "enc" in header, "it is not a JWS"),
        (kid is not None and (not isinstance(kid, str) or len(kid) > 1024), "its kid is not a short text"),
        (not isinstance(kind, str) or kind.lower().removeprefix("application/") not in typ, f"type {str(kind)[:40]!r}"),
    ):
        if wrong:
            raise InvalidToken(detail=detail)
    return header


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".") if len(token) <= MAX_TOKEN and token.isascii() else []
    if len(parts) != 3 or len(parts[0]) > MAX_HEADER:
        raise InvalidToken(detail="not a compact JWS")
    return parts[0], parts[1], parts[2]


def _base64url(text: str) -> bytes:
    """Decode base64url without padding.  Raises `ValueError` for every other spelling of the same bytes."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != text:
        raise ValueError("not the canonical base64url")
    return decoded


class _OneAlgorithm(JWSRegistry):
    """A registry of the one algorithm already allowed, without a warning about its age or a limit for short headers."""

    max_header_length = MAX_HEADER
    max_signature_length = 2048

    def get_alg(self, name: str) -> JWSAlgModel:
        if name != self.allowed:
            raise ValueError("another algorithm")
        return self.algorithms[name]


def _first_that_verifies(token: str, keys: Sequence[PublicKey], algorithm: str) -> VerifiedToken | None:
    registry = _OneAlgorithm(algorithms=algorithm, strict_check_header=False)
    for candidate in keys:
        try:
            signature = deserialize_compact(token, candidate.key, registry=registry)
        except _JOSE_FAILURES:
            continue
        # The library's own parser lets duplicate members pass, so the verified bytes are read again by ours.
        claims = VerifiedClaims(_parsed(signature.payload or b"", "payload"))
        return VerifiedToken(claims, algorithm, candidate.issuer)
    return None


def _object(encoded: str, part: str) -> dict[str, object]:
    try:
        return _parsed(_base64url(encoded), part)
    except ValueError as error:
        raise InvalidToken(detail=f"its {part} is malformed: {type(error).__name__}") from error


def _parsed(text: bytes, part: str) -> dict[str, object]:
    try:
        document = strict_json(text)
    except (ValueError, RecursionError) as error:
        raise InvalidToken(detail=f"its {part} is malformed: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise InvalidToken(detail=f"its {part} is not an object")
    return document


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else []
