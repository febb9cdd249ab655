"""Posts from another site in a real browser: a provider's answer as a form, and a sign-in that a portal asks for.

What the specification of cookies says of them (RFC 6265bis section 5.2) is seen here: no cookie comes with the post, and
those that are `Lax` come with the GET that it redirects to.
"""

from __future__ import annotations

import html
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, Request

from gatepost.gate import Gatepost
from gatepost.settings import SsoSettings
from tests.conftest import OpenGate, settings_for
from tests.console.serving import served
from tests.sso.provider_in_process import InProcessProvider, Raw

pytestmark = pytest.mark.browser


@pytest.fixture
def gatepost(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str], op: InProcessProvider
) -> Iterator[Gatepost]:
    settings = settings_for(sqlite_url)
    settings = replace(settings, main=replace(settings.main, public_url=listener[1]))
    gate = open_gate(replace(settings, sso=SsoSettings(providers=(op.settings(response_mode="form_post"),))))
    with served(gate, listener[0]):
        yield gate


@pytest.fixture
def page(browser: Browser, gatepost: Gatepost, url: str) -> Iterator[Page]:
    assert gatepost.settings.main.public_url == url
    with browser.new_context(base_url=url) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        yield page


def cookies_of(request: Request) -> str:
    return request.all_headers().get("cookie", "")


def test_an_answer_as_a_form_signs_in(page: Page, op: InProcessProvider, url: str) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.url.startswith(url) else None)

    page.goto("/oauth/op/login?next=/account")
    page.wait_for_url("**/account")

    posted = next(request for request in sent if request.method == "POST")
    assert cookies_of(posted) == ""
    assert posted.url == f"{url}/oauth/op/callback"
    continued = posted.redirected_to
    assert continued is not None
    assert continued.url.startswith(f"{url}/oauth/op/callback?parked=")
    assert "gp_login_" in cookies_of(continued)
    codes = [code for request in sent for code in op.grants if code in request.url]
    assert codes == []
    page.goto("/api/v1/me")
    assert '"bob"' in page.content()


def test_a_portal_starts_a_sign_in_by_post(page: Page, op: InProcessProvider, url: str) -> None:
    """OpenID Connect Core 4: and whoever signed out of here before is asked who they are."""
    fields = {"iss": op.issuer, "target_link_uri": f"{url}/collections", "login_hint": "bob@example.org"}
    inputs = "".join(f'<input name="{name}" value="{html.escape(value)}">' for name, value in fields.items())
    portal = f'<form method="post" action="{url}/oauth/op/login">{inputs}<button>Gatepost</button></form>'
    op.tamper.raw["/portal"] = Raw(headers={"Content-Type": "text/html"}, pieces=(portal.encode(),))
    page.context.add_cookies([{"name": "gp_ask_again", "value": "1", "url": url, "sameSite": "Lax"}])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/authorize?" in request.url else None)

    page.goto(f"{op.issuer}/portal")
    page.get_by_role("button", name="Gatepost").click()
    page.wait_for_url("**/collections")

    assert "login_hint=bob%40example.org" in asked[0]
    assert "prompt=login" in asked[0]
