"""What holds for every import: it passes the check, loses nothing, tells no secret, and refuses in one sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.errors import ConfigurationError
from gatepost.settings.imports import PRODUCTS, convert
from gatepost.settings.imports.proof import prove
from gatepost.settings.imports.variables import read_variables
from tests.settings.imports.conftest import Take
from tests.settings.imports.samples import (
    ALLEGROGRAPH,
    CONDUKTOR,
    HASURA_PROVIDER,
    INFRAHUB,
    SAMPLES,
    keys_of,
)

ONCE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(("product", "text"), SAMPLES)
def test_every_key_stands_in_the_output_and_no_secret_does(take: Take, product: str, text: str) -> None:
    taken = take(product, text)

    assert {key for key in keys_of(text) if key not in taken.toml} == set()
    assert "hush" not in taken.toml


@pytest.mark.parametrize(("product", "text"), SAMPLES)
def test_the_addresses_to_register_are_said(take: Take, product: str, text: str) -> None:
    taken = take(product, text)

    for provider in taken.settings.sso.providers:
        here = f"https://gatepost.example/oauth/{provider.name}"
        assert f"# redirect URI: {here}/callback" in taken.toml.replace("#   ", "# ")
        assert (f"{here}/signed-out" in taken.toml) is (provider.protocol == "oidc")
        assert (f"front-channel logout URI: {here}/logout" in taken.toml) is (
            provider.protocol == "oidc" and provider.front_channel_logout
        )
        assert (f"back-channel logout URI: {here}/logout" in taken.toml) is (
            provider.protocol == "oidc" and provider.back_channel_logout
        )


@pytest.mark.parametrize(("product", "text"), SAMPLES)
def test_a_secret_becomes_a_variable_to_set(take: Take, product: str, text: str) -> None:
    taken = take(product, text)

    for provider in taken.settings.sso.providers:
        secret = provider.client_secret
        assert secret is None or secret.reveal() in {f"the value of {name}" for name in taken.imported.secrets}
    assert all(f'{{ env = "{name}" }}' in taken.toml for name in taken.imported.secrets)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "PATH=/bin\n", "{}", "[]", "[main]\n", "a: b\n", "\0", "=", "'"]
)
def test_a_file_without_anything_to_take_over_is_one_sentence(product: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert(product, text, "FILE")

    (problem,) = caught.value.problems
    assert problem.startswith("FILE: ")
    assert "\n" not in problem


VARIABLES = {name: leaf.value for name, leaf in read_variables(INFRAHUB).items()}
SAID = [
    pytest.param(
        "hasura", "HASURA_GRAPHQL_SSO_PROVIDERS=[{", "line 1: HASURA_GRAPHQL_SSO_PROVIDERS is not JSON", id="json"
    ),
    pytest.param(
        "hasura",
        "HASURA_GRAPHQL_SSO_PROVIDERS=" + json.dumps([{**HASURA_PROVIDER, "scope": "groups"}]),
        "HASURA_GRAPHQL_SSO_PROVIDERS[0].scope must contain openid",
        id="HA-4",
    ),
    pytest.param(
        "hasura",
        json.dumps([{k: v for k, v in HASURA_PROVIDER.items() if k != "client_id"}]),
        "HASURA_GRAPHQL_SSO_PROVIDERS[0].client_id is missing",
        id="no client_id",
    ),
    pytest.param(
        "hasura",
        json.dumps({"type": "RS256", "issuer": "https://x.example"}),
        "HASURA_GRAPHQL_JWT_SECRET.key or jwk_url is missing",
        id="HA-X1",
    ),
    pytest.param(
        "hasura",
        json.dumps(
            {"type": "RS256", "jwk_url": "https://x.example", "claims_namespace": "a", "claims_namespace_path": "$"}
        ),
        "HASURA_GRAPHQL_JWT_SECRET.claims_namespace_path stands beside claims_namespace",
        id="HA-X3",
    ),
    pytest.param(
        "infrahub",
        json.dumps({**VARIABLES, "INFRAHUB_SECURITY_AUTO_CREATE_GROUPS_FILTER": "\ud800"}),
        "INFRAHUB_SECURITY_AUTO_CREATE_GROUPS_FILTER cannot become group_filter: holds a character that no file can",
        id="half a character",
    ),
    pytest.param("hasura", "A=1\nno equals sign, hush\n", "line 2: must be written NAME=VALUE", id="env line"),
    pytest.param("hasura", "A='hush\n", "line 1: A begins with a quote that is not closed", id="quote"),
    pytest.param("hasura", "A=1\nA=hush\n", "line 2: A stands twice", id="twice"),
    pytest.param(
        "allegrograph",
        'Port 1\nOAuth server="https://a.example", client-secret="hush" pkce\n',
        "line 2: what stands behind client-secret",
        id="OAuth syntax",
    ),
    pytest.param(
        "allegrograph", 'OAuth server="https://a.example"\n', "line 1: OAuth.client-id is missing", id="no client"
    ),
    pytest.param(
        "allegrograph",
        'OAuth server="https://a.example", client-id=x, username-regexp="(a+)+"',
        "line 1: OAuth.username-regexp cannot become username_regexp: repeats a group",
        id="slow pattern",
    ),
    pytest.param(
        "allegrograph",
        'OAuth server="https://a.example", client-id=x, pkce=maybe',
        "OAuth.pkce must be true or false",
        id="pkce",
    ),
    pytest.param("conduktor", "sso:\n  oauth2:\n  - name: [\n", "is not YAML that can be read", id="yaml"),
    pytest.param(
        "conduktor",
        "sso:\n  jwt-auth:\n    issuer: a\n    issuer: hush\n",
        "line 4: sso.jwt-auth.issuer stands twice",
        id="yaml twice",
    ),
    pytest.param("conduktor", "sso:\n  oauth2: hush\n", "line 2: sso.oauth2 must be a table", id="yaml type"),
    pytest.param("conduktor", "sso:\n  oauth2:\n  - name: a\n", "client-id is missing", id="yaml missing"),
    pytest.param(
        "infrahub",
        'INFRAHUB_SECURITY_OIDC_PROVIDERS=["provider3"]',
        "line 1: INFRAHUB_SECURITY_OIDC_PROVIDERS names provider3",
        id="no such slot",
    ),
    pytest.param(
        "infrahub",
        'INFRAHUB_SECURITY_OIDC_PROVIDERS=["provider1"]',
        "INFRAHUB_OIDC_PROVIDER1_CLIENT_ID is missing",
        id="empty slot",
    ),
    pytest.param("infrahub", "[main\n", "is not TOML", id="toml"),
    pytest.param(
        "infrahub",
        INFRAHUB.replace("/.well-known/openid-configuration", "/config"),
        "INFRAHUB_OIDC_PROVIDER1_DISCOVERY_URL must end in /.well-known/openid-configuration",
        id="discovery",
    ),
    pytest.param(
        "infrahub",
        INFRAHUB.replace("(?P<name>.+)", "(?P<name>.+"),
        "INFRAHUB_SECURITY_AUTO_CREATE_GROUPS_FILTER is not a regular expression",
        id="IF-X11 pattern",
    ),
    pytest.param(
        "conduktor",
        CONDUKTOR.replace("client-id: 3f1c", "client-id: 0oa1").replace(
            "https://login.microsoftonline.com/0b5c/v2.0", "https://acme.okta.com"
        ),
        "at the same issuer: their tokens could not be told apart",
        id="one client twice",
    ),
]


@pytest.mark.parametrize(("product", "text", "sentence"), SAID)
def test_what_cannot_be_read_is_one_sentence_with_its_place(product: str, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert(product, text, "FILE")

    (problem,) = caught.value.problems
    assert problem.startswith("FILE: ")
    assert sentence in problem
    assert "hush" not in problem


def survives(product: str, text: str) -> None:
    """Whatever the text: a configuration that starts, or one printable sentence."""
    try:
        imported = convert(product, text, "FILE")
        prove(imported)
        assert imported.toml.encode()
    except ConfigurationError as error:
        (problem,) = error.problems
        assert problem.startswith("FILE: ")
        assert problem.isprintable()


@given(st.sampled_from(sorted(PRODUCTS)), st.text(max_size=400))
@ONCE
def test_any_text_is_taken_over_or_refused(product: str, text: str) -> None:
    survives(product, text)


@given(st.sampled_from(SAMPLES), st.data())
@settings(parent=ONCE, max_examples=400)
def test_a_sample_with_any_damage_is_taken_over_or_refused(sample: tuple[str, str], data: st.DataObject) -> None:
    product, text = sample
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 60)))
    middle = data.draw(
        st.one_of(st.sampled_from(["", "\n", '"', "'", "=", "[", "{", "\\", "$.x", "\x7f", "\t#"]), st.text(max_size=9))
    )

    survives(product, text[:start] + middle + text[end:])


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=9),
        st.sampled_from(["$.a", "HS256", "[", "x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from([*HASURA_PROVIDER, *HASURA_PROVIDER["jwt_secret"], "key", "path", "default", "x-hasura-a"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(sorted(HASURA_PROVIDER)), JSON, max_size=4),
    st.dictionaries(st.text(max_size=5), JSON, max_size=2),
)
@ONCE
def test_any_value_at_a_key_of_hasura_is_taken_over_or_refused(
    known: dict[str, object], unknown: dict[str, object]
) -> None:
    survives("hasura", json.dumps([{**HASURA_PROVIDER, **known, **unknown}]))


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "type",
                "key",
                "issuer",
                "audience",
                "claims_map",
                "claims_namespace",
                "claims_namespace_path",
                "claims_format",
                "allowed_skew",
                "header",
            ]
        ),
        JSON,
        max_size=5,
    )
)
@ONCE
def test_any_value_at_a_key_of_a_jwt_secret_is_taken_over_or_refused(known: dict[str, object]) -> None:
    survives("hasura", json.dumps({"type": "RS256", "jwk_url": "https://keys.example", **known}))


@given(
    st.text(max_size=60),
    st.sampled_from(
        [
            "server",
            "client-id",
            "scope",
            "username-claim",
            "username-regexp",
            "username-substitution",
            "jws-algorithms",
            "pkce",
            "Shiny",
        ]
    ),
)
@ONCE
def test_any_value_of_an_argument_is_taken_over_or_refused(value: str, name: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    survives("allegrograph", ALLEGROGRAPH.replace("  # single sign-off", f', {name}="{quoted}"'))
