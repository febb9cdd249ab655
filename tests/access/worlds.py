"""Worlds: a model, tuples, and who may do what; each is asked forwards and backwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatepost.access import RelationTuple, TupleCondition


@dataclass(frozen=True)
class World:
    """`may` maps `action type:id` to everybody (of `who`) who may; nobody else of `who` may.

    A tuple may end in `? condition {"its": "context"}`.  The `contextual` ones come with the question, as `context` does.
    """

    name: str
    tuples: tuple[str, ...]
    may: dict[str, tuple[str, ...]]
    who: tuple[str, ...] = ("user:ann", "user:bob", "user:cyd")
    model: str = ""  # the built-in one where it is empty
    expected_sentences: dict[str, str] = field(default_factory=dict)
    context: Mapping[str, object] = field(default_factory=dict)
    contextual: tuple[str, ...] = ()


def read_tuple(line: str) -> RelationTuple:
    """Read `doc:1#viewer@user:a` and, after a `?`, a condition with its context in JSON."""
    plain, _, guard = line.partition(" ? ")
    parsed = RelationTuple.parse(plain)
    if not guard:
        return parsed
    name, _, context = guard.partition(" ")
    condition = TupleCondition.read(f'{{"name": "{name}", "context": {context or "{}"}}}')
    return RelationTuple(parsed.object, parsed.relation, parsed.subject, condition=condition)


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

SHIFTS = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, user with on_shift]
type machine
  relations
    define site: [site with in_range]
    define trained: [user, group#member, user:* with in_range]
    define banned: [user with on_shift]
    define operate: (trained and entrant from site) but not banned
type site
  relations
    define entrant: [user, user:*, group#member with on_shift]
condition on_shift(hour: int, from_hour: int, to_hour: int) {
  from_hour <= hour && hour < to_hour
}
condition in_range(address: ipaddress, networks: list<string>) {
  networks.exists(network, address.in_cidr(network))
}
"""
SHIFT_TUPLES = (
    'group:early#member@user:ann ? on_shift {"from_hour": 6, "to_hour": 14}',
    'group:early#member@user:bob ? on_shift {"from_hour": 14, "to_hour": 22}',
    "group:early#member@user:cyd",
    'machine:press#site@site:north ? in_range {"networks": ["10.1.0.0/16", "fd00::/8"]}',
    "machine:press#trained@group:early#member",
    'machine:press#banned@user:cyd ? on_shift {"from_hour": 0, "to_hour": 7}',
    'machine:lathe#trained@user:* ? in_range {"networks": ["0.0.0.0/0"]}',
    'machine:lathe#site@site:north ? in_range {"networks": ["10.1.2.0/24"]}',
    "site:north#entrant@user:*",
    'site:south#entrant@group:early#member ? on_shift {"from_hour": 6, "to_hour": 22}',
)

CONDITIONAL = tuple(
    World(
        f"conditions: {name}",
        SHIFT_TUPLES,
        {
            "operate machine:press": press,
            "operate machine:lathe": lathe,
            "entrant site:south": south,
            "member group:early": early,
        },
        model=SHIFTS,
        context={"hour": hour, "address": address},
        contextual=contextual,
    )
    for name, hour, address, contextual, press, lathe, south, early in (
        ("morning, inside", 8, "10.1.9.9", (), ("user:ann", "user:cyd"), (), *2 * (("user:ann", "user:cyd"),)),
        ("afternoon, at the lathe", 15, "10.1.2.3", (), ("user:bob", "user:cyd"),
         ("user:ann", "user:bob", "user:cyd"), *2 * (("user:bob", "user:cyd"),)),
        ("dawn, over IPv6", 6, "fd00::1", (), ("user:ann",), (), *2 * (("user:ann", "user:cyd"),)),
        ("night", 23, "10.1.9.9", (), ("user:cyd",), (), (), ("user:cyd",)),
        ("outside", 8, "192.0.2.1", (), (), (), *2 * (("user:ann", "user:cyd"),)),
        ("night, with a tuple of the question's own", 23, "10.1.9.9",
         ("group:early#member@user:bob", "site:south#entrant@user:ann"),
         ("user:bob", "user:cyd"), (), ("user:ann",), ("user:bob", "user:cyd")),
    )
)  # fmt: skip

WORLDS = (
    *CONDITIONAL,
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
