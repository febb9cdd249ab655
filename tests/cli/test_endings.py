"""How the program ends: three exit codes, one sentence, never a traceback; and how little it imports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import gatepost
from gatepost.errors import ConfigurationError
from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn
from tests.ports import free_port

SOURCE = str(Path(gatepost.__file__).parent.parent)
GATEPOST = (sys.executable, "-m", "gatepost.cli")


def spawn(*arguments: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    environ = {"PYTHONPATH": SOURCE, "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder), **variables}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        (*GATEPOST, *arguments), env=environ, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def sentence(err: str) -> bool:
    return err.startswith("gatepost: ") and err.count("\n") == 1 and "Traceback" not in err


def test_the_version_is_an_answer(tmp_path: Path) -> None:
    assert finish(spawn("--version", folder=tmp_path)) == (0, f"gatepost {gatepost.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        pytest.param(("frobnicate",), {}, id="no such command"),
        pytest.param(("user", "list", "--frob"), {}, id="no such option"),
        pytest.param(("user", "show"), {}, id="missing argument"),
        pytest.param(("check", "user:alice", "view", "sales"), {}, id="not a resource"),
        pytest.param(("config", "check", "/nowhere.toml"), {}, id="no such file"),
        pytest.param(("token", "create", "t", "--expires-at", "tomorrow"), {}, id="not a time"),
        pytest.param(("token", "create", "t", "--expires-at", "2027-01-31"), {}, id="a time without a zone"),
        pytest.param(("whoami",), {"GATEPOST_USER": "alice"}, id="half given"),
        pytest.param(("whoami",), {"GATEPOST_USER": "a", "GATEPOST_API_KEY": "k"}, id="ambiguous"),
        pytest.param(("whoami",), {"GATEPOST_AUTH_MODE": "other"}, id="unknown mode"),
        pytest.param(("whoami", "--server", "nonsense"), {}, id="not a server"),
        pytest.param(("login",), {}, id="nobody to ask for a password"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    code, out, err = finish(spawn(*arguments, folder=tmp_path, **variables))

    assert (code, out) == (2, "")
    assert sentence(err), err


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    port = free_port()
    code, out, err = finish(spawn("check", "me", "view", "a:b", "--server", f"localhost:{port}", folder=tmp_path))

    assert (code, out) == (2, "")
    assert sentence(err), err
    assert "cannot be reached" in err


def test_a_closed_pipe_is_quiet_and_never_allowed(tmp_path: Path, server: StandIn) -> None:
    server.answers["POST /check"] = (200, {"allowed": True})
    process = spawn("check", "me", "view", "a:b", "--server", server.url, folder=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()

    assert (process.wait(30), err) == (2, "")
    process.stderr.close()


def test_an_interrupt_is_quiet(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        process = spawn("whoami", "--server", f"127.0.0.1:{mute.getsockname()[1]}", folder=tmp_path)
        connection, _ = mute.accept()  # the command now waits for an answer
        with connection:
            connection.recv(1)
            process.send_signal(signal.SIGINT)
            code, out, err = finish(process)

    # The first line ends the one on which the terminal shows ^C.
    assert (code, out, err) == (2, "", "\ngatepost: stopped\n")


def test_a_bug_of_ours_is_a_sentence_without_values(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("gatepost.cli.remote.is_external", broken)

    result = run("whoami", "--server", "http://127.0.0.1:1")

    assert result.exit_code == 2
    assert "bug in gatepost: RuntimeError at test_endings.py:" in result.stderr
    assert "hunter2" not in result.output


def test_a_configuration_that_is_wrong_is_a_line_for_each_problem(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_: object) -> None:
        raise ConfigurationError(["main.pasword: unknown key", "main.port: 7 is not a text"])

    monkeypatch.setattr("gatepost.cli.remote.is_external", wrong)

    result = run("whoami", "--server", "http://127.0.0.1:1")

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "gatepost: main.pasword: unknown key",
        "gatepost: main.port: 7 is not a text",
    ]


HEAVY = [
    *("sqlalchemy", "fastapi", "starlette", "httpx2", "uvicorn", "joserfc"),
    *("cryptography", "argon2", "jinja2", "rich", "asyncio"),
]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["user", "--help"], ["token", "create", "--help"]])
def test_looking_up_a_command_imports_little(arguments: list[str]) -> None:
    """No timing here: what is not imported costs nothing on any machine."""
    program = f"""if True:
        import sys
        from gatepost.cli import root
        try:
            root.main({arguments!r}, prog_name="gatepost")
        except SystemExit as end:
            assert end.code == 0
        print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
    """
    done = subprocess.run(
        (sys.executable, "-c", program), env={"PYTHONPATH": SOURCE}, capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"


def test_config_check_reports_every_problem(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[main]\npasword_sign_in = true\ntrusted_proxies = 7\n")
    good = tmp_path / "good.toml"
    good.write_text("[main]\npassword_sign_in = true\n")

    result = run("config", "check", str(bad))

    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) >= 2
    assert json.loads(run("config", "check", str(bad), "--json").stdout) == result.stdout.splitlines()
    assert run("config", "check", str(good)).exit_code == 0


def test_config_check_says_what_is_allowed_and_loud(run: Run, tmp_path: Path) -> None:
    """Trap 3 and IF-20: before the start, and not first in its log.  It is no finding, and nothing for a program."""
    config = tmp_path / "gatepost.toml"
    issuer = '[[delegated.issuers]]\nname = "gw"\nissuer = "https://gw.example"\nallow_any_audience = true\n'
    config.write_text(f"[main]\nallow_anonymous_access = false\n{issuer}")

    result = run("config", "check", str(config))

    assert (result.exit_code, result.stdout) == (0, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("caution: delegated.issuers[0].allow_any_audience is on")
    config.write_text("[main]\nallow_anonymous_access = false\n")
    assert run("config", "check", str(config)).stderr == ""
