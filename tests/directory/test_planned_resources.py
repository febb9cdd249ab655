"""Resources in files of desired state: made before their grants, parents first, whole or not at all; prune and owners."""

from __future__ import annotations

import pytest

from gatepost.directory.desired import Desired, DesiredGrant, DesiredGroup, DesiredResource, Plan
from gatepost.directory.planned_resources import named_resources
from gatepost.directory.plans import apply_plan, make_plan
from gatepost.directory.resources import delete_resource, get_resource
from gatepost.directory.sharing import list_access
from gatepost.errors import AlreadyExists, Conflict, Forbidden, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from tests.directory.people import (
    ADMIN,
    events,
    make_collection,
    make_dataset,
    make_group,
    make_officer,
    make_people,
    may,
    person,
    share,
    tuples_naming,
)

ALICE = person("alice")
SALES = DesiredResource(resource="collection:sales", display_name="Sales", owner="user:alice")
Q3 = DesiredResource(resource="dataset:q3", parent="collection:sales")
WANTED = Desired(
    groups=(DesiredGroup(name="team"),),
    resources=(Q3, SALES),
    grants=(DesiredGrant(resource="collection:sales", relation="editor", subject="group:team"),),
)


@pytest.fixture
def gate_url(database_url: str) -> str:
    """Both databases."""
    return database_url


@pytest.fixture
def platform(gate: Gatepost) -> Gatepost:
    make_people(gate, "alice", "bob")
    return gate


def apply(gate: Gatepost, desired: Desired, caller: Principal = ADMIN, *, prune: bool = False) -> Plan:
    plan = make_plan(gate, caller, desired, prune=prune)
    return apply_plan(gate, caller, desired, revision=plan.revision, digest=plan.digest, prune=prune)


def told(plan: Plan) -> list[str]:
    return [str(step) for step in plan.steps]


def planned(gate: Gatepost, desired: Desired, caller: Principal = ADMIN, *, prune: bool = True) -> list[str]:
    return told(make_plan(gate, caller, desired, prune=prune))


def only(*resources: DesiredResource) -> Desired:
    return Desired(resources=resources)


def test_a_resource_comes_after_what_it_is_in_and_before_its_grants(platform: Gatepost) -> None:
    assert told(apply(platform, WANTED)) == [
        "create group:team",
        "create collection:sales",
        "create dataset:q3",
        "create collection:sales#editor@group:team#member",
    ]
    assert may(platform, "user:alice", "edit", "dataset:q3")
    assert get_resource(platform, ADMIN, "dataset", "q3").parent == "collection:sales"
    assert get_resource(platform, ADMIN, "collection", "sales").display_name == "Sales"
    assert planned(platform, WANTED) == []


def test_whoever_applies_keeps_nothing_of_what_is_somebody_elses(platform: Gatepost) -> None:
    apply(platform, only(SALES, DesiredResource(resource="collection:mine")))

    owners = {grant.subject for grant in list_access(platform, ADMIN, "collection", "sales")}
    assert owners == {"user:alice"}
    assert {grant.subject for grant in list_access(platform, ADMIN, "collection", "mine")} == {"user:admin"}
    assert ("access.granted", "done", "collection:sales") in events(platform)


def test_the_owner_may_stand_among_the_grants(platform: Gatepost) -> None:
    """As `export` writes it; also where it is a group that the same files make."""
    wanted = Desired(
        groups=(DesiredGroup(name="team"),),
        resources=(DesiredResource(resource="collection:sales"),),
        grants=(
            DesiredGrant(resource="collection:sales", relation="owner", subject="group:team"),
            DesiredGrant(resource="collection:sales", relation="owner", subject="user:bob"),
        ),
    )
    assert told(apply(platform, wanted)) == [
        "create group:team",
        "create collection:sales",
        "create collection:sales#owner@user:bob",
    ]
    owners = {grant.subject for grant in list_access(platform, ADMIN, "collection", "sales")}
    assert owners == {"group:team#member", "user:bob"}
    assert planned(platform, wanted) == []


