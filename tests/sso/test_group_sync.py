"""What a provider says of groups, and what of it is done here (traps 6 to 9, IF-8, CO-X8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.groups import add_member, create_group, list_members, remove_member
from gatepost.directory.pages import Wanted
from gatepost.gate import Gatepost
from gatepost.settings import ProviderSettings
from tests.conftest import OpenGate
from tests.directory.people import ADMIN, may
from tests.sso.corp import CORP, OTHER, come, elsewhere, said, with_providers
from tests.tokens.signing_in import by_cookie


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(with_providers(gate_url))


def groups_of(gate: Gatepost, name: str = "alice") -> set[str]:
    return {group for group in ("a", "b", "c") if gate.check(f"user:{name}", "member", f"group:{group}").allowed}


@pytest.fixture
def grouped(gate: Gatepost) -> Gatepost:
    for name in ("a", "b", "c"):
        create_group(gate, ADMIN, name)
    come(gate, said(groups=("a", "b")))
    assert groups_of(gate) == {"a", "b"}
    return gate


def test_a_list_brings_in_and_takes_out_an_empty_one_takes_all_and_silence_nothing(grouped: Gatepost) -> None:
    """Trap 8: Entra leaves the claim out above 200 groups, and admins were demoted."""
    come(grouped, said(groups=("b", "c")))
    assert groups_of(grouped) == {"b", "c"}
    come(grouped, said(groups=None))
    assert groups_of(grouped) == {"b", "c"}
    come(grouped, said(groups=()))
    assert groups_of(grouped) == set()


def test_what_people_or_another_provider_gave_stays(grouped: Gatepost) -> None:
    """Trap 7: superset#14352, FAB#2023."""
    add_member(grouped, ADMIN, "a", "user:alice")
    add_member(grouped, ADMIN, "c", "user:alice")
    come(grouped, said(groups=()))
    assert groups_of(grouped) == {"a", "c"}
    caller = by_cookie(grouped, come(grouped, said()))
    come(grouped, elsewhere(groups=("b",)), replace(OTHER, groups_claim="groups"), linking=caller)
    come(grouped, said(groups=()))
    assert groups_of(grouped) == {"a", "b", "c"}
    origins = [(m.subject, m.origin) for m in list_members(grouped, ADMIN, "b", Wanted()).items]
    assert origins == [("user:alice", "sso:other")]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (replace(CORP, group_sync="off"), {"a", "b"}),
        (replace(CORP, groups_claim=None), {"a", "b"}),
        (replace(CORP, group_sync="add"), {"a", "b", "c"}),
        (replace(CORP, group_sync="mirror"), {"c"}),
    ],
    ids=["off", "no claim configured", "add", "mirror"],
)
def test_how_far_a_provider_is_followed_is_configured(
    grouped: Gatepost, settings: ProviderSettings, expected: set[str]
) -> None:
    """IF-8, CO-X8."""
    come(grouped, said(groups=("c",)), settings)
    assert groups_of(grouped) == expected


def test_names_match_to_the_letter_and_what_is_no_group_is_said(grouped: Gatepost) -> None:
    """Trap 9: no case folding, no blanks cut, no splitting on commas."""
    come(grouped, said(groups=("A", "a ", " a", "a,b", "/a", "CN=a,DC=x", "c")))
    assert groups_of(grouped) == {"c"}
    record = read_audit(grouped, ADMIN, Wanted(), Filter(event="groups.synchronised")).items[0]
    assert record.detail["added"] == ["c"]
    assert record.detail["removed"] == ["a", "b"]
    assert {"A", "a,b"} <= {str(name) for name in record.detail["left_out"]}  # type: ignore[attr-defined]


def test_a_group_is_made_only_where_it_is_configured(grouped: Gatepost) -> None:
    come(grouped, said(groups=("new",)))
    assert not grouped.check("user:alice", "member", "group:new").allowed
    come(grouped, said(groups=("new",)), replace(CORP, auto_create_groups=True))
    assert grouped.check("user:alice", "member", "group:new").allowed
    [member] = list_members(grouped, ADMIN, "new", Wanted()).items
    assert (member.origin, member.author) == ("sso:corp", "sso:corp")


def test_a_group_called_admin_there_makes_no_admin_here(grouped: Gatepost) -> None:
    """Trap 6."""
    come(grouped, said(groups=("admin", "role:admin", "admin#assignee")), replace(CORP, auto_create_groups=True))
    assert not may(grouped, "user:alice", "audit:view")


def test_what_was_given_by_hand_first_is_also_the_providers_once_it_says_so(grouped: Gatepost) -> None:
    """Each origin holds its own row: when the hand lets go, the provider still holds on."""
    add_member(grouped, ADMIN, "c", "user:alice")
    come(grouped, said(groups=("a", "b", "c")))
    assert [m.origin for m in list_members(grouped, ADMIN, "c", Wanted()).items] == ["manual", "sso:corp"]
    remove_member(grouped, ADMIN, "c", "user:alice")
    assert groups_of(grouped) == {"a", "b", "c"}
