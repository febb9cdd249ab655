"""Providers and delegated issuers: presets, and the rules between keys."""

# ruff: noqa: E501  a row is one line, so that a value and its sentence are read together

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gatepost.settings import ClaimRule, DelegatedIssuer, ProviderSettings, Secret, Settings

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]

PROVIDER = '[[sso.providers]]\nname = "idp"\nissuer = "https://idp.example/realms/main"\nclient_id = "gatepost"\n'
BARE = '[[sso.providers]]\nname = "idp"\nclient_id = "gatepost"\n'
ISSUER = (
    '[[delegated.issuers]]\nname = "gateway"\nissuer = "https://idp.example/realms/data"\naudience = ["gatepost"]\n'
)
NO_AUDIENCE = ISSUER.replace('audience = ["gatepost"]\n', "")
ENDPOINTS = (
    'authorization_endpoint = "https://idp.example/a"\ntoken_endpoint = "https://idp.example/t"\n'
    'jwks_uri = "https://idp.example/k"\n'
)
ENTRA = 'issuer = "https://login.microsoftonline.com/common/v2.0"\n'
DISCOVERED = (
    "must be a URL whose discovery document is read, unless authorization_endpoint, token_endpoint and "
    "jwks_uri or public_keys are given"
)
HTTPS = "must be https beyond loopback, or allow_insecure = true"


def test_a_provider_needs_name_issuer_and_client_and_has_the_contract_s_defaults(read: Read) -> None:
    provider = read(PROVIDER).sso.providers[0]

    assert provider == ProviderSettings(
        name="idp",
        display_name="idp",
        issuer="https://idp.example/realms/main",
        client_id="gatepost",
        token_endpoint_auth_method="none",  # no secret: a public client
    )
    assert provider.algorithms == ("RS256", "ES256")
    assert provider.leeway == timedelta(seconds=60)
    assert provider.http_timeout == timedelta(seconds=10)
    assert provider.username_claim == "preferred_username"
    assert provider.groups_claim is None
    assert (provider.group_sync, provider.group_limit) == ("mirror", 200)
    assert (provider.pkce, provider.auto_create_users, provider.trust_email) == (True, True, False)
    assert (provider.front_channel_logout, provider.back_channel_logout) == (True, True)  # AG-3
    assert provider.session_max_age == timedelta(days=7)
    assert not provider.scopes_configured
    assert provider.needs_discovery


def test_a_delegated_issuer_has_the_contract_s_defaults(read: Read) -> None:
    issuer = read(ISSUER).delegated.issuers[0]

    assert issuer == DelegatedIssuer(name="gateway", issuer="https://idp.example/realms/data", audience=("gatepost",))
    assert (issuer.username_claim, issuer.groups_claim, issuer.api_key_claim) == ("email", "groups", "apikey")  # CO-X1
    assert (issuer.group_sync, issuer.link, issuer.api_key_strict) == ("off", "none", False)


def test_an_empty_text_takes_an_optional_claim_away(read: Read) -> None:
    issuer = read(ISSUER + 'groups_claim = ""\napi_key_claim = ""').delegated.issuers[0]

    assert (issuer.groups_claim, issuer.api_key_claim) == (None, None)


def test_every_key_of_the_contract_s_example_is_taken(read: Read) -> None:
    provider = read(
        PROVIDER
        + r"""
        client_secret = "s"
        token_endpoint_auth_method = "client_secret_post"
        response_mode = "form_post"
        prompt = "select_account"
        username_regexp = "^(.*)@.*"
        username_substitution = "\\1"
        groups_claim = "groups"
        group_map = { "/platform/data" = "data-team" }
        group_filter = "^/platform/"
        claims_map = { roles = "$.realm_access.roles", default_role = { path = "$.groups[0]", default = "user" }, X-Hasura-Org = "$['org']" }
        role_map = { platform-admins = "admin" }
        allowed_domains = ["corp.example"]
        """
    ).sso.providers[0]

    assert provider.client_secret == Secret("s")
    assert provider.username_regexp is not None
    assert provider.username_regexp.pattern == "^(.*)@.*"
    assert provider.username_substitution == r"\1"
    assert provider.group_map == {"/platform/data": "data-team"}
    assert provider.claims_map == {
        "roles": ClaimRule("$.realm_access.roles"),
        "default_role": ClaimRule("$.groups[0]", "user"),
        "X-Hasura-Org": ClaimRule("$['org']"),
    }
    assert provider.role_map == {"platform-admins": "admin"}


