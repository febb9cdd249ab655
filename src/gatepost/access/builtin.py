"""The built-in model, and the protected types that every model of the platform's own store has."""
from __future__ import annotations

from gatepost.access.model import AuthorizationModel
from gatepost.access.tuples import RelationTuple


def builtin_model() -> AuthorizationModel:
    raise NotImplementedError


def with_protected_types(model: AuthorizationModel) -> AuthorizationModel:
    raise NotImplementedError


def allows(model: AuthorizationModel, relation_tuple: RelationTuple) -> None:
    raise NotImplementedError
