"""One file, the environment over it, and the defaults below."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from gatepost.errors import ConfigurationError
from gatepost.settings import Secret, Settings, check_file, for_database, load


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a `gatepost.toml` of the folder that tests run in out of them."""
    monkeypatch.chdir(tmp_path)


def test_nothing_configured_is_the_contract_s_defaults() -> None:
    settings = load(None, {})

    assert settings == Settings()
    assert settings.main.public_url == "http://127.0.0.1:8420"
    assert settings.main.allow_anonymous_access is True
    assert settings.main.default_roles == ("user",)
    assert settings.database.url.reveal() == "sqlite:///gatepost.db"
    assert settings.tokens.access_token_ttl == timedelta(minutes=30)  # DH-6
    assert settings.tokens.refresh_token_ttl == timedelta(days=7)  # DH-7
    assert settings.tokens.signing_algorithm == "ES256"
    assert (settings.sessions.idle_timeout, settings.sessions.absolute_timeout) == (
        timedelta(hours=12),
        timedelta(days=7),
    )
    assert settings.access.stale_for == timedelta(minutes=5)


def test_a_file_sets_every_section(read: Callable[..., Settings]) -> None:
    settings = read(
        """
        [main]
        public_url = "https://gate.example/"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        cors_origins = ["https://app.example"]
        [database]
        url = "postgresql://gatepost@db/gatepost"
        [keys]
        encryption_keys = ["0123456789abcdef0123456789abcdef"]
        [tokens]
        access_token_ttl = "500ms"
        [sessions]
        idle_timeout = "60s"
        [forward_auth]
        hosts = [{ host = "app.example:8443", public_url = "https://app.example:8443" }]
        """.replace("500ms", "5m")
    )

    assert settings.main.public_url == "https://gate.example"
    assert settings.main.public_url_configured
    assert settings.main.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert settings.database.is_postgresql
    assert settings.keys.encryption_keys == (Secret("0123456789abcdef0123456789abcdef"),)
    assert settings.tokens.access_token_ttl == timedelta(minutes=5)
    assert settings.sessions.idle_timeout == timedelta(seconds=60)
    assert settings.forward_auth.hosts[0].host == "app.example:8443"


@pytest.mark.parametrize("text", ["false", "0", "False"])
def test_if_18_anonymous_access_is_switched_off_by_the_environment(text: str) -> None:
    assert load(None, {"GATEPOST_ALLOW_ANONYMOUS_ACCESS": text}).main.allow_anonymous_access is False


def test_if_18_anonymous_access_is_switched_off_by_the_file(read: Callable[..., Settings]) -> None:
    assert read("[main]\nallow_anonymous_access = false").main.allow_anonymous_access is False


def test_the_environment_wins_over_the_file(read: Callable[..., Settings]) -> None:
    settings = read(
        '[main]\nallow_anonymous_access = false\ndefault_roles = ["user"]\n[tokens]\naccess_token_ttl = "1h"',
        {
            "GATEPOST_ALLOW_ANONYMOUS_ACCESS": "1",
            "GATEPOST_DEFAULT_ROLES": '["reader", "user"]',
            "GATEPOST_TOKENS__ACCESS_TOKEN_TTL": "2h",
        },
    )

    assert settings.main.allow_anonymous_access is True
    assert settings.main.default_roles == ("reader", "user")
    assert settings.tokens.access_token_ttl == timedelta(hours=2)


def test_the_environment_wins_over_a_bad_value_too(read: Callable[..., Settings]) -> None:
    settings = read('[tokens]\naccess_token_ttl = "soon"', {"GATEPOST_TOKENS__ACCESS_TOKEN_TTL": "2h"})

    assert settings.tokens.access_token_ttl == timedelta(hours=2)


@pytest.mark.parametrize("name", ["GATEPOST_SSO__PROVIDERS", "GATEPOST_SSO_PROVIDERS"])
def test_ha_1_providers_are_a_json_list_in_the_environment(name: str) -> None:
    text = '[{"name": "idp", "issuer": "https://idp.example", "client_id": "gatepost"}]'

    assert load(None, {name: text}).sso.providers[0].issuer == "https://idp.example"


