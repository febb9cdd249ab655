"""Conduktor's connections and its delegated JWT."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from gatepost.errors import ConfigurationError
from gatepost.settings.imports import convert
from tests.settings.imports.conftest import Take
from tests.settings.imports.samples import CONDUKTOR, CONDUKTOR_VARIABLES

SHORT = "sso:\n  oauth2:\n  - {name: a, client-id: b, openid: {issuer: 'https://ISSUER'}}\n"


def test_each_connection_becomes_a_provider_the_default_first(take: Take) -> None:
    """CO-X6, CO-X8."""
    taken = take("conduktor", CONDUKTOR)

    azure, okta = taken.settings.sso.providers
    assert (azure.name, azure.preset, azure.issuer) == ("azure", "entra", "https://login.microsoftonline.com/0b5c/v2.0")
    assert (azure.groups_claim, azure.group_sync) == ("groups", "mirror")
    assert (azure.username_claim, azure.algorithms) == ("preferred_username", ("PS256",))
    assert azure.scopes == ("openid", "profile", "email")
    assert (okta.preset, okta.scopes, okta.username_claim) == ("okta", ("openid", "email"), "email")
    assert okta.groups_claim is None
    assert "allow-unsigned-id-tokens has no equivalent" in taken.notes
    assert "in place of /oauth/callback/azure" in taken.toml


def test_jwt_auth_becomes_a_delegated_issuer(take: Take) -> None:
    """CO-4 to CO-11: and the audience, that nobody asked for, is asked for."""
    taken = take("conduktor", CONDUKTOR)

    (issuer,) = taken.settings.delegated.issuers
    assert issuer.issuer == "https://gateway.example/realms/data"
    assert (issuer.username_claim, issuer.groups_claim, issuer.api_key_claim) == ("mail", "teams", "key")
    assert (issuer.api_key_strict, issuer.auto_create_users, issuer.group_sync) == (False, True, "off")
    assert (issuer.audience, issuer.allow_any_audience) == (("gatepost",), False)
    assert "put the `aud` of the gateway's tokens into audience" in taken.notes


def test_variables_mean_what_the_yaml_does(take: Take) -> None:
    """CO-X1."""
    taken = take("conduktor", CONDUKTOR_VARIABLES)

    (provider,) = taken.settings.sso.providers
    assert (provider.name, provider.issuer, provider.client_id) == ("auth0", "https://acme.auth0.com/", "xyz")
    (issuer,) = taken.settings.delegated.issuers
    assert (issuer.username_claim, issuer.groups_claim, issuer.api_key_claim) == ("email", "groups", "apikey")


def test_variables_of_a_compose_file_count_too(take: Take) -> None:
    lines = "".join(f"      {line.replace('=', ': ', 1)}\n" for line in CONDUKTOR_VARIABLES.splitlines())
    taken = take("conduktor", f"services:\n  console:\n    environment:\n{lines}")

    assert [provider.name for provider in taken.settings.sso.providers] == ["auth0"]
    assert taken.settings.delegated.issuers


@pytest.mark.parametrize("name", ["client-id", "clientId", "clientid", "CLIENT_ID"])
def test_a_key_may_be_written_in_any_of_its_ways(take: Take, name: str) -> None:
    taken = take("conduktor", SHORT.replace("client-id", name))

    assert taken.settings.sso.providers[0].client_id == "b"


@pytest.mark.parametrize("nothing", ["", "~", "null", "''"])
def test_a_key_without_a_value_is_not_given(take: Take, nothing: str) -> None:
    taken = take("conduktor", SHORT.replace("client-id: b", f"client-id: b, groups-claim: {nothing}"))

    assert taken.settings.sso.providers[0].groups_claim is None
    assert "sso.oauth2[].groups-claim" in taken.toml


def test_nothing_of_the_yaml_is_a_number(take: Take) -> None:
    taken = take("conduktor", SHORT.replace("client-id: b", "client-id: 0123"))

    assert taken.settings.sso.providers[0].client_id == "0123"


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_an_issuer_of_every_company_lets_nobody_in_before_a_tenant_is_named(take: Take, tenant: str) -> None:
    """Trap 3."""
    taken = take("conduktor", SHORT.replace("ISSUER", f"login.microsoftonline.com/{tenant}/v2.0"))

    assert taken.settings.sso.providers[0].allowed_tenants == ("the-id-of-your-tenant",)
    assert "before that nobody is let in" in taken.notes


def test_sessions_end_when_they_did(take: Take) -> None:
    """CO-X4."""
    both = take("conduktor", CONDUKTOR).settings.sessions
    assert (both.absolute_timeout, both.idle_timeout) == (timedelta(days=3), timedelta(hours=1))

    one = take("conduktor", "auth: {session-lifetime: 7200}\n" + SHORT).settings.sessions
    assert (one.absolute_timeout, one.idle_timeout) == (timedelta(hours=2), timedelta(hours=2))

    with pytest.raises(ConfigurationError, match=r"line 1: auth\.session-lifetime cannot become absolute_timeout"):
        convert("conduktor", "auth: {session-lifetime: 999999999999}\n" + SHORT, "FILE")


def test_directories_and_certificates_are_said(take: Take) -> None:
    """CO-X6, CO-X7."""
    taken = take("conduktor", CONDUKTOR)

    assert "sso.ldap has no equivalent" in taken.notes
    assert "sso.ignoreUntrustedCertificate has no equivalent: TLS is always verified" in taken.notes
    assert "sso.ldap[].managerPassword" in taken.toml
    assert "clusters[].properties" in taken.toml


def test_a_file_that_grows_without_end_is_refused() -> None:
    bomb = "a: &a [x, {y: z}]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )

    with pytest.raises(ConfigurationError, match="more tables than any configuration"):
        convert("conduktor", bomb, "FILE")
    with pytest.raises(ConfigurationError, match="more tables than any configuration"):
        convert("conduktor", "a: &a {b: *a}\n", "FILE")


def test_a_secret_that_looks_like_yaml_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert("conduktor", "sso: {client-secret: *hush}\n", "FILE")
    assert str(caught.value) == "FILE: line 1: is not YAML that can be read"


def test_pyyaml_is_needed_for_yaml_alone(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)

    assert take("conduktor", CONDUKTOR_VARIABLES).settings.sso.providers
    with pytest.raises(ConfigurationError, match="FILE: is YAML, and to read it PyYAML is needed: pip install pyyaml"):
        convert("conduktor", CONDUKTOR, "FILE")
