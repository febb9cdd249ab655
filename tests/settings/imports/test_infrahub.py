"""Infrahub's six slots, in variables and in TOML."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.errors import ConfigurationError
from gatepost.settings.imports import convert
from tests.settings.imports.conftest import Take
from tests.settings.imports.samples import INFRAHUB, INFRAHUB_TOML


def test_each_active_slot_becomes_a_provider(take: Take) -> None:
    """IF-3 to IF-5, IF-X5, IF-X6."""
    taken = take("infrahub", INFRAHUB)

    keycloak, google, github = taken.settings.sso.providers
    assert (keycloak.name, keycloak.display_name, keycloak.preset) == ("keycloak-corp", "Keycloak (corp)", "keycloak")
    assert keycloak.issuer == "http://login.corp.example/realms/it"
    assert keycloak.scopes == ("openid", "profile", "email", "groups")
    assert (keycloak.allow_insecure, keycloak.pkce) == (True, False)
    assert keycloak.token_endpoint_auth_method == "client_secret_post"
    assert (google.preset, google.issuer, google.username_claim) == ("google", "https://accounts.google.com", "email")
    assert (github.protocol, github.preset, github.username_claim) == ("oauth2", "github", "login")
    assert github.userinfo_endpoint == "https://api.github.com/user"
    assert "in place of /auth/oidc/provider1/callback" in taken.toml
    assert "oauth2 provider1 is left out" in taken.notes
    assert "INFRAHUB_OAUTH2_PROVIDER1_CLIENT_ID" in taken.toml


def test_groups_are_added_and_made_as_before(take: Take) -> None:
    """IF-8, IF-X9, IF-X10, IF-X11."""
    taken = take("infrahub", INFRAHUB)

    keycloak = taken.settings.sso.providers[0]
    assert (keycloak.groups_claim, keycloak.group_sync, keycloak.auto_create_groups) == ("teams", "add", True)
    assert keycloak.group_filter is not None
    assert keycloak.group_filter.search("LDAP/group/ops")
    assert not keycloak.group_filter.search("slack/general")
    assert "the group (?P<name>…) has no equivalent" in taken.notes


def test_a_list_of_patterns_is_one_pattern(take: Take) -> None:
    """IF-X11."""
    patterns = """'["^ops-(?P<name>.+)$", "^data-(?P<name>.+)$"]'"""
    taken = take("infrahub", INFRAHUB.replace("'^LDAP/group/(?P<name>.+)$'", patterns))

    pattern = taken.settings.sso.providers[0].group_filter
    assert pattern is not None
    assert [bool(pattern.search(name)) for name in ("ops-a", "data-b", "x-ops-a")] == [True, True, False]


@pytest.mark.parametrize("pattern", ["[a-z]+, [0-9]+", "^a b$"])
def test_one_pattern_may_hold_brackets_spaces_and_commas(take: Take, pattern: str) -> None:
    taken = take("infrahub", INFRAHUB.replace("^LDAP/group/(?P<name>.+)$", pattern))

    assert taken.settings.sso.providers[0].group_filter is not None
    assert taken.settings.sso.providers[0].group_filter.pattern == pattern


def test_without_a_filter_no_group_is_made(take: Take) -> None:
    lines = [line for line in INFRAHUB.splitlines() if "AUTO_CREATE" not in line]

    assert not take("infrahub", "\n".join(lines)).settings.sso.providers[0].auto_create_groups


def test_toml_means_what_the_variables_do(take: Take) -> None:
    """IF-18, IF-X3."""
    taken = take("infrahub", INFRAHUB_TOML)

    (provider,) = taken.settings.sso.providers
    assert (provider.name, provider.client_id, provider.client_secret) == ("provider1", "infrahub", None)
    assert (provider.preset, provider.issuer) == ("entra", "https://login.microsoftonline.com/0b5c/v2.0")
    assert "version 1" in taken.notes
    assert taken.settings.tokens.access_token_ttl == timedelta(minutes=15)
    assert taken.settings.main.allow_anonymous_access
    assert "gatepost role assign reader 'anonymous:*'" in taken.notes


def test_anonymous_access_and_lifetimes_are_kept(take: Take) -> None:
    """IF-17 to IF-20, IF-X3."""
    settings = take("infrahub", INFRAHUB).settings

    assert not settings.main.allow_anonymous_access
    assert settings.tokens.access_token_ttl == timedelta(hours=1)
    assert settings.tokens.refresh_token_ttl == timedelta(days=30)


def test_a_lifetime_of_years_is_cut_aloud(take: Take) -> None:
    taken = take("infrahub", "INFRAHUB_SECURITY_ACCESS_TOKEN_LIFETIME=31536000\n")

    assert taken.settings.tokens.access_token_ttl == timedelta(hours=24)
    assert "is cut to 24h" in taken.notes


def test_what_is_safer_now_is_said(take: Take) -> None:
    """IF-X4, IF-X7, IF-X8."""
    notes = take("infrahub", INFRAHUB).notes

    assert "INFRAHUB_OIDC_PROVIDER1_ID_TOKEN_VERIFY_SIGNATURE has no equivalent" in notes
    assert "INFRAHUB_SECURITY_SSO_ACCOUNT_NAME_FALLBACK has no equivalent" in notes
    assert "INFRAHUB_SECURITY_SECRET_KEY has no equivalent" in notes
    assert "WARNING: issuer without TLS" in notes


def test_a_public_client_keeps_pkce(take: Take) -> None:
    lines = [line for line in INFRAHUB.splitlines() if "PROVIDER1_CLIENT_SECRET" not in line]

    assert take("infrahub", "\n".join(lines)).settings.sso.providers[0].pkce


def test_toml_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is not TOML"):
        convert("infrahub", INFRAHUB_TOML + "[main]\n", "FILE")
