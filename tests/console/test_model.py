"""The page of the platform's model: readable, with its versions, for whoever may read stores."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from gatepost.access import parse_model, write_model_json
from gatepost.gate import Gatepost
from gatepost.stores.models import write_version
from tests.console.company import as_person
from tests.console.conftest import Browse
from tests.console.test_accessibility import faults

pytestmark = pytest.mark.browser

REPORTS = """
model
  schema 1.1
type collection
  relations
    define owner: [user, service, group#member, role#assignee]
    define editor: [user, service, group#member, role#assignee] or owner
    define viewer: [user, service, group#member, role#assignee, user:*, service:*, anonymous:*] or editor
    define view: viewer
    define edit: editor
    define delete: owner
    define manage_access: owner
type dataset
  relations
    define parent: [collection]
    define owner: [user, service, group#member, role#assignee]
    define editor: [user, service, group#member, role#assignee] or owner
    define viewer: [user, service, group#member, role#assignee, user:*, service:*, anonymous:*] or editor
    define view: viewer or view from parent
    define edit: editor or edit from parent
    define delete: owner or delete from parent
    define manage_access: owner or manage_access from parent
type knowledge
  relations
    define owner: [user, service, group#member, role#assignee]
    define editor: [user, service, group#member, role#assignee] or owner
    define viewer: [user, service, group#member, role#assignee, user:*, service:*, anonymous:*] or editor
    define view: viewer
    define edit: editor
    define delete: owner
    define manage_access: owner
type report
  relations
    define owner: [user]
    define view: owner
"""


def test_an_admin_reads_the_model_and_what_it_was(browse: Browse, company: Gatepost) -> None:
    before = company.memory.model_id
    page = browse("admin")
    page.goto("/")
    page.get_by_role("link", name="Model").click()
    lines = page.get_by_role("list", name="The model, line by line").get_by_role("listitem")
    assert lines.nth(0).inner_text().strip() == "model"
    shown = "\n".join(lines.all_inner_texts())
    assert set(parse_model(shown).types) == set(company.memory.graph.model.types)

    record = company.memory.stores.main
    assert record is not None
    version = write_version(company, as_person("admin"), record.id, write_model_json(parse_model(REPORTS)))
    page.goto("/model")
    assert "type report" in "\n".join(lines.all_inner_texts())
    rows = page.get_by_role("row").filter(has=page.get_by_role("cell"))
    expect(rows).to_have_count(2)  # the one that Gatepost came with stays readable
    expect(rows.first).to_contain_text(version)
    expect(rows.first).to_contain_text("counts now")

    rows.nth(1).get_by_role("link").click()
    page.wait_for_url(f"**/model?version={before}")
    expect(page.get_by_text("older version")).to_be_visible()
    assert "type report" not in "\n".join(lines.all_inner_texts())
    assert faults(page) == []


def test_what_is_not_there_is_not_found(browse: Browse) -> None:
    page = browse("admin")
    for query in ("version=01ARZ3NDEKTSV4RRFFQ69G5FAV", "version=<script>", "token=nonsense"):
        answer = page.goto(f"/model?{query}")
        assert answer is not None
        assert answer.status == 404


def test_whoever_may_not_read_stores_has_no_such_page(browse: Browse) -> None:
    page = browse("tomasz")
    page.goto("/")
    expect(page.get_by_role("link", name="Model")).to_have_count(0)
    answer = page.goto("/model")
    assert answer is not None
    assert answer.status == 403
