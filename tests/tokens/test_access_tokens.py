"""Access tokens by RFC 9068: what is in them, what is never taken for one, and when they die (traps 3 and 11, IF-X4)."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from gatepost.authn import authenticate_now, chain
from gatepost.directory.roles import assign_role, unassign_role
from gatepost.directory.users import UserChange, change_user, delete_user
from gatepost.errors import GatepostError, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BearerToken, Entity, Method, Scope
from gatepost.tokens.access_tokens import IDENTITY_TYPE, TYPE, mint, sign, verify
from gatepost.tokens.introspection import introspect
from gatepost.tokens.key_rotation import rotate
from gatepost.tokens.session_list import end_session
from gatepost.tokens.sessions import sign_out
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.directory.people import ADMIN, may
from tests.tokens.signing_in import by_bearer, make_user, pair_for, part
from tests.waiting import A_BUSY_SECOND, eventually

URL = "http://127.0.0.1:8420"
Claims = dict[str, Any]


@pytest.fixture
def token(gate: Gatepost) -> str:
    make_user(gate)
    return pair_for(gate).access_token


def test_it_says_who_for_whom_and_until_when_and_nothing_of_roles(gate: Gatepost, token: str) -> None:
    """RFC 9068 section 2.2; rule 4: roles and groups are looked up, not carried."""
    header, claims = part(token, 0), part(token, 1)
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": gate.memory.keys.active.kid}
    now = int(gate.now().timestamp())
    session = by_bearer(gate, token).credential_id
    assert claims == {
        "iss": URL,
        "aud": URL,
        "sub": "user:alice",
        "client_id": "gatepost",
        "iat": now,
        "exp": now + 1800,
        "jti": claims["jti"],
        "sid": session,
        "scope": "*:*",
    }
    assert len({part(pair_for(gate).access_token, 1)["jti"] for _ in range(5)}) == 5


def test_rights_are_those_of_now_and_not_of_the_time_of_issue(gate: Gatepost, token: str) -> None:
    caller = by_bearer(gate, token)
    assert not gate.may(caller, "audit:view")
    assign_role(gate, ADMIN, "admin", "user:alice")
    assert gate.may(by_bearer(gate, token), "audit:view")
    unassign_role(gate, ADMIN, "admin", "user:alice")
    assert not gate.may(by_bearer(gate, token), "audit:view")


def resigned(gate: Gatepost, token: str, claims: Claims | None = None, header: Claims | None = None) -> str:
    """The same token with other words in it, signed with our own key: only the words are wrong."""
    key = gate.memory.keys.active
    head = {"alg": key.algorithm, "typ": TYPE, "kid": key.kid} | (header or {})
    body = {k: v for k, v in (part(token, 1) | (claims or {})).items() if v is not None}
    return jws.serialize_compact(
        {k: v for k, v in head.items() if v is not None}, json.dumps(body).encode(), key.key, algorithms=[key.algorithm]
    )


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"iss": "http://evil.example"}, {}),
        ({"iss": URL + "/"}, {}),
        ({"iss": [URL]}, {}),
        ({"iss": None}, {}),
        ({"aud": "http://other.example"}, {}),
        ({"aud": [URL, "http://other.example"]}, {}),
        ({"aud": None}, {}),
        ({"exp": None}, {}),
        ({"exp": "9999999999"}, {}),
        ({"exp": 9999999999.5}, {}),
        ({"exp": 0}, {}),
        ({"iat": None}, {}),
        ({"iat": 9999999999}, {}),
        ({"iat": "now"}, {}),
        ({"sub": None}, {}),
        ({"sub": "alice"}, {}),
        ({"sub": 5}, {}),
        ({"sid": None}, {}),
        ({"scope": 5}, {}),
        ({"scope": ["*:*"]}, {}),
        ({}, {"typ": "JWT"}),
        ({}, {"typ": None}),
        ({}, {"typ": IDENTITY_TYPE}),
        ({}, {"typ": "application/at+jwt"}),
        ({}, {"kid": None}),
        ({}, {"kid": "unknown"}),
    ],
)
def test_with_our_own_signature_every_claim_is_still_looked_at(
    gate: Gatepost, token: str, claims: Claims, header: Claims
) -> None:
    """Trap 3: issuer, audience, type and time are never optional."""
    assert by_bearer(gate, resigned(gate, token)).subject.id == "alice", "unchanged, it is taken"
    with pytest.raises(InvalidToken) as refused:
        by_bearer(gate, resigned(gate, token, claims, header))
    assert str(refused.value) == "the credential is not valid", "the caller is never told which"


def test_a_missing_scope_is_an_empty_one_and_never_no_ceiling(gate: Gatepost, token: str) -> None:
    """Law 2."""
    assign_role(gate, ADMIN, "admin", "user:alice")
    caller = by_bearer(gate, resigned(gate, token, {"scope": None}))
    assert caller.scope == Scope(frozenset())
    assert not gate.may(caller, "audit:view")


def encoded(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def hs256(header: Claims, claims: Claims, key: bytes) -> str:
    signed = f"{encoded({'alg': 'HS256', **header})}.{encoded(claims)}"
    mac = hmac.digest(key, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def test_a_token_signed_by_somebody_else_is_not_ours(gate: Gatepost, token: str) -> None:
    """alg none, HS256 with our public key, another key under our kid, a key in the header, a cut or swapped part."""
    active = gate.memory.keys.active
    claims = part(token, 1) | {"sub": "user:admin"}
    header = {"typ": TYPE, "kid": active.kid}
    body = json.dumps(claims).encode()
    head, payload, signature = token.split(".")
    public = active.key.as_pem(private=False)
    forger = ECKey.generate_key("P-256")
    forged = {
        "none": f"{encoded({'alg': 'none', **header})}.{encoded(claims)}.",
        "none, with a part": f"{encoded({'alg': 'none', **header})}.{encoded(claims)}.{signature}",
        "hs256 with the public key": hs256(header, claims, public),
        "hs256 with the jwk": hs256(header, claims, json.dumps(dict(active.public)).encode()),
        "another key": jws.serialize_compact({"alg": "ES256", **header}, body, forger, algorithms=["ES256"]),
        "a key in the header": jws.serialize_compact(
            {"alg": "ES256", **header, "jwk": forger.as_dict(private=False)}, body, forger, algorithms=["ES256"]
        ),
        "other claims": f"{head}.{encoded(claims)}.{signature}",
        "other header": f"{encoded({'alg': 'ES256', **header, 'x': 1})}.{payload}.{signature}",
        "no signature": f"{head}.{payload}.",
        "cut": token[:-4],
        "zeros": f"{head}.{payload}.{'A' * len(signature)}",
    }
    for name, text in forged.items():
        with pytest.raises(InvalidToken):
            by_bearer(gate, text)
        assert text.count(".") == 2, name


def test_a_member_that_stands_there_twice_is_refused(gate: Gatepost, token: str) -> None:
    """Two readers could take two different ones for the truth."""
    key = gate.memory.keys.active
    claims = json.dumps(part(token, 1))
    doubled = '{"sub": "user:admin", ' + claims[1:]
    header = {"alg": key.algorithm, "typ": TYPE, "kid": key.kid}
    text = jws.serialize_compact(header, doubled.encode(), key.key, algorithms=[key.algorithm])
    with pytest.raises(InvalidToken):
        by_bearer(gate, text)


def test_a_critical_extension_that_we_do_not_know_is_refused(gate: Gatepost, token: str) -> None:
    """RFC 7515 section 4.1.11."""
    key = gate.memory.keys.active
    header = {"alg": key.algorithm, "typ": TYPE, "kid": key.kid, "crit": ["b64"], "b64": False}
    text = f"{encoded(header)}.{token.split('.')[1]}.{token.split('.')[2]}"
    with pytest.raises(InvalidToken):
        by_bearer(gate, text)


def test_it_ends_to_the_second_though_it_was_verified_before(gate: Gatepost, token: str, dice: FakeDice) -> None:
    dice.advance(timedelta(seconds=1800) - timedelta(microseconds=1))
    by_bearer(gate, token)
    dice.advance(timedelta(microseconds=1))
    for _ in range(2):
        with pytest.raises(InvalidToken):
            by_bearer(gate, token)
    with pytest.raises(InvalidToken):
        verify(gate, token)


ENDINGS: dict[str, Callable[[Gatepost, str], object]] = {
    "signing out": lambda gate, token: sign_out(gate, by_bearer(gate, token)),
    "ending the session": lambda gate, token: end_session(gate, ADMIN, by_bearer(gate, token).credential_id),
    "disabling": lambda gate, _: change_user(gate, ADMIN, "alice", UserChange(disabled=True)),
    "deleting": lambda gate, _: delete_user(gate, ADMIN, "alice"),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_it_dies_at_once_here_within_a_second_elsewhere_and_stays_dead(
    gate: Gatepost, second_gate: Gatepost, token: str, how: str, open_gate: OpenGate, gate_url: str
) -> None:
    """infrahub#7202: the account was deleted, and GraphQL still answered.  It stays dead for the next of that name."""
    by_bearer(second_gate, token)
    ENDINGS[how](gate, token)
    with pytest.raises(InvalidToken):
        by_bearer(gate, token)

    def dead(there: Gatepost) -> bool:
        try:
            by_bearer(there, token)
        except GatepostError:
            return True
        return False

    eventually(lambda: dead(second_gate), within=A_BUSY_SECOND)
    if how == "deleting":
        make_user(gate)
    elif how == "disabling":
        change_user(gate, ADMIN, "alice", UserChange(disabled=False))
    second_gate.memory.catch_up()
    for there in (gate, second_gate, open_gate(gate_url)):
        assert dead(there)


