"""One request, as the functions that answer it see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.openfga.bodies import read_body
from gatepost.stores import bodies


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
