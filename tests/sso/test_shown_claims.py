"""What a dry run shows of the claims: each by its source, bounded, and no secret among them."""

from __future__ import annotations

import base64
import json

import pytest

from gatepost.sso.callback import Vouched
from gatepost.sso.keys import VerifiedClaims
from gatepost.sso.shown_claims import HIDDEN, MOST_CHARACTERS, shown_claims
from gatepost.sso.token_request import Tokens


def shown(claims: dict[str, object], of_token: tuple[str, ...] = ()) -> dict[str, tuple[str, str]]:
    """Each claim's text and source; `of_token` are those that the ID token has."""
    payload = json.dumps({name: claims[name] for name in of_token}).encode()
    parts = (b'{"alg":"RS256"}', payload, b"signature")
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    vouched = Vouched(claims=VerifiedClaims(claims), tokens=Tokens(id_token=token, access_token="a"))
    return {claim.name: (claim.value, claim.source) for claim in shown_claims(vouched)}


@pytest.mark.parametrize(
    "claims",
    [
        {"access_token": "x"},
        {"refreshToken": ["x", "y"]},
        {"client_secret": "x"},
        {"apikey": "x"},
        {"X-Api-Key": "x"},
        {"password": "x"},
        {"odd": "gp_0123456789"},
        {"odd": "eyJhbGciOiJub25lIn0.e30."},
        {"odd": "Bearer x"},
        {"odd": "-----BEGIN PRIVATE KEY-----"},
        {"odd": {"deep": [{"token": "x"}]}},
    ],
)
def test_a_secret_is_not_shown(claims: dict[str, object]) -> None:
    (name,) = claims
    text, _ = shown(claims)[name]
    assert HIDDEN in text
    assert '"x"' not in text
    assert "0123" not in text


@pytest.mark.parametrize("value", ["bob", "égal", "eye", "gate", 5, True, [], {"a": ["b"]}])
def test_everything_else_is_shown_as_it_is(value: object) -> None:
    assert json.loads(shown({"claim": value})["claim"][0]) == value


def test_what_binds_the_answer_and_what_is_empty_is_left_out() -> None:
    assert shown({"nonce": "n", "at_hash": "h", "c_hash": "h", "email_verified": None, "sub": "s"}, ("sub",)) == {
        "sub": ('"s"', "ID token")
    }


def test_the_source_and_the_bound() -> None:
    found = shown({"name": "Bob", "groups": ["g" * 100] * 100}, ("name",))
    assert found["name"][1] == "ID token"
    assert found["groups"][1] == "userinfo"
    assert len(found["groups"][0]) == MOST_CHARACTERS + 1
