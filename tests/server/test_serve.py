"""`gatepost serve` as a process: it says where it is, stops when it is told to, and says why it cannot start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

import gatepost
from tests.ports import free_port
from tests.server.calling import Headers, as_admin, bearer, browser_session, ok, service_token, sign_in
from tests.sso.provider_in_process import Raw, running_provider
from tests.waiting import eventually

SOURCE = str(Path(gatepost.__file__).parent.parent)
START = 60.0  # seconds; a machine may be busy
ADMIN_PASSWORD = "an-admin-of-the-tests"


@dataclass
class Process:
    """A server that was started, and what it has said."""

    popen: subprocess.Popen[bytes]
    url: str
    folder: Path

    def said(self) -> str:
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, trust_env=False, timeout=30)

    def is_ready(self) -> bool:
        assert self.popen.poll() is None, self.said()
        try:
            return httpx2.get(f"{self.url}/readyz", trust_env=False, timeout=5).status_code == 200
        except httpx2.TransportError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.popen.send_signal(how)
        return self.popen.wait(START)


class Starter:
    """Starts servers in one folder, on one SQLite file."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self.folder = folder
        self._closing = closing

    def __call__(self, *arguments: str, port: int | None = None, ready: bool = True, **variables: str) -> Process:
        port = port or free_port()
        environ = {
            "PYTHONPATH": SOURCE,
            "PATH": os.environ["PATH"],
            "GATEPOST_DATABASE__URL": f"sqlite:///{self.folder / 'gatepost.db'}",
            **variables,
        }
        command = (sys.executable, "-m", "gatepost.cli", "serve", "--port", str(port), *arguments)
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            popen = subprocess.Popen(command, env=environ, cwd=self.folder, stdout=out, stderr=err)
        process = Process(popen, f"http://127.0.0.1:{port}", self.folder)
        self._closing.callback(_end, popen)
        if ready:
            eventually(process.is_ready, START, "the server is ready")
        return process


def _end(popen: subprocess.Popen[bytes]) -> None:
    if popen.poll() is None:
        popen.terminate()
        try:
            popen.wait(20)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    with ExitStack() as closing:
        yield Starter(tmp_path, closing)


def test_it_says_where_it_is_and_the_first_password_once(start: Starter) -> None:
    process = start()
    said = process.said()
    assert f"Gatepost is at {process.url}" in said
    (password,) = re.findall(r"sign in as admin with the password (\S+)", said)
    with process.client() as client:
        sign_in(client, "admin", password)
    assert process.stop() == 0
    assert process.said().count(password) == 1

    again = start()
    assert password not in again.said()
    assert "the password" not in again.said()
    with again.client() as client:
        sign_in(client, "admin", password)


def test_a_first_password_that_people_guess_is_said_and_starts(start: Starter) -> None:
    """Nobody could choose it later; but a start that is refused helps nobody who has it in a file of secrets."""
    process = start(GATEPOST_INITIAL_ADMIN_PASSWORD="password1")
    assert "main.initial_admin_password: it is a common password" in process.said()
    assert "password1" not in process.said()
    with process.client() as client:
        sign_in(client, "admin", "password1")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_stops_when_it_is_told_to_and_loses_nothing(start: Starter, how: signal.Signals) -> None:
    """What the journal buffers is written before the end."""
    process = start(GATEPOST_INITIAL_ADMIN_PASSWORD=ADMIN_PASSWORD)
    with process.client() as client:
        admin = as_admin(client)
        service = bearer(service_token(client, admin))
        for _ in range(3):
            ok(client.get("/api/v1/me", headers=service))
    assert process.stop(how) == 0, process.said()
    assert "Traceback" not in process.said()
    assert "INITIAL" not in process.said()
    again = start()
    with again.client() as client:
        query = "/api/v1/audit?event=service.called"
        (call,) = ok(client.get(query, headers=as_admin(client)))["items"]
        assert call["count"] == 3


