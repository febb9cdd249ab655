"""Relation tuples: one relationship, as a value and as it stands in the changelog."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from gatepost.principal import Entity, Subject

StoredCondition = Mapping[str, object] | str | None
"""What the store keeps of a tuple's condition: `{"name": ..., "context": {...}}`, that as JSON text, or a bare name."""


@dataclass(frozen=True, slots=True)
class TupleCondition:
    """The condition that a tuple stands under, with the values that were stored with it.

    Two are equal if name and values are; `text` is the values in one spelling.
    """

    name: str
    context: Mapping[str, object] = field(default_factory=dict, compare=False)
    text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", json.dumps(self.context, sort_keys=True, separators=(",", ":")))

    @classmethod
    def read(cls, value: StoredCondition) -> Self | None:
        """Read what the store keeps.  Raises `ValueError` for anything else."""
        if value is None:
            return None
        if isinstance(value, str):
            if not value.startswith(("{", "null")):
                return cls(value)
            return cls.read(json.loads(value))
        if isinstance(value, Mapping):
            name, context = value.get("name"), value.get("context")
            if isinstance(name, str) and name and (context is None or isinstance(context, Mapping)):
                return cls(name, dict(context or {}))
        raise ValueError(f"{value!r} is not a condition")

    def stored(self) -> dict[str, object]:
        """What the store keeps."""
        return {"name": self.name, "context": dict(self.context)}


@dataclass(frozen=True, slots=True)
class RelationTuple:
    """`subject` has `relation` to `object`, until `expires_at` (aware, UTC) and under `condition` if there is one."""

    object: Entity
    relation: str
    subject: Subject
    expires_at: datetime | None = None
    condition: TupleCondition | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `collection:sales#editor@group:x#member`.  Raises `ValueError`."""
        entity, hash_sign, rest = text.partition("#")
        relation, at_sign, subject = rest.partition("@")
        if not hash_sign or not at_sign or not relation:
            raise ValueError(f"{text!r} is not of the form type:id#relation@subject")
        if any(c in ":#*" or c.isspace() for c in relation):
            raise ValueError(f"{text!r} has a character that a relation cannot have")
        return cls(Entity.parse(entity), relation, Subject.parse(subject))

    def __str__(self) -> str:
        return f"{self.object}#{self.relation}@{self.subject}"


@dataclass(frozen=True, slots=True)
class TupleChange:
    """One effective change of one tuple: the state it has now, or that it is gone.

    `expires_at` is in unix seconds.  A tuple is known by object, relation and subject: an added one replaces it.
    """

    object: str
    relation: str
    subject: str
    removed: bool
    expires_at: float | None
    condition: StoredCondition = None
