"""What the README tells people to type does what it says, on a real server; what the documents configure is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from gatepost.settings import reference
from tests.house.source import ROOT
from tests.ports import free_port

README = (ROOT / "README.md").read_text(encoding="utf-8")
PRINTED = re.compile(r"with the password (\S+)")
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
ENVIRON["PYTHONPATH"] = str(ROOT / "src")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the README in an empty folder, on ports that were free."""

    folder: Path
    server: int
    application: int
    password: str

    def typed(self, command: str) -> str:
        for written, meant in (("8420", str(self.server)), ("8421", str(self.application))):
            command = command.replace(f"127.0.0.1:{written}", f"127.0.0.1:{meant}")
        return command.replace("THE PRINTED ONE", self.password)

    def runs(self, script: str) -> list[str]:
        """Run shell commands as one session; return the lines that they print."""
        script = self.typed(script)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=ENVIRON,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@contextmanager
def running(command: list[str], folder: Path, url: str, **environ: str) -> Iterator[Path]:
    """A server of its own process, from when it answers; gives the file of what it prints."""
    log = folder / f"{command[2]}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env={**ENVIRON, **environ}, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 30
        while not answers(url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield log
    finally:
        process.terminate()
        process.wait(15)


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code < 500
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader")
    server, application = free_port(), free_port()
    url = f"http://127.0.0.1:{server}"
    (folder / "reports.py").write_text(blocks(README, "python")[0])
    serve = [sys.executable, "-m", "gatepost.cli", "serve", "--port", str(server)]
    uvicorn = [sys.executable, "-m", "uvicorn", "reports:app", "--port", str(application)]
    with running(serve, folder, f"{url}/readyz") as log:
        printed = PRINTED.search(log.read_text())
        assert printed is not None
        with running(uvicorn, folder, f"http://127.0.0.1:{application}/openapi.json", GATEPOST=url):
            yield Reader(folder, server, application, printed[1])


def test_the_five_minutes(reader: Reader) -> None:
    """Everything that is typed after the server was started, in one shell."""
    typed = [block for block in blocks(README, "sh") if not re.match(r"make |\.venv/bin/uvicorn", block)]
    lines = reader.runs(
        "\n".join(typed).replace('"Authorization: Bearer $BOB"', '"Authorization: Bearer $BOB" -w "\\n"')
    )

    decided = [line for line in lines if line.startswith('{"allowed":')]
    assert '"username":"bob"' in lines[0]
    assert [line.partition(",")[0] for line in decided] == ['{"allowed":true', '{"allowed":false', '{"allowed":true']
    assert "collection:sales" in decided[2]
    assert lines[-2:] == ['{"report":"the numbers of sales"}', '{"detail":"Not Found"}']
    shown = "".join(blocks(README, "text")).splitlines()
    for line, printed in zip(shown, decided + lines[-2:], strict=True):
        assert all(part in printed for part in map(str.strip, line.split("…"))), (line, printed)

    # The same engine in a process, on the database of the server that is running beside it.
    reader.folder.joinpath("inside.py").write_text(blocks(README, "python")[1])

    assert reader.runs(f"{sys.executable} inside.py") == ["Bob may"]


def test_a_bad_credential_is_the_applications_401(reader: Reader) -> None:
    url = f"http://127.0.0.1:{reader.application}/reports/sales"

    assert httpx2.get(url, headers={"Authorization": "Bearer gp_nonsense"}).status_code == 401
    assert httpx2.get(url).status_code == 404


def test_the_commands_of_make_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", "\n".join(blocks(README, "sh"))))

    assert named >= {"demo", "test", "serve"}
    assert [name for name in named if f"\n{name}:" not in makefile] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.name)
def test_what_a_document_configures_is_a_key(path: Path) -> None:
    known = {key.key for key in reference()}
    wrong = [
        f"{section}.{name}"
        for block in blocks(path.read_text(encoding="utf-8"), "toml")
        for section, keys in tomllib.loads(block).items()
        for name in keys
        if f"{section}.{name}" not in known
    ]

    assert wrong == []


def test_metrics_in_the_documents_are_those_of_the_server(reader: Reader) -> None:
    shown = httpx2.get(f"http://127.0.0.1:{reader.server}/metrics").text
    named = {
        name for path in ROOT.glob("docs/*.md") for name in re.findall(r"`(gatepost_[a-z_]+)`", path.read_text("utf-8"))
    }

    assert named
    assert [name for name in named if f"# HELP {name} " not in shown] == []
