"""A storm in one pool holds up nobody else, and whoever finds a pool full is told at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import httpx2
import pytest

from gatepost.server import pools
from gatepost.settings import Settings
from gatepost.tokens.passwords import Passwords
from tests.conftest import ADMIN_PASSWORD
from tests.server.calling import Headers, as_admin, basic, bearer, ok, problem, sign_in
from tests.server.conftest import Served
from tests.sso.provider_in_process import Document, InProcessProvider
from tests.waiting import A_BUSY_SECOND, eventually

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


def at_providers(client: httpx2.Client, headers: Headers) -> int:
    return waiting(client, headers, "gatepost_provider_calls_waiting")


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


def test_one_network_does_not_take_all_the_places_at_a_provider(
    served: Served, op: InProcessProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: sign-ins by the dozen, with codes of one's own, so that nobody else gets in."""
    monkeypatch.setattr(pools, "PROVIDER_THREADS", 1)
    monkeypatch.setattr(pools, "WAITING_FOR_PROVIDER", 3)

    def change(settings: Settings) -> Settings:
        main = replace(settings.main, trusted_proxies=(ip_network("127.0.0.1"),))
        table = op.settings(http_timeout=timedelta(seconds=60))
        return replace(settings, main=main, sso=replace(settings.sso, providers=(table,)))

    running = served(change)
    admin, go_on = as_admin(running.client), threading.Event()

    def held(claims: Document) -> Document:
        assert go_on.wait(60), "the test never let it go on"
        return claims

    def begun(address: str) -> Callable[[], int]:
        """Be at the provider, as somebody for whom a proxy speaks; what is returned brings its answer."""
        browser = running.another_client(headers={"X-Forwarded-For": address})
        there = browser.get("/oauth/op/login", follow_redirects=False).headers["location"]

        def come_back() -> int:
            with closing(browser):
                params = op.answer_to(there)
                return browser.get("/oauth/op/callback", params=params, follow_redirects=False).status_code

        return come_back

    flood = [begun(f"2001:db8::{number}") for number in (1, 2, 3)]  # one network: a /64
    somebody = begun("203.0.113.9")
    op.tamper.claims = held
    with ThreadPoolExecutor(3) as crowd:
        try:
            under_way = [crowd.submit(come_back) for come_back in flood[:2]]
            eventually(lambda: at_providers(running.client, admin) == 2, within=A_BUSY_SECOND)
            assert flood[2]() == 503, "its share is taken"
            under_way.append(crowd.submit(somebody))
            eventually(lambda: at_providers(running.client, admin) == 3, within=A_BUSY_SECOND)
        finally:
            go_on.set()
        assert {one.result(timeout=60) for one in under_way} == {303}
    assert begun("2001:db8::4")() == 303, "a place that was given back is free"
