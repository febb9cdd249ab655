"""Groups read again at the provider, from a person's page (DH-27: OIDC sync)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gatepost.directory.groups import create_group
from gatepost.directory.roles import assign_role, create_role
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.settings import SsoSettings
from tests.conftest import ADMIN, OpenGate, settings_for
from tests.console.conftest import sign_in
from tests.console.serving import served
from tests.sso.provider_in_process import InProcessProvider, Raw, with_

pytestmark = pytest.mark.browser

SCOPES = ("openid", "profile", "groups", "offline_access")


@pytest.fixture
def gate(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str], op: InProcessProvider
) -> Iterator[Gatepost]:
    settings = settings_for(sqlite_url)
    provider = op.settings(scopes=SCOPES, scopes_configured=True, display_name="Op")
    main = replace(settings.main, public_url=listener[1])
    gate = open_gate(replace(settings, main=main, sso=SsoSettings(providers=(provider,))))
    with served(gate, listener[0]):
        yield gate


@pytest.fixture
def open_page(browser: Browser, gate: Gatepost) -> Iterator[Callable[[], Page]]:
    with ExitStack() as contexts:

        def run() -> Page:
            context = browser.new_context(base_url=gate.settings.main.public_url)
            page: Page = contexts.enter_context(context).new_page()
            page.set_default_timeout(10_000)
            return page

        yield run


@pytest.fixture
def at_bob(gate: Gatepost, open_page: Callable[[], Page]) -> Page:
    """The page of Bob, who has signed in at the provider and is in `analysts` through it, before an admin."""
    for name in ("analysts", "data-team"):
        create_group(gate, ADMIN, name)
    visitor = open_page()
    visitor.goto("/oauth/op/login")
    visitor.wait_for_url("**/")
    page = open_page()
    sign_in(page, "admin")
    page.goto("/users/bob")
    expect(page.get_by_role("region", name="Groups")).to_contain_text("analysts")
    return page


def read_again(page: Page) -> None:
    page.get_by_role("button", name="Read groups again").click()


def test_what_changed_there_holds_here_and_is_said(at_bob: Page, op: InProcessProvider) -> None:
    op.tamper.claims = with_(groups=["data-team"])

    read_again(at_bob)

    expect(at_bob.get_by_role("status")).to_contain_text("Groups added: data-team; removed: analysts.")
    groups = at_bob.get_by_role("region", name="Groups")
    expect(groups).to_contain_text("data-team")
    expect(groups).not_to_contain_text("analysts")
    assert Axe().run(at_bob).response["violations"] == []


def test_a_provider_that_fails_changes_nothing_and_is_named(at_bob: Page, op: InProcessProvider) -> None:
    op.tamper.raw["/token"] = Raw(status=503)

    read_again(at_bob)

    expect(at_bob.get_by_role("alert")).to_contain_text("That did not work.")
    expect(at_bob.get_by_role("alert")).to_contain_text("503")
    expect(at_bob.get_by_role("region", name="Groups")).to_contain_text("analysts")


def test_a_refresh_token_that_is_no_more_ends_the_session(at_bob: Page, op: InProcessProvider) -> None:
    op.refresh_tokens.clear()

    read_again(at_bob)

    expect(at_bob.get_by_role("alert")).to_contain_text("That did not work.")
    at_bob.goto("/users/bob")
    expect(at_bob.get_by_role("region", name="Sessions")).to_contain_text("None.")


def test_only_whoever_may_is_offered_it(
    gate: Gatepost, open_page: Callable[[], Page], at_bob: Page, op: InProcessProvider
) -> None:
    create_role(gate, ADMIN, "helpdesk", permissions=["user:view"])
    create_user(gate, ADMIN, NewUser(username="ann", password="quay-seven-lantern"))
    assign_role(gate, ADMIN, "helpdesk", "user:ann")
    ours = {"Origin": gate.settings.main.public_url}
    page = open_page()
    sign_in(page, "ann", "quay-seven-lantern")
    page.goto("/users/bob")
    expect(page.get_by_role("region", name="Identities")).to_be_visible()
    assert page.get_by_role("button", name="Read groups again").count() == 0
    asked = op.requests["/token"]
    assert page.request.post("/users/bob/sync", headers=ours).status == 403
    assert page.request.post("/users/nobody/sync", headers=ours).status in (403, 404)
    assert at_bob.request.post("/users/bob/sync", headers={"Origin": "https://evil.example"}).status == 403
    assert op.requests["/token"] == asked
    assert at_bob.request.post("/users/nobody/sync", headers=ours).status == 404
