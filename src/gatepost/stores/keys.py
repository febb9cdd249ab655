"""Tuple keys as OpenFGA writes them: user, relation and object, read against a model."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gatepost.access import AuthorizationModel, RelationTuple, allows
from gatepost.access.tuples import TupleCondition
from gatepost.errors import InvalidField
from gatepost.principal import ANYONE, Entity, Subject
from gatepost.stores.errors import StoreError, invalid

MOST_USER = 512  # bytes
MOST_OBJECT = 256
MOST_RELATION = 50


@dataclass(frozen=True, slots=True)
class TupleKey:
    """One tuple as it is written, not yet judged by any model."""

    user: str
    relation: str
    object: str
    condition: Mapping[str, Any] | None = None  # {name, context}

    def __str__(self) -> str:
        name = f" (condition {self.condition.get('name')})" if self.condition else ""
        return f"{self.object}#{self.relation}@{self.user}{name}"

    def members(self) -> dict[str, Any]:
        """As OpenFGA's API has it."""
        condition = dict(self.condition) if self.condition else None
        return {"user": self.user, "relation": self.relation, "object": self.object, "condition": condition}

    @property
    def bare(self) -> tuple[str, str, str]:
        return self.object, self.relation, self.user


class Malformed(ValueError):
    """A key that no model could allow, or one that names a type or relation that the model does not have."""


def _has(text: str, unwanted: Iterable[str]) -> bool:
    for c in unwanted:
        if c in text:
            return True
    if text.isascii() and text.isprintable():
        return False  # most names, and nothing is looked up for them
    return any(unicodedata.category(c) in ("Cc", "Cs") for c in text)


def is_object(text: str) -> bool:
    """`type:id`, in which no second colon, no `#`, no white space and no control character is."""
    kind, colon, identifier = text.partition(":")
    return (
        bool(colon and kind and identifier) and not _has(kind, "@*") and not _has(identifier, ":") and _is_plain(text)
    )


def _is_plain(text: str) -> bool:
    return not _has(text, "#") and text.split() == [text]


def is_user(text: str) -> bool:
    """`type:id`, `type:*` or `type:id#relation`; whether it means anybody is for a model to say."""
    name, hash_sign, relation = text.partition("#")
    if hash_sign and (not relation or _has(relation, ":#@*") or relation.split() != [relation]):
        return False
    if hash_sign and name.endswith(":*"):
        return False
    return is_object(name) or (not hash_sign and bool(name) and not _has(name, ":") and _is_plain(name))


def read_user(model: AuthorizationModel, text: str) -> Subject:
    """Raises `Malformed`."""
    if not is_user(text):
        raise Malformed("the 'user' field is malformed")
    if ":" not in text:
        raise Malformed(
            "the 'user' field must be an object (e.g. document:1) or an 'object#relation'"
            " or a typed wildcard (e.g. group:*)"
        )
    subject = Subject.parse(text)
    if subject.type not in model.types:
        raise Malformed(f"type '{subject.type}' not found")
    if subject.relation and subject.relation not in model.types[subject.type].relations:
        raise Malformed(f"relation '{subject.type}#{subject.relation}' not found")
    return subject


def read_object(model: AuthorizationModel, text: str) -> Entity:
    """Raises `Malformed`."""
    if not is_object(text):
        raise Malformed("invalid 'object' field format")
    entity = Entity.parse(text)
    if entity.type not in model.types:
        raise Malformed(f"type '{entity.type}' not found")
    if entity.id == ANYONE:
        raise Malformed("the 'object' field cannot reference a typed wildcard")
    return entity


def read_relation(model: AuthorizationModel, kind: str, relation: str) -> str:
    """Raises `Malformed`."""
    if not relation or _has(relation, ":#@") or relation.split() != [relation]:
        raise Malformed("the 'relation' field is malformed")
    if relation not in model.types[kind].relations:
        raise Malformed(f"relation '{kind}#{relation}' not found")
    return relation


def read_parts(model: AuthorizationModel, key: TupleKey) -> tuple[Subject, str, Entity]:
    """Read a key whose tuple need not be allowed: what a question asks about.  Raises `Malformed`."""
    subject = read_user(model, key.user)
    entity = read_object(model, key.object)
    return subject, read_relation(model, entity.type, key.relation), entity


def read_tuple(model: AuthorizationModel, key: TupleKey) -> RelationTuple:
    """Read a key of a tuple that the model has to allow.  Raises `StoreError`."""
    try:
        subject, relation, entity = read_parts(model, key)
        condition = TupleCondition.read(dict(key.condition)) if key.condition else None
        if condition is not None and condition.name not in model.conditions:
            raise Malformed("undefined condition")
        found = RelationTuple(entity, relation, subject, condition=condition)
        if subject == Subject(entity.type, entity.id, relation):
            raise Malformed("cannot write a tuple that is implicit")
        allows(model, found)
    except InvalidField as error:
        raise invalid_tuple(key, "; ".join(error.fields.values())) from error
    except ValueError as error:
        raise invalid_tuple(key, str(error)) from error
    return found


def invalid_tuple(key: TupleKey, reason: str) -> StoreError:
    return invalid(f"Invalid tuple '{key}'. Reason: {reason}")
