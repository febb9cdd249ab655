"""Every key is documented, and the contract's keys are all there."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest

from gatepost.settings import DelegatedIssuer, KeyDoc, ProviderSettings, Settings, reference
from gatepost.settings.sources import section_types

DERIVED = {"public_url_configured", "scopes_configured"}  # said by the loader, written by nobody
KEYS = reference()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.key)
def test_every_key_has_a_doc_sentence(key: KeyDoc) -> None:
    assert key.doc[0].isupper()
    assert key.doc.endswith(".")
    assert len(key.doc.split()) >= 4
    assert key.type
    assert key.allowed


@pytest.mark.parametrize("type_", [*section_types().values(), ProviderSettings, DelegatedIssuer])
def test_every_field_is_a_key(type_: type) -> None:
    assert is_dataclass(type_)
    assert {f.name for f in fields(type_) if "kind" not in f.metadata} <= DERIVED


def test_a_key_says_how_it_is_set_and_what_holds_without() -> None:
    keys = {key.key: key for key in KEYS}

    assert keys["tokens.access_token_ttl"].variable == "GATEPOST_TOKENS__ACCESS_TOKEN_TTL"
    assert keys["tokens.access_token_ttl"].default == '"30m"'
    assert keys["sessions.idle_timeout"].default == '"12h"'
    assert keys["main.allow_anonymous_access"].variable == "GATEPOST_ALLOW_ANONYMOUS_ACCESS"
    assert keys["main.allow_anonymous_access"].default == "true"
    assert keys["main.default_roles"].default == '["user"]'
    assert keys["main.public_url"].default == "from --host and --port"
    assert keys["sso.providers"].type == "list of tables"
    assert keys["sso.providers[].client_id"].required
    assert keys["sso.providers[].client_id"].variable == ""
    assert not keys["sso.providers[].prompt"].required


def test_no_default_is_a_secret_or_a_python_value() -> None:
    for key in KEYS:
        assert "Secret" not in key.default
        assert "timedelta" not in key.default
        assert key.default not in {"True", "False", "None", "()"}


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().main.public_url = "http://elsewhere"  # type: ignore[misc]
