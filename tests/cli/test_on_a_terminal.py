"""What only happens where somebody looks: the question before a plan is applied, and how far long work is."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.stand_in import StandIn
from tests.cli.test_endings import GATEPOST, SOURCE

STEP = {"verb": "create", "target": "group:team", "before": {}, "after": {"description": "Data \x1b[31m"}}
PLAN = {"revision": "e.1", "digest": "d", "steps": [STEP]}


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


def run(folder: Path, *arguments: str, answer: str = "") -> tuple[int, str, str]:
    """Run with a terminal for questions and one for standard error; standard output is a pipe.  Returns what came."""
    environ = {"PYTHONPATH": SOURCE, "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder)}
    with terminal() as (keyboard, stdin), terminal() as (screen, stderr):
        os.write(keyboard, answer.encode())
        done = subprocess.run(
            (*GATEPOST, *arguments),
            env=environ,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            timeout=30,
            check=False,
        )
        os.write(stderr, b"THE END")
        shown = b""
        while not shown.endswith(b"THE END"):
            shown += os.read(screen, 65536)
    return done.returncode, done.stdout.decode(), shown.decode().removesuffix("THE END")


@pytest.mark.parametrize(("answer", "code", "asked"), [("y\n", 0, 2), ("n\n", 2, 1), ("\n", 2, 1)])
def test_a_plan_is_shown_and_asked_about(tmp_path: Path, server: StandIn, answer: str, code: int, asked: int) -> None:
    state = tmp_path / "state.yaml"
    state.write_text("groups: [{name: team}]")
    server.answers["POST /plans"] = server.answers["POST /plans/apply"] = (200, PLAN)

    ended, out, err = run(tmp_path, "apply", "-f", str(state), "--server", server.url, answer=answer)

    assert (ended, len(server.seen)) == (code, asked)
    assert "+ group:team  (description: Data \\x1b[31m)" in err  # what somebody else wrote does not steer a terminal
    assert "apply this? [y/N]" in err
    assert out == ("done\n" if code == 0 else "")
    if code == 0:
        assert server.seen[1].body == {
            "desired": {"groups": [{"name": "team"}]},
            "prune": False,
            "revision": "e.1",
            "digest": "d",
        }


def test_how_far_long_work_is_stands_on_a_terminal_and_leaves_nothing(tmp_path: Path, server: StandIn) -> None:
    groups = {"items": [{"name": "a"}, {"name": "b"}], "next_cursor": None}
    server.answers["GET /groups?limit=500"] = (200, groups)

    ended, out, err = run(tmp_path, "export", "--kind", "groups", "--server", server.url)

    assert ended == 0
    assert '"name": "b"' in out
    assert "reading groups: 2" in err
    assert err.endswith("\r\x1b[K")


def test_an_import_says_how_many_there_are(tmp_path: Path, server: StandIn) -> None:
    (tmp_path / "groups.csv").write_text("name\na\nb\n")
    server.answers["POST /groups"] = (201, {"name": "a"})

    ended, out, err = run(tmp_path, "import", str(tmp_path / "groups.csv"), "--server", server.url)

    assert (ended, out.splitlines()) == (0, ["+ group a", "+ group b", "2 made, 0 there already, 0 failed"])
    assert "importing: 2 of 2" in err


def test_with_a_new_token_stands_where_to_keep_it(tmp_path: Path, server: StandIn) -> None:
    """DH-18: to whoever looks at it; into a pipe goes the token alone."""
    server.answers["POST /service-tokens"] = (201, {"id": "1", "name": "etl", "role": "reader", "token": "gp_once"})
    command = (*GATEPOST, "service-token", "create", "etl", "--role", "reader", "--server", server.url)
    environ = {"PYTHONPATH": SOURCE, "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path)}
    with terminal() as (screen, stdout):
        subprocess.run(command, env=environ, stdout=stdout, timeout=30, check=True)
        shown = os.read(screen, 65536).decode()
    assert "gp_once" in shown
    assert "Keep it in a secret manager or an environment variable, never in code" in shown

    ended, out, err = run(tmp_path, *command[len(GATEPOST) :])
    assert (ended, out, err) == (0, "gp_once\n", "")
