"""From claims to a person: traps 2, 6, 8 and 9, and claims of every wrong type."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gatepost.errors import Forbidden
from gatepost.settings import ProviderSettings
from gatepost.sso.claims import (
    map_groups,
    read_display_name,
    read_email,
    read_groups,
    read_username,
    require_admission,
)


def settings(**changes: Any) -> ProviderSettings:
    return ProviderSettings(**{"name": "op", "issuer": "https://op.example", "client_id": "gatepost", **changes})


LOCAL_PART = settings(username_claim="email", username_regexp=re.compile("^(.*)@.*"), username_substitution=r"\1")
OUR_DOMAIN = settings(
    username_claim="email", username_regexp=re.compile(r"([^@]+)@corp\.example"), username_substitution=r"\1"
)


@pytest.mark.parametrize(
    ("given", "claims", "username"),
    [
        (settings(), {"preferred_username": "Bob"}, "bob"),
        (settings(username_claim="email"), {"email": "Bob@Example.org"}, "bob@example.org"),
        (LOCAL_PART, {"email": "bob@corp.example"}, "bob"),
        (OUR_DOMAIN, {"email": "bob@corp.example"}, "bob"),
        (settings(username_regexp=re.compile("[a-z]+")), {"preferred_username": "bob"}, "bob"),
        (settings(username_claim="https://op.example/name"), {"https://op.example/name": "bob"}, "bob"),
        (settings(), {"preferred_username": "b" * 128}, "b" * 128),
        (settings(), {"preferred_username": "b.o-b_1+x=y&z!$(){}[]^|~,;?@`"[:-1]}, "b.o-b_1+x=y&z!$(){}[]^|~,;?@"),
    ],
)
def test_a_username_is_made_of_a_claim(given: ProviderSettings, claims: dict[str, object], username: str) -> None:
    assert read_username(claims, given) == username


@pytest.mark.parametrize(
    ("given", "claims"),
    [
        pytest.param(settings(), {}, id="absent"),
        pytest.param(settings(), {"preferred_username": None}, id="null"),
        pytest.param(settings(), {"preferred_username": ""}, id="empty"),
        pytest.param(settings(), {"preferred_username": 7}, id="number"),
        pytest.param(settings(), {"preferred_username": ["bob"]}, id="list"),
        pytest.param(settings(), {"preferred_username": "b" * 129}, id="too long"),
        pytest.param(settings(), {"preferred_username": "b" * 5000}, id="huge"),
        *[
            pytest.param(settings(), {"preferred_username": f"b{c}b"}, id=repr(c))
            for c in " :#*/\\\"'<>%`\n\0\x7fé\u202e"
        ],
        pytest.param(settings(), {"preferred_username": "bob\n"}, id="new line at the end"),
        pytest.param(LOCAL_PART, {"email": "bob"}, id="no @"),
        pytest.param(LOCAL_PART, {"email": "bob@corp@evil.example"}, id="two @"),
        pytest.param(LOCAL_PART, {"email": "@corp.example"}, id="nothing before the @"),
        pytest.param(OUR_DOMAIN, {"email": "bob@corp.example.evil.example"}, id="another domain"),
        pytest.param(OUR_DOMAIN, {"email": "bob@evil.example"}, id="their domain"),
        pytest.param(OUR_DOMAIN, {"email": "x bob@corp.example"}, id="blank before"),
        pytest.param(
            settings(username_regexp=re.compile("(a)|(b)"), username_substitution=r"\3"),
            {"preferred_username": "a"},
            id="a group that is not there",
        ),
    ],
)
def test_a_username_that_does_not_fit_is_refused_not_bent(given: ProviderSettings, claims: dict[str, object]) -> None:
    """Trap 2: full match, exactly one `@`; and the contract's rule for names."""
    with pytest.raises(Forbidden, match=r"op"):
        read_username(claims, given)


@pytest.mark.parametrize(
    ("claims", "names"),
    [
        ({"groups": ["b", "a", "b"]}, ("b", "a")),
        ({"groups": []}, ()),
        ({"groups": "a,b"}, ("a,b",)),
        ({"groups": [{"name": "a"}, {"name": "b", "id": 1}]}, ("a", "b")),
        ({"groups": ["Admins", "admins", "admins "]}, ("Admins", "admins", "admins ")),
        ({"groups": ["CN=a,OU=b"]}, ("CN=a,OU=b",)),
        ({}, None),
        ({"groups": None}, None),
        ({"groups": ""}, None),
        ({"groups": [""]}, None),
        ({"groups": 7}, None),
        ({"groups": True}, None),
        ({"groups": {"a": 1}}, None),
        ({"groups": ["a", 7]}, None),
        ({"groups": ["a", {"id": 1}]}, None),
        ({"groups": ["a", None]}, None),
        ({"hasgroups": True}, None),
        ({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}}, None),
        ({"_claim_names": {"groups": "src1"}, "groups": []}, None),
    ],
)
def test_groups_are_names_or_none_or_not_said(claims: dict[str, object], names: tuple[str, ...] | None) -> None:
    """Traps 8 and 9: byte-wise, never split, and only an explicit list takes anything away."""
    read = read_groups(claims, "groups")

    assert read.names == names
    assert (names is None) == ("stay" in read.note)


