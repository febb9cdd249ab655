"""Tokens of other issuers, accepted as they are: whom they open, what they carry, and what is refused (CO-*)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gatepost.directory.pages import Wanted
from gatepost.directory.users import NewUser, UserChange, change_user, create_user, delete_user
from gatepost.errors import Forbidden, InvalidToken
from gatepost.principal import Entity, Method
from gatepost.sso.identities import list_conflicts
from tests.authn.conftest import OpenWith, delegated, events, is_at_hand, who
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.sso.provider_in_process import Document, InProcessProvider, Raw, make_key

BOB: Document = {"sub": "bob-1", "email": "bob@corp.example"}


def test_an_unknown_person_is_made_and_is_the_same_the_next_time(op: InProcessProvider, open_with: OpenWith) -> None:
    """CO-1, CO-9, CO-10: the e-mail maps to a user; an unknown one is created."""
    gate = open_with(delegated(op))

    caller = who(gate, op.token(**BOB))

    assert caller.subject == Entity("user", "bob@corp.example")
    assert (caller.method, caller.scope, caller.provider) == (Method.DELEGATED, None, "gateway")
    assert who(gate, op.token(**BOB)).subject == caller.subject
    assert len(events(gate, "user.created")) == 1


def test_the_identity_counts_and_not_the_name(op: InProcessProvider, open_with: OpenWith) -> None:
    """The same subject with a new address is the same person; another subject with the old address is not."""
    gate = open_with(delegated(op))
    first = who(gate, op.token(**BOB))

    assert who(gate, op.token(sub="bob-1", email="robert@corp.example")).subject == first.subject
    with pytest.raises(Forbidden):
        who(gate, op.token(sub="somebody-else", email="bob@corp.example"))
    conflicts = list_conflicts(gate, ADMIN, Wanted()).items
    assert [(c.provider, c.subject, c.username) for c in conflicts] == [
        ("gateway", "somebody-else", "bob@corp.example")
    ]


def test_a_clash_is_written_once_however_often_it_is_tried(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(delegated(op))
    who(gate, op.token(**BOB))
    before = gate.memory.revision.number
    for number in range(5):
        with pytest.raises(Forbidden):
            who(gate, op.token(sub="another", email="bob@corp.example", jti=str(number)))

    assert gate.memory.revision.number <= before + 1
    assert len(list_conflicts(gate, ADMIN, Wanted()).items) == 1


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://evil.example"}, id="iss"),
        pytest.param({"iss": None}, id="no iss"),
        pytest.param({"aud": "another"}, id="aud"),
        pytest.param({"aud": None}, id="no aud (CO-X1, trap 3)"),
        pytest.param({"aud": []}, id="empty aud"),
        pytest.param({"aud": {"gatepost": True}}, id="aud of the wrong type"),
        pytest.param({"aud": ["gatepost", 7]}, id="aud with a number in it"),
        pytest.param({"exp": None}, id="no exp"),
        pytest.param({"exp": "2099-01-01"}, id="exp as text"),
        pytest.param({"exp": True}, id="exp true"),
        pytest.param({"iat": "now"}, id="iat as text"),
        pytest.param({"nbf": None, "iat": {}}, id="iat as an object"),
        pytest.param({"sub": None}, id="no sub"),
        pytest.param({"sub": 7}, id="sub as a number"),
        pytest.param({"sub": ""}, id="empty sub"),
        pytest.param({"email": None}, id="neither key nor e-mail (CO-5)"),
        pytest.param({"email": ["bob@corp.example"]}, id="e-mail as a list"),
        pytest.param({"email": "not a name"}, id="a name with a space"),
        pytest.param({"act": "a text"}, id="act as text"),
        pytest.param({"act": {"sub": 5}}, id="act.sub as a number"),
        pytest.param({"client_id": ["x"]}, id="client_id as a list"),
        pytest.param({"events": {}}, id="a logout token without its type"),
    ],
)
def test_a_claim_that_is_wrong_is_refused(op: InProcessProvider, open_with: OpenWith, claims: Document) -> None:
    """Trap 3: nothing about issuer, audience and expiry is optional; claims of the wrong type make nobody."""
    gate = open_with(delegated(op))

    with pytest.raises(InvalidToken):
        who(gate, op.token(**{**BOB, **claims}))
    assert events(gate, "user.created") == []


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS512"},
        {"typ": "logout+jwt"},
        {"typ": "gatepost-identity+jwt"},
        {"typ": "secevent+jwt"},
        {"jku": "https://evil.example/jwks"},
        {"jwk": {"kty": "RSA"}},
        {"crit": ["x"], "x": 1},
        {"kid": "unknown"},
    ],
    ids=json.dumps,
)
def test_a_header_that_is_wrong_is_refused(op: InProcessProvider, open_with: OpenWith, header: Document) -> None:
    gate = open_with(delegated(op))

    with pytest.raises(InvalidToken):
        who(gate, op.token(header, **BOB))


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "application/at+jwt"])
def test_an_access_token_of_the_issuer_is_taken(op: InProcessProvider, open_with: OpenWith, typ: str) -> None:
    """RFC 9068: `at+jwt` is no sign that a token is ours; the issuer is."""
    assert who(open_with(delegated(op)), op.token({"typ": typ}, **BOB)).subject.id == "bob@corp.example"


def test_a_token_of_one_issuer_signed_by_another_is_refused(
    op: InProcessProvider, other_op: InProcessProvider, open_with: OpenWith
) -> None:
    """A delegated token of issuer A signed by B's key, both of them configured."""
    other_op.keys = [make_key("second")]
    gate = open_with(delegated(op), delegated(other_op, name="other"))
    assert who(gate, other_op.token(**BOB)).provider == "other"

    with pytest.raises(InvalidToken):
        who(gate, other_op.token(**{**BOB, "iss": op.issuer}))
    with pytest.raises(InvalidToken):
        who(gate, other_op.token({"kid": "first"}, **{**BOB, "iss": op.issuer}))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_clocks_may_differ_by_the_leeway_and_no_more(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice, claim: str
) -> None:
    """(a) Clock skew both ways, bounded."""
    gate = open_with(delegated(op, leeway=timedelta(seconds=60)))
    now = int(dice.clock())
    near, far = (now - 59, now - 61) if claim == "exp" else (now + 59, now + 61)

    assert who(gate, op.token(**BOB, **{claim: near})).subject.id
    with pytest.raises(InvalidToken):
        who(gate, op.token(**BOB, **{claim: far}))


