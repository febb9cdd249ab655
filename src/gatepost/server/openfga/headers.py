"""The headers by which OpenFGA says who answered."""

from __future__ import annotations

from functools import lru_cache

from gatepost.server.answered import Headers

MOST_PLACES = 1_000  # stores and models whose headers are kept


@lru_cache(MOST_PLACES)
def headers_of(store: str, model: str) -> Headers:
    """The store, and the model where one counted: for a question, a write and assertions."""
    found = ((b"openfga-store-id", store), (b"openfga-authorization-model-id", model))
    return tuple((name, value.encode()) for name, value in found if value)
