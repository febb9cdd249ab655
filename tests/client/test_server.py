"""Server specs: what is read from them, and that no message repeats them (AG-17, CO-X2)."""

from __future__ import annotations

import pytest

from gatepost.client.credentials import Basic, Nobody, Password
from gatepost.client.errors import Misconfigured
from gatepost.client.server import Server, parse_server

ID_TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln-_nature"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param("http://127.0.0.1:8420", Server("http://127.0.0.1:8420"), id="url"),
        pytest.param("HTTPS://gate.example/", Server("https://gate.example"), id="url with a slash"),
        pytest.param("https://gate.example/api", Server("https://gate.example"), id="CO-X2 url with /api"),
        pytest.param("https://gate.example/api/v1/", Server("https://gate.example"), id="url with /api/v1"),
        pytest.param("https://example.org/gate", Server("https://example.org/gate"), id="url with a prefix"),
        pytest.param("localhost:8420", Server("http://localhost:8420"), id="place alone"),
        pytest.param("localhost:8420s", Server("https://localhost:8420"), id="place alone with TLS"),
        pytest.param("alice:pw@h:8420", Server("http://h:8420", Password("alice", "pw")), id="plain"),
        pytest.param("alice:pw@h:8420s", Server("https://h:8420", Password("alice", "pw")), id="TLS"),
        pytest.param(
            "alice:pw@h:8420s/dataset:orders",
            Server("https://h:8420", Password("alice", "pw"), "dataset:orders"),
            id="default resource",
        ),
        pytest.param("alice:pw@h:8420/", Server("http://h:8420", Password("alice", "pw")), id="bare slash"),
        pytest.param(
            "alice@example.org:pw@h:8420",
            Server("http://h:8420", Password("alice@example.org", "pw")),
            id="e-mail as username",
        ),
        pytest.param("alice:p@w:/x@h:8420", Server("http://h:8420", Password("alice", "p@w:/x")), id="password of all"),
        pytest.param("alice:pw@[::1]:8420", Server("http://[::1]:8420", Password("alice", "pw")), id="IPv6"),
        pytest.param(
            f"sso-user:{ID_TOKEN}@h:8420", Server("http://h:8420", Basic("sso-user", ID_TOKEN)), id="AG-17 ID token"
        ),
        pytest.param("alice:gp_abc@h:8420", Server("http://h:8420", Basic("alice", "gp_abc")), id="API token"),
    ],
)
def test_a_spec_says_where_and_as_whom(spec: str, expected: Server) -> None:
    assert parse_server(spec) == expected


def test_external_mode_sends_a_password_as_it_is() -> None:
    assert parse_server("id:secret@h:8420", external=True).credential == Basic("id", "secret")


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param("", id="nothing"),
        pytest.param("hunter2", id="word"),
        pytest.param("alice:hunter2@h", id="no port"),
        pytest.param("alice:hunter2@h:0", id="port zero"),
        pytest.param("alice:hunter2@h:65536", id="port too high"),
        pytest.param("alice:hunter2@h:8420x", id="not s"),
        pytest.param("alice:hunter2@h:8420/dataset", id="resource without id"),
        pytest.param("alice:hunter2@h:8420/d:a b", id="resource with space"),
        pytest.param("hunter2@h:8420", id="no secret"),
        pytest.param(":hunter2@h:8420", id="no user"),
        pytest.param("alice:@h:8420", id="empty secret"),
        pytest.param("https://alice:hunter2@h:8420", id="secret in a URL"),
        pytest.param("https://h/?hunter2", id="query"),
        pytest.param("https://h/#hunter2", id="fragment"),
        pytest.param("https://", id="no host"),
        pytest.param("https://h:hunter2", id="port is no number"),
        pytest.param("http://[hunter2", id="broken IPv6"),
        pytest.param("ftp://hunter2", id="another scheme"),
    ],
)
def test_a_bad_spec_is_one_sentence_without_it(spec: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        parse_server(spec)

    assert "hunter2" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_no_repr_shows_a_secret() -> None:
    shown = repr([parse_server("alice:hunter2@h:1"), parse_server("alice:gp_hunter2@h:1")])

    assert "alice" in shown
    assert "hunter2" not in shown


def test_without_a_credential_it_is_anonymous() -> None:
    assert parse_server("https://h").credential == Nobody()
    assert parse_server("https://h").is_anonymous
