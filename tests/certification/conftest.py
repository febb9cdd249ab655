"""What the certification shares: a hostile provider, a Gatepost that runs, and a browser that goes back and forth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from gatepost.settings import ProviderSettings, Settings
from gatepost.store import tables
from tests.certification.hostile_provider import HostileProvider, running
from tests.dice import FakeDice
from tests.server.conftest import Running, Served, served

__all__ = ["served"]  # a fixture, passed on

SESSION = "gp_session"
Start = Callable[..., "RelyingParty"]


@dataclass(frozen=True)
class RelyingParty:
    """A Gatepost at its address, configured for the provider `op`."""

    running: Running
    op: HostileProvider

    def people(self) -> set[str]:
        """Whoever has an account, but for the first administrator."""
        with self.running.gate.database.read() as connection:
            return set(connection.execute(select(tables.users.c.username)).scalars()) - {"admin"}

    def visitor(self) -> Visitor:
        return Visitor(self, self.running.another_client(verify=False))  # TLS is not asked for


@dataclass
class Visitor:
    """One person's browser.  It follows the provider's redirects itself, one step at a time."""

    rp: RelyingParty
    client: httpx2.Client

    def begin(self, path: str = "/oauth/op/login", **query: str) -> str:
        """Ask for a sign-in; the address at the provider that the browser is sent to."""
        answer = self.client.get(path, params=query or None, follow_redirects=False)
        assert answer.status_code == 303, f"{answer.status_code} {answer.text}"
        return str(answer.headers["location"])

    def come_back(self, address: str) -> httpx2.Response:
        """Be at the provider, which says yes, and bring its answer."""
        answer = httpx2.get(address, trust_env=False, verify=False, timeout=30)
        if answer.status_code == 200:
            return self.post_form(answer.text)
        assert answer.status_code == 302, f"{answer.status_code} {answer.text}"
        return self.client.get(str(answer.headers["location"]), follow_redirects=False)

    def post_form(self, page: str) -> httpx2.Response:
        """Press the button of the provider's page: another site's POST, to which no Lax cookie is added."""
        target = unescape(re.findall(r'action="([^"]*)"', page)[0])
        pairs = re.findall(r'name="([^"]*)" value="([^"]*)"', page)
        kept = self.client.cookies
        self.client.cookies = httpx2.Cookies()
        posted = self.client.post(
            target,
            data={name: unescape(value) for name, value in pairs},
            headers={"Origin": self.rp.op.issuer, "Sec-Fetch-Site": "cross-site"},
            follow_redirects=False,
        )
        self.client.cookies = kept
        if posted.status_code != 303:
            return posted
        return self.client.get(str(posted.headers["location"]), follow_redirects=False)

    def sign_in(self, **query: str) -> httpx2.Response:
        return self.come_back(self.begin(**query))

    def who(self) -> str:
        """The name of whom this browser speaks for, empty for nobody."""
        answer = self.client.get("/api/v1/me")
        found: dict[str, Any] = answer.json()
        return str(found["username"]) if answer.status_code == 200 and found["kind"] == "user" else ""

    def require_in(self, answer: httpx2.Response, name: str = "jane") -> None:
        assert answer.status_code == 303, f"{answer.status_code} {answer.text}"
        assert self.who() == name
        assert name in self.rp.people()

    def require_nobody(self, answer: httpx2.Response, *statuses: int) -> None:
        """An honest page, no session, no account."""
        assert answer.status_code in (statuses or (400, 403, 502)), f"{answer.status_code} {answer.text}"
        assert answer.headers["content-type"].startswith("text/html")
        assert SESSION not in answer.headers.get("set-cookie", "")
        assert self.who() == ""
        assert self.rp.people() == set()


@pytest.fixture
def op(dice: FakeDice) -> Iterator[HostileProvider]:
    with running() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def start(served: Served, op: HostileProvider) -> Start:
    """Start a Gatepost for `op`, with changes to its table and with further providers."""

    def run(*others: ProviderSettings, **changes: Any) -> RelyingParty:
        def change(settings: Settings) -> Settings:
            return replace(settings, sso=replace(settings.sso, providers=(op.settings(**changes), *others)))

        return RelyingParty(served(change), op)

    return run


@pytest.fixture
def rp(start: Start) -> RelyingParty:
    return start()


@pytest.fixture
def visitor(rp: RelyingParty) -> Iterator[Visitor]:
    someone = rp.visitor()
    with someone.client:
        yield someone
