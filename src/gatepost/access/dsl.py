"""Text to model."""
from __future__ import annotations

from gatepost.access.model import AuthorizationModel


def parse_model(text: str) -> AuthorizationModel:
    raise NotImplementedError
