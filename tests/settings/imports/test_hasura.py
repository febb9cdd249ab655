"""Hasura's providers and JWT secrets: what they become, and what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatepost.errors import ConfigurationError, Forbidden
from gatepost.settings import ClaimRule
from gatepost.settings.imports import convert
from gatepost.sso.claimed_roles import mean_here, read_roles
from tests.settings.imports.conftest import Take
from tests.settings.imports.samples import HASURA, HASURA_PROVIDER, HASURA_SECRET

PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"


def provider(**changes: Any) -> str:
    """Write the providers' list with one provider; `jwt_secret` is merged, None takes a key away."""
    secret = {**HASURA_PROVIDER["jwt_secret"], **changes.pop("jwt_secret", {})}  # type: ignore[dict-item]
    whole = {**HASURA_PROVIDER, "jwt_secret": {k: v for k, v in secret.items() if v is not None}, **changes}
    return json.dumps([{k: v for k, v in whole.items() if v is not None}])


def secret(**changes: Any) -> str:
    whole = {**HASURA_SECRET, **changes}
    return json.dumps({"HASURA_GRAPHQL_JWT_SECRET": {k: v for k, v in whole.items() if v is not None}})


def test_a_provider_of_the_console_becomes_a_public_client_with_pkce(take: Take) -> None:
    """HA-1, HA-2, HA-3, HA-5, HA-8, HA-19, HA-21."""
    taken = take("hasura", HASURA)

    (dex,) = taken.settings.sso.providers
    assert (dex.name, dex.display_name, dex.preset, dex.client_id) == (
        "dex-login",
        "Dex Login",
        "dex",
        "hasura-console",
    )
    assert dex.authorization_endpoint == "http://dex.corp.example:5556/dex/auth"
    assert dex.token_endpoint == "http://dex.corp.example:5556/dex/token"
    assert dex.jwks_uri == "http://dex.corp.example:5556/dex/keys"
    assert dex.issuer == "http://dex.corp.example:5556/dex"
    assert dex.algorithms == ("RS256",)
    assert dex.scopes == ("openid", "offline_access", "groups", "email")
    assert (dex.client_secret, dex.token_endpoint_auth_method, dex.pkce) == (None, "none", True)
    assert dex.admin_roles == ("platform-admins",)
    assert "in place of /console/oauth2/callback" in taken.toml


def test_roles_come_from_where_claims_map_says(take: Take) -> None:
    """HA-11, HA-22: an admin is who has a role of admin_roles, and nobody else."""
    (dex,) = take("hasura", HASURA).settings.sso.providers

    said = read_roles({"iss": dex.issuer, "groups": ["platform-admins", "analysts"]}, dex)
    assert (said.names, said.default) == (("platform-admins", "analysts"), "platform-admins")
    assert mean_here(said.names, dex) == {"platform-admins", "analysts", "admin"}


def test_without_admin_roles_the_role_admin_counts(take: Take) -> None:
    (dex,) = take("hasura", provider(admin_roles=None)).settings.sso.providers

    assert dex.admin_roles == ("admin",)


def test_plain_http_is_allowed_aloud_and_loopback_is_not_plain(take: Take) -> None:
    taken = take("hasura", HASURA)
    assert taken.settings.sso.providers[0].allow_insecure
    assert "WARNING: authorization_endpoint, token_endpoint, jwks_uri without TLS" in taken.notes

    near = take("hasura", HASURA.replace("dex.corp.example", "localhost"))
    assert not near.settings.sso.providers[0].allow_insecure
    assert "WARNING" not in near.notes


def test_without_claims_map_roles_stand_in_hasuras_namespace(take: Take) -> None:
    """HA-10, HA-14, HA-X3."""
    (dex,) = take("hasura", provider(jwt_secret={"claims_map": None})).settings.sso.providers

    claims = {"https://hasura.io/jwt/claims": {"x-hasura-allowed-roles": ["admin"], "X-Hasura-Default-Role": "admin"}}
    assert read_roles(claims, dex).names == ("admin",)


def test_a_literal_holds_for_everybody_whatever_the_token_says(take: Take) -> None:
    """HA-X4."""
    literal = {"x-hasura-allowed-roles": ["reader"], "x-hasura-default-role": "reader"}
    taken = take("hasura", provider(jwt_secret={"claims_map": literal}))

    said = read_roles({"iss": "https://x", "x-hasura-allowed-roles": ["admin"]}, taken.settings.sso.providers[0])
    assert (said.names, said.default) == (("reader",), "reader")
    assert "x-hasura-allowed-roles holds for everybody" in taken.notes


