"""Several servers by name: which one is meant, as whom, and where secrets are kept."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatepost.cli.contexts import Contexts
from gatepost.cli.kept import Kept
from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn, running

ALICE = {"kind": "user", "username": "alice"}


def tokens(name: str) -> dict[str, object]:
    return {"access_token": f"a-{name}", "refresh_token": f"r-{name}", "token_type": "Bearer", "expires_in": 1800}


def sign_in(run: Run, server: StandIn, name: str, context: str) -> None:
    server.answers["POST /auth/login"] = (200, tokens(name))
    server.answers["GET /me"] = (200, {**ALICE, "username": name})
    result = run("login", "--username", name, "--password", "-", "--context", context, stdin="hunter2\n")
    assert result.exit_code == 0, result.stderr


def test_contexts_are_added_listed_used_and_removed(run: Run, environ: Path) -> None:
    assert run("context", "current").exit_code == 1
    assert run("context", "add", "prod", "gate.example:443s/collection:sales").exit_code == 0
    assert run("context", "add", "test", "https://test.example/api/v1").exit_code == 0

    assert json.loads(run("context", "list", "--json").stdout) == [
        {
            "name": "prod",
            "server": "https://gate.example:443",
            "resource": "collection:sales",
            "username": None,
            "current": True,
        },
        {"name": "test", "server": "https://test.example", "resource": None, "username": None, "current": False},
    ]
    assert run("context", "use", "test").exit_code == 0
    assert run("context", "current").stdout == "test\n"
    assert run("context", "remove", "test").exit_code == 0
    assert run("context", "current").exit_code == 1
    assert stat.S_IMODE((environ / "contexts.json").stat().st_mode) == 0o600


def test_the_context_in_use_is_the_server_that_is_meant(run: Run, server: StandIn) -> None:
    server.answers["GET /me"] = (200, ALICE)
    run("context", "add", "here", server.url)

    assert run("whoami").exit_code == 0
    assert server.lines == ["GET /me"]


def test_a_context_can_be_named_by_option_and_variable(run: Run, server: StandIn) -> None:
    server.answers["GET /me"] = (200, ALICE)
    run("context", "add", "elsewhere", "http://127.0.0.1:1")
    run("context", "add", "here", server.url)

    assert run("whoami").exit_code == 2
    assert run("whoami", "--context", "here").exit_code == 0
    assert run("whoami", GATEPOST_CONTEXT="here").exit_code == 0
    assert run("whoami", "--context", "here", GATEPOST_CONTEXT="elsewhere").exit_code == 0
    assert run("whoami", "--server", server.url, GATEPOST_CONTEXT="elsewhere").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "variables", "says"),
    [
        pytest.param(("--context", "x", "--server", "h:1"), {}, "name two servers", id="option and server"),
        pytest.param((), {"GATEPOST_CONTEXT": "x", "GATEPOST_URL": "h:1"}, "name two servers", id="both variables"),
        pytest.param(("--context", "nowhere"), {}, "no context of that name; known: x", id="unknown"),
        pytest.param(("--context", "x"), {"GATEPOST_USER": "a"}, "without GATEPOST_PASSWORD", id="half given"),
    ],
)
def test_two_servers_or_none_of_that_name_is_one_sentence(
    run: Run, arguments: tuple[str, ...], variables: dict[str, str], says: str
) -> None:
    run("context", "add", "x", "http://127.0.0.1:1")

    result = run("whoami", *arguments, **variables)

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_each_context_has_its_own_sign_in_even_at_one_server(run: Run, server: StandIn, environ: Path) -> None:
    run("context", "add", "as-alice", server.url)
    run("context", "add", "as-bob", server.url)
    sign_in(run, server, "alice", "as-alice")
    sign_in(run, server, "bob", "as-bob")

    run("whoami", "--context", "as-alice")
    assert server.seen[-1].headers["Authorization"] == "Bearer a-alice"
    run("whoami", "--context", "as-bob")
    assert server.seen[-1].headers["Authorization"] == "Bearer a-bob"
    assert run("context", "current").stdout == "as-alice\n"

    run("context", "remove", "as-bob")
    assert Kept(environ, server.url, "as-bob").read() is None
    assert Kept(environ, server.url, "as-alice").read() is not None


def test_a_sign_in_goes_to_no_other_address_of_that_name(run: Run, server: StandIn) -> None:
    """Attack: whoever can have a context made anew must not be sent the old one's token."""
    run("context", "add", "prod", server.url)
    sign_in(run, server, "alice", "prod")
    run("context", "remove", "prod")
    with running() as other:
        other.answers["GET /me"] = (200, ALICE)
        run("context", "add", "prod", other.url)
        run("whoami")
        assert "Authorization" not in other.seen[-1].headers


def test_a_secret_in_the_spec_comes_by_standard_input_alone(run: Run) -> None:
    result = run("context", "add", "prod", "alice:hunter2@gate.example:443s")

    assert result.exit_code == 2
    assert "write - for SPEC" in result.stderr
    assert "hunter2" not in result.output


def test_without_a_keyring_the_secret_is_in_the_owners_file(run: Run, server: StandIn, environ: Path) -> None:
    server.answers["GET /me"] = (200, ALICE)
    spec = server.url.replace("http://", "alice:gp_k@")
    assert run("context", "add", "prod", "-", stdin=f"{spec}\n").exit_code == 0

    run("whoami")
    assert server.seen[-1].headers["Authorization"].startswith("Basic ")
    assert stat.S_IMODE((environ / "contexts.json").stat().st_mode) == 0o600


def test_with_a_keyring_nothing_secret_is_in_the_file(
    run: Run, server: StandIn, environ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[tuple[str, str], str] = {}
    ring = SimpleNamespace(
        get_keyring=lambda: SimpleNamespace(priority=5),
        set_password=lambda name, key, text: kept.__setitem__((name, key), text),
        get_password=lambda name, key: kept.get((name, key)),
        delete_password=lambda name, key: kept.pop((name, key)),
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    server.answers["GET /me"] = (200, ALICE)
    run("context", "add", "prod", "-", stdin=server.url.replace("http://", "alice:gp_k@") + "\n")

    assert "gp_k" not in (environ / "contexts.json").read_text()
    assert run("whoami").exit_code == 0
    assert server.seen[-1].headers["Authorization"].startswith("Basic ")
    run("context", "remove", "prod")
    assert kept == {}


@pytest.mark.parametrize("name", ["", "a b", "../x", "-", "x" * 65])
def test_a_name_that_is_none_is_refused(run: Run, name: str) -> None:
    assert run("context", "add", "--", name, "h:1").exit_code == 2


def test_a_file_that_others_may_read_or_that_does_not_parse_is_one_sentence(run: Run, environ: Path) -> None:
    run("context", "add", "x", "h:1")
    (environ / "contexts.json").chmod(0o644)
    assert "may be read by others" in run("whoami").stderr
    (environ / "contexts.json").chmod(0o600)
    (environ / "contexts.json").write_text("{")
    assert "does not parse" in run("whoami").stderr


def test_whose_file_is_of_another_shape_has_no_contexts(environ: Path) -> None:
    environ.mkdir()
    (environ / "contexts.json").touch(0o600)
    (environ / "contexts.json").write_text('{"current": 7, "contexts": {"x": {"url": 7}, "y": 1}}')
    assert (Contexts(environ).all(), Contexts(environ).current) == ([], None)
