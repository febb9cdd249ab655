"""Every page, light and dark, wide and narrow: axe-core finds nothing, and nothing sticks out of a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from tests.console.company import as_person
from tests.console.conftest import Browse

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VISITOR = (
    "/",
    "/login",
    "/login/local",
    "/collections",
    "/resources/collection/open-data",
    "/logout",
    "/login?next=/tokens",
)
PAGES = (
    "/",
    "/collections",
    "/collections?type=dataset",
    "/resources/new",
    "/resources/collection/sales",
    "/resources/collection/sales/access",
    "/resources/collection/sales/access?why=bob&action=edit",
    "/resources/collection/sales/access?why=bob&action=view",
    "/resources/collection/open-data/access",
    "/resources/dataset/payroll/access",
    "/resources/collection/sales/access/add?q=bob",
    "/resources/collection/sales/access/add?q=nobody-at-all",
    "/resources/dataset/payroll/settings",
    "/resources/dataset/payroll/delete",
    "/tokens",
    "/sessions",
    "/account",
    "/users",
    "/users?q=nobody-at-all",
    "/users/tomasz",
    "/users/tomasz/delete",
    "/console/new-user",
    "/groups",
    "/groups?q=team",
    "/groups?q=nobody-at-all",
    "/groups/data-team",
    "/roles",
    "/roles?q=nobody-at-all",
    "/roles/admin",
    "/roles/auditor",
    "/services",
    "/services?q=nobody-at-all",
    "/services/etl",
    "/model",
    "/providers",
    "/conflicts",
    "/audit",
    "/audit?event=nothing.at.all",
    "/logout",
    "/there-is-nothing-here",
    "/?done=granted",
)


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(scheme: str, browse: Browse, company: Gatepost) -> None:
    issue_api_token(company, as_person("admin"), WantedToken(name="nightly"))
    found: dict[str, list[str]] = {}
    for username, paths in (("", VISITOR), ("admin", PAGES)):
        page = browse(username, color_scheme=scheme)
        for path in paths:
            page.goto(path)
            found |= {path: wrong} if (wrong := faults(page)) else {}
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens(scheme: str, browse: Browse) -> None:
    page = browse("admin", color_scheme=scheme)
    page.goto("/resources/collection/sales/access")
    page.get_by_role("link", name="Add Permission").click()
    page.get_by_role("dialog").get_by_label("tomasz").check()
    assert faults(page) == []
    page.goto("/")
    page.get_by_role("link", name="New resource").click()
    assert faults(page) == []
    page.goto("/tokens")
    page.get_by_label("What is it for?").fill("x")
    page.get_by_role("button", name="Make the token").click()
    assert faults(page) == []
    page.get_by_role("link", name="My account").click()
    page.get_by_label("Name").fill("x" * 300)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    assert faults(page) == []


def test_nothing_sticks_out_at_360_pixels(browse: Browse, company: Gatepost) -> None:
    long = "a-very-long-name-without-any-place-to-break-it" * 2
    grant_access(
        company, as_person("admin"), "collection", "sales", NewGrant(subject="group:data-team", relation="viewer")
    )
    issue_api_token(company, as_person("admin"), WantedToken(name=long))
    longest = "u" * 128
    create_user(company, as_person("admin"), NewUser(username=longest))
    wide = []
    for username, paths in (("", VISITOR), ("admin", (*PAGES, f"/users/{longest}", f"/users/{longest}/delete"))):
        page = browse(username, viewport={"width": 360, "height": 740})
        for path in paths:
            page.goto(path)
            if page.evaluate("document.documentElement.scrollWidth") > 360:
                wide.append(path)
    assert wide == []


def test_the_way_around_folds_on_a_phone(browse: Browse) -> None:
    page = browse("bob", viewport={"width": 360, "height": 740})
    assert not page.get_by_role("link", name="My API tokens").is_visible()
    page.get_by_text("Menu").press("Enter")
    page.get_by_role("link", name="My API tokens").click()
    page.wait_for_url("**/tokens")


def test_every_page_has_its_landmarks_and_one_heading(browse: Browse) -> None:
    page = browse("admin")
    for path in PAGES:
        page.goto(path)
        assert page.get_by_role("main").count() == 1, path
        assert page.get_by_role("heading", level=1).count() == 1, path
        assert page.get_by_role("banner").count() == 1, path
        assert page.locator("time:not([title$=UTC])").count() == 0, path
        assert page.title().endswith("· Gatepost"), path


def test_the_keyboard_alone_skips_to_the_content_and_shares(browse: Browse) -> None:
    page = browse("tomasz")
    page.goto("/resources/collection/sales/access")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    add = page.get_by_role("link", name="Add Permission")
    add.focus()
    page.keyboard.press("Enter")
    search = page.get_by_role("searchbox")
    assert search.evaluate("it => it === document.activeElement")
    page.keyboard.type("priya")
    page.get_by_role("dialog").get_by_text("1 found").wait_for(state="attached")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Access given").wait_for()
    assert page.get_by_role("row", name="Priya Raman").count() == 1


def test_escape_closes_the_dialog_and_the_focus_returns(browse: Browse) -> None:
    page = browse("tomasz")
    page.goto("/resources/collection/sales/access")
    add = page.get_by_role("link", name="Add Permission")
    add.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert add.evaluate("it => it === document.activeElement")
