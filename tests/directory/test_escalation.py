"""Nobody grants, mints or resets what carries more than they hold (rule 9).  Each test is an attack that must fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gatepost.directory.groups import add_member, create_group
from gatepost.directory.resources import ResourceChange, change_resource
from gatepost.directory.roles import assign_role, change_role, create_role
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import (
    NewPassword,
    NewUser,
    UserChange,
    change_user,
    create_user,
    delete_user,
    get_user,
    set_password,
)
from gatepost.errors import Forbidden, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal, Scope
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.directory.people import (
    ADMIN,
    GOOD_PASSWORD,
    make_collection,
    make_dataset,
    make_group,
    make_officer,
    make_people,
    may,
    narrowed,
    person,
    share,
    tuples_naming,
)

EVERY_ADMINISTRATIVE_RIGHT = [
    *("user:view", "user:create", "user:edit", "user:delete", "user:reset_password"),
    *("group:view", "group:create", "group:edit", "role:view", "role:create", "role:edit", "role:assign"),
    *("service:view", "service:create", "service_token:view", "service_token:create"),
]


@pytest.fixture
def officer(gate: Gatepost) -> Principal:
    """Somebody who may do every operation of the directory, and sees no data."""
    return make_officer(gate, "officer", EVERY_ADMINISTRATIVE_RIGHT)


def test_assigning_a_stronger_role_to_oneself_or_a_friend(gate: Gatepost, officer: Principal) -> None:
    make_people(gate, "friend")
    for whom in ("user:officer", "user:friend", "group:officers", "user:*"):
        if whom.startswith("group"):
            create_group(gate, officer, "officers")
        for role in ("admin", "reader", "decider"):
            with pytest.raises(Forbidden, match="hand out"):
                assign_role(gate, officer, role, whom)
    assert not may(gate, "user:officer", "view", "collection:any")
    assert not may(gate, "user:friend", "audit:view")


def test_making_a_role_of_permissions_one_does_not_hold(gate: Gatepost, officer: Principal) -> None:
    for pattern in ("*:*", "*:view", "audit:view", "user:*", "dataset:create"):
        if pattern == "dataset:create":  # by the default role `user` the officer holds this
            create_role(gate, officer, "mine", [pattern])
            continue
        with pytest.raises(Forbidden, match="hand out"):
            create_role(gate, officer, "mine", [pattern])


def test_editing_the_role_that_one_holds(gate: Gatepost, officer: Principal) -> None:
    """It would take effect at once, without any assignment."""
    with pytest.raises(Forbidden, match="hand out"):
        change_role(gate, officer, "officers", permissions=[*EVERY_ADMINISTRATIVE_RIGHT, "audit:view"])
    assert not may(gate, "user:officer", "audit:view")


def test_editing_a_stronger_role_down_to_what_one_holds(gate: Gatepost, officer: Principal) -> None:
    """Whoever may take from it could also leave in it what they do not hold: editing takes all that it holds."""
    create_role(gate, ADMIN, "auditor", ["audit:view"])
    with pytest.raises(Forbidden, match="hand out"):
        change_role(gate, officer, "auditor", permissions=["user:view"])


def test_joining_a_group_that_has_a_stronger_role(gate: Gatepost, officer: Principal) -> None:
    make_group(gate, "ops")
    assign_role(gate, ADMIN, "admin", "group:ops")
    for whom in ("user:officer", "service:etl"):
        if whom.startswith("service"):
            issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user"))
        with pytest.raises(Forbidden, match="hand out"):
            add_member(gate, officer, "ops", whom)
    assert not may(gate, "user:officer", "audit:view")


def test_joining_a_group_that_carries_shares(gate: Gatepost, officer: Principal) -> None:
    """A group has no permission at all, and is still worth joining: collections are shared with it."""
    make_people(gate, "alice")
    make_group(gate, "finance")
    make_collection(gate, "alice", "payroll")
    share(gate, "alice", "collection:payroll", "viewer", "group:finance")
    with pytest.raises(Forbidden, match="collection:payroll"):
        add_member(gate, officer, "finance", "user:officer")
    assert not may(gate, "user:officer", "view", "collection:payroll")


def test_joining_a_group_inside_a_group_that_carries_shares(gate: Gatepost, officer: Principal) -> None:
    """The rights stand three groups above the one that is joined."""
    make_people(gate, "alice")
    make_group(gate, "top")
    make_group(gate, "middle")
    make_group(gate, "bottom")
    add_member(gate, ADMIN, "top", "group:middle")
    add_member(gate, ADMIN, "middle", "group:bottom")
    make_collection(gate, "alice", "payroll")
    share(gate, "alice", "collection:payroll", "owner", "group:top")
    create_group(gate, officer, "own")
    add_member(gate, officer, "own", "user:officer")
    with pytest.raises(Forbidden, match="collection:payroll"):
        add_member(gate, officer, "bottom", "user:officer")
    with pytest.raises(Forbidden, match="collection:payroll"):
        add_member(gate, officer, "middle", "group:own")
    assert not may(gate, "user:officer", "view", "collection:payroll")


def test_joining_a_group_whose_role_carries_shares(gate: Gatepost, officer: Principal) -> None:
    make_people(gate, "alice")
    make_group(gate, "staff")
    create_role(gate, ADMIN, "keeper", [])
    assign_role(gate, ADMIN, "keeper", "group:staff")
    make_collection(gate, "alice", "payroll")
    share(gate, "alice", "collection:payroll", "editor", "role:keeper")
    with pytest.raises(Forbidden, match="collection:payroll"):
        add_member(gate, officer, "staff", "user:officer")
    with pytest.raises(Forbidden, match="collection:payroll"):
        assign_role(gate, officer, "keeper", "user:officer")
    assert not may(gate, "user:officer", "edit", "collection:payroll")


@pytest.fixture
def stronger(gate: Gatepost, officer: Principal) -> dict[str, str]:
    """People who carry more than the officer: by a role, by a group's role, by a share."""
    for name in ("by-role", "by-group", "by-share"):
        create_user(gate, ADMIN, NewUser(username=name, password=GOOD_PASSWORD, email=f"{name}@example.org"))
    assign_role(gate, ADMIN, "reader", "user:by-role")
    make_group(gate, "readers", "user:by-group")
    assign_role(gate, ADMIN, "reader", "group:readers")
    make_collection(gate, "by-share", "theirs")
    return {"by-role": "by-role", "by-group": "by-group", "by-share": "by-share"}


