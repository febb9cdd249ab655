"""AllegroGraph's `OAuth` directive."""

from __future__ import annotations

import pytest

from gatepost.sso.claims import read_username
from tests.settings.imports.conftest import Take
from tests.settings.imports.samples import ALLEGROGRAPH

SHORT = 'OAuth server="https://auth.example", client-id=ag'


def test_each_argument_becomes_a_key(take: Take) -> None:
    """AG-2 to AG-8, AG-10."""
    taken = take("allegrograph", ALLEGROGRAPH)

    (provider,) = taken.settings.sso.providers
    assert provider.issuer == "http://auth.example.com:4444"
    assert provider.authorization_endpoint == "http://auth.example.com:4444/oauth2/auth"
    assert provider.token_endpoint == "http://auth.example.com:4444/oauth2/token"
    assert provider.jwks_uri == "http://auth.example.com:4444/.well-known/keys.json"
    assert provider.algorithms == ("RS256", "RS512")
    assert provider.client_id == "cc8b0524-ad95-47e8-977d-f3a70e5279a1"
    assert provider.client_secret is not None
    assert provider.scopes == ("openid", "email")
    assert (provider.pkce, provider.allow_insecure, provider.preset) == (True, True, "hydra")
    assert (provider.front_channel_logout, provider.back_channel_logout) == (True, False)
    assert not provider.auto_create_users
    assert "no equivalent for HS256" in taken.notes
    assert "in place of /oauth/login" in taken.toml


def test_the_username_is_rewritten_as_before(take: Take) -> None:
    """AG-5."""
    (provider,) = take("allegrograph", ALLEGROGRAPH).settings.sso.providers

    assert read_username({"email": "Alice@corp.example"}, provider) == "alice"


@pytest.mark.parametrize(
    ("substitution", "name"),
    [(r"\\1", "alice"), (r"\1", "alice"), (r"\\{1}x", "alicex"), (r"\\&", "alice@b.example"), ("", "alice@b.example")],
)
def test_a_substitution_keeps_its_meaning(take: Take, substitution: str, name: str) -> None:
    given = f', username-substitution="{substitution}"' if substitution else ""
    text = f'{SHORT}, username-claim=email, username-regexp="^(.*)@.*"{given}'

    assert read_username({"email": "alice@b.example"}, take("allegrograph", text).settings.sso.providers[0]) == name


def test_what_is_left_out_has_the_default_of_allegrograph(take: Take) -> None:
    """AG-3: both kinds of logout are on."""
    (provider,) = take("allegrograph", SHORT).settings.sso.providers

    assert (provider.front_channel_logout, provider.back_channel_logout, provider.pkce) == (True, True, True)
    assert (provider.scopes, provider.username_claim, provider.client_secret) == (("openid",), "sub", None)
    assert provider.needs_discovery


def test_pkce_is_off_only_beside_a_secret(take: Take) -> None:
    assert take("allegrograph", f"{SHORT}, pkce=no").settings.sso.providers[0].pkce
    assert not take("allegrograph", f'{SHORT}, client-secret="s", pkce=no').settings.sso.providers[0].pkce


@pytest.mark.parametrize("start", ["OAuth", "oauth", "  OAUTH\t"])
def test_a_directive_goes_on_behind_a_backslash_and_comments_do_not_count(take: Take, start: str) -> None:
    lines = [
        "Port 1",
        '#OAuth server="x"',
        f'{start} server="https://a.example" ,\\  ',
        "# no",
        '\tclient-id="a#b" # x="y" \\',
        "Port 2",
    ]
    taken = take("allegrograph", "\r\n".join(lines))

    (provider,) = taken.settings.sso.providers
    assert (provider.issuer, provider.client_id) == ("https://a.example", "a#b")
    assert "Port" in taken.toml


def test_two_directives_are_two_providers(take: Take) -> None:
    """AG-X3."""
    taken = take("allegrograph", f"{SHORT}\n\n{SHORT.replace('auth.', 'other.')}\n")

    assert [provider.name for provider in taken.settings.sso.providers] == ["sso", "sso-2"]
