"""Providers of plain OAuth 2.0, several tenants, and our own key as the client's: what the configuration says of them."""

# ruff: noqa: E501  a row is one line, so that a value and its sentence are read together

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gatepost.settings import ProviderSettings, Settings
from gatepost.settings.tenants import speaks_for, template_of, tenant_issuers

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]

QUIET = "[main]\nallow_anonymous_access = false\n"
PLAIN = """
[[sso.providers]]
name = "forge"
protocol = "oauth2"
authorization_endpoint = "https://forge.example/authorize"
token_endpoint = "https://forge.example/token"
userinfo_endpoint = "https://forge.example/api/user"
client_id = "gatepost"
client_secret = "s"
"""
GITHUB = '[[sso.providers]]\nname = "github"\npreset = "github"\nclient_id = "g"\nclient_secret = "s"\n'
ENTERPRISE = GITHUB.replace('name = "github"', 'name = "ghes"')
OIDC = '[[sso.providers]]\nname = "idp"\nissuer = "https://idp.example"\nclient_id = "gatepost"\n'
CONTOSO, FABRIKAM = "5f4e2b1a-0c3d-4e5f-8a9b-1c2d3e4f5a6b", "9188040d-6c67-4c5b-b112-36a304b66dad"
ENTRA = f'[[sso.providers]]\nname = "entra"\npreset = "entra"\nissuer = "https://login.microsoftonline.com/organizations/v2.0"\nclient_id = "g"\nallowed_tenants = ["{CONTOSO}"]\n'
P = "FILE: sso.providers[0]"


def provider(read: Read, toml: str) -> ProviderSettings:
    return read(QUIET + toml).sso.providers[0]


def test_an_oauth2_provider_needs_no_issuer_and_is_given_one_of_its_own(read: Read) -> None:
    forge = provider(read, PLAIN)

    assert forge.issuer is None
    assert forge.identity_issuer == "oauth2:forge:sub@https://forge.example/api/user"
    assert "openid" not in forge.scopes
    assert forge.subject_claim == "sub"


def test_the_issuer_of_an_oauth2_provider_stays_whatever_is_on_the_button(read: Read) -> None:
    forge = provider(read, PLAIN)

    renamed = replace(forge, display_name="Our Forge", client_id="another", token_endpoint="https://forge.example/t2")
    assert renamed.identity_issuer == forge.identity_issuer


@pytest.mark.parametrize(
    "other",
    [
        {"name": "forge2"},
        {"userinfo_endpoint": "https://other.example/api/user"},
        {"subject_claim": "login"},
    ],
    ids=["another table", "another place", "another claim"],
)
def test_two_oauth2_providers_never_have_the_same_people(read: Read, other: dict[str, str]) -> None:
    """A login that is all digits is not the person with that number; a name reused is not the product before."""
    forge = provider(read, PLAIN)

    assert replace(forge, **other).identity_issuer != forge.identity_issuer  # type: ignore[arg-type]


def test_a_configured_issuer_is_the_one(read: Read) -> None:
    assert provider(read, PLAIN + 'issuer = "forge"').identity_issuer == "forge"


def test_github_is_known_by_number_and_by_its_own_issuer(read: Read) -> None:
    """RFC 9207: GitHub names this issuer in its answers."""
    github = provider(read, GITHUB)

    assert (github.issuer, github.subject_claim) == ("https://github.com/login/oauth", "id")
    assert github.username_claim == "login"


def test_a_github_of_ones_own_does_not_have_the_people_of_github_com(read: Read) -> None:
    mine = provider(read, GITHUB + 'userinfo_endpoint = "https://ghes.example/api/v3/user"')

    assert mine.issuer is None
    assert mine.identity_issuer == "oauth2:github:id@https://ghes.example/api/v3/user"


def test_an_explicit_key_beats_the_preset(read: Read) -> None:
    mine = provider(
        read, GITHUB + 'issuer = "x"\nsubject_claim = "node_id"\nscopes = ["read:org"]\ndisplay_name = "Hub"'
    )

    assert (mine.issuer, mine.subject_claim, mine.scopes, mine.display_name) == ("x", "node_id", ("read:org",), "Hub")


def test_okta_is_asked_for_groups_only_where_it_knows_that_scope(read: Read) -> None:
    okta = '[[sso.providers]]\nname = "okta"\npreset = "okta"\nissuer = "https://corp.okta.com"\nclient_id = "g"\n'

    assert not provider(read, okta).scopes_configured
    assert provider(read, okta + 'scopes = ["openid", "groups"]').scopes_configured


