"""The demo's data hangs together: whatever is named is there."""

from __future__ import annotations

import pytest

from gatepost.demo import platform
from gatepost.principal import Subject
from gatepost.sso.claims import NAME

BUILT_IN_ROLES = {"admin", "user", "reader", "decider"}
NAMES = {
    "user": {person.username for person in platform.PEOPLE},
    "group": {group.name for group in platform.GROUPS},
    "service": {service.name for service in platform.SERVICES},
    "role": {role.name for role in platform.ROLES} | BUILT_IN_ROLES,
}
RESOURCES = {str(resource) for resource in platform.RESOURCES}


def test_every_name_is_one_that_gatepost_takes() -> None:
    for name in (*set().union(*NAMES.values()), *(resource.id for resource in platform.RESOURCES)):
        assert NAME.fullmatch(name), name
        assert name == name.lower()


def test_nothing_is_there_twice() -> None:
    assert len(RESOURCES) == len(platform.RESOURCES)
    assert len(NAMES["user"]) == len(platform.PEOPLE)
    assert len(set(platform.SHARES)) == len(platform.SHARES)


def test_people_groups_and_services_name_what_is_there() -> None:
    for person in platform.PEOPLE:
        assert set(person.groups) <= NAMES["group"]
        assert set(person.roles) <= NAMES["role"]
    for group in platform.GROUPS:
        assert set(group.within) <= NAMES["group"] - {group.name}
    for service in platform.SERVICES:
        assert service.role in NAMES["role"]


@pytest.mark.parametrize("resource", platform.RESOURCES, ids=str)
def test_a_resource_has_an_owner_and_a_parent_made_before_it(resource: platform.DemoResource) -> None:
    before = {str(other) for other in platform.RESOURCES[: platform.RESOURCES.index(resource)]}

    assert resource.owner in NAMES["user"]
    assert resource.parent == "" or resource.parent in before


@pytest.mark.parametrize("share", platform.SHARES, ids=lambda share: f"{share.resource} {share.subject}")
def test_a_share_is_of_a_resource_with_a_subject(share: platform.DemoShare) -> None:
    subject = Subject.parse(share.subject)

    assert share.resource in RESOURCES
    assert subject.is_wildcard or subject.id in NAMES[subject.type]


def test_the_company_shows_what_gatepost_does() -> None:
    """Nested groups, a share that ends, something public, programs, and people from both doors."""
    assert any(group.within for group in platform.GROUPS)
    assert any(share.lasts for share in platform.SHARES)
    assert {share.subject for share in platform.SHARES} > set(platform.EVERYBODY)
    assert {person.signs_in for person in platform.PEOPLE} == {"provider", "password"}
    assert len(platform.DATASETS) >= 20


def test_whoever_makes_or_changes_something_sees_it() -> None:
    """A page of the console opens to whoever may view what is on it: a role that only makes groups finds no page."""
    for role in platform.ROLES:
        held = {tuple(permission.split(":")) for permission in role.permissions}
        changed = {kind for kind, action in held if action in {"create", "edit", "delete"}}
        assert {(kind, "view") for kind in changed} <= held, role.name
