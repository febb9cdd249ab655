"""The playground in a real browser: it needs nothing from elsewhere, keeps nothing, and our policy has nothing to block."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

from gatepost.gate import Gatepost
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.console.serving import free_listener, served
from tests.server.calling import api_token, as_admin, bearer

RUN = ".graphiql-execute-button"
# GraphiQL's editor scrolls beside the text area that has the focus, which is not ours to mend.
NOT_OURS = {"rules": {"scrollable-region-focusable": {"enabled": False}}}


@pytest.fixture
def place() -> Iterator[tuple[socket.socket, str]]:
    listening, address = free_listener()
    with listening:
        yield listening, address


@pytest.fixture
def url(open_gate: OpenGate, sqlite_url: str, place: tuple[socket.socket, str]) -> Iterator[str]:
    settings = settings_for(sqlite_url)
    main = replace(settings.main, public_url=place[1], allow_anonymous_access=False)
    gate: Gatepost = open_gate(replace(settings, main=main))
    with served(gate, place[0]):
        yield place[1]


class Visit:
    """A page with what its browser complained of, and what it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        page.set_default_timeout(20_000)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    def _asked(self, request: Request) -> None:
        self.requests.append(request)

    def open(self) -> Page:
        self.page.goto("/graphql")
        self.page.wait_for_selector(RUN)
        return self.page


@pytest.fixture(params=["light", "dark"])
def visit(browser: Browser, url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    with ExitStack() as opened:
        context = opened.enter_context(browser.new_context(base_url=url, color_scheme=request.param))
        yield Visit(context.new_page())


def secret_of_an_api_token(url: str) -> str:
    with httpx2.Client(base_url=url, trust_env=False) as client:
        return api_token(client, as_admin(client))


def give(page: Page, token: str) -> None:
    page.get_by_label("API token or access token").fill(token)
    page.get_by_label("API token or access token").press("Enter")


def test_a_token_is_used_and_kept_nowhere(visit: Visit, url: str) -> None:
    """IF-23: the playground with an API token, and it is in no storage, no cookie and no address."""
    token = secret_of_an_api_token(url)
    page = visit.open()
    expect(page.locator("#as")).to_contain_text("Not signed in")

    give(page, token)
    expect(page.locator("#as")).to_have_text("You are admin")
    page.click(RUN)
    expect(page.locator(".result-window")).to_contain_text('"username": "admin"')
    page.click('button[aria-label="Show Documentation Explorer"]')
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Mutation")
    page.click('button[aria-label="Open settings dialog"]')
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert token not in kept
    assert kept.startswith("[{},{},")
    assert token not in " ".join(each.url for each in visit.requests)
    assert {each.url.startswith((url, "data:")) for each in visit.requests} == {True}
    assert [it for it in visit.complaints if "status of 401" not in it] == []


def test_the_session_of_the_console_and_an_access_token_open_it(visit: Visit, url: str) -> None:
    """IF-23: there an access token does not."""
    with httpx2.Client(base_url=url, trust_env=False) as client:
        access = as_admin(client)["Authorization"].removeprefix("Bearer ")
        assert client.get("/api/v1/me", headers=bearer(access)).status_code == 200
    page = visit.page
    page.goto("/login")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/")
    visit.open()
    expect(page.locator("#as")).to_have_text("You are admin")

    give(page, "gp_not-a-token")
    expect(page.locator("#as")).to_contain_text("Not signed in")
    give(page, access)
    expect(page.locator("#as")).to_have_text("You are admin")


def test_axe_finds_nothing_with_an_answer_and_the_documentation_open(visit: Visit, url: str) -> None:
    page = visit.open()
    give(page, secret_of_an_api_token(url))
    expect(page.locator("#as")).to_have_text("You are admin")

    page.click(RUN)
    expect(page.locator(".result-window")).to_contain_text('"username": "admin"')
    page.click('button[aria-label="Show Documentation Explorer"]')
    page.get_by_role("link", name="Mutation", exact=True).click()
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("applyPlan")

    found = Axe().run(page, options=NOT_OURS).response["violations"]

    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    page.set_viewport_size({"width": 390, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


PHONES = ((390, 780), (320, 640))


@pytest.mark.parametrize("size", PHONES, ids=str)
def test_on_a_phone_one_thing_stands_above_the_other(size: tuple[int, int], visit: Visit, url: str) -> None:
    """The query, its answer and what explains it have the width of the page, and nothing reaches over its edges."""
    page = visit.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.open()
    give(page, secret_of_an_api_token(url))
    expect(page.locator("#as")).to_have_text("You are admin")
    page.click(RUN)
    expect(page.locator(".result-window")).to_contain_text('"username": "admin"')

    parts = [".credential", ".graphiql-sidebar", ".graphiql-query-editor .graphiql-editor", ".result-window"]
    boxes = [page.locator(part).bounding_box() for part in parts]
    for above, below in pairwise(boxes):
        assert above is not None
        assert below is not None
        assert above["y"] + above["height"] <= below["y"] + 1
        assert below["width"] >= size[0] * 0.9
        assert below["y"] + below["height"] <= size[1]
    assert all(box is not None and box["height"] >= 100 for box in boxes[2:])
    page.click('button[aria-label="Show Documentation Explorer"]')
    docs = page.locator(".graphiql-plugin").bounding_box()
    assert docs is not None
    assert docs["width"] == size[0]
    page.click('button[aria-label="Hide Documentation Explorer"]')
    page.get_by_role("button", name="Variables", exact=True).click()
    expect(page.locator(".graphiql-editor-tool .CodeMirror:visible")).to_be_in_viewport()
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == list(size)
    assert [it for it in visit.complaints if "status of 401" not in it] == []


def test_the_bar_follows_what_is_chosen_in_the_settings(visit: Visit) -> None:
    """GraphiQL can be set to light or dark, whatever the device says: the bar above it does not stay behind."""
    page = visit.open()
    for chosen, dark in (("Dark", True), ("Light", False)):
        page.click('button[aria-label="Open settings dialog"]')
        page.get_by_role("dialog").get_by_role("button", name=chosen, exact=True).click()
        page.keyboard.press("Escape")
        found = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert found == ("rgb(23, 31, 28)" if dark else "rgb(255, 255, 255)")
        assert page.evaluate("getComputedStyle(document.body).colorScheme") == chosen.lower()


def test_it_works_without_a_network(visit: Visit, url: str) -> None:
    """Whatever is not on our own server is out of reach, as on a machine that is not connected."""
    page = visit.page
    page.context.route(lambda address: not address.startswith((url, "data:")), lambda route: route.abort())
    token = secret_of_an_api_token(url)
    visit.open()
    give(page, token)
    expect(page.locator("#as")).to_have_text("You are admin")
    page.click(RUN)

    expect(page.locator(".result-window")).to_contain_text('"username": "admin"')


def test_a_program_is_not_given_the_page(url: str) -> None:
    with httpx2.Client(base_url=url, trust_env=False) as client:
        opened = client.get("/graphql", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in opened.headers["content-security-policy"]
        assert opened.headers["cache-control"] == "no-store"
        assert client.head("/graphql", headers={"Accept": "text/html"}).status_code == 200
        assert client.get("/graphql", headers={"Accept": "*/*"}).status_code == 401
        stale = {"Accept": "text/html", "Cookie": "gp_session=gone", "Authorization": "Bearer gp_gone"}
        assert client.get("/graphql", headers=stale).status_code == 200
