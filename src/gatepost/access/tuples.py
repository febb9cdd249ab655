"""Relation tuples: one relationship, as a value and as it stands in the changelog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from gatepost.principal import Entity, Subject


@dataclass(frozen=True, slots=True)
class RelationTuple:
    """`subject` has `relation` to `object`, until `expires_at` (aware, UTC) and under `condition` if one is named."""

    object: Entity
    relation: str
    subject: Subject
    expires_at: datetime | None = None
    condition: str | None = None

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
    condition: str | None = None
