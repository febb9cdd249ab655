"""Secrets: in by standard input, out once, kept where only their owner reads them."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatepost.cli.kept import Kept, current_server
from gatepost.cli.remote import Remote
from gatepost.client.credentials import Tokens
from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn

TOKENS = {"access_token": "a1", "refresh_token": "r1", "token_type": "Bearer", "expires_in": 1800}
ALICE = {"kind": "user", "username": "alice"}


def sign_in(run: Run, server: StandIn) -> None:
    server.answers["POST /auth/login"] = (200, TOKENS)
    server.answers["GET /me"] = (200, ALICE)
    result = run("login", "--username", "alice", "--password", "-", "--server", server.url, stdin="hunter2\n")
    assert result.exit_code == 0, result.stderr
    assert "hunter2" not in result.output


def test_a_sign_in_is_kept_for_its_owner_alone(run: Run, server: StandIn, environ: Path) -> None:
    sign_in(run, server)

    kept = environ / "sign-ins.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(environ.stat().st_mode) == 0o700
    assert "hunter2" not in kept.read_text()
    assert server.seen[0].body == {"username": "alice", "password": "hunter2"}


def test_the_next_command_speaks_with_that_server_as_that_person(run: Run, server: StandIn) -> None:
    sign_in(run, server)

    result = run("whoami", "--json")

    assert json.loads(result.stdout) == ALICE
    assert server.seen[-1].headers["Authorization"] == "Bearer a1"


def test_a_credential_that_is_given_stands_before_the_kept_one(run: Run, server: StandIn) -> None:
    sign_in(run, server)

    run("whoami", GATEPOST_API_KEY="gp_key")

    assert server.seen[-1].headers["Authorization"] == "Bearer gp_key"


def test_renewed_tokens_are_kept(run: Run, server: StandIn, environ: Path) -> None:
    sign_in(run, server)
    server.answers["GET /me"] = (401, {"title": "invalid_token", "code": "invalid_token"})
    server.answers["POST /auth/refresh"] = (200, {**TOKENS, "access_token": "a2", "refresh_token": "r2"})

    run("whoami")

    assert Kept(environ, server.url).read() == Tokens("a2", "r2")
    assert server.seen[-1].headers["Authorization"] == "Bearer a2"
    assert stat.S_IMODE((environ / "sign-ins.json").stat().st_mode) == 0o600


def test_an_ended_sign_in_is_one_sentence(run: Run, server: StandIn) -> None:
    sign_in(run, server)
    ended = (401, {"title": "invalid_token", "code": "invalid_token"})
    server.answers["GET /me"] = server.answers["POST /auth/refresh"] = ended

    result = run("whoami")

    assert (result.exit_code, result.stderr) == (2, "gatepost: the sign-in has ended: sign in again (gatepost login)\n")


def test_logout_ends_it_there_and_here(run: Run, server: StandIn, environ: Path) -> None:
    sign_in(run, server)
    server.answers["POST /oauth2/revoke"] = (200, None)

    assert run("logout").exit_code == 0
    assert server.lines[-1] == "POST /oauth2/revoke"
    assert server.seen[-1].body == {"token": "r1"}
    assert "Authorization" not in server.seen[-1].headers
    assert Kept(environ, server.url).read() is None
    assert current_server(environ) is None
    assert run("logout", "--server", server.url).exit_code == 2


def test_logout_forgets_also_when_the_server_does_not_answer(run: Run, server: StandIn, environ: Path) -> None:
    sign_in(run, server)
    server.answers["POST /oauth2/revoke"] = (500, {"title": "server_error"})

    assert run("logout").exit_code == 2
    assert Kept(environ, server.url).read() is None


def test_a_file_that_others_may_read_is_refused(run: Run, server: StandIn, environ: Path) -> None:
    sign_in(run, server)
    (environ / "sign-ins.json").chmod(0o644)

    result = run("whoami", "--server", server.url)

    assert result.exit_code == 2
    assert "may be read by others" in result.stderr


def test_a_file_that_does_not_parse_is_one_sentence(run: Run, environ: Path) -> None:
    environ.mkdir()
    (environ / "sign-ins.json").touch(0o600)
    (environ / "sign-ins.json").write_text("{")

    assert "does not parse" in run("whoami").stderr


def test_external_mode_never_asks_for_a_token(run: Run, server: StandIn) -> None:
    """CO-13, CO-14, CO-15."""
    server.answers["GET /me"] = (200, ALICE)
    external = {"GATEPOST_AUTH_MODE": "external", "GATEPOST_URL": server.url}

    assert run("login", **external).exit_code == 2
    assert run("whoami", GATEPOST_API_KEY="idp-token", **external).exit_code == 0
    assert run("whoami", GATEPOST_USER="id", GATEPOST_PASSWORD="s", **external).exit_code == 0

    assert server.lines == ["GET /me", "GET /me"]
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer idp-token", "Basic aWQ6cw=="]


def test_external_mode_does_not_use_a_kept_sign_in(run: Run, server: StandIn) -> None:
    sign_in(run, server)

    run("whoami", GATEPOST_AUTH_MODE="external")

    assert "Authorization" not in server.seen[-1].headers


@pytest.mark.parametrize(
    "arguments",
    [
        ("login", "--username", "alice", "--password", "hunter2"),
        ("user", "create", "bob", "--password", "hunter2"),
        ("user", "password", "bob", "--password", "hunter2"),
    ],
)
def test_a_secret_as_an_argument_is_refused_and_not_repeated(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert "standard input" in result.stderr
    assert "hunter2" not in result.output


def test_server_and_secrets_come_by_line(run: Run, server: StandIn) -> None:
    server.answers["PUT /users/alice/password"] = (204, None)
    spec = f"alice:gp_key@{server.url.removeprefix('http://')}"
    arguments = ("user", "password", "alice", "--current-password", "-", "--password", "-", "--server", "-")

    result = run(*arguments, stdin=f"old\nnew\n{spec}\n")

    assert result.exit_code == 0, result.stderr
    assert server.seen[0].body == {"current_password": "old", "password": "new"}


def test_standard_input_that_ends_too_soon_is_said(run: Run) -> None:
    result = run("user", "create", "bob", "--password", "-")
    assert (result.exit_code, "no line" in result.stderr) == (2, True)


@pytest.mark.parametrize("kind", ["token", "service-token"])
def test_into_a_pipe_goes_the_secret_alone(run: Run, server: StandIn, kind: str) -> None:
    server.answers[f"POST /{kind}s"] = (201, {"id": "1", "token": "gp_s3", "name": "ci"})
    options = ["--role", "reader"] if kind == "service-token" else []

    piped = run(kind, "create", "ci", *options, "--server", server.url)
    scripted = run(kind, "create", "ci", *options, "--json", "--server", server.url)

    assert (piped.stdout, piped.stderr) == ("gp_s3\n", "")
    assert json.loads(scripted.stdout)["token"] == "gp_s3"


class Ring:
    """A keyring that works."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_keyring(self) -> SimpleNamespace:
        return SimpleNamespace(priority=5)

    def set_password(self, service: str, name: str, secret: str) -> None:
        self.kept[service, name] = secret

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


