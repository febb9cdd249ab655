"""Signatures: what must verify, and the many things that must not (dependencies: the adversarial cases, 1 to 6)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from gatepost.errors import InvalidToken
from gatepost.sso.keys import (
    KEY_TYPES,
    FixedKeys,
    import_key,
    import_keys,
    import_pem,
    left_half_hash,
    read_unverified,
    verify_jws,
)

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
EC384 = ECKey.generate_key("P-384")
ED = OKPKey.generate_key("Ed25519")
CLAIMS = {"iss": "https://op.example", "sub": "bob"}
Document = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public(key: Key, **members: object) -> Document:
    return {**key.as_dict(private=False), **members}


def sign(key: Key, header: Document, payload: bytes | None = None) -> str:
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.max_header_length = 1 << 20
    registry.get_alg = lambda name: registry.algorithms[name]  # type: ignore[method-assign]
    body = json.dumps(CLAIMS).encode() if payload is None else payload
    return jws.serialize_compact(header, body, key, registry=registry)


def fixed(*keys: Document) -> FixedKeys:
    return FixedKeys(import_keys({"keys": list(keys)}))


def verify(token: str, keys: FixedKeys, *algorithms: str, typ: tuple[str, ...] = ("", "jwt")) -> Document:
    return verify_jws(token, keys, algorithms or ("RS256", "ES256"), typ).claims


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        *[(RSA, f"{family}{bits}") for family in ("RS", "PS") for bits in (256, 384, 512)],
        (EC, "ES256"),
        (EC384, "ES384"),
        (ECKey.generate_key("P-521"), "ES512"),
        (ED, "EdDSA"),
        (ED, "Ed25519"),
        (OKPKey.generate_key("Ed448"), "Ed448"),
    ],
)
def test_every_algorithm_that_can_be_configured_verifies(key: Key, algorithm: str) -> None:
    token = sign(key, {"alg": algorithm, "kid": "k"})

    assert verify(token, fixed(public(key, kid="k")), algorithm) == CLAIMS
    with pytest.raises(InvalidToken):
        verify(token, fixed(public(key, kid="k")), "ES256K")


def test_no_symmetric_algorithm_can_be_configured_at_all() -> None:
    assert not {"none", "HS256", "HS384", "HS512"} & set(KEY_TYPES)


def test_none_is_refused_even_where_it_is_allowed_by_mistake() -> None:
    token = ".".join([b64(b'{"alg":"none"}'), b64(json.dumps(CLAIMS).encode()), ""])

    with pytest.raises(InvalidToken):
        verify(token, fixed(public(RSA)), "none", "RS256")


@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
def test_a_public_key_is_no_hmac_secret(form: str) -> None:
    """Key confusion: HS256 with the bytes of the RSA public key, in every form an implementation may hold it."""
    secret = {
        "pem": RSA.as_pem(private=False),
        "der": RSA.as_der(private=False),
        "jwk": json.dumps(public(RSA)).encode(),
    }[form]
    signed = ".".join([b64(b'{"alg":"HS256","kid":"k"}'), b64(json.dumps(CLAIMS).encode())])
    token = f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    with pytest.raises(InvalidToken):
        verify(token, fixed(public(RSA, kid="k")), "HS256", "RS256")


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": RSA.as_dict(private=False)},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
        {"crit": []},
        {"crit": ["exp"], "exp": 1},
        {"b64": False},
        {"zip": "DEF"},
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
        {"typ": 7},
        {"alg": ["RS256"]},
        {"alg": {}},
        {"alg": None},
        {"kid": 7},
        {"kid": "k" * 2000},
        {"kid": "another"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_a_header_that_asks_for_more_is_refused(header: Document) -> None:
    head = b64(json.dumps({"alg": "RS256", "kid": "k", **header}).encode())
    signing_input = f"{head}.{b64(json.dumps(CLAIMS).encode())}"
    raw = jws.JWSRegistry.algorithms["RS256"].sign(signing_input.encode(), RSA)
    keys = fixed(public(RSA, kid="k"), public(RSAKey.generate_key(2048), kid="other"))

    with pytest.raises(InvalidToken):
        verify(f"{signing_input}.{b64(raw)}", keys)


def test_a_header_that_only_says_more_is_fine() -> None:
    """AWS's load balancer adds `signer`, others a certificate: long and unknown is not wrong."""
    token = sign(RSA, {"alg": "RS256", "kid": "k", "typ": "application/JWT", "signer": "arn:x", "x5c": ["A" * 9000]})

    assert verify(token, fixed(public(RSA, kid="k"))) == CLAIMS


