"""The peer that the bar names: oauth2-proxy, with its sessions in a cookie or in Redis, and somebody signed in there."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from parts.openidc import signed_in
from parts.serving import free_port, pinned, process

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".cache/peers/oauth2_proxy/oauth2_proxy"
ASKED_AT = "/oauth2/auth"
SECRET = "of-the-benchmarks-32-characters."

# As fast as it goes: nothing is logged, no tokens are in the cookie that it would not need, and no session is refreshed.
SETTINGS = [
    "--provider=oidc",
    "--email-domain=*",
    "--upstream=static://200",
    "--skip-provider-button",
    "--code-challenge-method=S256",
    "--cookie-secure=false",
    "--reverse-proxy",
    "--trusted-proxy-ip=127.0.0.1",
    "--set-xauthrequest",
    "--session-cookie-minimal",
    "--standard-logging=false",
    "--auth-logging=false",
    "--request-logging=false",
]


def version() -> str:
    modules = (ROOT / "tests/peers/oauth2_proxy/go.mod").read_text()
    return next(line.split()[1] for line in modules.splitlines() if "oauth2-proxy/oauth2-proxy/v7 v" in line)


@contextmanager
def oauth2_proxy(
    folder: Path, issuer: str, client: tuple[str, str], core: int | None, *, store: str
) -> Iterator[tuple[str, tuple[int, ...], dict[str, str]]]:
    """The proxy until the end of the block.  Gives its URL, the process ids of it and its store, and a session's headers.

    `store` is `cookie` or `redis`.  A Redis of its own is on the same core, for it answers for each request too.
    """
    if not PROGRAM.exists():
        sys.exit("oauth2-proxy is needed: make .cache/peers/oauth2_proxy.made")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(PROGRAM), *SETTINGS, f"--http-address=127.0.0.1:{port}", f"--oidc-issuer-url={issuer}"]
    command += [f"--client-id={client[0]}", f"--client-secret={client[1]}", f"--cookie-secret={SECRET}"]
    command += [f"--redirect-url={url}/oauth2/callback", f"--session-store-type={store}"]
    with ExitStack() as stack:
        pids: tuple[int, ...] = ()
        if store == "redis":
            address, pid = stack.enter_context(redis(folder, core))
            command += [f"--redis-connection-url={address}"]
            pids = (pid,)
        pid = stack.enter_context(process(command, url, folder, "/ping", core))
        yield url, (pid, *pids), signed_in(url)


@contextmanager
def redis(folder: Path, core: int | None) -> Iterator[tuple[str, int]]:
    """A Redis that keeps nothing on disk, until the end of the block.  Gives its URL and process id."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("redis-server is needed: it is in Debian's package of that name")
    # A socket of the file system costs the peer less than a port would.
    path = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    prefix = pinned(core) if core is not None else []
    with (
        (folder / "redis.log").open("w") as log,
        subprocess.Popen([*prefix, *command], cwd=folder, stdout=log, stderr=log) as running,
    ):
        try:
            wait_for_socket(path, running)
            yield f"unix://{path}", running.pid
        finally:
            running.terminate()


def wait_for_socket(path: Path, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and running.poll() is None:
        with socket.socket(socket.AF_UNIX) as tried:
            if tried.connect_ex(str(path)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"Redis does not answer: {path.with_name('redis.log').read_text()[-2000:]}")