@pytest.mark.parametrize(
    "claims_map",
    [
        pytest.param({"x-hasura-allowed-roles": ["admin"], "x-hasura-default-role": "admin"}, id="literal"),
        pytest.param(
            {"x-hasura-allowed-roles": ["platform-admins", "user"], "x-hasura-default-role": "user"}, id="one of"
        ),
        pytest.param({"x-hasura-allowed-roles": {"path": "$.roles", "default": ["admin"]}}, id="default"),
    ],
)
def test_nobody_becomes_an_admin_for_want_of_a_claim(take: Take, claims_map: dict[str, object]) -> None:
    """Trap 6."""
    taken = take("hasura", provider(jwt_secret={"claims_map": claims_map}))

    settings = taken.settings.sso.providers[0]
    try:
        names = read_roles({"iss": "https://x"}, settings).names
    except Forbidden:
        names = ()
    assert "admin" not in mean_here(names, settings)
    assert "admin" in taken.notes
    assert "is left out" in taken.notes


def test_a_default_and_a_variable_of_its_own_are_kept(take: Take) -> None:
    claims_map = {
        "X-Hasura-Allowed-Roles": {"path": "$['https://x/roles']", "default": ["user"]},
        "x-hasura-Org-Id": {"path": "$.org"},
    }
    (dex,) = take("hasura", provider(jwt_secret={"claims_map": claims_map})).settings.sso.providers

    assert dex.claims_map["roles"] == ClaimRule("$['https://x/roles']", ("user",))
    assert dex.claims_map["x-hasura-org-id"] == ClaimRule("$.org")


def test_an_unchecked_issuer_is_taken_from_where_the_keys_are(take: Take) -> None:
    """HA-X6."""
    url = "https://login.microsoftonline.com/0b5c/discovery/v2.0/keys"
    taken = take("hasura", provider(jwt_secret={"issuer": None, "jwk_url": url}))

    assert taken.settings.sso.providers[0].issuer == "https://login.microsoftonline.com/0b5c/v2.0"
    assert taken.settings.sso.providers[0].preset == "entra"
    assert "issuer is taken from where the keys are" in taken.notes


def test_an_unknown_issuer_lets_nobody_in(take: Take) -> None:
    taken = take("hasura", secret(issuer=None, jwk_url="https://keys.example/x"))

    (issuer,) = taken.settings.delegated.issuers
    assert not issuer.issuer.startswith("http")
    assert "put it into issuer" in taken.notes


def test_a_jwt_secret_becomes_a_delegated_issuer(take: Take) -> None:
    """HA-13, HA-X1, HA-X3, HA-X7."""
    (issuer,) = take("hasura", json.dumps(HASURA_SECRET)).settings.delegated.issuers

    assert issuer.issuer == "https://login.example/realms/data"
    assert issuer.jwks_uri == "https://login.example/realms/data/protocol/openid-connect/certs"
    assert issuer.audience == ("orders", "billing")
    assert issuer.leeway.total_seconds() == 30
    assert issuer.claims_namespace_path == "$.hasura.claims"
    assert (issuer.username_claim, issuer.groups_claim, issuer.api_key_claim) == ("sub", None, None)


def test_a_missing_audience_is_asked_for(take: Take) -> None:
    """HA-X6, trap 3."""
    taken = take("hasura", secret(audience=None))

    (issuer,) = taken.settings.delegated.issuers
    assert (issuer.audience, issuer.allow_any_audience) == (("gatepost",), False)
    assert "put the `aud` of your tokens into audience" in taken.notes


@pytest.mark.parametrize("kind", ["HS256", "HS384", "hs512"])
def test_a_shared_key_has_no_equivalent_and_is_not_shown(take: Take, kind: str) -> None:
    """HA-X1: whoever can verify with it can sign with it."""
    shared = {"type": kind, "key": "hush-a-key-that-both-sides-know"}
    taken = take("hasura", json.dumps({"HASURA_GRAPHQL_JWT_SECRETS": [shared, HASURA_SECRET]}))

    assert len(taken.settings.delegated.issuers) == 1
    assert f"HASURA_GRAPHQL_JWT_SECRETS[0] has no equivalent: {kind}" in taken.notes
    assert "hush" not in taken.toml


def test_a_provider_with_a_shared_key_waits_for_a_public_one(take: Take) -> None:
    hush = {"type": "HS256", "key": "hush-a-key-that-both-sides-know", "jwk_url": None}

    known = take("hasura", provider(jwt_secret=hush))
    assert known.settings.sso.providers[0].needs_discovery
    unknown = take("hasura", provider(jwt_secret={**hush, "issuer": None}))
    assert unknown.settings.sso.providers[0].jwks_uri == "https://keys.invalid/to-be-set"
    assert "hush" not in known.toml + unknown.toml


