"""What whoever runs the platform does: people, groups, roles, services, the audit log."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from gatepost.gate import Gatepost
from tests.console.company import PASSWORD
from tests.console.conftest import Browse

pytestmark = pytest.mark.browser


def test_a_person_is_made_and_can_sign_in(browse: Browse) -> None:
    page = browse("admin")
    page.goto("/users")
    page.get_by_role("link", name="New user").click()
    page.get_by_label("Username").fill("Olga")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/users/olga?done=made")
    browse("olga")


def test_disabling_says_what_ended_and_what_is_left_without_an_owner(browse: Browse, company: Gatepost) -> None:
    victim = browse("henrik")
    page = browse("admin")
    page.goto("/users/henrik")
    page.get_by_text("Disable", exact=True).click()
    page.get_by_role("button", name="Yes, disable henrik").click()
    report = page.get_by_role("status")
    expect(report).to_contain_text("1 session was ended, and 0 API tokens are refused")
    expect(report).to_contain_text("collection:finance")
    victim.goto("/tokens")
    victim.wait_for_url("**/login?next=*")
    assert not company.check("user:henrik", "view", "collection:finance").allowed
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("status")).to_contain_text("enabled again")


def test_a_person_goes_with_what_they_own_handed_on(browse: Browse, company: Gatepost) -> None:
    page = browse("admin")
    page.goto("/users/henrik/delete")
    page.get_by_role("button", name="Delete henrik").click()
    expect(page.get_by_role("alert")).to_contain_text("alone owns")
    expect(page.get_by_role("alert")).to_contain_text("collection:finance")
    expect(page.get_by_role("alert")).not_to_contain_text("transfer_to")
    page.get_by_label("What this account alone owns goes to").fill("ruth")
    page.get_by_role("button", name="Delete henrik").click()
    page.wait_for_url("**/users?done=deleted")
    assert company.check("user:ruth", "delete", "collection:finance").allowed


def test_a_role_is_given_from_the_persons_page_and_taken(browse: Browse, company: Gatepost) -> None:
    page = browse("admin")
    page.goto("/users/bob")
    page.get_by_label("Another role").select_option("auditor")
    page.get_by_role("button", name="Give").click()
    expect(page.get_by_role("status")).to_contain_text("The role is given")
    rights = page.get_by_role("table", name="Effective rights")
    expect(rights).to_contain_text("the role auditor holds audit:view")
    assert company.check("user:bob", "audit:view", "platform:main").allowed
    page.get_by_role("button", name="Take auditor from Bob Okafor").click()
    page.wait_for_url("**/users/bob?done=unassigned")
    assert not company.check("user:bob", "audit:view", "platform:main").allowed


def test_effective_rights_say_where_each_comes_from(browse: Browse) -> None:
    page = browse("admin")
    page.goto("/users/bob")
    rights = page.get_by_role("table", name="Effective rights")
    expect(rights.get_by_role("row").filter(has_text="collection:sales")).to_contain_text("through the group analysts")
    expect(rights.get_by_role("row").filter(has_text="demand-forecast")).to_contain_text("given to Bob Okafor")
    groups = page.get_by_role("region", name="Groups")
    expect(groups.get_by_role("listitem").filter(has_text="staff")).to_contain_text("through another group")


def test_a_group_is_made_and_its_members_have_what_it_has(browse: Browse, company: Gatepost) -> None:
    page = browse("admin")
    page.goto("/groups")
    page.get_by_label("Name").fill("night-shift")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Who", exact=True).fill("noor")
    page.get_by_role("button", name="Add to the group").click()
    row = page.get_by_role("row", name="Noor Haddad")
    expect(row).to_contain_text("by hand")
    page.get_by_label("Who", exact=True).fill("nobody-here")
    page.get_by_role("button", name="Add to the group").click()
    expect(page.get_by_role("alert")).to_contain_text("Who: there is no user:nobody-here.")
    page.goto("/groups/night-shift")
    page.get_by_role("button", name="Remove Noor Haddad").click()
    expect(page.get_by_role("status")).to_contain_text("Removed from the group")
    page.get_by_role("link", name="Delete the group").click()
    page.get_by_role("button", name="Delete night-shift").click()
    page.wait_for_url("**/groups?done=deleted")


def test_the_last_admin_stays(browse: Browse) -> None:
    page = browse("admin")
    page.goto("/roles/admin")
    page.get_by_role("button", name="Remove you").click()
    expect(page.get_by_role("alert")).to_contain_text("without an admin: make somebody else admin first")


def test_nobody_gives_a_role_that_holds_more_than_they_do(browse: Browse, company: Gatepost) -> None:
    page = browse("admin")
    page.goto("/roles")
    page.get_by_label("Name").fill("helper")
    page.get_by_label("Permissions (optional)").fill("role:view role:assign user:view")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Who", exact=True).fill("bob")
    page.get_by_role("button", name="Give the role").click()
    bob = browse("bob")
    bob.goto("/roles/admin")
    bob.get_by_label("Who", exact=True).fill("bob")
    bob.get_by_role("button", name="Give the role").click()
    expect(bob.get_by_role("alert")).to_contain_text("You cannot hand out *:*")
    assert not company.check("user:bob", "delete", "collection:sales").allowed


def test_a_service_gets_a_token_that_names_its_issuer(browse: Browse) -> None:
    """DH-17 and DH-18: who issued it is listed; where it should be kept is said where it is shown."""
    page = browse("admin")
    page.goto("/services/etl")
    page.get_by_role("button", name="Issue the token").click()
    expect(page.locator("#new-secret")).to_contain_text("gp_")
    expect(page.get_by_role("status")).to_contain_text("Keep it in a secret manager or an environment variable")
    page.goto("/services/etl")
    row = page.get_by_role("row", name="etl")
    expect(row).to_contain_text("by you")
    row.get_by_text("Revoke").first.click()
    row.get_by_role("button", name="Yes, revoke").click()
    expect(page.get_by_role("status")).to_contain_text("Revoked")


def test_the_audit_log_is_filtered(browse: Browse) -> None:
    page = browse("ruth")
    page.get_by_role("link", name="Audit log").click()
    page.get_by_label("Event").fill("access.*")
    page.get_by_label("Who").fill("admin")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("access.granted")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Administrator")
    expect(page.get_by_role("row").filter(has_text="user.created")).to_have_count(0)
