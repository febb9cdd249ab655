"""What is allowed and said aloud."""

# ruff: noqa: E501  a row is one line, so that a value and its sentence are read together

from __future__ import annotations

from collections.abc import Callable

import pytest

from gatepost.settings import Settings

Read = Callable[..., Settings]

QUIET = "[main]\nallow_anonymous_access = false\n"
ONE = '[[sso.providers]]\nname = "one"\nissuer = "https://one.example"\nclient_id = "gatepost"\n'
TWO = ONE.replace("one", "two")
GATEWAY = '[[delegated.issuers]]\nname = "gateway"\nissuer = "https://gateway.example"\naudience = ["gatepost"]\n'
DROPS = 'username_regexp = "^(.*)@.*"\nusername_substitution = "\\\\1"\n'
KEEPS = 'username_regexp = "^(.*)@(.*)"\nusername_substitution = "\\\\1.\\\\2"\n'


def test_anonymous_access_says_how_to_turn_it_off(read: Read) -> None:
    assert read("").warnings() == [
        (
            "main.allow_anonymous_access is on: a call without a credential sees what is shared with anonymous:*; "
            "turn it off with allow_anonymous_access = false or GATEPOST_ALLOW_ANONYMOUS_ACCESS=false"
        )
    ]
    assert read(QUIET).warnings() == []


@pytest.mark.parametrize("other", [TWO, GATEWAY])
def test_trap_2_a_pattern_that_drops_the_domain_is_loud_with_more_than_one_issuer(other: str, read: Read) -> None:
    sentence = (
        "sso.providers[0].username_regexp drops the domain, and there is more than one issuer: people of the same "
        "name at two of them want the same username, and the second is refused"
    )

    assert read(QUIET + ONE + DROPS + other).warnings() == [sentence]
    assert read(QUIET + ONE + DROPS).warnings() == []
    assert read(QUIET + ONE + KEEPS + other).warnings() == []
    assert read(QUIET + ONE + other).warnings() == []


def test_trap_2_a_delegated_issuer_s_pattern_is_loud_too(read: Read) -> None:
    (warning,) = read(QUIET + ONE + GATEWAY + DROPS).warnings()

    assert warning.startswith("delegated.issuers[0].username_regexp drops the domain")


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (QUIET + 'public_url = "http://gate.example"', "main.public_url is http://gate.example: without TLS passwords and tokens can be read on the way"),
        (QUIET + "password_sign_in = false", "main.password_sign_in is off, and there is no provider: only admins can sign in, at /login/local"),
        (QUIET + 'default_roles = ["admin"]', "main.default_roles contains admin: whoever signs in may do everything"),
        (QUIET + 'trusted_proxies = ["0.0.0.0/0"]', "main.trusted_proxies takes in every address: anybody can say where a call comes from"),
        (QUIET + 'trusted_proxies = ["10.0.0.1"]\n' + ONE, "main.public_url is not set, and trusted_proxies says that a proxy stands in front: providers send people back to http://127.0.0.1:8420"),
        (QUIET + ONE + "allow_insecure = true", "sso.providers[0].allow_insecure is on: whoever is on the way to one can sign in as anybody"),
        (QUIET + ONE + "pkce = false", "sso.providers[0].pkce is off for a public client: whoever sees a code can redeem it"),
        (QUIET + GATEWAY.replace('audience = ["gatepost"]', "allow_any_audience = true"), "delegated.issuers[0].allow_any_audience is on: a token that https://gateway.example issued for anybody is accepted here"),
        (QUIET + '[tokens]\nrefresh_token_ttl = "1m"', "tokens.refresh_token_ttl is shorter than access_token_ttl: the refresh token has ended when it is needed"),
        (QUIET + '[sessions]\nabsolute_timeout = "1m"', "sessions.absolute_timeout is shorter than idle_timeout, which then means nothing"),
        (QUIET + '[database]\nurl = "sqlite://"', "database.url keeps everything in memory: it is gone when the process ends"),
        (QUIET + '[[forward_auth.hosts]]\nhost = "a.example"\npublic_url = "http://a.example"', "forward_auth.hosts: http://a.example has no TLS: what goes there can be read on the way"),
    ],
)  # fmt: skip
def test_what_is_loud_is_one_sentence(toml: str, sentence: str, read: Read) -> None:
    assert read(toml).warnings() == [sentence]
