"""A signing key that an issuer withdraws: what it verified before is asked for again, and then refused (trap 13)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.errors import InvalidToken
from gatepost.settings import DelegatedIssuer, ProviderSettings
from gatepost.vouched import VERIFIED_FOR
from tests.authn.conftest import OpenWith, delegated, is_at_hand, who
from tests.dice import FakeDice
from tests.sso.provider_in_process import InProcessProvider, Raw

YEARS = 100_000_000
BOB = {"sub": "bob-1", "email": "bob@corp.example", "email_verified": True, "preferred_username": "bob"}


def tables(op: InProcessProvider) -> list[DelegatedIssuer | ProviderSettings]:
    return [delegated(op), op.settings(session_max_age=timedelta(days=7))]


@pytest.mark.parametrize("which", [0, 1], ids=["a delegated token", "an ID token"])
def test_it_falls_as_soon_as_another_token_shows_the_new_set(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice, which: int
) -> None:
    gate = open_with(tables(op)[which])
    stolen = op.token(**BOB, exp=int(dice.clock()) + YEARS)
    assert who(gate, stolen).subject.id
    who(gate, stolen)
    assert is_at_hand(gate, stolen)

    op.rotate("second")
    assert who(gate, op.token(**BOB, jti="signed with the new key")).subject.id

    assert not is_at_hand(gate, stolen)
    with pytest.raises(InvalidToken):
        who(gate, stolen)


@pytest.mark.parametrize("which", [0, 1], ids=["a delegated token", "an ID token"])
def test_it_falls_by_itself_though_nobody_else_comes(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice, which: int
) -> None:
    """The worst case: the key set was fetched a moment ago, so it takes its ten minutes to be old."""
    gate = open_with(tables(op)[which])
    stolen = op.token(**BOB, exp=int(dice.clock()) + YEARS)
    who(gate, stolen)
    op.rotate("second")
    dice.advance(VERIFIED_FOR)

    with pytest.raises(InvalidToken):
        who(gate, stolen)


def test_an_added_key_and_a_renamed_one_disturb_nobody(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice
) -> None:
    gate = open_with(delegated(op))
    kept = op.token(**BOB, exp=int(dice.clock()) + YEARS)
    who(gate, kept)
    who(gate, kept)
    first = op.keys[0]
    op.rotate("second")
    op.keys.append(type(first).import_key({**first.as_dict(private=True), "kid": "first-by-another-name"}))

    who(gate, op.token(**BOB, jti="signed with the new key"))

    assert is_at_hand(gate, kept)


def test_a_set_that_is_not_to_be_had_withdraws_nothing(
    op: InProcessProvider, open_with: OpenWith, dice: FakeDice
) -> None:
    """Stale if error: an issuer that is down for an hour does not sign everybody out."""
    gate = open_with(delegated(op))
    token = op.token(**BOB, exp=int(dice.clock()) + YEARS)
    who(gate, token)
    op.tamper.raw["/jwks"] = Raw(status=503)
    dice.advance(timedelta(hours=1))

    assert who(gate, token).subject.id == "bob@corp.example"