@pytest.mark.parametrize("victim", ["admin", "by-role", "by-group", "by-share"])
@pytest.mark.parametrize(
    "attack",
    [
        lambda gate, officer, victim: set_password(gate, officer, victim, NewPassword(password="new-plover-zinc-11")),
        lambda gate, officer, victim: change_user(gate, officer, victim, UserChange(email="officer@example.org")),
        lambda gate, officer, victim: change_user(
            gate, officer, victim, UserChange(email="officer@example.org", email_verified=True)
        ),
        lambda gate, officer, victim: change_user(gate, officer, victim, UserChange(email_verified=True)),
        lambda gate, officer, victim: change_user(gate, officer, victim, UserChange(disabled=False)),
        lambda gate, officer, victim: delete_user(gate, officer, victim, transfer_to="officer"),
    ],
    ids=["password", "email", "verified-email", "verified", "enable", "inherit"],
)
def test_taking_over_somebody_stronger(
    gate: Gatepost,
    officer: Principal,
    stronger: dict[str, str],
    victim: str,
    attack: Callable[[Gatepost, Principal, str], object],
) -> None:
    """A reset password, and an e-mail that `trust_email` believes, are both the account itself."""
    with pytest.raises(Forbidden, match="hand out"):
        attack(gate, officer, victim)


