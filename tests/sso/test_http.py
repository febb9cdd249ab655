"""A provider that is slow, huge, redirecting or gone costs one bounded wait, and a sentence that says so."""

from __future__ import annotations

import socket
import time
from datetime import timedelta

import pytest

from gatepost.errors import ProviderFailed
from gatepost.sso.http import MAX_ANSWER, ProviderHttp, json_object
from tests.sso.provider_in_process import InProcessProvider, Raw

SHORT = timedelta(milliseconds=400)


@pytest.fixture
def http() -> ProviderHttp:
    return ProviderHttp("op", timeout=SHORT)


JSON = {"Content-Type": "application/json"}
HOSTILE = {
    "one byte at a time": (Raw(pieces=(b" ",) * 200, pause=0.05), "no answer within 0.4 s"),
    "one byte at a time, with a length": (
        Raw(pieces=(b" ",) * 200, pause=0.05, headers={**JSON, "Content-Length": "200"}),
        "no answer within 0.4 s",
    ),
    "headers one at a time": (Raw(headers={f"X-{n}": "y" for n in range(80)}, head_pause=0.05), "no answer within"),
    "silence": (Raw(pieces=(), pause=0, head_pause=5), "no answer within 0.4 s"),
    "endless": (Raw(pieces=(b"x" * 65536,) * 100), "over 1 MiB"),
    "a redirect": (
        Raw(status=302, headers={"Location": "http://169.254.169.254/"}),
        "a redirect, which is not followed",
    ),
    "a permanent redirect": (Raw(status=308, headers={"Location": "https://evil.example/"}), "a redirect"),
    "compressed": (Raw(headers={**JSON, "Content-Encoding": "gzip"}, pieces=(b"\x1f\x8b",)), "an encoding"),
    "cut short": (Raw(headers={**JSON, "Content-Length": "50"}), "no answer"),
    "not HTTP": (Raw(status=999999), "no answer"),
}


@pytest.mark.parametrize(("raw", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_is_a_bounded_wait(op: InProcessProvider, http: ProviderHttp, raw: Raw, sentence: str) -> None:
    op.tamper.raw["/jwks"] = raw
    begun = time.monotonic()

    with pytest.raises(ProviderFailed, match=f"^op: .*{sentence}") as failure:
        http.get(f"{op.issuer}/jwks", "key set")
    assert "key set" in str(failure.value)
    assert time.monotonic() - begun < 3 * SHORT.total_seconds()


def test_an_answer_of_exactly_one_mebibyte_is_read(op: InProcessProvider) -> None:
    op.tamper.raw["/jwks"] = Raw(pieces=(b" " * (MAX_ANSWER - 2), b"{}"))

    answer = ProviderHttp("op", timeout=timedelta(seconds=5)).get(f"{op.issuer}/jwks", "key set")

    assert json_object(answer, "op", "key set") == {}


def test_nobody_listening_is_said(http: ProviderHttp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(ProviderFailed, match="op: no answer when asked for the token"):
        http.post(f"http://127.0.0.1:{port}/token", "token", {"code": "secret-code"})


def test_a_failure_says_no_secret(http: ProviderHttp) -> None:
    with pytest.raises(ProviderFailed) as failure:
        http.post("http://127.0.0.1:1/token", "token", {"code": "secret-code"}, {"Authorization": "Basic c2VjcmV0"})

    assert "secret-code" not in str(failure.value) + failure.value.detail
    assert "c2VjcmV0" not in str(failure.value) + failure.value.detail


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://op.example/jwks", "is not https"),
        ("http://127.0.0.1.evil.example/jwks", "is not https"),
        ("http://2130706433/jwks", "is not https"),
        ("https://user:pass@op.example/", "has a user name"),
        ("https://op.example/#x", "has a fragment"),
        ("file:///etc/passwd", "is not an http address"),
        ("gopher://op.example/", "is not an http address"),
        ("https:///jwks", "is not an http address"),
        ("https://op.example\\@evil.example/", "a character"),
        ("https://op.example/\r\nX: y", "a character"),
        ("https://op.example:port/", "is not an address"),
        ("https://[::1/", "is not an address"),
    ],
)
def test_an_address_that_must_not_be_called_is_not(http: ProviderHttp, url: str, sentence: str) -> None:
    with pytest.raises(ProviderFailed, match=sentence):
        http.get(url, "key set")


def test_plain_http_is_for_who_says_so() -> None:
    door = ProviderHttp("op", timeout=timedelta(milliseconds=100), allow_insecure=True)

    with pytest.raises(ProviderFailed, match="no answer"):
        door.get("http://192.0.2.1/jwks", "key set")


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    op: InProcessProvider, http: ProviderHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert http.get(f"{op.issuer}/jwks", "key set").status == 200


@pytest.mark.parametrize("body", [b"[]", b"", b"{", b"\xff\xfe", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 100_000])
def test_an_answer_that_is_no_json_object_is_refused(op: InProcessProvider, http: ProviderHttp, body: bytes) -> None:
    op.tamper.raw["/jwks"] = Raw(pieces=(body,))
    answer = http.get(f"{op.issuer}/jwks", "key set")

    with pytest.raises(ProviderFailed, match="the key set is not"):
        json_object(answer, "op", "key set")