def test_whoever_is_signed_in_stays_so_through_a_restart(start: Starter) -> None:
    """IF-X3: a signing secret made at each start would sign everybody out, and two servers would disagree."""
    process = start(GATEPOST_INITIAL_ADMIN_PASSWORD=ADMIN_PASSWORD)
    with process.client() as client:
        pair = sign_in(client, "admin", ADMIN_PASSWORD)
        cookie = {"Cookie": f"gp_session={browser_session(client, 'admin', ADMIN_PASSWORD)}"}
    assert process.stop() == 0
    again = start(port=urlsplit(process.url).port)
    with again.client() as client:
        for headers in (bearer(pair["access_token"]), cookie):
            assert ok(client.get("/api/v1/me", headers=headers))["username"] == "admin"
        fresh = ok(client.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}))
        ok(client.get("/api/v1/me", headers=bearer(fresh["access_token"])))


def test_a_port_that_is_taken_is_one_sentence_and_exit_2(start: Starter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(port=port, ready=False)
        assert process.popen.wait(START) == 2
    said = process.said().strip()
    assert "\n" not in said
    assert str(port) in said
    assert "--port" in said
    assert not (process.folder / "gatepost.db").exists(), "nothing was begun"


def test_a_bad_configuration_is_exit_2_with_every_problem(start: Starter) -> None:
    config = start.folder / "bad.toml"
    config.write_text('[main]\npublic_url = "nowhere"\nno_such_key = 1\n[tokens]\naccess_token_ttl = "soon"\n')
    process = start("--config", str(config), ready=False)
    assert process.popen.wait(START) == 2
    said = process.said()
    assert "Traceback" not in said
    for wrong in ("public_url", "no_such_key", "access_token_ttl"):
        assert wrong in said
    for wrong in ("nowhere", "soon"):
        assert wrong in said, "the value, too"


def test_a_database_that_cannot_be_had_is_exit_2(start: Starter) -> None:
    process = start(ready=False, GATEPOST_DATABASE__URL="sqlite:////no/such/folder/gatepost.db")
    assert process.popen.wait(START) == 2
    assert "Traceback" not in process.said()
    assert len(process.said().strip().splitlines()) <= 2


def test_the_first_password_and_token_of_the_environment_count_on_an_empty_database_only(start: Starter) -> None:
    """IF-X13, CO-X5: an admin to begin with.  What was let in once is not let in again by whoever edits a file later."""
    first, later = "gp_" + "a1" * 15, "gp_" + "b2" * 15
    process = start(GATEPOST_INITIAL_ADMIN_PASSWORD=ADMIN_PASSWORD, GATEPOST_INITIAL_ADMIN_TOKEN=first)
    with process.client() as client:
        me = ok(client.get("/api/v1/me", headers=bearer(first)))
        assert (me["username"], me["roles"], me["method"]) == ("admin", ["admin"], "api_token")
        as_admin(client)
    assert process.stop() == 0
    for secret in (first, ADMIN_PASSWORD):
        assert secret not in process.said()
    process = start(GATEPOST_INITIAL_ADMIN_PASSWORD="another-admin-of-tests", GATEPOST_INITIAL_ADMIN_TOKEN=later)
    with process.client() as client:
        assert client.get("/api/v1/me", headers=bearer(later)).status_code == 401
        assert client.get("/api/v1/me", headers=bearer(first)).status_code == 200
        as_admin(client)


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_providers_of_the_environment_are_looked_at_when_it_starts(start: Starter, workers: str) -> None:
    """HA-1, HA-6: a JSON list in one variable, and each key set fetched before anybody signs in.

    One that is down stops neither the start nor the others (trap 13), is in the log, and serves once it is back.
    """
    with running_provider() as good, running_provider() as bad, running_provider() as issuer:
        bad.tamper.raw["/.well-known/openid-configuration"] = Raw(503)
        tables = [
            {"name": op, "issuer": each.issuer, "client_id": "gatepost"} for op, each in (("a", bad), ("b", good))
        ]
        delegated = [{"name": "c", "issuer": issuer.issuer, "audience": ["gatepost"]}]
        process = start(
            "--workers",
            workers,
            GATEPOST_SSO_PROVIDERS=json.dumps(tables),
            GATEPOST_DELEGATED__ISSUERS=json.dumps(delegated),
        )
        for each in (good, issuer):
            eventually(partial(each.requests.__contains__, "/jwks"), START, "the keys are fetched")
        with process.client() as client:
            offered = ok(client.get("/api/v1/auth/providers"))
            assert [each["login_url"] for each in offered] == ["/oauth/a/login", "/oauth/b/login"]
            assert client.get("/oauth/b/login").status_code == 303
            eventually(lambda: "a does not answer as it should" in process.said(), START, "it is in the log")
            bad.tamper.raw.clear()
            eventually(lambda: client.get("/oauth/a/login").status_code == 303, START, "it is asked again")
        assert process.stop() == 0, process.said()
        assert "Traceback" not in process.said()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_key_that_is_none_stops_the_start(start: Starter, workers: str) -> None:
    provider = {"name": "a", "issuer": "https://op.example", "client_id": "gatepost", "public_keys": ["{}"]}
    process = start("--workers", workers, ready=False, GATEPOST_SSO_PROVIDERS=json.dumps([provider]))
    assert process.popen.wait(START) == 2, process.said()
    assert "Traceback" not in process.said()
    assert "public_keys" in process.said()


@pytest.mark.slow
def test_what_one_worker_revokes_the_others_refuse_within_a_second(start: Starter) -> None:
    """Several processes on one SQLite file.  A connection stays with one worker, so both are asked on their own."""
    process = start("--workers", "2", GATEPOST_INITIAL_ADMIN_PASSWORD=ADMIN_PASSWORD)
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(process.client()) for _ in range(16)]
        admin: Headers = as_admin(clients[0])
        for client in clients:
            assert client.get("/healthz").status_code == 200
        workers = {_worker_of(process, client) for client in clients}
        assert len(workers - {0}) == 2, "sixteen connections, and both workers have some"
        for _ in range(3):
            token = ok(clients[0].post("/api/v1/tokens", json={"name": "t"}, headers=admin), 201)
            mine = bearer(token["token"])
            for client in clients:
                ok(client.get("/api/v1/me", headers=mine))
            ok(clients[0].delete(f"/api/v1/tokens/{token['id']}", headers=admin), 204)
            for client in clients:
                eventually(partial(_is_refused, client, mine), 1.0, "it is refused here too")
    assert process.stop() == 0, process.said()
    assert "Traceback" not in process.said()


