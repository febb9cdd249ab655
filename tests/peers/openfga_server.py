"""A real OpenFGA on memory, without authentication."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.programs import answers, made, program
from tests.ports import free_port

START_SECONDS = 60


@contextmanager
def running_openfga(log: Path) -> Iterator[str]:
    """Start it, and yield its address.  Skips where it was not built."""
    server, ports = made("openfga") / "openfga", (free_port(), free_port())
    url = f"http://127.0.0.1:{ports[0]}"
    command: list[str | Path] = [
        server,
        "run",
        f"--http-addr=127.0.0.1:{ports[0]}",
        f"--grpc-addr=127.0.0.1:{ports[1]}",
    ]
    command += ["--log-level=none", "--playground-enabled=false", "--metrics-enabled=false"]
    with program(command, lambda: answers(f"{url}/healthz"), log, within=START_SECONDS):
        yield url