def test_a_preset_fills_in_what_is_left_out_and_nothing_else(read: Read) -> None:
    google, github = read(
        '[[sso.providers]]\nname = "google"\npreset = "google"\nclient_id = "g"\nusername_claim = "sub"\n'
        '[[sso.providers]]\nname = "github"\npreset = "github"\nclient_id = "h"\nclient_secret = "s"\n'
    ).sso.providers

    assert (google.issuer, google.display_name) == ("https://accounts.google.com", "Google")
    assert google.username_claim == "sub"
    assert (github.protocol, github.username_claim) == ("oauth2", "login")
    assert github.token_endpoint == "https://github.com/login/oauth/access_token"
    assert github.scopes_configured
    assert not github.needs_discovery


@pytest.mark.parametrize("preset", ["keycloak", "entra", "okta", "zitadel", "gitlab", "dex", "hydra"])
def test_a_preset_with_an_issuer_is_a_whole_provider(preset: str, read: Read) -> None:
    provider = read(PROVIDER + f'preset = "{preset}"').sso.providers[0]

    assert "openid" in provider.scopes
    assert provider.display_name != "idp"


def test_with_all_endpoints_the_issuer_is_any_string(read: Read) -> None:
    provider = read(BARE + ENDPOINTS + 'issuer = "the provider"').sso.providers[0]

    assert (provider.issuer, provider.needs_discovery) == ("the provider", False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9", "http://a.localhost"]
)
def test_plain_http_is_for_loopback(url: str, read: Read) -> None:
    assert read(BARE + f'issuer = "{url}"').sso.providers[0].issuer == url


def test_plain_http_beyond_loopback_is_allowed_where_it_says_so(read: Read) -> None:
    assert read(BARE + 'issuer = "http://idp.example"\nallow_insecure = true').sso.providers[0].allow_insecure


