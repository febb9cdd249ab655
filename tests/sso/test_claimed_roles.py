"""Roles among the claims: where they stand, what they mean here, and that nobody becomes an admin by a name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatepost.errors import Forbidden
from gatepost.settings import ClaimRule, DelegatedIssuer
from gatepost.sso.claimed_roles import ClaimedRoles, default_here, mapped_here, mean_here, read_roles

HASURA = {"x-hasura-allowed-roles": ["editor", "user"], "x-hasura-default-role": "user"}


def issuer(**changes: Any) -> DelegatedIssuer:
    return DelegatedIssuer(name="gw", issuer="https://gw.example", audience=("a",), **changes)


def rules(**paths: str | ClaimRule) -> dict[str, ClaimRule]:
    return {name: rule if isinstance(rule, ClaimRule) else ClaimRule(rule) for name, rule in paths.items()}


@pytest.mark.parametrize(
    ("roles", "claims", "names"),
    [
        ("$.roles", {"roles": ["a", "b", "a"]}, ("a", "b")),
        ("$.roles", {"roles": "a"}, ("a",)),
        ("$.roles", {"roles": '["a", "b"]'}, ("a", "b")),  # as Cognito sends what is not text
        ("$.roles[*].name", {"roles": [{"name": "a"}, {"name": "b"}]}, ("a", "b")),
        ("$.roles", {"roles": []}, ()),
        (ClaimRule("$.roles", ("x", "y")), {}, ("x", "y")),
        (ClaimRule("$.roles", "x"), {}, ("x",)),
    ],
)
def test_roles_are_read_where_they_stand(
    roles: str | ClaimRule, claims: dict[str, object], names: tuple[str, ...]
) -> None:
    """HA-22, HA-X4."""
    assert read_roles(claims, issuer(claims_map=rules(roles=roles))) == ClaimedRoles(names)


@pytest.mark.parametrize(
    "claims",
    [{}, {"roles": None}, {"roles": 7}, {"roles": {"a": 1}}, {"roles": ["a", 7]}, {"roles": [["a"]]}, {"roles": [""]}],
)
def test_roles_that_are_none_are_refused(claims: dict[str, object]) -> None:
    with pytest.raises(Forbidden):
        read_roles(claims, issuer(claims_map=rules(roles="$.roles")))


def test_the_first_group_of_no_groups_is_refused() -> None:
    """Trap 6: an out-of-range path is refused, and is not `null`."""
    settings = issuer(claims_map=rules(roles="$.groups", default_role="$.groups[0]"))

    assert read_roles({"groups": ["b", "a"]}, settings) == ClaimedRoles(("b", "a"), "b")
    with pytest.raises(Forbidden):
        read_roles({"groups": []}, settings)


def test_a_default_role_has_to_be_among_the_roles() -> None:
    """Trap 6."""
    settings = issuer(claims_map=rules(roles="$.roles", default_role="$.role"))

    with pytest.raises(Forbidden):
        read_roles({"roles": ["a"], "role": "b"}, settings)


def test_claims_of_hasuras_shape_are_read_in_their_namespace() -> None:
    """HA-14, HA-X3, HA-X5: by name or path, as an object or as JSON in a text, their names in any case."""
    wanted = ClaimedRoles(("editor", "user"), "user")
    named = issuer(claims_namespace="https://hasura.io/jwt/claims")
    by_path = issuer(claims_namespace_path="$.a.b")
    at_root = issuer(claims_namespace_path="$")

    assert read_roles({"https://hasura.io/jwt/claims": HASURA}, named) == wanted
    assert read_roles({"https://hasura.io/jwt/claims": json.dumps(HASURA)}, named) == wanted
    assert read_roles({"a": {"b": {name.upper(): value for name, value in HASURA.items()}}}, by_path) == wanted
    assert read_roles(HASURA, at_root) == wanted


@pytest.mark.parametrize("claims", [{}, {"n": "x"}, {"n": []}, {"n": {"x-hasura-allowed-roles": ["a"]}}, {"n": "{"}])
def test_a_namespace_that_is_configured_has_to_be_there(claims: dict[str, object]) -> None:
    with pytest.raises(Forbidden):
        read_roles(claims, issuer(claims_namespace="n"))


def test_the_map_comes_before_the_namespace() -> None:
    """HA-X4."""
    settings = issuer(claims_map=rules(**{"x-hasura-allowed-roles": "$.r"}), claims_namespace="n")

    assert read_roles({"r": ["a"]}, settings).names == ("a",)


def test_admin_takes_a_mapping() -> None:
    """HA-11, trap 6: a role there that is called admin is no admin here."""
    settings = issuer(admin_roles=("root",), role_map={"platform-admins": "admin", "/staff": "reader"})

    assert mean_here(["admin", "editor"], settings) == {"editor"}
    assert mean_here(["root"], settings) == {"root", "admin"}
    assert mapped_here(["platform-admins", "/staff", "other"], settings) == {"admin", "reader"}
    with pytest.raises(Forbidden):
        default_here("admin", settings)
    assert default_here("root", settings) == "admin"
    assert default_here("/staff", settings) == "reader"
    assert default_here("editor", settings) == "editor"


def test_a_name_that_no_role_can_have_is_none() -> None:
    assert mean_here(["a role", "a:b", "ok"], issuer()) == {"ok"}