def test_a_keyring_that_works_holds_the_tokens(
    run: Run, server: StandIn, environ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Ring()
    monkeypatch.setitem(sys.modules, "keyring", ring)
    sign_in(run, server)

    assert json.loads(run("whoami", "--json").stdout) == ALICE
    assert "r1" not in (environ / "sign-ins.json").read_text()
    assert len(ring.kept) == 1
    Kept(environ, server.url).forget()
    assert ring.kept == {}


def test_a_command_with_a_password_leaves_no_sign_in_behind(run: Run, server: StandIn) -> None:
    """A job that runs a hundred commands would leave a hundred sessions, each good for days."""
    server.answers["POST /auth/login"] = (200, {"access_token": "at", "refresh_token": "rt", "expires_in": 1800})
    server.answers["GET /me"] = (200, {"username": "alice", "kind": "user"})
    server.answers["POST /oauth2/revoke"] = (200, None)
    who = {"GATEPOST_USER": "alice", "GATEPOST_PASSWORD": "s"}

    assert run("whoami", "--server", server.url, **who).exit_code == 0
    assert server.lines == ["POST /auth/login", "GET /me", "POST /oauth2/revoke"]
    assert server.seen[-1].body["token"] == "rt"

    server.seen.clear()
    server.answers["POST /oauth2/revoke"] = (500, None)
    assert run("group", "show", "nobody", "--server", server.url, **who).exit_code == 2
    assert server.lines[:3] == ["POST /auth/login", "GET /groups/nobody", "POST /oauth2/revoke"]


@pytest.mark.parametrize("trouble", ["the folder cannot be made", "the file is broken", "nobody says whose it is"])
def test_a_sign_in_that_cannot_be_kept_is_ended(run: Run, server: StandIn, tmp_path: Path, trouble: str) -> None:
    """Nobody could use it or sign out of it."""
    server.answers["POST /auth/login"] = (200, {"access_token": "at", "refresh_token": "rt", "expires_in": 1800})
    server.answers["GET /me"] = (200, {"username": "alice", "kind": "user"})
    server.answers["POST /oauth2/revoke"] = (200, None)
    if trouble == "the folder cannot be made":
        (tmp_path / "gatepost").write_text("a file where the folder should be")
    elif trouble == "nobody says whose it is":
        server.answers["GET /me"] = (403, {"title": "no", "code": "forbidden", "detail": "not from there"})
    else:
        (tmp_path / "gatepost").mkdir(mode=0o700)
        (tmp_path / "gatepost" / "sign-ins.json").touch(mode=0o600)

    words = ("login", "--username", "alice", "--password", "-", "--server", server.url)
    result = run(*words, stdin="secret\n")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert server.seen[-1].line == "POST /oauth2/revoke"
    assert server.seen[-1].body["token"] == "rt"


def test_a_server_that_was_named_with_a_secret_does_not_show_it() -> None:
    assert "hunter2" not in repr(Remote("alice:hunter2@gate.example:443s", wants_json=False))


@pytest.mark.parametrize("end", [" ", "\t", "\n", "\r\n"])
def test_a_key_with_a_blank_at_its_end_is_said_and_not_shown(run: Run, server: StandIn, end: str) -> None:
    """It is read so from many a file and pipeline; the HTTP library refuses it with the whole header in its error."""
    result = run("whoami", "--server", server.url, GATEPOST_API_KEY=f"gp_hunter2{end}")

    assert result.exit_code == 2
    assert "hunter2" not in result.output
    assert not server.seen
    assert "no HTTP header takes" in result.stderr
