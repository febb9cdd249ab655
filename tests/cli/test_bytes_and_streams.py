"""Bytes that are no text, terminals without the letters, and streams that are closed: one sentence, and the right end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn
from tests.cli.test_endings import GATEPOST, SOURCE
from tests.cli.test_on_a_terminal import terminal

GROUP = {"name": "team", "description": "Größe 日本"}
# What Python makes of LC_ALL=C when it is told not to know better.
LATIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}
ASCII = {**LATIN, "PYTHONIOENCODING": "ascii"}
NOT_TEXT = "gatepost: what was given has bytes in it that are not UTF-8 text\n"


def run_bytes(
    folder: Path,
    server: StandIn,
    *arguments: str | bytes,
    stdin: bytes = b"",
    shell: str = "",
    variables: Mapping[str, str] = LATIN,
) -> tuple[int, bytes, str]:
    """Run as a program of its own; `shell` redirects its streams, as in `>&-`."""
    environ = {"PYTHONPATH": SOURCE, "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder), **variables}
    words = [*GATEPOST, *arguments, "--server", server.url]
    command = ["sh", "-c", f'"$@" {shell}', "sh", *words] if shell else words
    done = subprocess.run(command, env=environ, input=stdin, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.fixture
def group(server: StandIn) -> StandIn:
    server.answers["GET /groups/team"] = (200, GROUP)
    return server


@pytest.mark.parametrize("locale", [LATIN, ASCII, {"LC_ALL": "C"}], ids=["latin-1", "ascii", "C"])
def test_into_a_pipe_goes_utf8_whatever_the_locale(tmp_path: Path, group: StandIn, locale: dict[str, str]) -> None:
    for words in (("group", "show", "team"), ("group", "show", "team", "--json")):
        code, out, err = run_bytes(tmp_path, group, *words, variables=locale)
        assert (code, err) == (0, "")
        assert "Größe 日本".encode() in out


def test_a_terminal_without_the_letters_shows_what_it_can(tmp_path: Path, group: StandIn) -> None:
    environ = {"PYTHONPATH": SOURCE, "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path), **LATIN}
    words = (*GATEPOST, "group", "show", "team", "--server", group.url)
    with terminal() as (screen, stdout):
        done = subprocess.run(words, env=environ, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False)
        os.write(stdout, b"THE END")
        shown = b""
        while not shown.endswith(b"THE END"):
            shown += os.read(screen, 65536)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Gr\xf6\xdfe \\u65e5\\u672c" in shown


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("group", "create", b"a\xffb"), id="a name"),
        pytest.param(("group", "edit", "team", "--description", b"\xff"), id="an option"),
        pytest.param(("check", "user:bob", "view", b"dataset:\xff"), id="a question"),
        pytest.param(("apply", "--yes", "-f", b"\xff.yaml"), id="a file that is not there"),
    ],
)
def test_bytes_that_are_no_text_are_one_sentence(tmp_path: Path, server: StandIn, words: tuple[str | bytes]) -> None:
    code, out, err = run_bytes(tmp_path, server, *words)
    assert (code, out, err.count("\n")) == (2, b"", 1)
    assert err == NOT_TEXT or "No such file" in err
    assert server.seen == []


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_comes_over_standard_input_is_utf8_or_refused(tmp_path: Path, server: StandIn, errors: str) -> None:
    locale = {"PYTHONIOENCODING": f"utf-8:{errors}"}
    for words in (("apply", "-f", "-", "--yes"), ("import", "-", "--kind", "groups")):
        code, out, err = run_bytes(tmp_path, server, *words, stdin=b"name\n\xff\n", variables=locale)
        assert (code, out, err) == (2, b"", "gatepost: standard input: is not UTF-8 text\n")
    done = run_bytes(
        tmp_path, server, "user", "password", "bob", "--password", "-", stdin=b"hunter\xff2\n", variables=locale
    )
    assert done == (2, b"", NOT_TEXT)


def test_a_mark_of_its_order_of_bytes_is_no_part_of_a_file(tmp_path: Path, server: StandIn) -> None:
    """Spreadsheets write one, and end lines as Windows does; a latin-1 terminal makes no other letters of it."""
    server.answers["GET /groups?limit=500"] = (200, {"items": [], "next_cursor": None})
    server.answers["POST /groups"] = (201, GROUP)
    content = '\ufeffname,description\r\n"team","Größe, ""日本"""\r\n'.encode()
    for stdin, file in ((content, "-"), (b"", str(tmp_path / "groups.csv"))):
        (tmp_path / "groups.csv").write_bytes(content)
        server.seen.clear()
        code, _, err = run_bytes(tmp_path, server, "import", file, "--kind", "groups", stdin=stdin)
        assert (code, err) == (0, "")
        assert server.seen[-1].body == {"name": "team", "description": 'Größe, "日本"'}