def test_workers_end_with_the_process_that_started_them(start: Starter) -> None:
    """Nothing is told to workers whose parent was killed; they would hold the port, and no other could start there."""
    process = start("--workers", "2")
    assert process.stop(signal.SIGKILL) == -signal.SIGKILL
    eventually(partial(_takes_no_connections, process.url), START, "both workers have ended")
    assert start("--workers", "2", port=urlsplit(process.url).port).stop() == 0


def _takes_no_connections(url: str) -> bool:
    try:
        httpx2.get(f"{url}/healthz", trust_env=False, timeout=5)
    except httpx2.ConnectError:
        return True
    except httpx2.TransportError:
        return False
    return False


def _is_refused(client: httpx2.Client, headers: Headers) -> bool:
    return client.get("/api/v1/me", headers=headers).status_code == 401


def _worker_of(process: Process, client: httpx2.Client) -> int:
    """The process at the other end of a client's connection."""
    connection = client._transport._pool.connections[0]  # type: ignore[attr-defined]
    stream = connection._connection._network_stream
    port = stream.get_extra_info("client_addr")[1]
    inode = _inode_of(port, int(process.url.rpartition(":")[2]))
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(entry.readlink()) == f"socket:[{inode}]":
                return int(entry.parts[2])
        except OSError:
            continue
    return 0


def _inode_of(peer: int, local: int) -> str:
    wanted = (f":{local:04X}", f":{peer:04X}")
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1][-5:], fields[2][-5:]) == wanted:
            return fields[9]
    return ""
