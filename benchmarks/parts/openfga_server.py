"""A real OpenFGA server, and a PostgreSQL for it: each a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from parts.serving import free_port, process
from parts.shop import Key

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".cache/peers/openfga/openfga"
ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

SETTINGS = ["--log-level=none", "--playground-enabled=false", "--metrics-enabled=false"]
# Lists are complete here, and may take as long as they take, as ours are.
SETTINGS += ["--listObjects-max-results=0", "--listUsers-max-results=0"]
SETTINGS += ["--listObjects-deadline=60s", "--listUsers-deadline=60s", "--request-timeout=60s"]
CACHED = ["--check-query-cache-enabled", "--check-iterator-cache-enabled", "--list-objects-iterator-cache-enabled"]
CACHED += ["--check-cache-limit=1000000"]


def version() -> str:
    if not PROGRAM.exists():
        sys.exit("OpenFGA's program is not there: make .cache/peers/openfga.made")
    said = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True)
    modules = (ROOT / "tests/peers/openfga/go.mod").read_text()
    pinned = next(line.split()[-1] for line in modules.splitlines() if "openfga/openfga v" in line)
    return f"OpenFGA {pinned} ({(said.stdout + said.stderr).strip()[:60]!r})"


@contextmanager
def openfga(folder: Path, *, cached: bool, database: str = "") -> Iterator[tuple[str, int]]:
    """Run a server on memory, or on a PostgreSQL database that is migrated already.  Gives its URL and process id."""
    port = free_port()
    command = [str(PROGRAM), "run", f"--http-addr=127.0.0.1:{port}", f"--grpc-addr=127.0.0.1:{free_port()}", *SETTINGS]
    command += CACHED if cached else []
    if database:
        command += ["--datastore-engine=postgres", f"--datastore-uri={database}"]
    url = f"http://127.0.0.1:{port}"
    with process(command, url, folder, "/healthz") as pid:
        yield url, pid


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of our own, without fsync; gives the URL of its first database."""
    sys.path.insert(0, str(ROOT))
    from tests.postgresql import Server  # the tests know how to find and start one

    server = Server()
    try:
        server.start()
        yield server.url()
    finally:
        server.remove()


def migrate(database: str) -> None:
    command = [
        str(PROGRAM),
        "migrate",
        "--datastore-engine=postgres",
        f"--datastore-uri={database}",
        "--log-level=none",
    ]
    subprocess.run(command, check=True, capture_output=True, env=dict(os.environ))


def copy_in(database: str, store: str, keys: Iterable[Key]) -> float:
    """Write tuples past OpenFGA, as a restored backup would have them; return the seconds that took."""
    begun, now = time.perf_counter(), datetime.now(UTC)
    columns = "store, object_type, object_id, relation, _user, user_type, ulid, inserted_at"
    with psycopg.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY tuple ({columns}) FROM STDIN".encode()) as copy:
            for number, (entity, relation, user) in enumerate(keys):
                kind, _, name = entity.partition(":")
                of_many = "userset" if "#" in user or user.endswith(":*") else "user"
                copy.write_row((store, kind, name, relation, user, of_many, ulid(number), now))
        cursor.execute("VACUUM ANALYZE tuple")
    return time.perf_counter() - begun


def ulid(number: int) -> str:
    digits = ""
    for _ in range(16):
        number, digit = divmod(number, 32)
        digits = ULID[digit] + digits
    return f"01JD000000{digits}"