def test_a_verified_token_is_answered_from_memory_until_it_expires(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice
) -> None:
    gate = open_with(delegated(op))
    token = op.token(**BOB)
    assert not is_at_hand(gate, token)
    who(gate, token)  # makes the account, so what was worked out before is not kept
    who(gate, token)
    asked = op.requests["/jwks"]

    assert is_at_hand(gate, token)
    assert op.requests["/jwks"] == asked
    dice.advance(timedelta(minutes=6, seconds=1))
    with pytest.raises(InvalidToken):
        who(gate, token)


def test_a_disabled_person_is_refused_at_once_in_every_process(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice
) -> None:
    gate = open_with(delegated(op))
    token = op.token(**BOB)
    who(gate, token)
    second = open_with(delegated(op))
    who(second, token)

    change_user(gate, ADMIN, "bob@corp.example", UserChange(disabled=True))

    for process in (gate, second):
        process.memory.catch_up()
        with pytest.raises(InvalidToken):
            who(process, token)


def test_a_person_who_is_deleted_is_not_answered_from_memory(op: InProcessProvider, open_with: OpenWith) -> None:
    """The token makes a new account, which has nothing of the old one."""
    gate = open_with(delegated(op))
    token = op.token(**BOB)
    who(gate, token)
    who(gate, token)
    assert is_at_hand(gate, token)

    delete_user(gate, ADMIN, "bob@corp.example")

    assert not is_at_hand(gate, token)