def test_delegated_issuers_are_a_json_list_in_the_environment() -> None:
    text = '[{"name": "gateway", "issuer": "https://idp.example", "audience": ["gatepost"], "leeway": "5s"}]'

    assert load(None, {"GATEPOST_DELEGATED__ISSUERS": text}).delegated.issuers[0].leeway == timedelta(seconds=5)


def test_both_names_of_the_providers_at_once_are_a_problem() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(None, {"GATEPOST_SSO__PROVIDERS": "[]", "GATEPOST_SSO_PROVIDERS": "[]"})

    assert raised.value.problems == (
        "GATEPOST_SSO__PROVIDERS: sso.providers is set by GATEPOST_SSO_PROVIDERS too: keep one of them",
    )


def test_names_of_the_command_line_and_strangers_are_no_settings() -> None:
    settings = load(
        None,
        {
            "GATEPOST_URL": "https://gate.example",
            "GATEPOST_API_KEY": "x",
            "GATEPOST_USER": "alice",
            "GATEPOST_PASSWORD": "x",
            "GATEPOST_AUTH_MODE": "external",
            "GATEPOST_XYZ": "1",
        },
    )

    assert settings == Settings()


def test_a_near_miss_is_warned_of_without_its_value() -> None:
    settings = load(None, {"GATEPOST_DATABASE_URL": "postgresql://u:geheim@db/x"})

    assert settings.remarks == (
        "GATEPOST_DATABASE_URL: is ignored, for it is no setting; did you mean GATEPOST_DATABASE__URL?",
    )
    assert settings.warnings()[0] == settings.remarks[0]


def test_the_file_is_the_one_asked_for_else_the_environment_s_else_the_one_here(tmp_path: Path) -> None:
    for name in ("asked.toml", "named.toml", "gatepost.toml"):
        (tmp_path / name).write_text(f'[main]\ndefault_roles = ["{name}"]')
    environ = {"GATEPOST_CONFIG": str(tmp_path / "named.toml")}

    assert load(tmp_path / "asked.toml", environ).main.default_roles == ("asked.toml",)
    assert load(None, environ).main.default_roles == ("named.toml",)
    assert load(None, {"GATEPOST_CONFIG": ""}).main.default_roles == ("gatepost.toml",)
    (tmp_path / "gatepost.toml").unlink()
    assert load(None, {}) == Settings()


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8420, "http://127.0.0.1:8420"),
        ("localhost", 80, "http://localhost"),
        ("::1", 8421, "http://[::1]:8421"),
    ],
)
def test_the_public_url_is_derived_from_host_and_port(host: str, port: int, url: str) -> None:
    main = load(None, {}, host=host, port=port).main

    assert (main.public_url, main.public_url_configured) == (url, False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0:0::0", ""])
def test_trap_18_a_server_on_every_address_needs_a_public_url(host: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape("environment: main.public_url is not set: must be given")):
        load(None, {}, host=host)
    assert load(None, {"GATEPOST_PUBLIC_URL": "https://gate.example"}, host=host).main.public_url_configured


def test_an_empty_variable_takes_an_optional_key_back(read: Callable[..., Settings]) -> None:
    settings = read(
        '[main]\npublic_url = "https://gate.example"\n[tokens]\nservice_token_max_age = "90d"',
        {
            "GATEPOST_PUBLIC_URL": "",
            "GATEPOST_TOKENS__SERVICE_TOKEN_MAX_AGE": "",
            "GATEPOST_INITIAL_ADMIN_PASSWORD": "",
        },
    )

    assert settings == Settings()


def test_an_embedder_s_database_reads_no_file_and_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gatepost.toml").write_text("[main]\nallow_anonymous_access = false")
    monkeypatch.setitem(os.environ, "GATEPOST_PASSWORD_SIGN_IN", "false")

    settings = for_database("sqlite:///other.db")

    assert settings.database.url.reveal() == "sqlite:///other.db"
    assert settings.main == Settings().main
    with pytest.raises(ConfigurationError):
        for_database("mysql://db/x")


def test_checking_a_file_says_what_loading_would_raise(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[main]\npassword_sign_in = 3")

    assert check_file(file, {}) == [f"{file}: main.password_sign_in = 3: must be true or false"]
    assert check_file(file, {"GATEPOST_PASSWORD_SIGN_IN": "true"}) == []