def test_a_public_key_stands_in_the_file(take: Take) -> None:
    """HA-X1."""
    (issuer,) = take("hasura", secret(jwk_url=None, key=PEM, type="Ed25519")).settings.delegated.issuers

    assert issuer.public_keys == (PEM.strip(),)
    assert issuer.algorithms == ("EdDSA",)


def test_a_private_key_is_refused_and_not_shown() -> None:
    key = "-----BEGIN PRIVATE " + "KEY-----\nhush\n"
    with pytest.raises(ConfigurationError, match=r"HASURA_GRAPHQL_JWT_SECRET\.key cannot become public_keys") as caught:
        convert("hasura", secret(jwk_url=None, key=key), "FILE")
    assert "hush" not in str(caught.value)


def test_the_list_of_secrets_wins_over_the_single_one(take: Take) -> None:
    """HA-X8."""
    both = {
        "HASURA_GRAPHQL_JWT_SECRET": {"type": "HS256", "key": "hush"},
        "HASURA_GRAPHQL_JWT_SECRETS": [HASURA_SECRET],
    }
    taken = take("hasura", json.dumps(both))

    assert len(taken.settings.delegated.issuers) == 1
    assert "HASURA_GRAPHQL_JWT_SECRET is left out" in taken.notes


def test_a_secret_for_the_console_s_own_tokens_is_the_provider_s(take: Take) -> None:
    """AG-13: ID tokens of a provider are accepted as they are; a second table for them could not be told apart."""
    same = {**HASURA_SECRET, "issuer": "http://dex.corp.example:5556/dex", "audience": "hasura-console"}
    document: dict[str, object] = {"HASURA_GRAPHQL_SSO_PROVIDERS": [HASURA_PROVIDER], "HASURA_GRAPHQL_JWT_SECRET": same}
    taken = take("hasura", json.dumps(document))
    assert taken.settings.delegated.issuers == ()
    assert "its tokens are the ID tokens of a provider" in taken.notes

    document["HASURA_GRAPHQL_JWT_SECRET"] = {**same, "audience": ["hasura-console", "orders"]}
    assert take("hasura", json.dumps(document)).settings.delegated.issuers[0].audience == ("orders",)


def test_a_cookie_and_a_skew_of_an_hour_cannot_be_kept(take: Take) -> None:
    """HA-X7."""
    taken = take("hasura", secret(header={"type": "Cookie", "name": "tok"}, allowed_skew=3600))

    assert "header.type = Cookie has no equivalent" in taken.notes
    assert "allowed_skew = 3600" in taken.notes
    assert taken.settings.delegated.issuers[0].leeway.total_seconds() == 120


def test_who_sends_nothing_is_refused_unless_there_was_a_role_for_it(take: Take) -> None:
    """HA-X9."""
    assert take("hasura", HASURA).settings.main.allow_anonymous_access
    assert not take("hasura", provider()).settings.main.allow_anonymous_access


def test_the_admin_secret_and_the_hook_are_said_and_not_shown(take: Take) -> None:
    """HA-X10, HA-X11."""
    taken = take("hasura", HASURA + "HASURA_GRAPHQL_AUTH_HOOK=https://auth.example/hush\n")

    assert "HASURA_GRAPHQL_ADMIN_SECRET has no equivalent" in taken.notes
    assert "HASURA_GRAPHQL_AUTH_HOOK has no equivalent" in taken.notes
    assert "hush" not in taken.toml


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "services:\n  db: {image: x}\n  e:\n    environment:\n      HASURA_GRAPHQL_SSO_PROVIDERS: |\n        JSON\n",
            id="Compose",
        ),
        pytest.param("environment:\n- 'HASURA_GRAPHQL_SSO_PROVIDERS=JSON'\n", id="list"),
        pytest.param("- 'HASURA_GRAPHQL_SSO_PROVIDERS=JSON'\n", id="bare list"),
        pytest.param(
            "x: &a\n  HASURA_GRAPHQL_SSO_PROVIDERS: 'JSON'\nservices:\n  e:\n    environment:\n      <<: *a\n      A: 1\n",
            id="merged",
        ),
        pytest.param("HASURA_GRAPHQL_SSO_PROVIDERS: 'JSON'\n", id="table"),
        pytest.param("HASURA_GRAPHQL_SSO_PROVIDERS=JSON\r\n", id="unquoted"),
    ],
)
def test_the_variables_may_stand_in_a_compose_file(take: Take, text: str) -> None:
    assert len(take("hasura", text.replace("JSON", provider())).settings.sso.providers) == 1
