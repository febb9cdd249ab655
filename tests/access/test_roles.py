"""What a subject carries, each with its source."""

from __future__ import annotations

from gatepost.access import access_list, grants_of, groups_of, permissions_of, rights, roles_of, subjects
from gatepost.principal import Entity, Subject
from tests.access.test_graph import Clock, add, graph_of

ANN = Subject("user", "ann")
LINES = [
    "group:low#member@user:ann",
    "group:top#member@group:low#member",
    "role:editors#assignee@group:top#member",
    "role:editors#permission@platform:dataset.edit",
    "role:editors#permission@platform:user.create",
    "role:readers#assignee@user:*",
    "role:readers#permission@platform:*.view",
    "collection:c#owner@group:top#member",
    "collection:d#viewer@user:ann",
    "collection:e#viewer@user:*",
    "dataset:s#parent@collection:c",
    "dataset:s#viewer@user:bob",
]


def test_groups_roles_and_permissions_however_deep() -> None:
    graph = graph_of(LINES)
    assert groups_of(ANN, graph) == {"low", "top"}
    assert roles_of(ANN, graph) == {"editors", "readers"}
    assert permissions_of(ANN, graph) == {"dataset:edit", "user:create", "*:view"}
    assert permissions_of(ANN, graph, role="editors") == {"dataset:edit", "user:create"}
    assert permissions_of(ANN, graph, role="none") == set()
    assert permissions_of(Subject("user", "new"), graph) == {"*:view"}
    assert permissions_of(Subject("user", "new"), graph, groups=["top"]) == {"*:view", "dataset:edit", "user:create"}
    assert permissions_of(Subject("service", "etl"), graph, roles=["editors"]) == {"dataset:edit", "user:create"}
    assert roles_of(Subject("service", "etl"), graph, roles=["editors"]) == {"editors"}
    assert groups_of(Subject("group", "low", "member"), graph) == {"top"}


def test_rights_name_their_source() -> None:
    """The effective-rights page: CO-X9's inherited grants with the source group."""
    graph = graph_of(LINES)
    listed = rights(ANN, graph)
    assert ("collection:c", "owner", "group:top#member") in listed
    assert ("collection:d", "viewer", "user:ann") in listed
    assert ("collection:e", "viewer", "user:*") in listed
    assert set(grants_of(Subject("group", "low", "member"), graph)) == {
        ("group:top", "member"),
        ("role:editors", "assignee"),
        ("collection:c", "owner"),
    }


def test_an_expired_grant_is_no_right() -> None:
    clock = Clock()
    graph = graph_of([], clock)
    graph.apply([add("collection:c#viewer@user:ann", expires=1001.0)], "1.2")
    assert [entity for entity, _, _ in rights(ANN, graph)] == ["collection:c"]
    assert access_list(Entity("collection", "c"), graph)[0].expires_at == 1001.0
    clock.now = 1001.0
    assert rights(ANN, graph) == []
    assert access_list(Entity("collection", "c"), graph) == ()


def test_the_access_list_shows_what_is_inherited_and_where_from() -> None:
    graph = graph_of(LINES)
    listed = [(each.subject, each.relation, each.via) for each in access_list(Entity("dataset", "s"), graph)]
    assert listed == [("user:bob", "viewer", "dataset:s"), ("group:top#member", "owner", "collection:c")]
    assert access_list(Entity("dataset", "unheard-of"), graph) == ()


def test_who_may_includes_those_with_a_role() -> None:
    graph = graph_of(LINES)
    assert subjects(Entity("dataset", "s"), "edit", graph) == ("user:ann",)
    assert subjects(Entity("dataset", "s"), "view", graph) == ("user:*", "user:ann", "user:bob")
