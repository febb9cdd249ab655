"""A real `gatepost serve` on a throw-away database with tuples in it, and peers beside it: each a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

ADMIN_PASSWORD = "an-admin-of-the-benchmarks"
PASSWORD = "a-password-of-the-benchmarks"
PERSON = "bench"
PARTS = Path(__file__).parent
SOURCE = PARTS.parents[1] / "src"
SERVER_CORE, LOAD_CORE = 0, 1


@dataclass(frozen=True, slots=True)
class Ways:
    """The headers of one person's three ways to say who they are."""

    access_token: dict[str, str]
    api_token: dict[str, str]
    session: dict[str, str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def pinned(core: int) -> list[str]:
    """Run on one core, so that the load does not take time from what it measures."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)])]


@contextmanager
def process(command: list[str], url: str, folder: Path, ready: str, core: int | None = None) -> Iterator[int]:
    """Run a server until the end of the block, from when `ready` answers 200.  Gives its process id."""
    environ = {**os.environ, "PYTHONPATH": f"{SOURCE}:{PARTS.parent}", "PYTHONDONTWRITEBYTECODE": ""}
    environ["GATEPOST_INITIAL_ADMIN_PASSWORD"] = ADMIN_PASSWORD
    prefix = pinned(core) if core is not None else []
    with (folder / "log").open("w") as log:
        running = subprocess.Popen([*prefix, *command], cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            wait_for(url + ready, running, folder / "log")
            yield running.pid
        finally:
            running.terminate()
            running.wait(15)


def cpu_seconds(pid: int) -> float:
    """What a process has taken of its core so far, in the program and in the kernel for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> list[float]:
    """Megabytes of a process and of each of its children, as the kernel counts what is in memory."""
    found = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6]
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [megabytes for child in each.read_text().split() for megabytes in resident(int(child))]
    return found


def wait_for(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if running.poll() is not None:
            break
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer: {log.read_text()[-2000:]}")


@contextmanager
def gatepost(folder: Path, core: int | None = None, workers: int = 1) -> Iterator[tuple[str, int]]:
    """`gatepost serve` on the database in `folder`, or as the `gatepost.toml` there says.  Gives its URL and process id."""
    port = free_port()
    command = [sys.executable, "-m", "gatepost.cli", "serve", "--port", str(port), "--workers", str(workers)]
    if (folder / "gatepost.toml").exists():
        command += ["--config", str(folder / "gatepost.toml")]
    url = f"http://127.0.0.1:{port}"
    with process(command, url, folder, "/readyz", core) as pid:
        yield url, pid


@contextmanager
def hello(name: str, folder: Path, core: int | None = None) -> Iterator[tuple[str, int]]:
    """One of the peers, on uvicorn as the server uses it.  Gives its URL and process id."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"parts.hello:{name}", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--no-server-header", "--no-proxy-headers"]
    url = f"http://127.0.0.1:{port}"
    with process(command, url, folder, "/api/v1/me", core) as pid:
        yield url, pid


def ways_of_a_person(url: str) -> Ways:
    """Make a person with an access token, an API token and a session."""
    with httpx2.Client(base_url=url) as client:
        admin = bearer(signed_in(client, "admin", ADMIN_PASSWORD))
        made = client.post("/api/v1/users", json={"username": PERSON, "password": PASSWORD}, headers=admin)
        assert made.status_code in (201, 409), made.text
        own = bearer(signed_in(client, PERSON, PASSWORD))
        token = client.post("/api/v1/tokens", json={"name": "bench"}, headers=own)
        assert token.status_code == 201, token.text
        form = {"username": PERSON, "password": PASSWORD, "next": "/"}
        page = client.post("/login", data=form, headers={"Origin": url})
        assert page.status_code == 303, page.text
        cookie = page.headers["set-cookie"].partition(";")[0]
    return Ways(own, bearer(token.json()["token"]), {"Cookie": cookie, "Origin": url})


def signed_in(client: httpx2.Client, username: str, password: str) -> str:
    answer = client.post("/api/v1/auth/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
