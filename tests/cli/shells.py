"""The shells that people type into, as they are on this machine: what each of them makes of our completion."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_endings import SOURCE
from tests.waiting import A_BUSY_SECOND

PROMPT = "ready-for-a-line> "
LINES, COLUMNS = 60, 160


def shell(name: str) -> str:
    """The path of a shell.  On CI it has to be there; elsewhere its tests are skipped, and say so."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI has to have {name}")
        pytest.skip(f"there is no {name} on this machine: apt-get install {name}")
    return found


def environ(folder: Path) -> dict[str, str]:
    """A home of its own, with `gatepost` on its path."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / "gatepost"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE} exec {sys.executable} -m gatepost.cli "$@"\n')
    program.chmod(0o700)
    return {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "XDG_DATA_HOME": str(folder / ".local"),
        "ZDOTDIR": str(folder),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }


def gatepost(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        (str(folder / "bin" / "gatepost"), *arguments),
        env=environ(folder),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


class Typing:
    """An interactive shell at a terminal of its own."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal

    def types(self, keys: str, *, until: str) -> str:
        """Type; return what the terminal shows up to `until`."""
        os.write(self._terminal, keys.encode())
        return self.shows(until)

    def shows(self, wanted: str) -> str:
        seen, end = b"", time.monotonic() + 2 * A_BUSY_SECOND
        while wanted.encode() not in seen:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"never saw {wanted!r}, but {seen.decode()!r}"
            seen += os.read(self._terminal, 65536)
        return seen.decode()


@contextmanager
def zsh(folder: Path) -> Iterator[Typing]:
    """A zsh whose `.zshrc` says what ours tells people to write into it."""
    environment = environ(folder)
    (folder / ".zshrc").write_text(
        f'PS1="{PROMPT}"\nunsetopt prompt_cr prompt_sp beep\nLISTMAX=1000\n'
        'autoload -U compinit; compinit -u -D\neval "$(gatepost completion zsh)"\n'
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        (shell("zsh"), "-i"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        typing = Typing(ours)
        typing.shows(PROMPT)
        yield typing
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def fish(folder: Path, line: str) -> dict[str, str]:
    """What fish offers after `line`: each completion with its description."""
    environment = environ(folder)
    script = folder / ".config" / "fish" / "completions" / "gatepost.fish"
    if not script.exists():
        script.parent.mkdir(parents=True)
        script.write_text(gatepost(folder, "completion", "fish"))
    done = subprocess.run(
        (shell("fish"), "-c", 'complete -C "$argv[1]"', line),
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {name: description for name, _, description in (row.partition("\t") for row in done.stdout.splitlines())}
