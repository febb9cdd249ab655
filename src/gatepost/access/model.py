"""The authorization model as immutable values: all of OpenFGA's language, schema 1.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PROTECTED = frozenset({"user", "service", "anonymous", "group", "role", "platform"})
"""Types that no posted model and no direct tuple write can change."""

SCHEMAS = ("1.1", "1.2")
MAX_NESTING = 32
MAX_TYPE_NAME = 254
MAX_RELATION_NAME = 50
PARAMETER_TYPES = frozenset(
    {"any", "bool", "string", "int", "uint", "double", "duration", "timestamp", "ipaddress", "list", "map"}
)
GENERIC = frozenset({"list", "map"})


@dataclass(frozen=True, slots=True)
class Restriction:
    """Who may stand in a tuple: `user`, `user:*` or `group#member`, perhaps `with` a condition."""

    type: str
    relation: str = ""
    wildcard: bool = False
    condition: str = ""

    @property
    def subject(self) -> str:
        """The form of the subject alone, without the condition."""
        if self.wildcard:
            return f"{self.type}:*"
        return f"{self.type}#{self.relation}" if self.relation else self.type

    def __str__(self) -> str:
        return f"{self.subject} with {self.condition}" if self.condition else self.subject


@dataclass(frozen=True, slots=True)
class Direct:
    """`[user, group#member]`: the tuples of the relation itself."""

    restrictions: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """`editor`: another relation of the same object."""

    relation: str


@dataclass(frozen=True, slots=True)
class FromParent:
    """`viewer from parent`: `relation` on every object that `tupleset` names."""

    relation: str
    tupleset: str


@dataclass(frozen=True, slots=True)
class Union:
    """`a or b`."""

    children: tuple[Rewrite, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """`a and b`."""

    children: tuple[Rewrite, ...]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`base but not subtract`."""

    base: Rewrite
    subtract: Rewrite


Rewrite = Direct | Computed | FromParent | Union | Intersection | Exclusion


@dataclass(frozen=True, slots=True)
class Condition:
    """A named condition: typed parameters and a CEL expression, kept as text."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    expression: str


@dataclass(frozen=True, slots=True)
class Type:
    """One type and its relations, in the order they were written."""

    name: str
    relations: Mapping[str, Rewrite] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "relations", MappingProxyType(dict(self.relations)))


@dataclass(frozen=True, slots=True)
class Module:
    """Where a part of a model came from that another program put together from modules."""

    name: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationModel:
    """Types and conditions by name.  Immutable: a changed model is another model.

    `modules` says of (type, relation), of (type, "") and of ("condition", name) where they came from, if that was told.
    """

    types: Mapping[str, Type]
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    schema: str = "1.1"
    modules: Mapping[tuple[str, str], Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))
        object.__setattr__(self, "conditions", MappingProxyType(dict(self.conditions)))
        object.__setattr__(self, "modules", MappingProxyType(dict(self.modules)))

    @property
    def resource_types(self) -> tuple[str, ...]:
        """The types that are not protected, in the order they were written."""
        return tuple(name for name in self.types if name not in PROTECTED)

    def rewrite(self, kind: str, relation: str) -> Rewrite | None:
        found = self.types.get(kind)
        return None if found is None else found.relations.get(relation)


def direct(rewrite: Rewrite) -> tuple[Restriction, ...]:
    """All direct type restrictions in a rewrite.  Empty: no tuple of the relation can be written."""
    match rewrite:
        case Direct(restrictions):
            return restrictions
        case Union(children) | Intersection(children):
            return tuple(found for child in children for found in direct(child))
        case Exclusion(base, subtract):
            return direct(base) + direct(subtract)
        case _:
            return ()
