"""One request, as the functions that answer it see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.answered import Headers
from gatepost.server.json_bodies import read_json
from gatepost.server.openfga.headers import headers_of
from gatepost.stores import bodies
from gatepost.stores.errors import invalid
from gatepost.stores.listing import known_store
from gatepost.stores.questions import Asking, under_one_model


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
    told: dict[str, str] = field(default_factory=dict)  # what the headers of the answer say

    @property
    def sent(self) -> bodies.Body:
        return read_body(self.body)

    def store(self, message: str) -> str:
        """The store of the address.  Raises `StoreError` for what is no id."""
        return bodies.store_name(self.path["store"], message)

    def under_one_model(self, store: str, asking: Asking) -> Asking:
        """The same, under the model that the answer names in its header."""
        found = under_one_model(self.gate, self.caller, store, asking)
        self.told["model"] = found.model
        return found

    def headers(self) -> Headers:
        """Those of the answer, once it is there."""
        record = known_store(self.gate, self.path.get("store", ""))
        return () if record is None else headers_of(record.id, self.told.get("model", ""))

    def model(self, message: str, name: str) -> str:
        return bodies.require(self.path["model"], bodies.ULID, f"{message}.{name}")
