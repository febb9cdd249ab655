"""Secrets: where they come from, and that nothing shows them."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.settings import Secret, Settings, for_database

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]

PROVIDER = '[[sso.providers]]\nname = "idp"\nissuer = "https://idp.example"\nclient_id = "gatepost"\n'
WAYS = 'must be a secret, given as text, { env = "NAME" } or { file = "PATH" }'
PLACE = "FILE: sso.providers[0].client_secret = (hidden)"


def secret_of(settings: Settings) -> str:
    secret = settings.sso.providers[0].client_secret
    assert secret is not None
    return secret.reveal()


def test_a_secret_is_never_shown() -> None:
    secret = Secret("geheim")

    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr([secret]), repr({"a": secret})):
        assert "geheim" not in text
    assert secret.reveal() == "geheim"
    assert secret == Secret("geheim")
    assert secret != Secret("other")
    assert secret != "geheim"
    assert pickle.loads(pickle.dumps(secret)) == secret


def test_settings_show_no_secret(read: Read) -> None:
    settings = read(
        f'[main]\ninitial_admin_password = "geheim1"\ninitial_admin_token = "gp_{"geheim2" * 5}"\n'
        f'[keys]\nencryption_keys = ["{"geheim3" * 5}"]\n[database]\nurl = "postgresql://u:geheim4@db/x"\n'
        + PROVIDER
        + 'client_secret = "geheim5"'
    )

    assert secret_of(settings) == "geheim5"
    for text in (repr(settings), str(settings), repr(dataclasses.asdict(settings)), *settings.warnings()):
        assert "geheim" not in text


def test_a_secret_comes_from_a_text_a_variable_or_a_file(read: Read, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("geheim\r\n")

    assert secret_of(read(PROVIDER + 'client_secret = "geheim"')) == "geheim"
    assert secret_of(read(PROVIDER + 'client_secret = { env = "IDP" }', {"IDP": "geheim"})) == "geheim"
    assert secret_of(read(PROVIDER + 'client_secret = { file = "secret" }')) == "geheim"
    assert secret_of(read(PROVIDER + f'client_secret = {{ file = "{tmp_path}/secret" }}')) == "geheim"


def test_a_file_is_looked_for_beside_the_configuration(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("k" * 32)
    monkeypatch.chdir("/")

    assert read('[keys]\nencryption_keys = [{ file = "key" }]').keys.encryption_keys == (Secret("k" * 32),)


def test_an_initial_password_comes_from_the_environment(read: Read) -> None:
    environ = {"GATEPOST_INITIAL_ADMIN_PASSWORD": "{ geheim }", "GATEPOST_INITIAL_ADMIN_TOKEN": "gp_" + "a" * 29}
    main = read("", environ).main

    assert main.initial_admin_password == Secret("{ geheim }")
    assert main.initial_admin_token == Secret("gp_" + "a" * 29)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('{ env = "IDP" }', "the environment variable IDP is not set"),
        ('{ env = "EMPTY" }', "the environment variable EMPTY is empty"),
        ('{ env = "geheim!" }', "env must be the name of an environment variable"),
        ('{ file = "none" }', "the file FOLDER/none cannot be read: No such file or directory"),
        ('{ file = "." }', "the file FOLDER cannot be read: Is a directory"),
        ('{ file = "blank" }', "the file FOLDER/blank is empty"),
        ('{ file = "binary" }', "the file FOLDER/binary is not UTF-8 text"),
        ('{ file = "long" }', "the file FOLDER/long is longer than 65536 bytes"),
        ('{ text = "geheim" }', WAYS),
        ('{ env = "IDP", default = "geheim" }', WAYS),
        ("12345678", WAYS),
        ('["geheim"]', WAYS),
    ],
)
def test_a_secret_that_is_not_there_is_said_and_never_shown(
    written: str, sentence: str, problems: Problems, tmp_path: Path
) -> None:
    (tmp_path / "blank").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_text("geheim" * 12_000)

    assert problems(PROVIDER + f"client_secret = {written}", {"EMPTY": ""}) == [f"{PLACE}: {sentence}"]


@pytest.mark.parametrize(
    "toml",
    [
        'database = "postgresql://u:geheim@db/x"',
        '[sso]\nproviders = ["geheim"]',
        '[main]\ninitial_admin_pasword = "geheim"',
        PROVIDER + 'client_secrt = "geheim"',
        '[keys]\nencryption_keys = "geheim"',
        '[keys]\nencryption_keys = { a = "geheim" }',
        PROVIDER + 'public_keys = ["-----BEGIN PRIVATE KEY-----geheim"]',
        PROVIDER + 'token_endpoint = "https://u:geheim@idp.example/t"',
        PROVIDER + 'token_endpoint = "https://u:gehe/geheim@idp.example/t"',
        '[main]\ninitial_admin_token = "geheim',
        '[access]\ntoken = "geheim"',
    ],
)
def test_no_problem_repeats_a_secret(toml: str, problems: Problems) -> None:
    found = problems(toml)

    assert found
    assert "geheim" not in "\n".join(found)


@pytest.mark.parametrize("name", ["GATEPOST_SSO__PROVIDERS", "GATEPOST_KEYS__ENCRYPTION_KEYS", "GATEPOST_X__SECRET"])
def test_no_problem_repeats_a_variable_that_is_not_json(name: str, problems: Problems) -> None:
    found = problems("", {name: '[{"client_secret": "geheim"'})

    assert len(found) == 1
    assert "geheim" not in found[0]


def test_a_variable_that_is_not_utf_8_is_no_secret(problems: Problems) -> None:
    assert problems("", {"GATEPOST_INITIAL_ADMIN_PASSWORD": "caf\udce9"}) == [
        "GATEPOST_INITIAL_ADMIN_PASSWORD: main.initial_admin_password = (hidden): is not UTF-8 text"
    ]


@pytest.mark.parametrize("password", ["gp_anything", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "a.b.c"])
def test_no_password_looks_like_a_token(password: str, problems: Problems) -> None:
    assert len(problems("", {"GATEPOST_INITIAL_ADMIN_PASSWORD": password})) == 1


def test_public_keys_come_from_files(read: Read, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")

    keys = read(PROVIDER + 'public_keys = [{ file = "key.pem" }]').sso.providers[0].public_keys

    assert keys == ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",)


def test_an_embedded_database_s_password_is_not_shown() -> None:
    with pytest.raises(Exception, match="encryption_keys") as raised:
        for_database("postgresql://u:geheim@db/x")
    assert "geheim" not in str(raised.value)
