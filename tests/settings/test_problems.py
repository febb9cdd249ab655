"""Every problem is a whole sentence: where, which key, what was given, what is allowed."""

# ruff: noqa: E501  a row is one line, so that a value and its sentence are read together

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.errors import ConfigurationError
from gatepost.settings import load

Problems = Callable[..., list[str]]

ROLE = "must be a name of 1 to 128 printable ASCII characters without space and : # * / \\ % < > or quotes"
WAYS = 'given as text, { env = "NAME" } or { file = "PATH" }'
ORIGIN = "must be an http or https URL of scheme, host and port alone"
SPAN = "written like 500ms, 60s, 30m, 12h or 7d"
NETWORK = 'must be an address such as "10.0.0.7" or a network such as "10.0.0.0/8"'
ALGORITHMS = "must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("[main\n", "FILE: is not TOML: Expected ']' at the end of a table declaration (at line 1, column 6)"),
        ("x = 1\nx = 2\n", "FILE: is not TOML: Cannot overwrite a value (at line 2, column 6)"),
        ("[mian]", "FILE: mian is not a section: did you mean main?"),
        ("main = 3", "FILE: main is a section: write [main] and its keys below"),
        ('public_url = "x"', "FILE: public_url is not a section: write it below [main]"),
        ("[main]\npublik_url = 1", "FILE: main.publik_url is not a key: did you mean public_url?"),
        ('[main]\n"a\\nb" = 1', ('FILE: main."a\\nb" is not a key: the names are allow_anonymous_access, cors_origins, '
         "default_roles, initial_admin_password, initial_admin_token, password_sign_in, public_url, trusted_proxies")),
        ('[main]\npublic_url = "gate.example"', f'FILE: main.public_url = "gate.example": {ORIGIN}'),
        ('[main]\npublic_url = "https://u:pw@x"', f'FILE: main.public_url = "https://…@x": {ORIGIN}'),
        ('[main]\npublic_url = "https://x/gate"', f'FILE: main.public_url = "https://x/gate": {ORIGIN}'),
        ('[main]\npublic_url = "https://x:99999"', f'FILE: main.public_url = "https://x:99999": {ORIGIN}'),
        ('[main]\ncors_origins = ["*"]', f'FILE: main.cors_origins[0] = "*": {ORIGIN}'),
        ('[main]\ntrusted_proxies = ["proxy"]', f'FILE: main.trusted_proxies[0] = "proxy": {NETWORK}'),
        ('[main]\ntrusted_proxies = "10.0.0.1"', f'FILE: main.trusted_proxies = "10.0.0.1": must be a list, each {NETWORK[8:]}'),
        ('[main]\npassword_sign_in = "true"', 'FILE: main.password_sign_in = "true": must be true or false'),
        ('[main]\ndefault_roles = ["a b"]', f'FILE: main.default_roles[0] = "a b": {ROLE}'),
        ('[main]\ninitial_admin_token = "gp_short"', ("FILE: main.initial_admin_token = (hidden): "
         f"must be gp_ and 29 or more URL-safe characters, {WAYS}")),
        ('[main]\ninitial_admin_password = "gp_x"', ("FILE: main.initial_admin_password = (hidden): must be a password "
         f"that looks neither like an API token (gp_…) nor like a JWS, {WAYS}")),
        ('[database]\nurl = "mysql://u:geheim@x/y"', f"FILE: database.url = (hidden): must be sqlite:///PATH or postgresql://…, {WAYS}"),
        ('[database]\nurl = "postgresql://db/x"', ("FILE: keys.encryption_keys is not set: "
         "PostgreSQL needs at least one key, which no backup of the database contains")),
        ('[keys]\nencryption_keys = ["short"]', f"FILE: keys.encryption_keys[0] = (hidden): must be a key of 32 characters or more, {WAYS}"),
        ('[tokens]\naccess_token_ttl = 30', f"FILE: tokens.access_token_ttl = 30: must be a duration from 1s to 24h, {SPAN}"),
        ('[tokens]\naccess_token_ttl = "2d"', f'FILE: tokens.access_token_ttl = "2d": must be a duration from 1s to 24h, {SPAN}'),
        ('[tokens]\nrefresh_token_ttl = "0s"', f'FILE: tokens.refresh_token_ttl = "0s": must be a duration from 1s to 366d, {SPAN}'),
        ('[tokens]\nsigning_algorithm = "HS256"', f'FILE: tokens.signing_algorithm = "HS256": {ALGORITHMS}'),
        ('[tokens]\naudiences = ["api"]', 'FILE: tokens.audiences[0] = "api": must be an absolute URI without fragment (RFC 8707)'),
        ('[sessions]\nidle_timeout = "1 day"', f'FILE: sessions.idle_timeout = "1 day": must be a duration from 1s to 366d, {SPAN}'),
        ('[access]\nengine = "spicedb"', 'FILE: access.engine = "spicedb": must be one of "memory", "openfga"'),
        ('[access]\nurl = "https://fga.example"', 'FILE: access.url = "https://fga.example": must be left out unless engine = "openfga"'),
        ('[access]\nmodel = "none.fga"', 'FILE: access.model = "none.fga": the file FOLDER/none.fga is not there'),
        ('[access]\nengine = "openfga"\nstore = "01"', 'FILE: access.url is not set: must be the address of the OpenFGA server where engine = "openfga"'),
        ("[sso]\nproviders = 3", "FILE: sso.providers is no list of tables: write [[sso.providers]] before each, or a JSON list of objects"),
        ('[[forward_auth.hosts]]\nhost = "app.example"', f"FILE: forward_auth.hosts[0].public_url is not set: {ORIGIN}"),
        ('[[forward_auth.hosts]]\nhost = "a/b"\npublic_url = "https://a.example"', 'FILE: forward_auth.hosts[0].host = "a/b": must be a host such as "app.example" or "app.example:8443"'),
        ('[main]\npublic_url = "https://a.example"\n[[forward_auth.hosts]]\nhost = "A.example"\npublic_url = "https://a.example"', "FILE: forward_auth.hosts[0].host is Gatepost's own: an application there needs no table"),
    ],
)  # fmt: skip
def test_a_bad_value_is_one_sentence(toml: str, sentence: str, problems: Problems) -> None:
    assert problems(toml) == [sentence]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("GATEPOST_ALLOW_ANONYMOUS_ACCESS", "no", 'main.allow_anonymous_access = "no": must be true, false, 1 or 0'),
        ("GATEPOST_PASSWORD_SIGN_IN", "", 'main.password_sign_in = "": must be true, false, 1 or 0'),
        ("GATEPOST_DEFAULT_ROLES", "user", f"main.default_roles is not JSON (Expecting value at line 1, column 1): must be a list, each {ROLE[8:]}"),
        ("GATEPOST_DEFAULT_ROLES", "", "main.default_roles is empty: write [] or {} for none, or unset the variable"),
        ("GATEPOST_DEFAULT_ROLES", "[" * 100_000, f"main.default_roles is not JSON (it is nested too deeply): must be a list, each {ROLE[8:]}"),
        ("GATEPOST_SSO__PROVIDERS", '[{"name": "a", "name": "b"}]', "sso.providers is not JSON (a name stands twice in one object): must be a list of tables"),
        ("GATEPOST_SSO__PROVIDERS", '{"client_secret": "geheim"}', "sso.providers is no list of tables: write [[sso.providers]] before each, or a JSON list of objects"),
        ("GATEPOST_DATABASE__ULR", "x", "is not a key: did you mean GATEPOST_DATABASE__URL?"),
        ("GATEPOST_DATABSE__URL", "x", "is not a key: did you mean GATEPOST_DATABASE__URL?"),
        ("GATEPOST_MAIN__PUBLIC_URL", "x", "is not a key: did you mean GATEPOST_PUBLIC_URL?"),
        ("GATEPOST_SESSIONS__X", "1", "is not a key: the names are GATEPOST_SESSIONS__ABSOLUTE_TIMEOUT, GATEPOST_SESSIONS__IDLE_TIMEOUT"),
    ],
)  # fmt: skip
def test_a_bad_variable_is_one_sentence(name: str, text: str, sentence: str, problems: Problems) -> None:
    assert problems("", {name: text}) == [f"{name}: {sentence}"]


