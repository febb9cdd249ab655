"""One request, as the functions that answer it see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.json_bodies import read_json
from gatepost.stores import bodies
from gatepost.stores.errors import invalid


def read_body(body: bytes) -> bodies.Body:
    """JSON whatever the content type says, as OpenFGA reads it.

    Raises `InvalidRequest` for what is no JSON, `StoreError` for what is no object.
    """
    sent = read_json(body) if body.strip() else {}
    if not isinstance(sent, dict):
        raise invalid("the body has to be an object")
    return sent


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, for what, with which body."""

    gate: Gatepost
    caller: Principal
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @property
    def sent(self) -> bodies.Body:
        return read_body(self.body)

    def store(self, message: str) -> str:
        """The store of the address.  Raises `StoreError` for what is no id."""
        return bodies.store_name(self.path["store"], message)

    def model(self, message: str, field: str) -> str:
        return bodies.require(self.path["model"], bodies.ULID, f"{message}.{field}")