def test_it_is_for_one_audience(open_gate: OpenGate, gate_url: str) -> None:
    """Rule 10: a token for an application behind us is none for us, and the identity that it is handed is neither."""
    base = settings_for(gate_url)
    gate = open_gate(replace(base, tokens=replace(base.tokens, audiences=("https://app.example",))))
    make_user(gate)
    session = by_bearer(gate, pair_for(gate).access_token).credential_id
    alice = Entity("user", "alice")
    other = mint(gate, alice, session=session, scope=Scope.parse("*:*"), client_id="x", audience="https://app.example")
    with pytest.raises(InvalidToken):
        by_bearer(gate, other)
    identity = sign(gate, part(other, 1) | {"aud": URL}, IDENTITY_TYPE)
    with pytest.raises(InvalidToken):
        by_bearer(gate, identity)


def test_the_address_is_that_of_the_call_and_not_of_the_first_one(gate: Gatepost, token: str) -> None:
    """A verified token is remembered; where the next call with it comes from is not the same."""
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        caller = authenticate_now(BearerToken(token), chain(gate, address), gate.now())
        assert (caller.address, caller.method) == (address, Method.ACCESS_TOKEN)


def test_tokens_of_a_retired_key_are_good_until_they_expire(gate: Gatepost, token: str, dice: FakeDice) -> None:
    rotate(gate, ADMIN)
    assert by_bearer(gate, token).subject.id == "alice"
    assert part(pair_for(gate).access_token, 0)["kid"] != part(token, 0)["kid"]
    dice.advance(timedelta(minutes=31))
    rotate(gate, ADMIN)
    with pytest.raises(InvalidToken):
        by_bearer(gate, token)
    assert may(gate, "user:alice", "dataset:create")


def test_a_token_of_before_its_life_was_shortened_lives_no_longer_than_those_of_today(
    open_gate: OpenGate, gate_url: str, dice: FakeDice
) -> None:
    """The attack: what was ended is remembered for as long as tokens live now, and an older one would outlive that."""
    base = settings_for(gate_url)
    before = open_gate(replace(base, tokens=replace(base.tokens, access_token_ttl=timedelta(days=1))))
    make_user(before)
    token = pair_for(before).access_token
    today = open_gate(base)
    caller = by_bearer(today, token)
    told = [introspect(each, caller, token) for each in (before, today)]
    assert [each["exp"] - each["iat"] for each in told] == [24 * 60 * 60, 30 * 60], "whoever asks keeps that answer"

    dice.advance(timedelta(minutes=30))

    assert by_bearer(before, token).subject.id == "alice"
    with pytest.raises(InvalidToken):
        by_bearer(today, token)
    with pytest.raises(InvalidToken):
        by_bearer(open_gate(base), token)
