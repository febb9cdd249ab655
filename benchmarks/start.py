"""How long until Gatepost answers, and how much memory it takes at rest?

Each measurement is a process of its own, five times, on an empty SQLite file; the median counts.  The bars are the
design's: `import gatepost` 150 ms, `Gatepost.open` and a first check 1 s, start to `/readyz` 1.5 s, 120 MB at rest.

    PYTHONPATH=src python benchmarks/start.py [--times N]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LONGEST_SECONDS = 30.0
REST_SECONDS = 3.0  # memory is "at rest" when what the start left behind has been collected

IMPORT = """
import time
begun = time.perf_counter()
import gatepost
print(time.perf_counter() - begun)
"""

OPEN = """
import sys, time
begun = time.perf_counter()
from gatepost import Gatepost
with Gatepost.open(sys.argv[1]) as gate:
    assert gate.check("user:admin", "user:create", "platform:main").allowed
    print(time.perf_counter() - begun)
"""


@dataclass(frozen=True)
class Bar:
    """What was measured and what it may be at most."""

    name: str
    most: float
    unit: str
    measured: list[float]

    def line(self) -> str:
        median = statistics.median(self.measured)
        verdict = "ok" if median <= self.most else "MISSED"
        spread = f"{min(self.measured):.0f} to {max(self.measured):.0f}"
        return f"{self.name:44} {median:7.0f} {self.unit:3} (bar {self.most:.0f}; {spread})  {verdict}"


def timed(code: str, *arguments: str) -> float:
    """Milliseconds that the code says it took, in a Python of its own."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout) * 1000


def open_and_check() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return timed(OPEN, f"sqlite:///{folder}/gatepost.db")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    connection.close()
    return False


def resident_megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def serve() -> tuple[float, float]:
    """Milliseconds from starting `gatepost serve` to a ready answer, and megabytes at rest."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"GATEPOST_DATABASE__URL": f"sqlite:///{folder}/gatepost.db"}
        command = [sys.executable, "-c", "from gatepost.cli import main; main()", "serve", "--port", str(port)]
        begun = time.perf_counter()
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, cwd=folder, stdout=quiet, stderr=quiet) as server:
            try:
                while not is_ready(port):
                    if server.poll() is not None or time.perf_counter() - begun > LONGEST_SECONDS:
                        raise SystemExit("gatepost serve did not become ready")
                ready = (time.perf_counter() - begun) * 1000
                threading.Event().wait(REST_SECONDS)
                return ready, resident_megabytes(server.pid)
            finally:
                server.terminate()


def repeat(times: int, measure: Callable[[], float]) -> list[float]:
    return [measure() for _ in range(times)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    timed(IMPORT)  # so that the first measurement does not compile
    print(Bar("import gatepost", 150, "ms", repeat(times, lambda: timed(IMPORT))).line())
    print(Bar("Gatepost.open and a first check", 1000, "ms", repeat(times, open_and_check)).line())
    served = [serve() for _ in range(times)]
    print(Bar("gatepost serve to /readyz", 1500, "ms", [ready for ready, _ in served]).line())
    print(Bar("memory at rest", 120, "MB", [memory for _, memory in served]).line())


if __name__ == "__main__":
    main()
