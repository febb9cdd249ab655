"""Signing out in a real browser: through a provider on another site, and by a frame on its page."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from gatepost.gate import Gatepost
from gatepost.settings import SsoSettings
from tests.conftest import OpenGate, settings_for
from tests.console.serving import served
from tests.sso.provider_in_process import InProcessProvider, Raw


@pytest.fixture
def gatepost(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str], op: InProcessProvider
) -> Iterator[Gatepost]:
    settings = settings_for(sqlite_url)
    settings = replace(settings, main=replace(settings.main, public_url=listener[1]))
    gate = open_gate(replace(settings, sso=SsoSettings(providers=(op.settings(),))))
    with served(gate, listener[0]):
        yield gate


@pytest.fixture
def page(browser: Browser, gatepost: Gatepost, url: str) -> Iterator[Page]:
    assert gatepost.settings.main.public_url == url
    with browser.new_context(base_url=url) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto("/oauth/op/login")
        page.wait_for_url("**/")
        yield page


@pytest.mark.browser
def test_the_form_ends_at_the_provider_and_comes_back(page: Page, op: InProcessProvider) -> None:
    """A browser holds the form to our policy on the way to the other site and back."""
    page.goto("/logout")
    expect(page.get_by_text("You came in through Example")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_text("Example says that yours there is, too")).to_be_visible()
    assert len(op.ended) == 1
    page.goto("/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.browser
def test_a_frame_on_the_providers_page_ends_the_session(page: Page, op: InProcessProvider, url: str) -> None:
    """Front-channel logout: to a frame on another site no cookie is sent, and none is needed."""
    frame = f'<iframe src="{url}/oauth/op/logout?iss={op.issuer}&sid=session-1"></iframe>'
    op.tamper.raw["/goodbye"] = Raw(headers={"Content-Type": "text/html"}, pieces=(frame.encode(),))

    with page.expect_response(re.compile("/oauth/op/logout")) as answered:
        page.goto(f"{op.issuer}/goodbye")

    assert answered.value.status == 200
    assert "cookie" not in answered.value.request.all_headers()
    assert page.frames[1].title() == "Signed out"
    page.goto(f"{url}/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
