"""What a visitor can see, as the lists of the home page and of the collections."""

from __future__ import annotations

from dataclasses import dataclass

from gatepost.directory.pages import Wanted
from gatepost.directory.resources import Resource, list_resources, resource_types
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.server.console.naming import Names, resource_icon
from gatepost.server.console.rendering import url
from gatepost.server.console.standing import Standing, standing_of

ON_HOME = 12
MOST_CHOICES = 500
PLURALS = {"knowledge": "knowledge"}
WHAT = {
    "collection": "a place for datasets; sharing it shares what is in it",
    "dataset": "data that people and programs read",
    "knowledge": "a page, a model, a definition",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type, in words."""

    name: str
    plural: str
    icon: str
    what: str
    has_parent: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One resource."""

    type: str
    id: str
    name: str
    icon: str
    parent_name: str
    standing: Standing
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One list, and what to say where it is empty."""

    title: str
    icon: str
    count: str
    rows: tuple[Row, ...]
    more: str
    nothing: str
    what_to_do: str


def kinds_of(gate: Gatepost) -> list[Kind]:
    """The resource types, collections first, then what is in them."""
    types = gate.memory.graph.model.types
    found = []
    for name in resource_types(gate):
        plural = PLURALS.get(name, f"{name}s")
        has_parent = "parent" in types[name].relations
        found.append(Kind(name, plural.capitalize(), resource_icon(name), WHAT.get(name, ""), has_parent))
    return sorted(found, key=lambda kind: (kind.name != "collection", not kind.has_parent, kind.name))


def part_of(
    gate: Gatepost, caller: Principal, kind: Kind, items: list[Resource], *, more: bool = False, paged: bool = False
) -> Part:
    """One list as it is shown.  `more` is on a page of its own, and `paged` what is only a part of it."""
    names = Names(gate, caller)
    names.learn([Entity.parse(item.parent) for item in items if item.parent])
    # A dataset may be shared out of a collection that stays closed: then not even its name is told.
    visible = {item.parent for item in items if item.parent and gate.may(caller, "view", Entity.parse(item.parent))}
    rows = tuple(
        Row(
            item.type,
            item.id,
            item.display_name,
            kind.icon,
            names.resource(item.parent) if item.parent in visible else "",
            standing_of(gate, caller, item, names),
        )
        for item in items
    )
    nothing = "Nothing is public" if caller.is_anonymous else f"No {kind.plural.lower()} yet"
    to_do = "Sign in to see what is shared with you." if caller.is_anonymous else _what_to_do(kind)
    count = f"{len(rows)}{' and more' if more else ' on this page' if paged else ''}"
    return Part(kind.plural, kind.icon, count, rows, url("collections", type=kind.name) if more else "", nothing, to_do)


def _what_to_do(kind: Kind) -> str:
    return f"Make a new {kind.name}, or ask somebody who has one to share it with you: Access Control, Add Permission."


def seen_at_home(gate: Gatepost, caller: Principal) -> list[Part]:
    """A first look at every type.  For whoever is anonymous, only what there is."""
    parts = []
    for kind in kinds_of(gate):
        page = list_resources(gate, caller, Wanted(limit=ON_HOME), kind.name)
        if page.items or not caller.is_anonymous:
            parts.append(part_of(gate, caller, kind, page.items, more=bool(page.next_cursor)))
    return parts


def possible_parents(gate: Gatepost, caller: Principal) -> list[Resource]:
    """What a new dataset can be put into: the collections that the caller may edit."""
    parents = []
    for kind in kinds_of(gate):
        if not kind.has_parent:
            page = list_resources(gate, caller, Wanted(limit=MOST_CHOICES), kind.name)
            parents += [item for item in page.items if gate.may(caller, "edit", item.entity)]
    return [item for item in parents if item.type == "collection"] or parents
