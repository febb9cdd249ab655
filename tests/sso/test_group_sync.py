"""What a provider says of groups, and what of it is done here (traps 6 to 9, IF-8, CO-X8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.groups import add_member, create_group, list_members, remove_member
from gatepost.directory.pages import Wanted
from gatepost.gate import Gatepost
from gatepost.settings import ProviderSettings
from gatepost.sso.claims import read_groups
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


# -- what each sign-in leaves on record --------------------------------------------------------------------------------


def newest(gate: Gatepost, event: str = "groups.synchronised") -> dict[str, object]:
    """What the newest record says, without what is empty."""
    found = read_audit(gate, ADMIN, Wanted(), Filter(event=event, target="user:alice")).items
    return {name: value for name, value in found[0].detail.items() if value} if found else {}


def count(gate: Gatepost) -> int:
    return len(read_audit(gate, ADMIN, Wanted(), Filter(event="groups.synchronised", target="user:alice")).items)


def test_the_record_says_what_was_done_and_why(grouped: Gatepost) -> None:
    settings = replace(CORP, group_map={"/platform/c": "c"})
    come(grouped, said(groups=("a", "/platform/c")), settings)
    assert newest(grouped) == {
        "provider": "corp",
        "mode": "mirror",
        "added": ["c"],
        "removed": ["b"],
        "why": {"c": "corp lists /platform/c", "b": "corp does not list it any more"},
    }


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({}, "the claim groups is missing: the known groups stay"),
        (
            {"_claim_names": {"groups": "src1"}},
            "the provider has more groups than it sends in groups: the known ones stay",
        ),
        ({"groups": {"a": 1}}, "the claim groups is not a list of names: the known groups stay"),
    ],
    ids=["absent", "overage", "malformed"],
)
def test_groups_that_were_kept_for_want_of_a_word_are_on_record(
    grouped: Gatepost, claims: dict[str, object], sentence: str
) -> None:
    """Trap 8, #16: nothing changed, and that is what somebody will want to know."""
    read = read_groups(claims, "groups")
    come(grouped, said(groups=read.names, notes=(read.note,), claims=claims))
    assert groups_of(grouped) == {"a", "b"}
    record = newest(grouped)
    assert (record["kept"], record["notes"]) == (["a", "b"], [sentence])
    assert record["why"] == {"a": "corp did not say", "b": "corp did not say"}


def test_what_stays_by_configuration_is_on_record_as_that(grouped: Gatepost) -> None:
    come(grouped, said(groups=("a",)), replace(CORP, group_sync="add"))
    assert newest(grouped)["kept"] == ["b"]
    assert newest(grouped)["why"] == {"b": "corp does not list it, and group_sync is add"}


def test_a_cap_and_what_was_left_out_are_on_record_though_nothing_changed(grouped: Gatepost) -> None:
    """IF-X11: the surplus is dropped, and the sign-in succeeds."""
    come(grouped, said(groups=("a", "b", "x", "c")), replace(CORP, group_limit=3))
    record = newest(grouped)
    assert (record["left_out"], record["beyond_limit"], record.get("added")) == (["x"], 1, None)


def test_a_sign_in_that_changes_nothing_leaves_no_record_of_groups(grouped: Gatepost) -> None:
    before = count(grouped)
    come(grouped, said(groups=("a", "b")))
    assert count(grouped) == before


def test_a_record_is_bounded_whatever_a_provider_sends(grouped: Gatepost) -> None:
    come(grouped, said(groups=tuple(f"unknown-{n}" for n in range(5_000))), replace(CORP, group_limit=5_000))
    record = newest(grouped)
    assert len(record["left_out"]) == 50  # type: ignore[arg-type]


def test_roles_kept_for_want_of_a_word_are_on_record_too(grouped: Gatepost) -> None:
    settings = replace(CORP, role_map={"a": "reader"})
    come(grouped, said(groups=("a",)), settings)
    come(grouped, said(groups=None), settings)
    record = newest(grouped, "roles.synchronised")
    assert (record["kept"], record["why"]) == (["reader"], {"reader": "corp did not say which groups there are"})
