"""Userinfo adds to the ID token of the same subject, and never changes it (trap 17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gatepost.errors import Forbidden, ProviderFailed
from tests.sso.conftest import Flow
from tests.sso.provider_in_process import InProcessProvider, Person, Raw

Document = dict[str, Any]
THIN = Person(
    "thin-sub",
    {},
    {
        "preferred_username": "thin",
        "name": "Thin Token",
        "email": "thin@example.org",
        "email_verified": True,
        "groups": ["analysts"],
    },
)


@pytest.fixture
def thin(op: InProcessProvider) -> InProcessProvider:
    op.people["thin"] = THIN
    return op


def test_what_the_id_token_leaves_out_is_read_there(flow: Flow, thin: InProcessProvider) -> None:
    person = flow.sign_in("thin")

    assert (person.username, person.display_name, person.groups) == ("thin", "Thin Token", ("analysts",))
    assert (person.email, person.email_verified) == ("thin@example.org", True)


def test_it_is_not_asked_where_the_id_token_says_all(flow: Flow, op: InProcessProvider) -> None:
    flow.sign_in("bob")

    assert op.requests["/userinfo"] == 0


@pytest.mark.parametrize("sub", ["somebody-else", "", None, 7, ["thin-sub"]])
def test_it_has_to_be_about_the_same_subject(flow: Flow, thin: InProcessProvider, sub: object) -> None:
    """OpenID Connect Core 5.3.2, P-12."""
    thin.tamper.userinfo = lambda document: {**document, "sub": sub}

    with pytest.raises(ProviderFailed, match="about somebody else"):
        flow.sign_in("thin")


def test_it_has_to_have_a_subject(flow: Flow, thin: InProcessProvider) -> None:
    thin.tamper.userinfo = lambda document: {name: value for name, value in document.items() if name != "sub"}

    with pytest.raises(ProviderFailed, match="about somebody else"):
        flow.sign_in("thin")


def test_it_never_changes_what_the_id_token_says(flow: Flow, op: InProcessProvider) -> None:
    op.people["half"] = Person("half", {"preferred_username": "half"}, {"preferred_username": "admin", "iss": "x"})
    person = flow.sign_in("half")

    assert person.username == "half"
    assert person.claims["iss"] == op.issuer


@pytest.mark.parametrize(
    ("claims", "userinfo", "verified"),
    [
        ({"email": "a@x.org"}, {"email": "b@x.org", "email_verified": True}, False),
        ({"email": "a@x.org"}, {"email_verified": True}, False),
        ({"email": "a@x.org"}, {"email": "a@x.org", "email_verified": True}, True),
        ({"email": "a@x.org", "email_verified": False}, {"email": "a@x.org", "email_verified": True}, False),
        ({"email_verified": True}, {"email": "b@x.org"}, False),
        ({"email_verified": True}, {"email": "b@x.org", "email_verified": False}, False),
        ({}, {"email": "b@x.org", "email_verified": True}, True),
    ],
)
def test_a_verification_stays_with_its_address(
    flow: Flow, op: InProcessProvider, claims: Document, userinfo: Document, *, verified: bool
) -> None:
    """Trap 1: half from here and half from there would vouch for an address that nobody proved."""
    op.people["half"] = Person("half", {"preferred_username": "half", **claims}, userinfo)
    op.tamper.userinfo = lambda document: {"sub": "half", **userinfo}

    assert flow.sign_in("half").email_verified is verified


@pytest.mark.parametrize(
    "raw", [Raw(status=500), Raw(pieces=(b"<html>",)), Raw(pieces=(b"[]",)), Raw(status=302), Raw(status=401)]
)
def test_a_broken_userinfo_erases_nothing(flow: Flow, op: InProcessProvider, raw: Raw) -> None:
    """Trap 17: the sign-in goes on with the ID token, and the groups count as "not said"."""
    op.people["half"] = Person("half", {"preferred_username": "half"}, {"groups": []})
    op.tamper.raw["/userinfo"] = raw
    person = flow.sign_in("half")

    assert person.username == "half"
    assert person.groups is None
    assert any("went on with the ID token alone" in note for note in person.notes)


def test_without_a_username_a_broken_userinfo_is_the_end(flow: Flow, thin: InProcessProvider) -> None:
    thin.tamper.raw["/userinfo"] = Raw(status=500)

    with pytest.raises(Forbidden, match="no usable claim preferred_username"):
        flow.sign_in("thin")


def signed(op: InProcessProvider, **claims: object) -> Raw:
    token = op.sign({"iss": op.issuer, "aud": "gatepost", "sub": "thin-sub", "preferred_username": "thin", **claims})
    return Raw(headers={"Content-Type": "application/jwt; charset=utf-8"}, pieces=(token.encode(),))


def test_a_signed_userinfo_is_verified(flow: Flow, thin: InProcessProvider) -> None:
    thin.tamper.raw["/userinfo"] = signed(thin)

    assert flow.sign_in("thin").username == "thin"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda op: signed(op, iss="https://evil.example"),
        lambda op: signed(op, aud="somebody-else"),
        lambda op: signed(op, aud=["somebody-else"]),
        lambda op: Raw(headers={"Content-Type": "application/jwt"}, pieces=(b"e30.e30.",)),
        lambda op: Raw(headers={"Content-Type": "application/jwt"}, pieces=(b"\xff",)),
    ],
)
def test_a_signed_userinfo_of_somebody_else_is_not_used(
    flow: Flow, thin: InProcessProvider, spoil: Callable[[InProcessProvider], Raw]
) -> None:
    thin.tamper.raw["/userinfo"] = spoil(thin)

    with pytest.raises(Forbidden):
        flow.sign_in("thin")
