"""A real server with a company in it, and a real browser in front.

`url` is the server's address; `op` is a provider to sign in at; `company` is its Gatepost, filled with Tidewater Cargo;
`browse(username)` opens a page for somebody who is signed in (or for a visitor, without a name).  Every page that a test
opens must load without a word on the browser's console: what our Content-Security-Policy blocks would be said there.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page

from gatepost.gate import Gatepost
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.console.company import PASSWORD, settle
from tests.console.serving import free_listener, served
from tests.dice import FakeDice
from tests.sso.provider_in_process import InProcessProvider, running_provider


class Browse(Protocol):
    """Open a page for somebody; the keyword arguments are those of a browser context."""

    def __call__(self, username: str = "", **context: object) -> Page: ...


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    """A provider that is another site than ours, where Bob says yes."""
    with running_provider(host="localhost") as provider:
        provider.now = dice.clock
        provider.approve = "bob"
        yield provider


@pytest.fixture
def listener() -> Iterator[tuple[socket.socket, str]]:
    listening, address = free_listener()
    with listening:
        yield listening, address


@pytest.fixture
def url(listener: tuple[socket.socket, str]) -> str:
    return listener[1]


@pytest.fixture
def company(open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str]) -> Iterator[Gatepost]:
    settings = settings_for(sqlite_url)
    gate = open_gate(replace(settings, main=replace(settings.main, public_url=listener[1])))
    settle(gate)
    with served(gate, listener[0]):
        yield gate


def sign_in(page: Page, username: str, password: str = "") -> None:
    page.goto("/login")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password or (ADMIN_PASSWORD if username == "admin" else PASSWORD))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/")


@pytest.fixture
def browse(browser: Browser, company: Gatepost, url: str) -> Iterator[Browse]:
    complaints: list[str] = []
    with ExitStack() as contexts:

        def open_page(username: str = "", **context: object) -> Page:
            page = contexts.enter_context(browser.new_context(base_url=url, **context)).new_page()  # type: ignore[arg-type]
            page.set_default_timeout(10_000)
            page.on("console", lambda message: _note(complaints, message))
            page.on("pageerror", lambda error: complaints.append(_text(error)))
            if username:
                sign_in(page, username)
            return page

        yield open_page
    assert complaints == []


def _note(complaints: list[str], message: ConsoleMessage) -> None:
    # An answer of 4xx is noted by the browser as well; those are asked for, and the tests look at them themselves.
    if message.type in ("error", "warning") and "the server responded with a status of" not in message.text:
        complaints.append(message.text)


def _text(error: Error) -> str:
    return f"{error.name}: {error.message}"
