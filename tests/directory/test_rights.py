"""What somebody effectively has says by which way it came, until when, and where it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.access import format_model, parse_model, write_model_json
from gatepost.directory.groups import add_member, create_group
from gatepost.directory.rights import rights_of
from gatepost.directory.roles import assign_role
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.gate import Gatepost
from gatepost.stores.keys import TupleKey
from gatepost.stores.models import write_version
from gatepost.stores.writes import TupleWrite, write_tuples
from tests.directory.people import ADMIN, make_collection, make_group, make_people, person, share


@pytest.fixture
def company(gate: Gatepost) -> Gatepost:
    make_people(gate, "alice", "bob", "eve")
    make_group(gate, "secret-merger", "user:bob")
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "viewer", "group:secret-merger")
    return gate


def test_rights_say_by_which_way_and_until_when(company: Gatepost) -> None:
    """A role through nested groups, one of them for a time; of two ways the longer one; and a share under a condition."""
    soon, later = company.now() + timedelta(hours=1), company.now() + timedelta(hours=2)
    make_people(company, "dora")
    for name, member in (("interns", "user:dora"), ("analysts", "group:interns"), ("staff", "group:analysts")):
        create_group(company, ADMIN, name)
        add_member(company, ADMIN, name, member, expires_at=later if name == "analysts" else None)
    assign_role(company, ADMIN, "reader", "group:staff")
    assign_role(company, ADMIN, "decider", "user:dora", expires_at=soon)
    assign_role(company, ADMIN, "decider", "group:interns")
    until = NewGrant(subject="group:staff", relation="viewer", expires_at=soon)
    grant_access(company, person("alice"), "collection", "c", until)
    found = rights_of(company, person("dora"), "dora")
    assert found.groups == ("analysts", "interns", "staff")
    said = {each.right: (each.sentence, each.expires_at) for each in found.permissions}
    way = "the role reader holds *:view, as a member of interns, in analysts, in staff, until 2026-11-22 14:00 UTC"
    assert said["*:view"] == (way, later)
    assert said["decision:ask"] == ("the role decider holds decision:ask, as a member of interns", None)
    (viewer,) = found.relations
    assert (viewer.resource, viewer.source, viewer.expires_at) == ("collection:c", "group:staff#member", soon)
    assert "by way of interns, in analysts" in viewer.sentence


def test_rights_name_the_condition_that_has_to_hold(company: Gatepost) -> None:
    record = company.memory.stores.main
    assert record is not None
    model = parse_model(
        format_model(company.memory.graph.model).replace(
            "define viewer: [user, service,", "define viewer: [user, user with at_work, service,"
        )
        + "condition at_work(hour: int) { hour > 8 }"
    )
    write_version(company, ADMIN, record.id, write_model_json(model))
    key = TupleKey("user:eve", "viewer", "collection:c", {"name": "at_work", "context": {}})
    write_tuples(company, ADMIN, record.id, TupleWrite(writes=[key], deletes=[]))
    (viewer,) = rights_of(company, person("eve"), "eve").relations
    assert (viewer.right, viewer.condition) == ("viewer", "at_work")
    assert viewer.sentence == "viewer of collection:c, where at_work holds"


def test_what_only_the_callers_token_says_is_in_their_own_rights(company: Gatepost) -> None:
    """A group and a role of a delegated token: with what is shared with them, for this call, and for nobody else."""
    caller = replace(
        person("eve"), groups=frozenset({"secret-merger"}), roles=frozenset({"reader"}), provider="gateway"
    )
    own = rights_of(company, caller, "eve")
    assert own.groups == ("secret-merger",)
    assert [(r.right, r.resource) for r in own.relations] == [("viewer", "collection:c")]
    assert own.relations[0].sentence.endswith("gateway says so for this call")
    assert "*:view" in {r.right for r in own.permissions}
    assert rights_of(company, ADMIN, "eve").relations == ()