def test_names_and_places_are_changed_and_what_is_not_named_stays(platform: Gatepost) -> None:
    apply(platform, WANTED)
    make_collection(platform, "alice", "finance")

    renamed = only(DesiredResource(resource="collection:sales", display_name="All sales"))
    assert told(apply(platform, renamed)) == ["update collection:sales"]
    moved = only(DesiredResource(resource="dataset:q3", parent="collection:finance", display_name="Q3"))
    assert apply(platform, moved).steps[0].before == {"display_name": "q3", "parent": "collection:sales"}
    assert not may(platform, "user:bob", "view", "dataset:q3")
    assert told(apply(platform, only(DesiredResource(resource="dataset:q3", parent="")))) == ["update dataset:q3"]
    assert get_resource(platform, ADMIN, "dataset", "q3").parent is None
    assert get_resource(platform, ADMIN, "collection", "sales").display_name == "All sales"


def test_an_owner_follows_another(platform: Gatepost) -> None:
    apply(platform, only(SALES))
    bobs = only(DesiredResource(resource="collection:sales", owner="user:bob"))

    assert planned(platform, bobs, prune=False) == ["create collection:sales#owner@user:bob"]
    assert told(apply(platform, bobs, prune=True)) == [
        "create collection:sales#owner@user:bob",
        "delete collection:sales#owner@user:alice",
    ]
    assert not may(platform, "user:alice", "view", "collection:sales")


def test_an_owner_by_hand_stays_beside_the_files(platform: Gatepost) -> None:
    make_collection(platform, "alice", "sales")
    apply(platform, only(DesiredResource(resource="collection:sales", owner="user:bob")), prune=True)
    assert {g.subject for g in list_access(platform, ADMIN, "collection", "sales")} == {"user:alice", "user:bob"}


def test_prune_deletes_what_files_made_the_inner_first(platform: Gatepost) -> None:
    apply(platform, WANTED)
    make_collection(platform, "bob", "by-hand")
    make_dataset(platform, "bob", "by-hand-too", "collection:by-hand")

    assert planned(platform, Desired(resources=()), prune=False) == []
    assert told(apply(platform, Desired(resources=(), grants=()), prune=True)) == [
        "delete dataset:q3",
        "delete collection:sales",
    ]
    assert tuples_naming(platform, "collection:sales") == []
    assert get_resource(platform, ADMIN, "dataset", "by-hand-too").parent == "collection:by-hand"


def test_prune_leaves_what_people_own_by_now(platform: Gatepost) -> None:
    apply(platform, only(SALES, DesiredResource(resource="collection:mine")))
    share(platform, "alice", "collection:sales", "owner", "user:bob")

    assert planned(platform, Desired(resources=())) == ["delete collection:mine"]


def test_prune_of_grants_takes_nobody_the_resource_that_they_made(platform: Gatepost) -> None:
    """Attack on oneself: a run that made a resource, and the next that takes its only owner or its place away."""
    apply(platform, Desired(resources=(DesiredResource(resource="collection:sales"), Q3), grants=()))
    assert planned(platform, Desired(grants=())) == []


def test_nothing_is_half_made(platform: Gatepost) -> None:
    before = (platform.memory.revision, events(platform))
    for bad in (
        DesiredResource(resource="dataset:q4", parent="collection:nowhere"),
        DesiredResource(resource="dataset:q4", owner="user:nobody-there"),
        DesiredResource(resource="dataset:q4", owner="anonymous:*"),
        DesiredResource(resource="collection:q4", parent="collection:sales"),
        DesiredResource(resource="notebook:q4"),
        DesiredResource(resource="dataset:q 4"),
    ):
        with pytest.raises((InvalidField, NotFound)) as caught:
            apply(platform, only(SALES, bad))
        assert "q4" in str(caught.value) or "q 4" in str(caught.value)
        assert (platform.memory.revision, events(platform)) == before


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        pytest.param((SALES, SALES), "twice", id="twice"),
        pytest.param((DesiredResource(resource="sales"),), "type:id", id="no type"),
        pytest.param((DesiredResource(resource="group:sales"),), "is no resource", id="a group"),
        pytest.param((DesiredResource(resource="f:a", parent="f:a"),), "in itself", id="in itself"),
        pytest.param(
            (DesiredResource(resource="f:a", parent="f:b"), DesiredResource(resource="f:b", parent="f:a")),
            "in one another",
            id="in one another",
        ),
    ],
)
def test_what_no_order_can_make_is_refused(
    platform: Gatepost, resources: tuple[DesiredResource, ...], sentence: str
) -> None:
    with pytest.raises(InvalidField, match=sentence):
        make_plan(platform, ADMIN, only(*resources))


