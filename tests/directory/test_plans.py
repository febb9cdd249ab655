"""Files of desired state: planned, and applied whole or not at all (IF: apply and diff; design rule 2, trap 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.directory.desired import (
    Desired,
    DesiredGrant,
    DesiredGroup,
    DesiredResource,
    DesiredRole,
    DesiredService,
    DesiredUser,
    Holder,
    Plan,
)
from gatepost.directory.groups import add_member, change_group, get_group, list_members, remove_member
from gatepost.directory.pages import Wanted
from gatepost.directory.plans import apply_plan, make_plan
from gatepost.directory.roles import assign_role, get_role, list_assignees, unassign_role
from gatepost.directory.sharing import list_access
from gatepost.directory.users import delete_user, get_user
from gatepost.errors import Conflict, Forbidden, InvalidField, NotFound, TooLarge, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store.relations import relate
from tests.dice import FakeDice
from tests.directory.people import (
    ADMIN,
    NOBODY,
    events,
    make_collection,
    make_group,
    make_officer,
    make_people,
    may,
    person,
    share,
)

ALICE = person("alice")
EVERYTHING = Desired(
    users=(DesiredUser(username="Carol", display_name="Carol C"), DesiredUser(username="dan", disabled=True)),
    services=(DesiredService(name="etl", description="loads"),),
    groups=(DesiredGroup(name="team", description="Data", members=(Holder("user:carol"), Holder("user:alice"))),),
    roles=(
        DesiredRole(name="steward", permissions=("dataset:view",), assignees=(Holder("group:team"),)),
        DesiredRole(name="reader", assignees=(Holder("service:etl"),)),
    ),
    grants=(DesiredGrant(resource="collection:sales", relation="editor", subject="group:team#member"),),
)


@pytest.fixture
def gate_url(database_url: str) -> str:
    """Both databases: a plan is one long transaction."""
    return database_url


@pytest.fixture
def platform(gate: Gatepost) -> Gatepost:
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "sales")
    return gate


def apply(gate: Gatepost, desired: Desired, caller: Principal = ADMIN, *, prune: bool = False) -> Plan:
    plan = make_plan(gate, caller, desired, prune=prune)
    return apply_plan(gate, caller, desired, revision=plan.revision, digest=plan.digest, prune=prune)


def told(plan: Plan) -> list[str]:
    return [str(step) for step in plan.steps]


def test_a_plan_says_what_it_would_do_and_does_nothing(platform: Gatepost) -> None:
    before = platform.memory.revision
    plan = make_plan(platform, ADMIN, EVERYTHING)

    assert told(plan) == [
        "create user:carol",
        "create user:dan",
        "create service:etl",
        "create group:team",
        "create role:steward",
        "create role:steward#assignee@group:team#member",
        "create role:reader#assignee@service:etl",
        "create group:team#member@user:carol",
        "create group:team#member@user:alice",
        "create collection:sales#editor@group:team#member",
    ]
    assert platform.memory.revision == before
    with pytest.raises(NotFound):
        get_group(platform, ADMIN, "team")


def test_applying_makes_all_of_it_with_the_origin_config_and_then_there_is_nothing_to_do(platform: Gatepost) -> None:
    apply(platform, EVERYTHING)

    assert may(platform, "user:carol", "edit", "collection:sales")
    assert get_user(platform, ADMIN, "dan").disabled_at
    assert get_group(platform, ADMIN, "team").origin == "config"
    assert {m.origin for m in list_members(platform, ADMIN, "team", Wanted()).items} == {"config"}
    assert "config" in {grant.origin for grant in list_access(platform, ADMIN, "collection", "sales")}
    assert told(make_plan(platform, ADMIN, EVERYTHING, prune=True)) == []
    assert [event for event, _, _ in events(platform)][-1] == "plan.applied"
    assert ("group.member_added", "done", "group:team") in events(platform)


def test_what_is_there_by_hand_is_left_to_the_hand(platform: Gatepost) -> None:
    """Design rule 2: synchronisation touches only its own."""
    make_group(platform, "team", "user:alice", "user:bob")
    with platform.change_unasked() as tx:
        relate(tx, "group:team", "member", "user:admin", author="sso:corp", origin="sso:corp")
    wanted = Desired(groups=(DesiredGroup(name="team", members=(Holder("user:alice"),)),))

    assert told(make_plan(platform, ADMIN, wanted, prune=True)) == []


def test_prune_takes_what_files_made_and_nothing_else(platform: Gatepost) -> None:
    apply(platform, EVERYTHING)
    add_member(platform, ADMIN, "team", "user:bob")
    less = Desired(groups=(DesiredGroup(name="team", members=(Holder("user:carol"),)),), roles=(), grants=())

    assert told(make_plan(platform, ADMIN, less)) == []
    assert told(apply(platform, less, prune=True)) == [
        "delete group:team#member@user:alice",
        "delete collection:sales#editor@group:team#member",
        "delete role:steward",
    ]
    assert {m.subject for m in list_members(platform, ADMIN, "team", Wanted()).items} == {"user:bob", "user:carol"}
    assert may(platform, "user:alice", "delete", "collection:sales")  # her ownership was made by hand
    assert told(apply(platform, Desired(groups=()), prune=True)) == ["delete group:team"]


def test_prune_takes_only_its_own_row_of_a_membership_that_is_held_twice(platform: Gatepost) -> None:
    apply(platform, EVERYTHING)
    add_member(platform, ADMIN, "team", "user:alice")
    apply(platform, Desired(groups=(DesiredGroup(name="team", members=()),)), prune=True)

    assert [(m.subject, m.origin) for m in list_members(platform, ADMIN, "team", Wanted()).items] == [
        ("user:alice", "manual")
    ]


def test_prune_leaves_the_roles_that_people_start_with(platform: Gatepost) -> None:
    """They have the origin config too: the server's, not a file's."""
    wanted = Desired(roles=(DesiredRole(name="user", assignees=()), DesiredRole(name="admin", assignees=())))

    assert told(make_plan(platform, ADMIN, wanted, prune=True)) == []


@pytest.mark.parametrize("touched", ["description", "membership"])
def test_a_plan_that_changed_underneath_is_refused(platform: Gatepost, touched: str) -> None:
    apply(platform, EVERYTHING)
    wanted = Desired(groups=(DesiredGroup(name="team", description="New", members=(Holder("user:bob"),)),))
    plan = make_plan(platform, ADMIN, wanted)
    if touched == "description":
        change_group(platform, ADMIN, "team", "Other")
    else:
        add_member(platform, ADMIN, "team", "user:bob")

    with pytest.raises(Conflict, match="changed underneath"):
        apply_plan(platform, ADMIN, wanted, revision=plan.revision, digest=plan.digest)
    assert get_group(platform, ADMIN, "team").description != "New"


def test_a_change_elsewhere_does_not_disturb_a_plan(platform: Gatepost) -> None:
    plan = make_plan(platform, ADMIN, EVERYTHING)
    make_group(platform, "others")
    apply_plan(platform, ADMIN, EVERYTHING, revision=plan.revision, digest=plan.digest)


def test_what_another_process_changed_is_seen_under_the_lock(platform: Gatepost, second_gate: Gatepost) -> None:
    plan = make_plan(platform, ADMIN, EVERYTHING)
    make_group(second_gate, "team")

    with pytest.raises(Conflict, match="changed underneath"):
        apply_plan(platform, ADMIN, EVERYTHING, revision=plan.revision, digest=plan.digest)
    apply(platform, EVERYTHING)
    assert told(make_plan(second_gate, ADMIN, EVERYTHING)) == []


def test_a_right_that_was_taken_while_the_plan_was_looked_at_is_gone(platform: Gatepost) -> None:
    wanted = Desired(groups=(DesiredGroup(name="team"),))
    eve = make_officer(platform, "eve", ["group:view", "group:create", "plan:apply"])
    plan = make_plan(platform, eve, wanted)
    unassign_role(platform, ADMIN, "eves", "user:eve")

    with pytest.raises((Forbidden, NotFound)):
        apply_plan(platform, eve, wanted, revision=plan.revision, digest=plan.digest)


@pytest.mark.parametrize("revision", ["ffffffff.1", "{epoch}.999999"])
def test_a_plan_of_another_history_is_refused(platform: Gatepost, revision: str) -> None:
    plan = make_plan(platform, ADMIN, EVERYTHING)
    other = revision.format(epoch=platform.memory.revision.epoch)
    with pytest.raises(Conflict, match="changed underneath"):
        apply_plan(platform, ADMIN, EVERYTHING, revision=other, digest=plan.digest)
    with pytest.raises(InvalidField):
        apply_plan(platform, ADMIN, EVERYTHING, revision="tomorrow", digest=plan.digest)


def test_nothing_is_half_applied(platform: Gatepost) -> None:
    wanted = Desired(
        groups=(DesiredGroup(name="team", members=(Holder("user:alice"), Holder("user:bob"))),),
        roles=(DesiredRole(name="steward", permissions=("dataset:view",)),),
    )
    plan = make_plan(platform, ADMIN, wanted)
    delete_user(platform, ADMIN, "bob")
    before = (platform.memory.revision, events(platform))

    with pytest.raises(InvalidField, match="create group:team#member@user:bob: subject: there is no"):
        apply_plan(platform, ADMIN, wanted, revision=plan.revision, digest=plan.digest)
    assert (platform.memory.revision, events(platform)) == before
    with pytest.raises(NotFound):
        get_role(platform, ADMIN, "steward")


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(Desired(roles=(DesiredRole(name="x", permissions=("*:*",)),)), id="a role of more"),
        pytest.param(Desired(roles=(DesiredRole(name="admin", assignees=(Holder("user:eve"),)),)), id="admin"),
        pytest.param(Desired(groups=(DesiredGroup(name="bosses", members=(Holder("user:eve"),)),)), id="a group"),
        pytest.param(
            Desired(
                groups=(
                    DesiredGroup(name="mine", members=(Holder("user:eve"),)),
                    DesiredGroup(name="bosses", members=(Holder("group:mine#member"),)),
                )
            ),
            id="a group of one's own in the same plan",
        ),
        pytest.param(
            Desired(
                roles=(
                    DesiredRole(name="eves", permissions=("*:*",)),
                    DesiredRole(name="new", permissions=("dataset:view",), assignees=(Holder("user:eve"),)),
                )
            ),
            id="one's own role first",
        ),
    ],
)
def test_nobody_applies_more_than_they_hold(platform: Gatepost, wanted: Desired) -> None:
    """Attack: who may apply files, and edit groups and roles, puts themselves where more is held."""
    everything_about_names = [f"{noun}:{what}" for noun in ("group", "role") for what in ("view", "create", "edit")]
    eve = make_officer(platform, "eve", [*everything_about_names, "role:assign", "plan:apply", "dataset:view"])
    make_group(platform, "bosses")
    assign_role(platform, ADMIN, "admin", "group:bosses#member")

    with pytest.raises(Forbidden):
        apply(platform, wanted, eve)
    assert not may(platform, "user:eve", "user:delete")


def test_applying_takes_its_own_permission_and_each_steps(platform: Gatepost) -> None:
    wanted = Desired(groups=(DesiredGroup(name="team"),))
    without = make_officer(platform, "eve", ["group:view", "group:create"])
    with pytest.raises(Forbidden, match="plan:apply"):
        apply(platform, wanted, without)
    only = make_officer(platform, "fay", ["group:view", "plan:apply"])
    with pytest.raises(Forbidden, match="create group:team: this takes group:create"):
        apply(platform, wanted, only)
    with pytest.raises(Unauthenticated):
        make_plan(platform, NOBODY, wanted)
    with pytest.raises(Forbidden):
        make_plan(platform, make_officer(platform, "gus", ["role:view"]), wanted)


def test_what_the_caller_cannot_view_is_not_there(platform: Gatepost) -> None:
    eve = make_officer(platform, "eve", ["plan:apply"])
    wanted = Desired(grants=(DesiredGrant(resource="collection:sales", relation="viewer", subject="user:eve"),))
    with pytest.raises(NotFound):
        make_plan(platform, eve, wanted)
    apply(platform, Desired(grants=(DesiredGrant(resource="collection:sales", relation="viewer", subject="user:bob"),)))
    assert told(make_plan(platform, eve, Desired(grants=()), prune=True)) == []


def test_the_last_admin_and_the_last_owner_stay(platform: Gatepost) -> None:
    apply(platform, Desired(roles=(DesiredRole(name="admin", assignees=(Holder("user:alice"),)),)))
    unassign_role(platform, ADMIN, "admin", "user:admin")

    with pytest.raises(Conflict, match="without an admin"):
        apply(platform, Desired(roles=(DesiredRole(name="admin", assignees=()),)), ALICE, prune=True)
    assert [m.subject for m in list_assignees(platform, ALICE, "admin", Wanted()).items] == ["user:alice"]


def test_one_admin_may_follow_another_in_one_plan(platform: Gatepost) -> None:
    """The rule is about how it is afterwards, not about the order of steps."""
    apply(platform, Desired(roles=(DesiredRole(name="admin", assignees=(Holder("user:alice"),)),)))
    unassign_role(platform, ADMIN, "admin", "user:admin")
    apply(platform, Desired(roles=(DesiredRole(name="admin", assignees=(Holder("user:bob"),)),)), ALICE, prune=True)
    assert may(platform, "user:bob", "user:delete")
    assert not may(platform, "user:alice", "user:delete")


def test_a_plan_that_would_hold_up_everybody_is_refused(platform: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.directory.plans.MOST_STEPS", 9)
    with pytest.raises(TooLarge, match="this plan has 10 steps, and 9 are done at once"):
        apply(platform, EVERYTHING)


def test_ends_are_kept_changed_and_over(platform: Gatepost, dice: FakeDice) -> None:
    soon = platform.now() + timedelta(hours=1)
    until = Desired(groups=(DesiredGroup(name="team", members=(Holder("user:bob", soon),)),))
    apply(platform, until)
    assert told(make_plan(platform, ADMIN, until)) == []

    for_good = Desired(groups=(DesiredGroup(name="team", members=(Holder("user:bob"),)),))
    assert told(apply(platform, for_good)) == ["update group:team#member@user:bob"]
    remove_member(platform, ADMIN, "team", "user:bob")
    dice.advance(timedelta(hours=2))
    assert told(apply(platform, until)) == []


def test_a_model_comes_with_what_needs_it(platform: Gatepost) -> None:
    model = """
