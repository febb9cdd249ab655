"""Load on a server: `wrk`, which Debian has, on the core that the server is not on."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from parts.serving import LOAD_CORE, PARTS, pinned


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of the load saw.  Latencies are in microseconds and hold the waiting in line."""

    per_second: float
    p50_us: float
    p99_us: float
    requests: int
    errors: int


def request_bytes(url: str, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """One HTTP/1.1 request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def wrk(
    url: str,
    requests: Sequence[bytes],
    folder: Path,
    *,
    seconds: int,
    connections: int,
    core: int | None = LOAD_CORE,
    may_fail: bool = False,
) -> Result:
    """Send `requests` in turns for some seconds, from one core or from any.

    Raises `RuntimeError` if one of them was not answered with 2xx, unless it `may_fail`.
    """
    program = shutil.which("wrk")
    if program is None:
        sys.exit("wrk is needed to make the load: it is in Debian's package of that name")
    file = folder / "requests"
    file.write_bytes(b"".join(b"%d\n%s\n" % (len(each), each) for each in requests))
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(PARTS / "wrk.lua"), url, "--", str(file)]
    prefix = [] if core is None else pinned(core)
    done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=True)
    found = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", done.stdout.partition("RESULT")[2])}
    result = Result(
        per_second=found["per_second"],
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        requests=int(found["requests"]),
        errors=int(found["errors"]),
    )
    if result.errors and not may_fail:
        raise RuntimeError(f"{result.errors} of {result.requests} requests to {url} failed")
    return result
