"""A storm in one pool holds up nobody else, and whoever finds a pool full is told at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from gatepost.server import pools
from gatepost.tokens.passwords import Passwords
from tests.conftest import ADMIN_PASSWORD
from tests.server.calling import Headers, as_admin, basic, bearer, ok, problem, sign_in
from tests.server.conftest import Served

STORM = 50


class HeldPasswords(Passwords):
    """Passwords whose hashing stands still until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__(cheap=True, at_once=1)
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Semaphore(0)

    def matches(self, stored: str | None, password: str) -> bool:
        self.begun.release()
        assert self.go_on.wait(60), "the test never let it go on"
        return super().matches(stored, password)

    def hash(self, password: str) -> str:
        self.begun.release()
        assert self.go_on.wait(60), "the test never let it go on"
        return super().hash(password)


@pytest.fixture
def passwords() -> Iterator[HeldPasswords]:
    held = HeldPasswords()
    yield held
    held.go_on.set()


def waiting(client: httpx2.Client, headers: Headers, name: str = "gatepost_passwords_waiting") -> int:
    lines = client.get("/metrics", headers=headers).text.splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith(f"{name} "))))


def try_to_sign_in(client: httpx2.Client) -> int:
    return client.post("/api/v1/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD}).status_code


def test_everything_else_answers_while_passwords_are_hashed(served: Served, passwords: HeldPasswords) -> None:
    """The order of events, not their time: fifty sign-ins are under way and none has ended."""
    running = served()
    client = running.client
    admin = as_admin(client)
    while passwords.begun.acquire(blocking=False):
        pass
    passwords.go_on.clear()
    with ThreadPoolExecutor(STORM) as crowd:
        tries = [crowd.submit(try_to_sign_in, running.client) for _ in range(STORM - 10)]
        tries += [
            crowd.submit(lambda: client.get("/api/v1/me", headers=basic("admin", ADMIN_PASSWORD)).status_code)
            for _ in range(10)
        ]
        assert passwords.begun.acquire(timeout=30), "the first is being hashed"
        with running.another_client() as other:
            while waiting(other, admin) < STORM:
                assert not any(one.done() for one in tries)
            assert ok(other.get("/api/v1/me", headers=admin))["username"] == "admin"
            ok(other.post("/api/v1/check", json={"action": "view", "resource": "collection:x"}, headers=admin))
            ok(other.get("/api/v1/users", headers=admin))
            ok(other.post("/api/v1/groups", json={"name": "made-in-the-storm"}, headers=admin), 201)
            assert other.get("/login").status_code == 200
            assert other.get("/readyz").status_code == 200
        assert not any(one.done() for one in tries), "the storm is still going on"
        passwords.go_on.set()
        assert {one.result(timeout=60) for one in tries} == {200}


@pytest.mark.parametrize("what", ["one's own password", "somebody's first password"])
def test_whatever_hashes_belongs_to_the_same_pool(served: Served, passwords: HeldPasswords, what: str) -> None:
    """What hashes must not take the threads of what only reads, whoever asks for it."""
    client = served().client
    admin = as_admin(client)
    while passwords.begun.acquire(blocking=False):
        pass
    passwords.go_on.clear()

    def change(number: int) -> int:
        if what == "one's own password":
            body = {"password": "another-lantern-at-quay-3", "current_password": ADMIN_PASSWORD}
            return client.put("/api/v1/users/admin/password", json=body, headers=admin).status_code
        body = {"username": f"p{number}", "password": "another-lantern-at-quay-3"}
        return client.post("/api/v1/users", json=body, headers=admin).status_code

    with ThreadPoolExecutor(20) as crowd:
        changes = [crowd.submit(change, number) for number in range(20)]
        assert passwords.begun.acquire(timeout=30)
        newest = {**admin, "Gatepost-Consistency": "higher"}  # which asks the database's pool
        ok(client.get("/api/v1/groups", headers=newest))
        passwords.go_on.set()
        assert {201, 204} & {one.result(timeout=60) for one in changes}


def test_whoever_finds_the_pool_full_is_told_at_once(
    served: Served, passwords: HeldPasswords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "WAITING_PASSWORDS", 2)
    running = served()
    client = running.client
    pair = sign_in(client, "admin", ADMIN_PASSWORD)
    admin = bearer(pair["access_token"])
    while passwords.begun.acquire(blocking=False):
        pass
    passwords.go_on.clear()
    with ThreadPoolExecutor(3) as crowd:
        tries = [crowd.submit(try_to_sign_in, client) for _ in range(3)]
        while waiting(client, admin) < 3:
            assert not any(one.done() for one in tries)
        refused = client.post("/api/v1/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD})
        problem(refused, 503, "temporarily_unavailable")
        assert refused.headers["retry-after"] == "1"
        problem(client.get("/api/v1/me", headers=basic("admin", ADMIN_PASSWORD)), 503)
        form = {"username": "admin", "password": ADMIN_PASSWORD}
        page = client.post("/login", data=form, headers={"Origin": running.url})
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")
        passwords.go_on.set()
        assert {one.result(timeout=60) for one in tries} == {200}
    assert try_to_sign_in(client) == 200
