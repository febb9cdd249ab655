"""`role_map`: a provider's roles and groups become roles here, and end when it drops them (IF-13, DH-12, trap 6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.directory.roles import assign_role, create_role, list_assignees
from gatepost.errors import Forbidden
from gatepost.gate import Gatepost
from gatepost.settings import ClaimRule
from tests.conftest import OpenGate
from tests.directory.people import ADMIN
from tests.sso.corp import CORP, come, said, with_providers

MAPPED = replace(CORP, role_map={"platform-admins": "admin", "writers": "steward"})
BY_CLAIM = replace(MAPPED, claims_map={"roles": ClaimRule(path="$.realm_access.roles")})


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    gate = open_gate(with_providers(gate_url))
    create_role(gate, ADMIN, "steward", ("dataset:edit",))
    return gate


def origins(gate: Gatepost, role: str) -> dict[str, str]:
    return {member.subject: member.origin for member in list_assignees(gate, ADMIN, role, Wanted()).items}


def test_a_mapped_group_is_a_role_until_the_provider_drops_it(gate: Gatepost) -> None:
    come(gate, said(groups=("platform-admins", "writers")), MAPPED)
    assert origins(gate, "steward") == {"user:alice": "sso:corp"}
    assert gate.check("user:alice", "user:create", "platform:main").allowed

    come(gate, said(groups=("writers",)), MAPPED)
    assert not gate.check("user:alice", "user:create", "platform:main").allowed
    assert origins(gate, "steward") == {"user:alice": "sso:corp"}

    come(gate, said(groups=()), MAPPED)
    assert origins(gate, "steward") == {}


def test_a_provider_that_says_nothing_of_groups_takes_nothing_away(gate: Gatepost) -> None:
    """Trap 8."""
    come(gate, said(groups=("writers",)), MAPPED)
    come(gate, said(groups=None), MAPPED)
    assert origins(gate, "steward") == {"user:alice": "sso:corp"}


def test_what_was_assigned_by_hand_stays(gate: Gatepost) -> None:
    """Trap 7."""
    come(gate, said(groups=()), MAPPED)
    assign_role(gate, ADMIN, "steward", "user:alice")
    come(gate, said(groups=("writers",)), MAPPED)
    come(gate, said(groups=()), MAPPED)
    assert origins(gate, "steward") == {"user:alice": "manual"}


def test_a_group_called_admin_is_no_admin(gate: Gatepost) -> None:
    """Trap 6: only an explicit mapping makes one."""
    come(gate, said(groups=("admin",)), MAPPED)
    assert "user:alice" not in origins(gate, "admin")


def test_roles_stand_where_the_claims_map_says(gate: Gatepost) -> None:
    come(gate, said(claims={"realm_access": {"roles": ["writers", "unknown"]}}, groups=()), BY_CLAIM)
    assert origins(gate, "steward") == {"user:alice": "sso:corp"}

    with pytest.raises(Forbidden, match="no usable roles"):
        come(gate, said(claims={}, groups=()), BY_CLAIM)
    assert origins(gate, "steward") == {"user:alice": "sso:corp"}


def test_a_mapping_that_is_taken_out_of_the_configuration_ends(gate: Gatepost) -> None:
    come(gate, said(groups=("writers",)), MAPPED)
    come(gate, said(groups=("writers",)), CORP)
    assert origins(gate, "steward") == {}


def test_what_changed_is_on_record_with_what_was_left_out(gate: Gatepost) -> None:
    settings = replace(MAPPED, role_map={"writers": "steward", "dancers": "no-such-role"})
    come(gate, said(groups=("writers", "dancers")), settings)
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="roles.synchronised")).items
    wanted = {
        "added": ["steward"],
        "removed": [],
        "left_out": ["no-such-role"],
        "why": {"steward": "corp lists writers"},
    }
    assert wanted.items() <= record.detail.items()
