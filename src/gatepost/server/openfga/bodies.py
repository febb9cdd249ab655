"""The body of a request: JSON whatever the content type says, as OpenFGA reads it."""

from __future__ import annotations

from gatepost.server.json_bodies import read_json
from gatepost.stores.bodies import Body
from gatepost.stores.errors import invalid


def read_body(body: bytes) -> Body:
    """Raises `InvalidRequest` for what is no JSON, `StoreError` for what is no object."""
    sent = read_json(body) if body.strip() else {}
    if not isinstance(sent, dict):
        raise invalid("the body has to be an object")
    return sent
