"""Model to text."""
from __future__ import annotations

from gatepost.access.model import AuthorizationModel


def format_model(model: AuthorizationModel) -> str:
    raise NotImplementedError
