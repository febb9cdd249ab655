"""The page of a dry run in a real browser: it can be read by everybody, on every screen, and reaches the terminal."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from gatepost.cli.dry_run import has_failed, read_result
from gatepost.cli.loopback import Loopback
from gatepost.directory.groups import create_group
from gatepost.gate import Gatepost
from gatepost.settings import SsoSettings
from tests.conftest import ADMIN, OpenGate, settings_for
from tests.console.conftest import Browse
from tests.console.serving import served
from tests.sso.provider_in_process import InProcessProvider, Person

pytestmark = pytest.mark.browser

STATE = "s" * 43
LONG = {f"https://claims.example/a-very-long-name-of-a-claim-{n}": {"x" * 60: ["y" * 200] * 3} for n in range(3)}


@pytest.fixture
def op(op: InProcessProvider) -> InProcessProvider:
    claims = {**op.people["bob"].claims, "groups": ["analysts", "unknown", "z" * 120], **LONG}
    op.people["bob"] = Person("sub-1", claims)
    return op


@pytest.fixture
def company(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str], op: InProcessProvider
) -> Iterator[Gatepost]:
    settings = settings_for(sqlite_url)
    settings = replace(settings, main=replace(settings.main, public_url=listener[1]))
    strict = op.settings(name="strict", allowed_domains=("corp.example",))
    gate = open_gate(
        replace(settings, sso=SsoSettings(providers=(op.settings(role_map={"analysts": "reader"}), strict)))
    )
    create_group(gate, ADMIN, "analysts", "")
    with served(gate, listener[0]):
        yield gate


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("username", ["", "admin"])
def test_axe_finds_nothing_and_nothing_sticks_out(scheme: str, username: str, browse: Browse) -> None:
    page = browse(username, color_scheme=scheme, viewport={"width": 360, "height": 740})
    for provider in ("op", "strict"):
        page.goto(f"/oauth/{provider}/login?try=true&terminal=40123&terminal_state={STATE}")
        expect(page.get_by_role("heading", name="Dry run", level=1)).to_be_visible()
        assert faults(page) == [], provider
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, provider


def test_the_person_sends_the_result_to_the_terminal(browse: Browse, company: Gatepost) -> None:
    """The browser holds the form to our policy, which names the one port."""
    page = browse("admin")
    with Loopback(STATE, method="POST") as loopback:
        port = loopback.netloc.rpartition(":")[2]
        page.goto(f"/oauth/op/login?try=true&terminal={port}&terminal_state={STATE}")
        page.get_by_role("button", name="Send it to the terminal").click()
        expect(page.get_by_role("heading", name="The terminal has the answer")).to_be_visible()
        result = read_result(loopback.wait(10))
    assert not has_failed(result)
    assert (result["username"], result["groups"]["added"]) == ("bob", ["analysts"])
    assert STATE not in str(result)


def test_whoever_tries_again_is_asked_who_they_are(browse: Browse, op: InProcessProvider) -> None:
    page = browse()
    page.goto("/oauth/op/login?try=true")
    op.approve = None
    page.get_by_role("link", name="Try again").click()
    page.wait_for_url("**/authorize?**prompt=login**")
    page.get_by_role("button", name="carol").click()
    expect(page.get_by_text("carol@example.org").first).to_be_visible()


def test_what_was_refused_is_begun_again_with_the_same_aim(browse: Browse, op: InProcessProvider) -> None:
    op.approve = None
    page = browse()
    page.goto("/oauth/op/login?next=/account")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("button", name="bob").click()
    page.wait_for_url("**/account")