def test_closed_streams(tmp_path: Path, group: StandIn) -> None:
    """`>&-` asks for the exit code alone; with `<&-` there is nothing to read, and nobody to ask."""
    group.answers["POST /access/check"] = (200, {"allowed": False, "revision": "e.1"})
    group.answers["DELETE /groups/team"] = (204, None)
    assert run_bytes(tmp_path, group, "group", "show", "team", shell=">&-") == (0, b"", "")
    assert run_bytes(tmp_path, group, "group", "show", "others", shell="2>&-") == (2, b"", "")
    assert run_bytes(tmp_path, group, "group", "delete", "team", shell="<&-")[0] == 0
    code, out, err = run_bytes(tmp_path, group, "user", "password", "bob", "--password", "-", shell="<&-")
    assert (code, out, err.count("\n")) == (2, b"", 1)
    assert "standard input has no line" in err


def test_a_disk_that_is_full_is_one_sentence(tmp_path: Path, group: StandIn) -> None:
    expected = (2, b"", "gatepost: No space left on device\n")
    assert run_bytes(tmp_path, group, "group", "show", "team", shell=">/dev/full") == expected


def test_a_command_that_is_spelled_wrong_is_named(run: Run) -> None:
    assert "No such command 'usr'. Did you mean 'user'?" in run("usr", "list").stderr
    assert "Did you mean" not in run("frobnicate").stderr


def test_why_a_server_cannot_be_reached_is_words(run: Run) -> None:
    err = run("whoami", "--server", "http://127.0.0.1:1").stderr
    assert err == "gatepost: http://127.0.0.1:1 cannot be reached: Connection refused\n"


@pytest.mark.parametrize("content", ["", "{", "[]", '"s"', "\xff", "[" * 100_000], ids=range(6))
@pytest.mark.parametrize("name", ["sign-ins.json", "contexts.json"])
def test_a_file_of_ours_that_is_broken_is_never_taken_for_an_empty_one(
    run: Run, environ: Path, name: str, content: str
) -> None:
    """An empty one would mean another server, and somebody else."""
    environ.mkdir(mode=0o700)
    (environ / name).write_bytes(content.encode("latin-1"))
    (environ / name).chmod(0o600)
    result = run("whoami")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"gatepost: {environ / name} does not parse: delete it, and sign in again\n"


@pytest.mark.parametrize("key", ["gp_hunter2\n", "gp_hunter2\r\nX-Evil: 1", "gp_hunter2é"])
def test_a_credential_that_no_header_takes_is_not_repeated(run: Run, server: StandIn, key: str) -> None:
    """Attack on oneself: a token read from a file with its line break, shown by the HTTP library's own error."""
    result = run("whoami", "--server", server.url, GATEPOST_API_KEY=key)
    assert (result.exit_code, result.stdout, server.seen) == (2, "", [])
    assert "no HTTP header takes" in result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize("words", [(), ("login",), ("access", "grant"), ("user", "edit"), ("model", "import")])
@pytest.mark.parametrize("columns", [60, 100])
def test_help_fits_the_terminal(tmp_path: Path, words: tuple[str, ...], columns: int) -> None:
    """It has neither colours nor a line that is too long."""
    environ = {"PYTHONPATH": SOURCE, "PATH": os.environ["PATH"], "COLUMNS": str(columns), "FORCE_COLOR": "1"}
    done = subprocess.run((*GATEPOST, *words, "--help"), env=environ, capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    assert [line for line in done.stdout.splitlines() if len(line) > columns] == []