def test_it_takes_what_it_takes_by_hand(platform: Gatepost) -> None:
    make_officer(platform, "eve", ["plan:apply"])
    with pytest.raises(Forbidden, match="create collection:sales: this takes collection:create"):
        apply(platform, only(SALES), person("eve", scope="plan:apply"))

    gus = make_officer(platform, "gus", ["plan:apply", "dataset:create", "dataset:view"])
    make_collection(platform, "alice", "sales")
    with pytest.raises(NotFound, match="create dataset:q3: there is no collection:sales"):
        apply(platform, only(Q3), gus)
    share(platform, "alice", "collection:sales", "viewer", "user:gus")
    with pytest.raises(Forbidden, match="edit on collection:sales"):
        apply(platform, only(Q3), gus)
    share(platform, "alice", "collection:sales", "editor", "user:gus")
    apply(platform, only(DesiredResource(resource="dataset:q3", parent="collection:sales", owner="user:bob")), gus)
    assert may(platform, "user:bob", "delete", "dataset:q3")


def test_a_token_that_may_make_but_not_share_hands_nothing_over(platform: Gatepost) -> None:
    """Attack: a token for making things gives them to somebody else."""
    make_officer(platform, "eve", ["plan:apply", "collection:create"])
    bound = person("eve", scope="plan:apply collection:create")
    apply(platform, only(DesiredResource(resource="collection:mine")), bound)
    with pytest.raises(Forbidden, match="scope does not cover collection:manage_access"):
        apply(platform, only(SALES), bound)


def test_what_the_caller_cannot_view_is_told_of_no_more_than_by_hand(platform: Gatepost) -> None:
    """Attack: a plan as a way to read the names and places of what is hidden, and to prune it."""
    make_collection(platform, "alice", "secret")
    apply(platform, only(DesiredResource(resource="collection:of-files", owner="user:alice")))
    eve = make_officer(platform, "eve", ["plan:apply", "collection:create"])
    wanted = only(DesiredResource(resource="collection:secret", display_name="x"))

    (step,) = make_plan(platform, eve, wanted).steps
    assert (step.verb, dict(step.before)) == ("create", {})
    with pytest.raises(AlreadyExists):
        apply(platform, wanted, eve)
    assert planned(platform, Desired(resources=(), grants=()), eve) == []
    guess = DesiredResource(resource="collection:of-files", owner="user:eve")
    assert planned(platform, only(guess), eve) == ["create collection:of-files"]


def test_a_resource_of_a_type_that_comes_with_the_plan(platform: Gatepost) -> None:
    from gatepost.access import format_model

    model = format_model(platform.memory.graph.model) + (
        "\ntype notebook\n  relations\n    define owner: [user]\n    define view: owner\n    define run: owner\n"
    )
    grant = DesiredGrant(resource="notebook:n", relation="owner", subject="user:bob")
    wanted = Desired(model=model, resources=(DesiredResource(resource="notebook:n"),), grants=(grant,))

    assert told(apply(platform, wanted)) == ["update model", "create notebook:n"]
    assert may(platform, "user:bob", "run", "notebook:n")
    assert planned(platform, wanted) == []


def test_a_plan_whose_resource_was_made_meanwhile_is_refused(platform: Gatepost) -> None:
    plan = make_plan(platform, ADMIN, only(SALES))
    make_collection(platform, "alice", "sales")
    with pytest.raises(Conflict, match="changed underneath"):
        apply_plan(platform, ADMIN, only(SALES), revision=plan.revision, digest=plan.digest)
    delete_resource(platform, ADMIN, "collection", "sales")


def test_a_tower_of_resources_is_put_in_order_at_once() -> None:
    """Attack: 20,000 in one another, which to walk for each of them takes 200 million steps under the lock."""
    tower = [DesiredResource(resource=f"f:{i}", parent=f"f:{i + 1}") for i in range(20_000)]
    names = list(named_resources(only(*tower)))
    assert (names[0].id, names[-1].id) == ("19999", "0")


def test_a_thousand_resources_at_once(platform: Gatepost) -> None:
    make_group(platform, "team")
    collections = [DesiredResource(resource=f"collection:c{i}") for i in range(100)]
    datasets = [DesiredResource(resource=f"dataset:d{i}", parent=f"collection:c{i % 100}") for i in range(900)]
    wanted = only(*datasets, *collections)

    assert len(apply(platform, wanted).steps) == 1000
    assert planned(platform, wanted) == []
    assert get_resource(platform, ADMIN, "dataset", "d899").parent == "collection:c99"
