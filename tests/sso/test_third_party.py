"""Where a third party's sign-in goes on: here, or home (OpenID Connect Core 4)."""

from __future__ import annotations

import pytest

from gatepost.errors import InvalidRequest
from gatepost.sso.third_party import is_third_party, path_of, third_party_wish

HERE = "https://gate.example"
ISSUER = "https://op.example"


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (f"{HERE}/tokens", "/tokens"),
        (f"{HERE}/collections?type=dataset", "/collections?type=dataset"),
        (f"{HERE}/users/a@b.example", "/users/a@b.example"),
        (f"{HERE}/", "/"),
        (HERE, "/"),
        (f"{HERE}?x=1", "/"),
        (f"{HERE}.evil.example/tokens", "/"),
        (f"{HERE}:444/tokens", "/"),
        (f"{HERE}@evil.example/tokens", "/"),
        (f"{HERE}//evil.example", "/"),
        (f"{HERE}/%2F%2Fevil.example", "/"),
        (f"{HERE}/%255cevil.example", "/"),
        ("http://gate.example/tokens", "/"),
        ("", "/"),
    ],
)
def test_only_an_address_of_ours_is_gone_on_to(address: str, path: str) -> None:
    assert path_of(address, HERE) == path


def test_a_provider_without_an_issuer_is_asked_by_nobody() -> None:
    """Plain OAuth 2.0 has none."""
    for issuer, said in (("", ""), ("", ISSUER), (ISSUER, ""), (ISSUER, f"{ISSUER}/")):
        with pytest.raises(InvalidRequest, match="iss"):
            third_party_wish({"iss": said}, issuer, HERE)
    assert third_party_wish({"iss": ISSUER, "login_hint": "bob"}, ISSUER, HERE).login_hint == "bob"


def test_what_makes_it_a_third_partys() -> None:
    assert is_third_party({"iss": "x"})
    assert is_third_party({"target_link_uri": "x"})
    assert not is_third_party({"login_hint": "x", "next": "/"})