model
  schema 1.1
type collection
  relations
    define owner: [user, service, group#member, role#assignee]
    define editor: [user, service, group#member, role#assignee] or owner
    define viewer: [user, user:*, service, service:*, anonymous:*, group#member, role#assignee] or editor
    define view: viewer
    define edit: editor
    define delete: owner
    define manage_access: owner
type notebook
  relations
    define owner: [user]
    define view: owner
    define run: owner
"""
    wanted = Desired(model=model, roles=(DesiredRole(name="runner", permissions=("notebook:run",)),))

    assert told(apply(platform, wanted)) == ["update model", "create role:runner"]
    assert get_role(platform, ADMIN, "runner").permissions == ("notebook:run",)
    assert told(make_plan(platform, ADMIN, wanted)) == []
    assert may(platform, "user:alice", "edit", "collection:sales")


def test_a_model_that_fails_later_in_the_plan_is_not_posted(platform: Gatepost) -> None:
    model = "model\n  schema 1.1\ntype notebook\n  relations\n    define owner: [user]\n    define view: owner\n"
    before = platform.memory.model_id
    with pytest.raises(Conflict, match="update model: this model would leave tuples without a meaning"):
        apply(platform, Desired(model=model))
    assert platform.memory.model_id == before
    with pytest.raises(InvalidField):
        make_plan(platform, ADMIN, Desired(model="model\n  nonsense"))


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (Desired(groups=(DesiredGroup(name="a b"),)), "group:a b: allowed are 1 to 128"),
        (Desired(users=(DesiredUser(username="A b"),)), "user:A b: allowed are 1 to 128"),
        (Desired(groups=(DesiredGroup(name="a", members=(Holder("bob"),)),)), "group:a#member@bob: not of the form"),
        (Desired(groups=(DesiredGroup(name="a"), DesiredGroup(name="a"))), "group:a: this is there twice"),
        (Desired(users=(DesiredUser(username="Al"), DesiredUser(username="al"))), "user:al: this is there twice"),
        (Desired(grants=(DesiredGrant(resource="sales", relation="viewer", subject="user:bob"),)), "'sales' is not"),
        (Desired(grants=(DesiredGrant(resource="role:admin", relation="assignee", subject="user:bob"),)), "role:admin"),
        (Desired(users=(DesiredUser(username="alice", external="corp"),)), "user:alice: who vouches"),
    ],
)
def test_what_does_not_read_well_is_refused_by_its_name_before_anything(
    platform: Gatepost, wanted: Desired, named: str
) -> None:
    with pytest.raises(InvalidField, match=named):
        make_plan(platform, ADMIN, wanted)


def test_every_place_is_named_where_a_value_is_none_or_nobody(platform: Gatepost) -> None:
    """What a plan shows is refused for no value when it is applied."""
    sales = "collection:sales"
    wanted = Desired(
        users=(DesiredUser(username="carol", email="nowhere"), DesiredUser(username="dan", external="corp")),
        services=(DesiredService(name="etl", description="a\nb"),),
        groups=(DesiredGroup(name="team", members=(Holder("user:zed"), Holder("user:carol"), Holder("user:*"))),),
        roles=(DesiredRole(name="r", permissions=("view",), assignees=(Holder("user:bob"), Holder("group:gone"))),),
        resources=(
            DesiredResource(resource="collection:b", parent="collection:sales"),
            DesiredResource(resource="dataset:d", parent="collection:nowhere", owner="user:zed"),
            DesiredResource(resource="notebook:n"),
        ),
        grants=(
            DesiredGrant(resource=sales, relation="nope", subject="user:bob"),
            DesiredGrant(resource=sales, relation="viewer@x", subject="user:bob"),
            DesiredGrant(resource=sales, relation="editor", subject="anonymous:*"),
            DesiredGrant(resource="collection:nowhere", relation="viewer", subject="user:bob"),
            DesiredGrant(resource="notebook:n", relation="viewer", subject="user:bob"),
        ),
    )
    with pytest.raises(InvalidField) as caught:
        make_plan(platform, ADMIN, wanted)

    assert caught.value.fields == {
        "user:carol": "email: this is not an e-mail address",
        "user:dan": "external: no such provider or issuer; allowed: none is configured",
        "service:etl": "description: it has a character that cannot be printed",
        "role:r": "permissions: 'view' is not of the form type:action",
        "collection:b": "parent: a collection has none",
        "notebook:n": "type: allowed are collection, dataset, knowledge",
        "group:team#member@user:*": "subject: user:* cannot be member of a group: one of user, service, group#member",
        f"{sales}#nope@user:bob": "relation: allowed are owner, editor, viewer",
        f"{sales}#viewer@x@user:bob": "relation: this is no relation of a resource",
        f"{sales}#editor@anonymous:*": "relation: anonymous callers can be granted view only, and editor gives more",
        "notebook:n#viewer@user:bob": "type: allowed are collection, dataset, knowledge",
        "dataset:d": "there is no collection:nowhere and no user:zed",
        "role:r#assignee@group:gone#member": "there is no group:gone",
        "group:team#member@user:zed": "there is no user:zed",
        "collection:nowhere#viewer@user:bob": "there is no collection:nowhere",
    }


def test_who_is_not_seen_is_not_said_to_be_missing(platform: Gatepost) -> None:
    """Attack: an owner who may not look into the directory asks by a plan who there is."""
    grants = tuple(
        DesiredGrant(resource="collection:sales", relation="viewer", subject=s) for s in ("user:zed", "user:bob")
    )

    assert len(make_plan(platform, ALICE, Desired(grants=grants)).steps) == 2


def test_a_share_of_a_role_that_anybody_has_gives_view_only(platform: Gatepost) -> None:
    """Attack: assign a role to whoever is anonymous and give it more in the same plan."""
    share(platform, "alice", "collection:sales", "viewer", "user:bob")
    wanted = Desired(
        roles=(DesiredRole(name="all", permissions=("dataset:view",), assignees=(Holder("anonymous:*"),)),),
        grants=(DesiredGrant(resource="collection:sales", relation="editor", subject="role:all"),),
    )
    with pytest.raises(InvalidField, match="view only"):
        apply(platform, wanted)
