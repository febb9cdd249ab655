"""What people come for: sign in, make a collection, share it with a group, and a colleague sees it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from playwright.sync_api import Page, expect

from gatepost.gate import Gatepost
from tests.console.company import PASSWORD
from tests.console.conftest import Browse, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    wanted: bool = request.param
    return wanted


def share_with(page: Page, query: str, name: str, relation: str, *, javascript: bool) -> None:
    page.get_by_role("link", name="Add Permission").click()
    form = page.get_by_role("dialog") if javascript else page.get_by_role("main")
    form.get_by_role("searchbox").fill(query)
    if not javascript:
        page.get_by_role("button", name="Search").click()
    form.get_by_role("radio", name=name).check()
    form.get_by_role("group", name="Relation").get_by_role("radio", name=relation).check()
    button = form.get_by_role("button", name="Add Permission")
    if javascript:
        expect(button).to_be_in_viewport(ratio=1)  # the foot of a dialog that scrolls is whole
    button.click()


def test_a_collection_is_made_and_shared_and_seen(browse: Browse, company: Gatepost, javascript: bool) -> None:
    priya = browse("priya", java_script_enabled=javascript)
    priya.get_by_role("link", name="New resource").click()
    priya.get_by_role("textbox", name="Name").fill("Port <b>congestion</b>")
    priya.get_by_role("textbox", name="Id").fill("congestion")
    priya.get_by_role("button", name="Create").click()
    expect(priya.get_by_role("heading", level=1)).to_have_text("Port <b>congestion</b>")
    assert not company.check("user:tomasz", "view", "collection:congestion").allowed

    priya.get_by_role("link", name="Access Control").click()
    share_with(priya, "sales", "sales-team", "editor", javascript=javascript)
    expect(priya.get_by_role("status")).to_contain_text("Access given")
    row = priya.get_by_role("row", name="sales-team")
    expect(row).to_contain_text("Every member of sales-team may view and edit: editor here, granted by priya")
    expect(priya.get_by_role("row", name="You")).to_contain_text("owner")

    tomasz = browse("tomasz", java_script_enabled=javascript)
    tomasz.get_by_role("link", name="Port <b>congestion</b>").click()
    expect(tomasz.get_by_role("main")).to_contain_text("tomasz is a member of sales-team, which is editor of")

    row.get_by_role("button", name="Remove").click()
    expect(priya.get_by_role("row", name="sales-team")).to_have_count(0)
    answer = tomasz.reload()
    assert answer is not None
    assert answer.status == 404


def test_public_writes_all_three_and_takes_them_back(browse: Browse, company: Gatepost) -> None:
    page = browse("tomasz")
    page.goto("/resources/collection/sales/access")
    share_with(page, "", "Public", "viewer", javascript=True)
    expect(page.get_by_role("status")).to_contain_text("This is public now")
    for subject in ("user:noor", "service:gateway", "anonymous:*"):
        assert company.check(subject, "view", "collection:sales").allowed
    stranger = browse()
    stranger.goto("/resources/dataset/bookings")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Bookings")
    expect(stranger.get_by_role("link", name="Access Control")).to_have_count(0)

    page.get_by_role("button", name="Remove viewer from the public").click()
    expect(page.get_by_role("status")).to_contain_text("not public any more")
    assert not company.check("anonymous:*", "view", "collection:sales").allowed
    assert not company.check("service:gateway", "view", "collection:sales").allowed


def test_the_public_can_be_viewers_only(browse: Browse, company: Gatepost) -> None:
    page = browse("tomasz")
    page.goto("/resources/collection/sales/access")
    share_with(page, "", "Public", "editor", javascript=True)
    expect(page.get_by_role("alert")).to_contain_text("can be a viewer only")
    assert not company.check("anonymous:*", "view", "collection:sales").allowed


def test_the_last_owner_stays_and_the_page_says_why(browse: Browse) -> None:
    page = browse("tomasz")
    page.goto("/resources/collection/sales/access")
    page.get_by_role("button", name="Remove owner from you").click()
    expect(page.get_by_role("alert")).to_contain_text("without an owner: make somebody else owner first")


def test_why_can_somebody_see_this(browse: Browse) -> None:
    page = browse("admin")
    page.goto("/resources/dataset/bookings/access")
    page.get_by_role("combobox", name="Who").fill("bob")
    page.get_by_role("button", name="Why?").click()
    expect(page.get_by_role("status")).to_contain_text(
        "Yes. bob is a member of analysts, which is viewer of collection:sales"
    )
    page.get_by_label("May they").select_option("delete it")
    page.get_by_role("button", name="Why?").click()
    expect(page.get_by_role("status")).to_contain_text("No.")
    expect(page.get_by_role("status")).to_contain_text("make bob owner of dataset:bookings")


def test_inherited_access_is_shown_and_changed_where_it_stands(browse: Browse) -> None:
    page = browse("tomasz")
    page.goto("/resources/dataset/bookings/access")
    row = page.get_by_role("row", name="analysts")
    expect(row).to_contain_text("viewer of collection:sales, in which bookings is")
    expect(row.get_by_role("button")).to_have_count(0)
    row.get_by_role("link", name="In Sales").click()
    page.wait_for_url("**/resources/collection/sales/access")


def test_a_resource_is_renamed_moved_and_deleted(browse: Browse, company: Gatepost) -> None:
    page = browse("tomasz")
    page.goto("/resources/dataset/rate-cards/settings")
    page.get_by_role("textbox", name="Name").fill("Rates")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rates")
    page.get_by_role("combobox", name="In", exact=True).select_option("nowhere in particular")
    page.get_by_role("button", name="Move").click()
    expect(page.get_by_role("status")).to_contain_text("Moved")
    assert not company.check("user:bob", "view", "dataset:rate-cards").allowed
    page.get_by_role("link", name="Delete Rates").click()
    page.get_by_role("button", name="Delete Rates").click()
    page.wait_for_url("**/collections?done=deleted")
    assert not company.check("user:tomasz", "view", "dataset:rate-cards").allowed


def test_what_is_not_shared_is_not_there(browse: Browse) -> None:
    page = browse("noor")
    for path in ("/resources/dataset/payroll", "/resources/dataset/no-such-thing", "/resources/dataset/payroll/access"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404
        expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_only_what_one_may_is_offered(browse: Browse) -> None:
    page = browse("bob")
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    answer = page.goto("/users")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("This takes user:view, which user:bob does not have.")
    page.goto("/resources/collection/sales/access")
    expect(page.get_by_role("link", name="Add Permission")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)


def test_signing_in_goes_on_to_where_one_wanted(browse: Browse) -> None:
    page = browse()
    page.goto("/tokens?done=revoked")
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/tokens?done=revoked")


def test_signing_out_ends_the_session(browse: Browse, company: Gatepost) -> None:
    page = browse("bob")
    (cookie,) = (each for each in page.context.cookies() if "session" in each.get("name", ""))
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed out")
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto("/tokens")
    page.wait_for_url("**/login?next=*")


def test_signing_in_again_ends_the_browsers_old_session(browse: Browse, company: Gatepost) -> None:
    page = browse("bob")
    sign_in(page, "tomasz")
    page.goto("/sessions")
    expect(page.get_by_role("listitem").filter(has_text="this one")).to_have_count(1)
    admin = browse("admin")
    admin.goto("/users/bob")
    expect(admin.get_by_role("region", name="Sessions")).to_contain_text("None.")


def test_the_demos_people_and_the_providers_have_buttons(browse: Browse, company: Gatepost) -> None:
    """The demo offers its people by name: one signs in here with a press, the other is sent to the provider."""
    company.demo_people = (
        SimpleNamespace(username="ruth", label="Ruth, auditor", login_url=None, password=PASSWORD),
        SimpleNamespace(username="bob", label="Bob, analyst", login_url="/oauth/x/login?login_hint=bob", password=None),
    )
    page = browse()
    page.goto("/login?next=/audit")
    link = page.get_by_role("link", name="as Bob, analyst")
    expect(link).to_have_attribute("href", "/oauth/x/login?login_hint=bob&next=/audit")
    page.get_by_role("button", name="as Ruth, auditor").click()
    page.wait_for_url("**/audit")
