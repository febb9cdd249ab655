"""Issue 5's bad input on the command line: one clear sentence on standard error, exit code 2, and nothing done."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost.cli.kept import Kept
from gatepost.client.credentials import Tokens
from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn
from tests.client.test_tls import certificate, place

__all__ = ["certificate", "place"]  # fixtures, passed on

# One of each shape: a question, a list, a change, a secret, and what sends more than one request.
COMMANDS = [
    "whoami",
    "check me view collection:sales",
    "user list",
    "group create team",
    "token create ci",
    "diff -f {state}",
    "apply -f {state} --yes",
    "export",
    "import {groups}",
]


def words(command: str, folder: Path) -> list[str]:
    (folder / "state.yaml").write_text("groups: [{name: team}]\n")
    (folder / "groups.csv").write_text("name\nteam\n")
    return command.format(state=folder / "state.yaml", groups=folder / "groups.csv").split()


def said(result: object) -> str:
    """The one sentence."""
    code, out, err = (getattr(result, name) for name in ("exit_code", "stdout", "stderr"))
    assert code == 2, (out, err)
    assert err.startswith("gatepost: "), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return str(err)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param({"GATEPOST_USER": "a"}, "without GATEPOST_PASSWORD", id="user alone"),
        pytest.param({"GATEPOST_PASSWORD": "hunter2"}, "without GATEPOST_USER", id="password alone"),
        pytest.param({"GATEPOST_USER": "a", "GATEPOST_API_KEY": "hunter2"}, "unset one", id="key and user"),
        pytest.param({"GATEPOST_AUTH_MODE": "hunter2"}, "neither 'gatepost' nor 'external'", id="unknown mode"),
    ],
)
def test_credentials_that_are_ambiguous_or_half_given(
    run: Run, server: StandIn, tmp_path: Path, command: str, variables: dict[str, str], says: str
) -> None:
    err = said(run(*words(command, tmp_path), "--server", server.url, **variables))

    assert says in err
    assert "hunter2" not in err
    assert server.seen == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_not_gatepost(run: Run, server: StandIn, tmp_path: Path, command: str) -> None:
    server.media_type = "text/html"

    err = said(run(*words(command, tmp_path), "--server", server.url))

    assert "does not answer as Gatepost does" in err
    assert len(server.seen) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_of_another_shape(run: Run, server: StandIn, tmp_path: Path, command: str) -> None:
    """JSON, and not ours: another product's health check, a login page's redirect as JSON."""
    arguments = words(command, tmp_path)
    plain = ("GET /me", "POST /check", "GET /users", "POST /groups", "POST /tokens", "POST /plans", "GET /groups/team")
    for line in (*plain, "GET /users?limit=500"):
        server.answers[line] = (200, "welcome")
    if command.startswith(("whoami", "group create", "token create", "import")):
        server.answers = dict.fromkeys(server.answers, (302, None))

    said(run(*arguments, "--server", server.url))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_certificate_that_does_not_verify(run: Run, place: str, tmp_path: Path, command: str) -> None:
    assert "does not verify" in said(run(*words(command, tmp_path), "--server", place))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_sign_in_that_is_over(run: Run, server: StandIn, environ: Path, tmp_path: Path, command: str) -> None:
    Kept(environ, server.url).sign_in(Tokens("over", "over too"))
    ended = (401, {"title": "invalid_token", "code": "invalid_token", "detail": "the credential is not valid"})

    class Everything(dict[str, tuple[int, object]]):
        def get(self, *_: object) -> tuple[int, object]:
            return ended

    server.answers = Everything()

    assert said(run(*words(command, tmp_path))) == "gatepost: the sign-in has ended: sign in again (gatepost login)\n"
    assert server.lines[-1] == "POST /auth/refresh"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"GATEPOST_API_KEY": "any"}, id="CO-14"),
        pytest.param({"GATEPOST_USER": "id", "GATEPOST_PASSWORD": "secret"}, id="CO-15"),
    ],
)
def test_external_mode_never_asks_gatepost_for_a_token(
    run: Run, server: StandIn, tmp_path: Path, command: str, variables: dict[str, str]
) -> None:
    """CO-13: also where the first answer is a 401, and a sign-in is kept."""
    Kept(tmp_path / "gatepost", server.url).sign_in(Tokens("kept", "kept too"))

    class Everything(dict[str, tuple[int, object]]):
        def get(self, *_: object) -> tuple[int, object]:
            return 401, {"title": "invalid_token", "code": "invalid_token", "detail": "no"}

    server.answers = Everything()

    said(run(*words(command, tmp_path), GATEPOST_AUTH_MODE="external", **variables))

    scheme = "Bearer any" if "GATEPOST_API_KEY" in variables else "Basic "
    assert not [line for line in server.lines if "/auth/" in line or "/oauth2/" in line]
    assert all(seen.headers["Authorization"].startswith(scheme) for seen in server.seen)
    assert run("login", GATEPOST_AUTH_MODE="external", **variables).exit_code == 2