def test_private_key_jwt_takes_no_secret(read: Read) -> None:
    keyed = provider(read, OIDC + 'token_endpoint_auth_method = "private_key_jwt"')

    assert (keyed.token_endpoint_auth_method, keyed.client_secret) == ("private_key_jwt", None)
    assert keyed.client_assertion_audience == "token_endpoint"


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        pytest.param(OIDC + 'token_endpoint_auth_method = "private_key_jwt"\nclient_secret = "s"', f'{P}.token_endpoint_auth_method = "private_key_jwt": must be another method, or client_secret left out', id="two proofs"),
        pytest.param(PLAIN.replace('client_secret = "s"\n', "") + 'token_endpoint_auth_method = "private_key_jwt"\nclient_assertion_audience = "issuer"', f'{P}.client_assertion_audience = "issuer": needs issuer, which is not set', id="no issuer to address"),
        pytest.param(OIDC + 'subject_claim = "email"', f'{P}.subject_claim = "email": must be "sub": in OpenID Connect no other claim says who somebody is', id="another subject"),
        pytest.param(PLAIN + 'issuer = "x"' + PLAIN.replace('"forge"', '"two"') + 'issuer = "x"\nsubject_claim = "id"\n', "FILE: sso.providers[1].client_id is that of sso.providers[0] at the same issuer: their tokens could not be told apart\nFILE: sso.providers[1].issuer is that of sso.providers[0], which asks elsewhere who somebody is: give each its own", id="one issuer, two kinds of subject"),
        pytest.param(GITHUB + ENTERPRISE + 'issuer = "https://github.com/login/oauth"\nuserinfo_endpoint = "https://ghes.example/api/v3/user"', "FILE: sso.providers[1].client_id is that of sso.providers[0] at the same issuer: their tokens could not be told apart\nFILE: sso.providers[1].issuer is that of sso.providers[0], which asks elsewhere who somebody is: give each its own", id="number 1 here is not number 1 there"),
        pytest.param(ENTRA.replace(f'allowed_tenants = ["{CONTOSO}"]\n', ""), f"{P}.allowed_tenants is not set: must name the tenants that are let in: this issuer lets in those of every company", id="trap 3: every company"),
        pytest.param(ENTRA + f'[[delegated.issuers]]\nname = "d"\nissuer = "https://login.microsoftonline.com/{CONTOSO}/v2.0"\naudience = ["g"]\n', "FILE: delegated.issuers[0].audience contains the client_id of sso.providers[0], which has the same issuer: a token for both could not be told apart", id="a tenant of a provider"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_apart_does_not_start(toml: str, sentence: str, problems: Problems) -> None:
    assert problems(QUIET + toml) == sentence.split("\n")


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (PLAIN + 'scopes = ["openid", "email"]', "sso.providers[0].scopes contains openid, which plain OAuth 2.0 does not know: it is not asked for"),
        (GITHUB + 'subject_claim = "login"', "sso.providers[0].subject_claim is login: at GitHub somebody else can get that one day"),
        (ENTRA.replace(CONTOSO, "contoso.example"), "sso.providers[0].allowed_tenants: contoso.example is no tenant id, and so lets nobody in"),
        (PLAIN, ""),
        (GITHUB, ""),
        (ENTRA, ""),
    ],
)  # fmt: skip
def test_what_is_loud(toml: str, sentence: str, read: Read) -> None:
    assert read(QUIET + toml).warnings() == ([sentence] if sentence else [])


def test_an_issuer_of_many_tenants_speaks_for_those_on_the_list_alone(read: Read) -> None:
    entra = provider(read, ENTRA.replace(CONTOSO, CONTOSO.upper()))

    assert tenant_issuers(entra) == {CONTOSO: f"https://login.microsoftonline.com/{CONTOSO}/v2.0"}
    assert speaks_for(entra, f"https://login.microsoftonline.com/{CONTOSO}/v2.0")
    for issuer in (
        f"https://login.microsoftonline.com/{FABRIKAM}/v2.0",
        "https://login.microsoftonline.com/organizations/v2.0",
        "https://login.microsoftonline.com/{tenantid}/v2.0",
        f"https://login.microsoftonline.com/{CONTOSO}/v2.0/",
        f"https://evil.example/{CONTOSO}/v2.0",
        "",
    ):
        assert not speaks_for(entra, issuer), issuer
    assert template_of(entra.issuer or "") == "https://login.microsoftonline.com/{tenantid}/v2.0"


def test_one_tenant_is_one_issuer(read: Read) -> None:
    one = provider(read, ENTRA.replace("organizations", CONTOSO))

    assert tenant_issuers(one) == {}
    assert speaks_for(one, f"https://login.microsoftonline.com/{CONTOSO}/v2.0")
    assert not speaks_for(one, f"https://login.microsoftonline.com/{FABRIKAM}/v2.0")
