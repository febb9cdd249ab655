"""Sharing for longer than one is owner: the page says until when, and nothing is shared."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.gate import Gatepost
from tests.console.company import as_person
from tests.console.conftest import Browse
from tests.console.test_accessibility import faults

pytestmark = pytest.mark.browser


def test_an_owner_for_a_time_is_told_until_when(browse: Browse, company: Gatepost) -> None:
    until = company.now() + timedelta(hours=1)
    wanted = NewGrant(subject="user:bob", relation="owner", expires_at=until)
    grant_access(company, as_person("tomasz"), "collection", "sales", wanted)
    page = browse("bob")
    page.goto("/resources/collection/sales/access/add?q=priya")
    page.get_by_label("priya").check()
    page.get_by_role("button", name="Add Permission").click()
    expect(page.get_by_role("alert")).to_contain_text(f"until {until:%Y-%m-%d %H:%M}")
    assert faults(page) == []
    grants = company.check("user:priya", "edit", "collection:sales")
    assert not grants.allowed