def test_a_key_serves_its_own_algorithm_only() -> None:
    with pytest.raises(InvalidToken):
        verify(sign(RSA, {"alg": "RS256"}), fixed(public(RSA, alg="PS256")))
    with pytest.raises(InvalidToken):
        verify(sign(EC, {"alg": "ES256"}), fixed(public(EC384)))


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": b64(b"x" * 32)},
        public(RSA, use="enc"),
        public(RSA, key_ops=["encrypt"]),
        public(RSA, key_ops="verify"),
        public(RSA, alg="RSA-OAEP"),
        public(RSA, alg="HS256"),
        public(RSA, kid=7),
        public(RSA, n=7),
        public(RSA, n="!"),
        public(RSA, e=b64(b"\x01")),
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        public(ECKey.generate_key("secp256k1")),
        public(OKPKey.generate_key("X25519")),
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        "text",
        None,
        {},
    ],
    ids=[  # by name, for the keys are made anew for each run
        "a shared secret",
        "for encryption",
        "may encrypt only",
        "operations that are no list",
        "for key transport",
        "for a MAC",
        "a kid that is no text",
        "a modulus that is no text",
        "a modulus that is no base64",
        "exponent one",
        "RSA without numbers",
        "a point that is on no curve",
        "a curve that nobody allowed",
        "for key agreement",
        "of a kind that is not known yet",
        "no object",
        "null",
        "empty",
    ],
)
def test_a_key_that_may_not_verify_is_left_out_and_spoils_nothing(entry: object) -> None:
    assert import_key(entry) is None
    assert len(import_keys({"keys": [entry, public(EC)]})) == 1


def test_a_short_rsa_key_is_left_out() -> None:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    n = b64(numbers.n.to_bytes(128))

    assert import_key({"kty": "RSA", "n": n, "e": "AQAB"}) is None


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": "k"}])
def test_no_key_set_holds_no_keys(document: object) -> None:
    assert import_keys(document) == ()


def test_a_key_set_is_read_up_to_a_bound() -> None:
    assert len(import_keys({"keys": [public(EC, kid=str(n)) for n in range(500)]})) == 100


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RSA", "EC", "OKP"])
def test_keys_come_as_pem_too(key: RSAKey | ECKey | OKPKey) -> None:
    found = import_pem(key.as_pem(private=False))

    assert found is not None
    assert found.kty == key.key_type
    assert import_pem(b"junk") is None
    assert import_pem(key.as_pem(private=True)) is None


def test_without_kid_every_fitting_key_is_tried() -> None:
    """P-12: `kid` absent, with one and with many keys (old ADFS, Entra ID)."""
    others = [public(RSAKey.generate_key(2048), kid=str(n)) for n in range(2)]
    token = sign(RSA, {"alg": "RS256"})

    assert verify(token, fixed(public(RSA, kid="k"))) == CLAIMS
    assert verify(token, fixed(*others, public(EC, kid="ec"), public(RSA, kid="k"))) == CLAIMS
    with pytest.raises(InvalidToken):
        verify(token, fixed(*others))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda token: token + "=", id="padding"),
        pytest.param(lambda token: token[:-1], id="short signature"),
        pytest.param(lambda token: token + ".x", id="four parts"),
        pytest.param(lambda token: token.replace(".", "..", 1), id="empty payload"),
        pytest.param(lambda token: token.rpartition(".")[0] + ".", id="no signature"),
        pytest.param(lambda token: " " + token, id="blank"),
        pytest.param(lambda token: token + "\n", id="new line"),
        pytest.param(lambda token: token.replace(".", ".é", 1), id="not ASCII"),
        pytest.param(lambda token: "x" * 200_000 + token, id="huge"),
        pytest.param(lambda token: "", id="nothing"),
        pytest.param(lambda token: b64(b"[]") + token[token.index(".") :], id="header is a list"),
        pytest.param(lambda token: b64(b'{"alg":"ES256","alg":"RS256"}') + token[token.index(".") :], id="two alg"),
        pytest.param(lambda token: b64(b"[" * 9000) + token[token.index(".") :], id="deep header"),
    ],
)
def test_a_malformed_token_is_an_invalid_token(spoil: Any) -> None:
    """Never a library's own error: not every one of them is a `JoseError`."""
    with pytest.raises(InvalidToken) as error:
        verify(spoil(sign(RSA, {"alg": "RS256"})), fixed(public(RSA)))
    assert str(error.value) == "the credential is not valid"


def test_only_one_spelling_of_a_signature_is_taken() -> None:
    """The last character of base64url has spare bits: another spelling is another token with the same signature."""
    token = sign(RSA, {"alg": "RS256"})
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]

    with pytest.raises(InvalidToken):
        verify(other, fixed(public(RSA)))


def test_an_unverified_token_is_another_type() -> None:
    unverified = read_unverified(sign(RSA, {"alg": "RS256"}))

    assert unverified.claims == CLAIMS
    with pytest.raises(InvalidToken):
        read_unverified("junk")


def test_at_hash_is_that_of_the_specification() -> None:
    """OpenID Connect Core appendix A.4: the access token and its `at_hash` as printed there."""
    assert left_half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert len(base64.urlsafe_b64decode(left_half_hash("t", "ES384") + "==")) == 24
    assert len(base64.urlsafe_b64decode(left_half_hash("t", "EdDSA") + "==")) == 32
    assert len(base64.urlsafe_b64decode(left_half_hash("t", "Ed448") + "==")) == 57


def test_a_symmetric_key_never_signs_for_anybody() -> None:
    token = sign(OctKey.import_key("s" * 32), {"alg": "HS256"})

    with pytest.raises(InvalidToken):
        verify(token, fixed({"kty": "oct", "k": b64(b"s" * 32)}), "HS256")


@pytest.mark.parametrize("header", ["e30=", "e31", "e3 0", "e30\n", "+/+/", "é"])
def test_only_one_spelling_of_a_header_is_read(header: str) -> None:
    with pytest.raises(InvalidToken):
        read_unverified(f"{header}.e30.")