P = "FILE: sso.providers[0]"
D = "FILE: delegated.issuers[0]"
ANY = "FILE: delegated.issuers[0].audience is not set: must name the audiences that are accepted, or allow_any_audience = true"
OPENID = 'must contain "openid": without it no ID token comes back'
SLOW = "repeats a group in which something repeats, or has more than three .*: it could take for ever"


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        pytest.param(PROVIDER + 'scopes = ["profile"]', f'{P}.scopes = ["profile"]: {OPENID}', id="HA-4"),
        pytest.param(BARE, f"{P}.issuer is not set: must be the provider's issuer, for `iss` is always checked", id="trap 3: no issuer"),
        pytest.param(BARE + 'issuer = ""', f"{P}.issuer = \"\": must be the provider's issuer, for `iss` is always checked", id="trap 3: empty issuer"),
        pytest.param(BARE + ENDPOINTS, f"{P}.issuer is not set: must be the provider's issuer, for `iss` is always checked", id="trap 3: endpoints, no issuer"),
        pytest.param(PROVIDER.replace('client_id = "gatepost"', 'client_id = ""'), f'{P}.client_id = "": must be a text of 1 to 4096 printable characters', id="trap 3: empty client"),
        pytest.param(NO_AUDIENCE, ANY, id="trap 3: no audience"),
        pytest.param(NO_AUDIENCE + "audience = []", ANY.replace("is not set", "= []"), id="trap 3: empty audience"),
        pytest.param(NO_AUDIENCE + 'audience = [""]', f'{D}.audience[0] = "": must be a text of 1 to 4096 printable characters', id="trap 3: empty text as audience"),
        pytest.param(ISSUER + "allow_any_audience = true", f"{D}.allow_any_audience = true: must be false where audience says which are accepted", id="two audiences"),
        pytest.param(BARE + ENTRA + 'preset = "entra"', f"{P}.allowed_tenants is not set: must name the tenants that are let in: this issuer lets in those of every company", id="trap 3: Entra common"),
        pytest.param(NO_AUDIENCE.replace("https://idp.example/realms/data", "https://login.microsoftonline.com/common/v2.0") + 'audience = ["x"]', f'{D}.issuer = "https://login.microsoftonline.com/common/v2.0": must be the issuer of one tenant: this one is that of every company', id="delegated Entra common"),
        pytest.param(BARE + 'issuer = "idp"', f'{P}.issuer = "idp": {DISCOVERED}', id="no URL"),
        pytest.param(BARE + 'issuer = "http://idp.example"', f'{P}.issuer = "http://idp.example": {HTTPS}', id="plain http"),
        pytest.param(PROVIDER + 'jwks_uri = "http://localhost.evil.example/k"', f'{P}.jwks_uri = "http://localhost.evil.example/k": {HTTPS}', id="not localhost"),
        pytest.param(PROVIDER + 'token_endpoint = "ftp://idp.example"', f'{P}.token_endpoint = "ftp://idp.example": must be an http or https URL without userinfo and fragment', id="ftp"),
        pytest.param(BARE + 'protocol = "oauth2"', f"{P}.issuer is not set: {DISCOVERED.replace('jwks_uri or public_keys', 'userinfo_endpoint')}", id="oauth2 without endpoints"),
        pytest.param(PROVIDER + 'protocol = "saml"', f'{P}.protocol = "saml": must be one of "oidc", "oauth2"', id="protocol"),
        pytest.param(PROVIDER + 'algorithms = ["none"]', f'{P}.algorithms[0] = "none": must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA', id="none"),
        pytest.param(PROVIDER + "algorithms = []", f"{P}.algorithms = []: must name at least one algorithm", id="no algorithm"),
        pytest.param(PROVIDER + 'leeway = "121s"', f'{P}.leeway = "121s": must be a duration from 0s to 2m, written like 500ms, 60s, 30m, 12h or 7d', id="leeway"),
        pytest.param(PROVIDER + 'token_endpoint_auth_method = "client_secret_post"', f'{P}.token_endpoint_auth_method = "client_secret_post": needs client_secret, which is not set', id="no secret"),
        pytest.param(PROVIDER + 'client_secret = "s"\ntoken_endpoint_auth_method = "none"', f'{P}.token_endpoint_auth_method = "none": must be another method, or client_secret left out', id="secret unused"),
        pytest.param(PROVIDER + 'username_regexp = "^(.*)@.*"', f"{P}.username_substitution is not set: must say what username_regexp leaves, such as \\1", id="regexp alone"),
        pytest.param(PROVIDER + r'username_substitution = "\\1"', f"{P}.username_regexp is not set: must say what username_substitution is made of", id="substitution alone"),
        pytest.param(PROVIDER + 'username_regexp = ".*"\n' + r'username_substitution = "\\1"', f'{P}.username_substitution = "\\\\1": does not fit username_regexp: invalid group reference 1 at position 1', id="no such group"),
        pytest.param(PROVIDER + 'group_filter = "("', f'{P}.group_filter = "(": is not a regular expression: missing ), unterminated subpattern at position 0', id="no regexp"),
        pytest.param(PROVIDER + 'group_filter = "(a+)+$"', f'{P}.group_filter = "(a+)+$": {SLOW}', id="exponential"),
        pytest.param(PROVIDER + 'group_filter = "([a-z]*[0-9])*"', f'{P}.group_filter = "([a-z]*[0-9])*": {SLOW}', id="exponential with classes"),
        pytest.param(PROVIDER + 'group_filter = ".*.*.*.*x"', f'{P}.group_filter = ".*.*.*.*x": {SLOW}', id="a high power"),
        pytest.param(PROVIDER + 'claims_namespace = "https://hasura.io/jwt/claims"\nclaims_namespace_path = "$.a"', f'{P}.claims_namespace_path = "$.a": must be left out where claims_namespace is given', id="HA-X3"),
        pytest.param(PROVIDER + 'claims_map = { roles = "groups" }', f'{P}.claims_map.roles = "groups": must be a JSONPath (RFC 9535) such as "$.realm_access.roles" or "$.groups[0]"', id="no JSONPath"),
        pytest.param(PROVIDER + 'claims_map = { roles = "$.groups[?@.x]" }', f'{P}.claims_map.roles = "$.groups[?@.x]": must be a JSONPath (RFC 9535) such as "$.realm_access.roles" or "$.groups[0]"', id="a filter"),
        pytest.param(PROVIDER + "claims_map = { roles = { default = 1 } }", f'{P}.claims_map.roles = {{"default": 1}}: must be a JSONPath or {{ path = "…", default = "…" }}', id="no path"),
        pytest.param(PROVIDER + 'claims_map = { rolls = "$.x" }', f'{P}.claims_map = "rolls": must be roles, default_role or x-hasura-…', id="no such claim"),
        pytest.param(PROVIDER + 'role_map = { a = ["b"] }', f'{P}.role_map.a = ["b"]: must be a name of 1 to 128 printable ASCII characters without space and : # * / \\ % < > or quotes', id="role map"),
        pytest.param(PROVIDER + 'role_map = ["admin"]', f'{P}.role_map = ["admin"]: must be a table from a role or group there to the name of a role here', id="role map is a list"),
        pytest.param(PROVIDER + 'allowed_groups = ["staff"]', f'{P}.allowed_groups = ["staff"]: needs groups_claim: without it nobody could be let in', id="nobody"),
        pytest.param(PROVIDER + "group_limit = 0", f"{P}.group_limit = 0: must be a whole number from 1 to 10000", id="group limit"),
        pytest.param(PROVIDER + "isuer = 1", f"{P}.isuer is not a key: did you mean issuer?", id="misspelt"),
        pytest.param(PROVIDER.replace('"idp"', '"my idp"'), f'{P}.name = "my idp": must be a name of 1 to 64 letters, digits, dots, dashes and underscores', id="name"),
        pytest.param(PROVIDER + 'prompt = "none login"', f'{P}.prompt = "none login": must be "none", or one or more of login, consent, select_account and create', id="prompt"),
        pytest.param(PROVIDER + 'preset = "keyclock"', f'{P}.preset = "keyclock": must be one of "keycloak", "entra", "okta", "google", "zitadel", "github", "gitlab", "dex", "hydra"', id="preset"),
        pytest.param(ISSUER + 'service = "etl"', f'{D}.service = "etl": needs required_claims: without them each token of the issuer were it', id="service"),
        pytest.param(ISSUER + "required_claims = { a = 1.5 }", f"{D}.required_claims.a = 1.5: must be a text, a whole number or a boolean", id="required claim"),
        pytest.param(PROVIDER + ISSUER.replace('"gateway"', '"IDP"'), f'{D}.name is that of sso.providers[0] already: each needs a name of its own', id="names"),
        pytest.param(PROVIDER + ISSUER.replace("realms/data", "realms/main"), f"{D}.audience contains the client_id of sso.providers[0], which has the same issuer: a token for both could not be told apart", id="overlap"),
        pytest.param(PROVIDER + NO_AUDIENCE.replace("realms/data", "realms/main") + "allow_any_audience = true", f"{D}.allow_any_audience takes in the ID tokens of sso.providers[0], which has the same issuer: name the audiences", id="overlap of any"),
        pytest.param(PROVIDER + PROVIDER.replace('"idp"', '"two"'), "FILE: sso.providers[1].client_id is that of sso.providers[0] at the same issuer: their tokens could not be told apart", id="same client"),
        pytest.param('[main]\npublic_url = "https://idp.example"\n' + ISSUER.replace("/realms/data", "/"), f"{D}.issuer is Gatepost's own public_url: what it issues itself needs no table", id="ourselves"),
        pytest.param(ISSUER + ISSUER.replace('"gateway"', '"two"'), "FILE: delegated.issuers[1].audience overlaps with that of delegated.issuers[0] at the same issuer: give them audiences of their own, or required_claims that exclude each other", id="same audience"),
    ],
)  # fmt: skip
def test_a_rule_between_keys_is_one_sentence(toml: str, sentence: str, problems: Problems) -> None:
    assert problems(toml) == [sentence]


def test_one_issuer_is_provider_and_delegated_where_audiences_differ(read: Read) -> None:
    settings = read(PROVIDER + ISSUER.replace("realms/data", "realms/main").replace('["gatepost"]', '["api"]'))

    assert settings.sso.providers[0].issuer == settings.delegated.issuers[0].issuer


def test_two_services_of_one_issuer_are_told_apart_by_required_claims(read: Read) -> None:
    etl = ISSUER + 'required_claims = { repository = "acme/etl" }\nservice = "etl"\n'

    assert read(etl + etl.replace("etl", "web").replace('"gateway"', '"two"')).delegated.issuers[1].service == "web"


def test_one_bad_key_is_one_problem_even_where_others_depend_on_it(problems: Problems) -> None:
    assert len(problems(BARE + "issuer = 3")) == 1
    assert (
        len(problems(PROVIDER + 'client_secret = { env = "NONE" }\ntoken_endpoint_auth_method = "client_secret_basic"'))
        == 1
    )
    assert len(problems(NO_AUDIENCE + "audience = 3")) == 1