def test_a_narrow_token_verifies_no_address_that_opens_its_owners_account(gate: Gatepost) -> None:
    """A script that may edit users, with an administrator's own token: a provider with `trust_email` would sign it in."""
    narrow = replace(ADMIN, method=Method.API_TOKEN, scope=Scope.parse("user:edit user:view"))
    change_user(gate, narrow, "admin", UserChange(email="script@example.org"))  # unverified: it opens nothing
    for wanted in (UserChange(email_verified=True), UserChange(email="other@example.org", email_verified=True)):
        with pytest.raises(Forbidden, match="hand out"):
            change_user(gate, narrow, "admin", wanted)
    admin = get_user(gate, ADMIN, "admin")
    assert (admin.email, admin.email_verified) == ("script@example.org", False)
    change_user(gate, ADMIN, "admin", UserChange(email_verified=True))
    assert get_user(gate, ADMIN, "admin").email_verified, "whoever holds all of it may"


def test_somebody_no_stronger_can_be_helped(gate: Gatepost, officer: Principal) -> None:
    """The other side: the help desk does its work."""
    create_user(gate, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD))
    set_password(gate, officer, "alice", NewPassword(password="new-plover-zinc-11"))
    change_user(gate, officer, "alice", UserChange(disabled=True))
    change_user(gate, officer, "alice", UserChange(disabled=False, email="a@example.org", email_verified=True))
    delete_user(gate, officer, "alice")


def test_a_service_token_for_a_stronger_role(gate: Gatepost, officer: Principal) -> None:
    with pytest.raises(Forbidden, match="hand out"):
        issue_service_token(gate, officer, WantedServiceToken(name="etl", role="admin"))
    with pytest.raises(Forbidden, match="hand out"):
        issue_service_token(gate, officer, WantedServiceToken(name="etl", role="reader", scopes=("user:view",)))
    assert tuples_naming(gate, "service:etl") == []
    issue_service_token(gate, officer, WantedServiceToken(name="etl", role="user"))


def test_a_second_token_of_a_service_that_has_shares(gate: Gatepost, officer: Principal) -> None:
    """The role is weak; what was shared with the service is not."""
    make_people(gate, "alice")
    issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user"))
    make_collection(gate, "alice", "payroll")
    share(gate, "alice", "collection:payroll", "editor", "service:etl")
    with pytest.raises(Forbidden, match="collection:payroll"):
        issue_service_token(gate, officer, WantedServiceToken(name="etl", role="user"))


@pytest.mark.parametrize("scopes", [None, ("*:*",), ("dataset:*",), ("*:view",), ("dataset:view", "dataset:edit")])
def test_a_credential_makes_none_with_a_wider_scope(gate: Gatepost, scopes: tuple[str, ...] | None) -> None:
    """Attenuate only.  No scopes at all would be `*:*`."""
    make_people(gate, "alice")
    narrow = person("alice", scope="dataset:view", method=Method.ACCESS_TOKEN)
    with pytest.raises(Forbidden, match="more than the credential"):
        issue_api_token(gate, narrow, WantedToken(name="wider", scopes=scopes))
    narrow_admin = replace(ADMIN, scope=Scope.parse("service_token:create dataset:view"))
    with pytest.raises(Forbidden):
        issue_service_token(gate, narrow_admin, WantedServiceToken(name="etl", role="admin", scopes=scopes))


def test_a_narrow_token_of_an_admin_hands_out_no_more_than_its_scope(gate: Gatepost) -> None:
    """Authority is relations and scope together, for handing out too."""
    make_people(gate, "friend")
    narrow = replace(ADMIN, scope=Scope.parse("role:assign role:view role:create role:edit group:edit group:view"))
    make_group(gate, "ops")
    assign_role(gate, ADMIN, "admin", "group:ops")
    with pytest.raises(Forbidden, match="hand out"):
        assign_role(gate, narrow, "admin", "user:friend")
    with pytest.raises(Forbidden, match="hand out"):
        create_role(gate, narrow, "r", ["user:edit"])
    with pytest.raises(Forbidden, match="hand out"):
        add_member(gate, narrow, "ops", "user:friend")
    assert not may(gate, "user:friend", "user:edit")


