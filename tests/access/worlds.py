"""Worlds: a model, tuples, and who may do what; each is asked forwards and backwards."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class World:
    """`may` maps `action type:id` to everybody (of `who`) who may; nobody else of `who` may."""

    name: str
    tuples: tuple[str, ...]
    may: dict[str, tuple[str, ...]]
    who: tuple[str, ...] = ("user:ann", "user:bob", "user:cyd")
    model: str = ""  # the built-in one where it is empty
    expected_sentences: dict[str, str] = field(default_factory=dict)


DOCUMENTS = """
model
  schema 1.1
type user
type team
  relations
    define lead: [user]
    define member: [user, team#member] or lead
type folder
  relations
    define parent: [folder]
    define owner: [user, team#lead]
    define blocked: [user, team#member]
    define viewer: ([user, user:*, team#member] or owner or viewer from parent) but not blocked
type document
  relations
    define folder: [folder]
    define approved: [user:*]
    define author: [user]
    define reader: viewer from folder and approved
    define writer: author and viewer from folder
"""

WORLDS = (
    World(
        "DH-20 to DH-22: owner, editor, viewer",
        ("collection:c#owner@user:ann", "collection:c#editor@user:bob", "collection:c#viewer@user:cyd"),
        {
            "view collection:c": ("user:ann", "user:bob", "user:cyd"),
            "edit collection:c": ("user:ann", "user:bob"),
            "delete collection:c": ("user:ann",),
            "manage_access collection:c": ("user:ann",),
            "view collection:other": (),
        },
        expected_sentences={"user:ann edit collection:c": "ann is owner of collection:c"},
    ),
    World(
        "DH-24: a group's share is its members'",
        (
            "group:data-team#member@user:ann",
            "group:all#member@group:data-team#member",
            "collection:sales#editor@group:all#member",
        ),
        {"edit collection:sales": ("user:ann",), "delete collection:sales": ()},
        expected_sentences={
            "user:ann edit collection:sales": (
                "ann is a member of data-team, which is a member of all, which is editor of collection:sales"
            ),
            "user:bob edit collection:sales": "bob may not edit collection:sales: no relation and no role gives it",
        },
    ),
    World(
        "a dataset inherits its collection's actions",
        ("dataset:d#parent@collection:c", "collection:c#owner@user:ann", "dataset:d#viewer@user:bob"),
        {
            "view dataset:d": ("user:ann", "user:bob"),
            "delete dataset:d": ("user:ann",),
            "manage_access dataset:d": ("user:ann",),
            "owner dataset:d": (),
        },
        expected_sentences={
            "user:ann delete dataset:d": "ann is owner of collection:c, which is parent of dataset:d",
        },
    ),
    World(
        "a share with a role is its assignees', a group's included",
        (
            "role:auditor#assignee@group:g#member",
            "group:g#member@user:ann",
            "collection:c#viewer@role:auditor#assignee",
        ),
        {"view collection:c": ("user:ann",), "edit collection:c": ()},
    ),
    World(
        "wildcards count for their own type only",
        (
            "collection:people#viewer@user:*",
            "collection:machines#viewer@service:*",
            "collection:public#viewer@user:*",
            "collection:public#viewer@service:*",
            "collection:public#viewer@anonymous:*",
        ),
        {
            "view collection:people": ("user:ann", "user:*"),
            "view collection:machines": ("service:etl",),
            "view collection:public": ("user:ann", "user:*", "service:etl", "anonymous:*"),
            "edit collection:public": (),
        },
        who=("user:ann", "user:*", "service:etl", "anonymous:*"),
    ),
    World(
        "IF-16, IF-17: a role's permission counts for every object of the type; anonymous may view only",
        (
            "role:reader#permission@platform:collection.view",
            "role:reader#assignee@anonymous:*",
            "role:reader#assignee@user:ann",
            "role:admin#permission@platform:*.*",
            "role:admin#assignee@user:bob",
            "role:admin#assignee@anonymous:*",
            "collection:c#owner@user:zoe",
        ),
        {
            "view collection:c": ("user:ann", "user:bob", "anonymous:*"),
            "view collection:never-heard-of": ("user:ann", "user:bob", "anonymous:*"),
            "edit collection:c": ("user:bob",),
            "view dataset:d": ("user:bob", "anonymous:*"),
            "user:create platform:main": ("user:bob",),
            "audit:view platform:main": ("user:bob",),
        },
        who=("user:ann", "user:bob", "user:cyd", "anonymous:*"),
        expected_sentences={
            "user:ann view collection:c": "ann has the role reader, which holds collection:view (collection:c)"
        },
    ),
    World(
        "the whole language: exclusion over inheritance, intersection, computed usersets",
        (
            "folder:root#owner@team:core#lead",
            "team:core#lead@user:ann",
            "folder:sub#parent@folder:root",
            "folder:sub#viewer@user:*",
            "folder:sub#blocked@team:banned#member",
            "team:banned#member@user:cyd",
            "document:d#folder@folder:sub",
            "document:d#approved@user:*",
            "document:d#author@user:cyd",
            "document:d#author@user:bob",
            "document:draft#folder@folder:sub",
        ),
        {
            "viewer folder:root": ("user:ann",),
            "viewer folder:sub": ("user:ann", "user:bob"),
            "reader document:d": ("user:ann", "user:bob"),
            "writer document:d": ("user:bob",),
            "reader document:draft": (),
            "member team:core": ("user:ann",),
        },
        model=DOCUMENTS,
    ),
)