def test_every_problem_is_reported_at_once(problems: Problems) -> None:
    found = problems(
        '[main]\ndefault_roles = "user"\nx = 1\n[tokens]\nsigning_algorithm = "none"',
        {"GATEPOST_SESSIONS__IDLE_TIMEOUT": "soon", "GATEPOST_X__Y": "1"},
        host="0.0.0.0",
    )

    assert [problem.split(" ")[1] for problem in found] == [
        "main.x", "is", "main.default_roles", "tokens.signing_algorithm", "sessions.idle_timeout", "main.public_url",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[main]\n# \xff", "is not UTF-8 text: byte 10 fits no character"),
        (b"x = " + b"9" * 5000, "cannot be read: it holds what no configuration does"),
        (b"x = " + b"[" * 100_000, "cannot be read: it holds what no configuration does"),
        (b"#" * (1 << 20) + b"#", "is longer than 1 MiB"),
    ],
)
def test_a_file_that_is_no_configuration_is_one_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError) as raised:
        load(file, {})

    assert raised.value.problems == (f"{file}: {sentence}",)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.toml: cannot be read: No such file or directory"):
        load(tmp_path / "gone.toml", {})


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    file.write_bytes(b"\xef\xbb\xbf[main]\r\npassword_sign_in = false\r\n")

    assert load(file, {}).main.password_sign_in is False