def test_a_call_narrowed_to_one_role_hands_out_no_more_than_that_role(gate: Gatepost) -> None:
    make_people(gate, "friend")
    create_role(gate, ADMIN, "granter", ["role:assign", "role:view"])
    assign_role(gate, ADMIN, "granter", "user:admin")
    with pytest.raises(Forbidden, match="hand out"):
        assign_role(gate, narrowed(ADMIN, "granter"), "admin", "user:friend")


def test_sharing_what_one_may_manage_but_not_do(gate: Gatepost) -> None:
    """A role that only manages access must not make its holder, or a friend, an owner."""
    sharer = make_officer(gate, "sharer", ["collection:view", "collection:manage_access"])
    make_people(gate, "alice", "friend")
    make_collection(gate, "alice", "payroll")
    for relation in ("owner", "editor"):
        for whom in ("user:sharer", "user:friend"):
            with pytest.raises(Forbidden, match="hand out"):
                grant_access(gate, sharer, "collection", "payroll", NewGrant(subject=whom, relation=relation))
    assert not may(gate, "user:sharer", "edit", "collection:payroll")


def test_a_role_on_collections_does_not_become_ownership_of_the_datasets_inside(gate: Gatepost) -> None:
    """`collection:*` ends at collections; an owner of one is owner of everything in it."""
    keeper = make_officer(gate, "keeper", ["collection:*"])
    make_people(gate, "alice")
    make_collection(gate, "alice", "payroll")
    make_dataset(gate, "alice", "salaries", "collection:payroll")
    assert may(gate, "user:keeper", "delete", "collection:payroll")
    assert not may(gate, "user:keeper", "view", "dataset:salaries")
    for relation in ("viewer", "editor", "owner"):
        with pytest.raises(Forbidden, match="hand out dataset:"):
            grant_access(gate, keeper, "collection", "payroll", NewGrant(subject="user:keeper", relation=relation))
    assert not may(gate, "user:keeper", "view", "dataset:salaries")


def test_moving_a_dataset_to_where_one_owns_everything(gate: Gatepost) -> None:
    """Moving takes `manage_access`; the owners of the new parent get all the rest with it."""
    mover = make_officer(gate, "mover", ["dataset:view", "dataset:manage_access"])
    make_people(gate, "alice")
    make_dataset(gate, "alice", "salaries")
    make_collection(gate, "mover", "trap")
    with pytest.raises(Forbidden, match="moving dataset:salaries hands out"):
        change_resource(gate, mover, "dataset", "salaries", ResourceChange(parent="collection:trap"))
    assert not may(gate, "user:mover", "delete", "dataset:salaries")


def test_moving_into_a_parent_that_one_may_not_edit(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    make_dataset(gate, "bob", "junk")
    make_collection(gate, "alice", "clean")
    with pytest.raises(NotFound):
        change_resource(gate, person("bob"), "dataset", "junk", ResourceChange(parent="collection:clean"))
    share(gate, "alice", "collection:clean", "viewer", "user:bob")
    with pytest.raises(Forbidden):
        change_resource(gate, person("bob"), "dataset", "junk", ResourceChange(parent="collection:clean"))


def test_a_permission_that_does_not_exist_cannot_wait_for_its_day(gate: Gatepost) -> None:
    """A pattern of nothing today could be one of something tomorrow, when a model is posted."""
    for pattern in ("warehouse:view", "dataset:explode", "user", ":view", "user:", "*", "a:b:c", "user:create x"):
        with pytest.raises(InvalidField, match="permissions"):
            create_role(gate, ADMIN, "later", [pattern])
