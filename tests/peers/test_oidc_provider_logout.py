"""Signing out with a certified provider that is not ours: from here, and from there."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from gatepost.gate import Dice
from gatepost.settings import ProviderSettings, Secret, Settings, SsoSettings
from tests.peers.conftest import running
from tests.server.conftest import Running, Served, served

__all__ = ["served"]  # a fixture of the server's tests

pytestmark = pytest.mark.peer


@pytest.fixture
def dice() -> Dice:
    """The real clock: the provider has one of its own."""
    return Dice()


@pytest.fixture
def gatepost(served: Served) -> Iterator[Running]:
    listener = socket.create_server(("127.0.0.1", 0))
    redirect_uri = f"http://127.0.0.1:{listener.getsockname()[1]}/oauth/peer/callback"
    with running(redirect_uri) as issuer:
        provider = ProviderSettings(
            name="peer", issuer=issuer, client_id="gatepost", client_secret=Secret("a-secret-of-the-test-client-only")
        )

        def change(settings: Settings) -> Settings:
            return replace(settings, sso=SsoSettings(providers=(provider,)))

        yield served(change, listener)


@pytest.fixture
def browser(gatepost: Running) -> Iterator[httpx2.Client]:
    with gatepost.another_client() as client:
        yield client


def walk(browser: httpx2.Client, response: httpx2.Response, home: str, username: str = "alice") -> httpx2.Response:
    """Follow redirects and fill in the provider's forms until a page of ours comes."""
    for _ in range(25):
        here = str(response.url)
        if response.is_redirect:
            response = browser.get(urljoin(here, response.headers["location"]))
        elif here.startswith(home):
            return response
        else:
            action = re.search(r'<form[^>]*action="([^"]+)"', response.text)
            assert action, response.text[:500]
            fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', response.text))
            if "password" in response.text:
                fields |= {"login": username, "password": "any"}
            if "/session/end" in here:
                fields |= {"logout": "yes"}
            response = browser.post(urljoin(here, action[1]), data=fields)
    raise AssertionError("the provider went round in circles")


def who(browser: httpx2.Client, gatepost: Running) -> str:
    answer = browser.get(f"{gatepost.url}/api/v1/me")
    return str(answer.json().get("username") or answer.status_code)


def sign_in(browser: httpx2.Client, gatepost: Running) -> None:
    walk(browser, browser.get(f"{gatepost.url}/oauth/peer/login"), gatepost.url)
    assert who(browser, gatepost) == "alice"


def test_signing_out_here_ends_the_session_there(gatepost: Running, browser: httpx2.Client) -> None:
    """RP-initiated logout: the provider takes our hint and our address, and brings our state back."""
    sign_in(browser, gatepost)
    away = browser.post(f"{gatepost.url}/logout", headers={"Origin": gatepost.url})
    assert "/session/end" in away.headers["location"]

    back = walk(browser, away, gatepost.url)

    assert back.status_code == 200
    assert "says that yours there is, too" in back.text
    begun = browser.get(f"{gatepost.url}/oauth/peer/login")
    assert dict(parse_qsl(urlsplit(begun.headers["location"]).query))["prompt"] == "login"
    asked = browser.get(begun.headers["location"])
    page = browser.get(urljoin(str(asked.url), asked.headers["location"]))
    assert 'name="password"' in page.text


def test_signing_out_there_ends_the_session_here(gatepost: Running, browser: httpx2.Client) -> None:
    """Back-channel logout: the provider's own token holds, and ends that browser's session alone."""
    sign_in(browser, gatepost)
    with gatepost.another_client() as other:
        sign_in(other, gatepost)
        issuer = gatepost.gate.settings.sso.providers[0].issuer

        ended = browser.get(f"{issuer}/session/end")
        for _ in range(5):
            if ended.is_redirect:
                ended = browser.get(urljoin(str(ended.url), ended.headers["location"]))
            elif "<form" in ended.text:
                action = re.search(r'<form[^>]*action="([^"]+)"', ended.text)
                fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', ended.text))
                assert action
                ended = browser.post(urljoin(str(ended.url), action[1]), data={**fields, "logout": "yes"})

        deadline = time.monotonic() + 5
        while who(browser, gatepost) == "alice" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert who(browser, gatepost) == "401"
        assert who(other, gatepost) == "alice"
