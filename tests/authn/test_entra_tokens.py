"""ID tokens of Entra's many tenants as credentials: those of the tenants on the list, and of nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.directory.users import get_user
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from tests.authn.conftest import OpenWith, basic, who
from tests.conftest import ADMIN
from tests.sso.provider_in_process import InProcessProvider

CONTOSO = "5f4e2b1a-0c3d-4e5f-8a9b-1c2d3e4f5a6b"
FABRIKAM = "7d1c5e2f-3a4b-4c5d-8e9f-0a1b2c3d4e5f"
STRANGER = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def gate(op: InProcessProvider, open_with: OpenWith) -> Gatepost:
    entra = op.settings(
        preset="entra",
        issuer=f"{op.issuer}/common/v2.0",
        authorization_endpoint=f"{op.issuer}/authorize",
        token_endpoint=f"{op.issuer}/token",
        jwks_uri=f"{op.issuer}/jwks",
        allowed_tenants=(CONTOSO, FABRIKAM),
        groups_claim=None,
    )
    return open_with(entra)


def token(op: InProcessProvider, tenant: str = CONTOSO, **claims: Any) -> str:
    whole = {"iss": f"{op.issuer}/{tenant}/v2.0", "tid": tenant, "sub": "s-1", "preferred_username": "alice@c.example"}
    return op.token(**{**whole, **claims})


def test_a_token_of_an_allowed_tenant_is_its_person(op: InProcessProvider, gate: Gatepost) -> None:
    caller = who(gate, token(op))

    assert caller.subject.id == "alice@c.example"
    assert who(gate, basic("alice@c.example", token(op))).subject == caller.subject


def test_a_name_as_long_as_the_address_that_entra_does_not_vouch_for(op: InProcessProvider, gate: Gatepost) -> None:
    """The name is the tenant's own; that the e-mail is the same text, and never verified, is no reason against it."""
    who(gate, token(op, email="alice@c.example"))

    assert not get_user(gate, ADMIN, "alice@c.example").email_verified


def test_the_same_subject_in_two_tenants_is_two_people(op: InProcessProvider, gate: Gatepost) -> None:
    one = who(gate, token(op))
    two = who(gate, token(op, FABRIKAM, preferred_username="alice@f.example"))

    assert (one.subject.id, two.subject.id) == ("alice@c.example", "alice@f.example")


@pytest.mark.parametrize(
    ("tenant", "claims"),
    [
        (STRANGER, {}),
        (STRANGER, {"tid": CONTOSO}),
        (CONTOSO, {"tid": STRANGER}),
        (CONTOSO, {"tid": FABRIKAM}),
        (CONTOSO, {"tid": None}),
        ("common", {"tid": CONTOSO}),
        ("{tenantid}", {"tid": CONTOSO}),
    ],
)
def test_any_other_is_refused_and_makes_nobody(
    op: InProcessProvider, gate: Gatepost, tenant: str, claims: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        who(gate, token(op, tenant, **claims))
    with pytest.raises(InvalidToken):
        who(gate, basic("alice@c.example", token(op, tenant, **claims)))