@pytest.mark.parametrize("claims", [{"hasgroups": True}, {"hasgroups": "true"}, {"_claim_names": {"groups": "src1"}}])
def test_an_overage_says_so(claims: dict[str, object]) -> None:
    assert "more groups than it sends" in read_groups(claims, "groups").note


def test_without_a_groups_claim_groups_are_left_alone() -> None:
    assert read_groups({"groups": ["a"]}, None).names is None
    assert read_groups({"groups": ["a"]}, None).note == ""


def test_groups_are_filtered_capped_and_renamed() -> None:
    """P-4: by a pattern, a map and a limit."""
    given = settings(
        group_filter=re.compile("^/platform/"),
        group_limit=3,
        group_map={"/platform/data": "data-team", "/platform/both": "data-team"},
    )
    theirs = ("/other", "/platform/data", "/platform/both", "/platform/x", "/platform/y")
    mapped = map_groups(theirs, given)

    assert mapped.names == ("data-team",)
    assert mapped.unusable == ("/platform/x",)
    assert mapped.beyond_limit == 1


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"email": "b@x.org", "email_verified": True}, ("b@x.org", True)),
        ({"email": "b@x.org"}, ("b@x.org", False)),
        ({"email": "b@x.org", "email_verified": "true"}, ("b@x.org", False)),
        ({"email": "b@x.org", "email_verified": 1}, ("b@x.org", False)),
        ({"email_verified": True}, ("", False)),
        ({"email": "b@y@x.org", "email_verified": True}, ("", False)),
        ({"email": "b", "email_verified": True}, ("", False)),
        ({"email": "b@x.org\n", "email_verified": True}, ("", False)),
        ({"email": ["b@x.org"], "email_verified": True}, ("", False)),
        ({"email": "b" * 320 + "@x.org", "email_verified": True}, ("", False)),
    ],
)
def test_an_email_is_verified_only_by_a_literal_true(claims: dict[str, object], expected: tuple[str, bool]) -> None:
    """Trap 1."""
    assert read_email(claims) == expected


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Bob Ross", "given_name": "x"}, "Bob Ross"),
        ({"given_name": "Bob", "family_name": "Ross"}, "Bob Ross"),
        ({"given_name": 7}, "bob"),
        ({"name": "Bob\u202egnp"}, "bob"),
        ({"name": " "}, "bob"),
        ({"name": "\u5c71\u7530\u3000\u592a\u90ce"}, "\u5c71\u7530\u3000\u592a\u90ce"),
        ({"name": "\u200dBob"}, "bob"),
        ({"name": "B" * 999}, "B" * 256),
        ({}, "bob"),
    ],
)
def test_a_display_name_is_what_can_be_shown(claims: dict[str, object], name: str) -> None:
    assert read_display_name(claims, "bob") == name


@pytest.mark.parametrize(
    ("given", "claims", "refused"),
    [
        (settings(allowed_domains=("X.org",)), {"email": "b@x.ORG", "email_verified": True}, False),
        (settings(allowed_domains=("x.org",)), {"email": "b@x.org"}, True),
        (settings(allowed_domains=("x.org",)), {"email": "b@evil-x.org", "email_verified": True}, True),
        (settings(allowed_domains=("x.org",)), {"email": "b@sub.x.org", "email_verified": True}, True),
        (settings(allowed_tenants=("t1",)), {"tid": "t1"}, False),
        (settings(allowed_tenants=("x.org",)), {"hd": "x.org"}, False),
        (settings(allowed_tenants=("t1",)), {"tid": "t2"}, True),
        (settings(allowed_tenants=("t1",)), {}, True),
        (settings(allowed_tenants=("t1",)), {"tid": ["t1"]}, True),
        (settings(allowed_groups=("a",), groups_claim="groups"), {"groups": ["a", "b"]}, False),
        (settings(allowed_groups=("a",), groups_claim="groups"), {"groups": ["A"]}, True),
        (settings(allowed_groups=("a",), groups_claim="groups"), {}, True),
        (settings(), {}, False),
    ],
)
def test_who_may_enter_at_all(given: ProviderSettings, claims: dict[str, object], refused: bool) -> None:
    groups = read_groups(claims, given.groups_claim)
    if not refused:
        require_admission(claims, groups, given)
        return
    with pytest.raises(Forbidden, match="op signed you in"):
        require_admission(claims, groups, given)
