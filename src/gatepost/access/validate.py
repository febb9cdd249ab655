"""Is the model sound?"""
from __future__ import annotations

from gatepost.access.model import AuthorizationModel


def validate(model: AuthorizationModel) -> AuthorizationModel:
    """Return the model as it is, or raise `InvalidModel`."""
    raise NotImplementedError