def test_auto_create_users_off_refuses_an_unknown_person(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(delegated(op, auto_create_users=False))
    with pytest.raises(Forbidden):
        who(gate, op.token(**BOB))

    create_user(gate, ADMIN, NewUser(username="bob@corp.example", external="gateway"))

    assert who(gate, op.token(**BOB)).subject.id == "bob@corp.example"


def test_a_token_that_fits_two_tables_is_refused(op: InProcessProvider, open_with: OpenWith) -> None:
    gate = open_with(delegated(op, name="one", audience=("a",)), delegated(op, name="two", audience=("b",)))

    assert who(gate, op.token(**BOB, aud="a")).provider == "one"
    with pytest.raises(InvalidToken):
        who(gate, op.token(**BOB, aud=["a", "b"]))


def test_any_audience_has_to_be_asked_for(op: InProcessProvider, open_with: OpenWith) -> None:
    """CO-7, CO-X1: any token of the issuer, where somebody says so; trap 3 is why it is not the default."""
    gate = open_with(delegated(op, audience=(), allow_any_audience=True))

    assert who(gate, op.token(**BOB, aud="whoever")).subject.id
    assert who(gate, op.token(**{**BOB, "aud": None})).subject.id


@pytest.mark.parametrize(
    ("claims", "actor"),
    [
        ({}, None),
        ({"client_id": "gw"}, "client:gw"),
        ({"client_id": "gw", "act": {"sub": "batch"}}, "client:batch"),
        ({"scope": "dataset:view"}, None),
    ],
)
def test_the_actor_is_named_and_a_foreign_scope_narrows_nothing(
    op: InProcessProvider, open_with: OpenWith, claims: Document, actor: str | None
) -> None:
    caller = who(open_with(delegated(op)), op.token(**BOB, **claims))

    assert str(caller.actor) == str(actor)
    assert caller.scope is None


def test_keys_by_address_and_keys_by_hand(op: InProcessProvider, open_with: OpenWith) -> None:
    """CO-4: keys by discovery, or by `jwks_uri` or `public_keys`; only discovery asks for the document."""
    by_address = open_with(delegated(op, jwks_uri=f"{op.issuer}/jwks"))
    assert who(by_address, op.token(**BOB)).subject.id
    assert op.requests["/.well-known/openid-configuration"] == 0
    jwk = json.dumps(make_key("first").as_dict(private=False))
    asked = op.requests["/jwks"]
    by_hand = open_with(delegated(op, public_keys=(jwk,)))

    assert who(by_hand, op.token(**BOB, jti="by hand")).subject.id
    assert op.requests["/jwks"] == asked


def test_an_issuer_needs_no_endpoint_but_its_keys(op: InProcessProvider, open_with: OpenWith) -> None:
    """A CI system's discovery document has neither an authorization endpoint nor a token endpoint."""
    op.tamper.discovery = lambda document: {name: document[name] for name in ("issuer", "jwks_uri")}

    assert who(open_with(delegated(op)), op.token(**BOB)).subject.id


def test_a_rotated_key_is_found_at_once_and_a_storm_of_unknown_ones_asks_little(
    op: InProcessProvider, open_with: OpenWith
) -> None:
    """Trap 12: 100 tokens with unknown key ids, at most a few fetches."""
    gate = open_with(delegated(op))
    who(gate, op.token(**BOB))
    op.rotate("second")
    assert who(gate, op.token(**BOB, jti="after")).subject.id
    asked = op.requests["/jwks"]
    for number in range(100):
        with pytest.raises(InvalidToken):
            who(gate, op.token({"kid": f"unknown-{number}"}, **BOB))

    assert op.requests["/jwks"] - asked <= 4
    assert who(gate, op.token(**BOB, jti="still")).subject.id


def test_an_issuer_that_is_down_is_no_verdict_and_stops_nobody_else(
    op: InProcessProvider, other_op: InProcessProvider, open_with: OpenWith
) -> None:
    from gatepost.errors import ProviderFailed

    op.tamper.raw["/.well-known/openid-configuration"] = Raw(status=503)
    gate = open_with(delegated(op), delegated(other_op, name="other"))

    with pytest.raises(ProviderFailed):
        who(gate, op.token(**BOB))
    assert who(gate, other_op.token(sub="x", email="x@corp.example")).subject.id
