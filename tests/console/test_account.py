"""What somebody does about themselves: tokens, sessions, name and password."""

from __future__ import annotations

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from gatepost.gate import Gatepost
from tests.console.company import PASSWORD
from tests.console.conftest import Browse

pytestmark = pytest.mark.browser

NEW_PASSWORD = "harbour-lights-at-nine"


def who(url: str, token: str) -> int:
    return httpx.get(f"{url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_is_shown_once_works_and_is_revoked(browse: Browse, url: str) -> None:
    """IF-22, and DH-18: where it should be kept is said where it is shown."""
    page = browse("bob", permissions=["clipboard-read", "clipboard-write"])
    page.goto("/tokens")
    page.get_by_label("What is it for?").fill("<script>alert(1)</script>")
    page.get_by_role("radio", name="View only").check()
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("#new-secret").inner_text()
    assert token.startswith("gp_")
    expect(page.get_by_role("status")).to_contain_text("Keep it in a secret manager or an environment variable")
    assert who(url, token) == 200
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == token

    page.reload()  # asks for the page, and does not make another one
    assert token not in page.content()
    row = page.get_by_role("row", name="<script>alert(1)</script>")
    expect(row).to_contain_text("*:view")
    row.get_by_text("Revoke").first.click()
    row.get_by_role("button", name="Yes, revoke").click()
    expect(page.get_by_role("status")).to_contain_text("Revoked")
    assert who(url, token) == 401


def test_a_second_press_on_a_slow_line_does_nothing_more(browse: Browse) -> None:
    """Two tokens would be made, and nobody would have seen the secret of the first."""
    page = browse("bob")
    page.goto("/tokens")
    press = "it => !it.dispatchEvent(new SubmitEvent('submit', {bubbles: true, cancelable: true}))"
    form = page.locator("form[action='/tokens']")

    assert [form.evaluate(press) for _ in range(3)] == [False, True, True]

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert form.evaluate(press) is False, "the way back brings the page as it was left"
    page.goto("/collections")
    page.goto("/resources/collection/sales/access")
    search = page.locator("form[method=get]").first
    assert [search.evaluate(press) for _ in range(2)] == [False, False]


def test_a_token_that_is_wrong_keeps_what_was_typed(browse: Browse) -> None:
    page = browse("bob")
    page.goto("/tokens")
    page.get_by_label("What is it for?").fill("nightly")
    page.get_by_role("radio", name="Only these scopes").check()
    page.get_by_label("Scopes (optional)").fill("no-such-type:view")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no such type or action")
    expect(page.get_by_label("What is it for?")).to_have_value("nightly")
    expect(page.get_by_role("radio", name="Only these scopes")).to_be_checked()


def test_other_sessions_are_ended(browse: Browse) -> None:
    here, there = browse("bob"), browse("bob")
    here.goto("/sessions")
    expect(here.get_by_role("listitem").filter(has_text="signed in with a password")).to_have_count(2)
    here.get_by_role("button", name="End all others").click()
    expect(here.get_by_role("status")).to_contain_text("All your other sessions are over")
    there.goto("/tokens")
    there.wait_for_url("**/login?next=%2Ftokens")
    here.goto("/tokens")
    expect(here.get_by_role("heading", level=1)).to_have_text("My API tokens")


def test_a_changed_password_counts_at_once(browse: Browse) -> None:
    page, other = browse("bob"), browse("bob")
    page.goto("/account")
    for label, text in (
        ("Current password", PASSWORD),
        ("New password", NEW_PASSWORD),
        ("New password, again", NEW_PASSWORD),
    ):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("status")).to_contain_text("The password is changed")
    other.goto("/tokens")
    other.wait_for_url("**/login?next=*")


@pytest.mark.parametrize(
    ("current", "new", "again", "sentence"),
    [
        ("not-mine-at-all", NEW_PASSWORD, NEW_PASSWORD, "The current password is wrong."),
        (PASSWORD, NEW_PASSWORD, "something-else-entirely", "New password, again: the two are not the same"),
        (PASSWORD, "password123", "password123", "Password: it is a common password"),
    ],
)
def test_a_refused_password_says_why(browse: Browse, current: str, new: str, again: str, sentence: str) -> None:
    page = browse("bob")
    page.goto("/account")
    for label, text in (("Current password", current), ("New password", new), ("New password, again", again)):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_contain_text(sentence)


def test_ones_own_name_is_changed(browse: Browse, company: Gatepost) -> None:
    page = browse("bob")
    page.goto("/account")
    page.get_by_label("Name").fill('"><img src=x onerror=alert(1)>')
    page.get_by_role("button", name="Save").click()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text('Hello, "><img src=x onerror=alert(1)>')
    assert page.locator("img[src=x]").count() == 0


def test_a_wrong_password_and_nobody_read_alike_until_it_is_too_often(browse: Browse) -> None:
    page = browse()
    said = []
    for username in ("bob", "nobody-here"):
        page.goto("/login")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill("not-the-password")
        page.get_by_role("button", name="Sign in", exact=True).click()
        said.append(page.get_by_role("alert").inner_text())
        expect(page.get_by_label("Username")).to_have_value(username)
        expect(page.get_by_label("Password")).to_have_value("")
    assert said[0] == said[1] == "The username or the password is wrong."
    statuses = []
    for _ in range(5):
        page.get_by_label("Password").fill("not-the-password")
        with page.expect_response("**/login") as answered:
            page.get_by_role("button", name="Sign in", exact=True).click()
        statuses.append((answered.value.status, int(answered.value.headers.get("retry-after", "0")) > 0))
    assert statuses == [(401, False)] * 4 + [(429, True)]
    expect(page.get_by_role("alert")).to_contain_text("You can try again in")
    expect(page.get_by_role("alert")).to_contain_text("Your account is not locked")
