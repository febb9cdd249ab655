"""Check and batch check, answered from memory in front of the framework."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gatepost.access import PlainQuestion, TooComplex
from gatepost.directory.evaluation import require_ask
from gatepost.errors import GatepostError
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.answered import Answer, Answered, Hot, Later
from gatepost.server.openfga import plain
from gatepost.server.openfga.calls import read_body
from gatepost.server.openfga.headers import headers_of
from gatepost.stores import bodies
from gatepost.stores.errors import StoreError, invalid
from gatepost.stores.keys import TupleKey
from gatepost.stores.questions import DEADLINE, Asking, Opened, check_in, graph_in_memory, graph_of

YES, NO = b'{"allowed":true,"resolution":""}', b'{"allowed":false,"resolution":""}'
_ALLOWED = ('{"allowed":false}', '{"allowed":true}')
# An item has none of these: there they are unknown members.
_OF_THE_BATCH = {"authorization_model_id": None, "consistency": None}
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def answered(opened: Opened, body: bytes) -> Answered:
    return Answered(body, headers_of(opened.record.id, opened.model))


def hot_question(path: str) -> Hot | None:
    """The function that answers at this address; None if that is the framework's work."""
    pieces = path.split("/")
    if len(pieces) != 4:
        return None
    _, _, store, verb = pieces
    if verb == "check":
        return partial(_check, store)
    return partial(_batch_check, store) if verb == "batch-check" else None


def _check(name: str, gate: Gatepost, caller: Principal, body: bytes) -> Answer | Later:
    asked = plain.read_check(body)
    if asked is not None and (known := _known(name, gate, caller, [asked.asked], asked.model)) is not None:
        opened, allowed = known
        return answered(opened, YES if allowed[0] else NO)
    store = bodies.store_name(name, "CheckRequest")
    sent = read_body(body)
    key = bodies.checked_key(bodies.part(sent, "tuple_key"), "CheckRequest")
    asking = bodies.asking(sent, "CheckRequest")

    def answer(opened: Opened) -> bytes:
        return YES if check_in(gate, opened, key, asking) else NO

    return _asked(gate, caller, store, asking, answer)


def _asked(
    gate: Gatepost, caller: Principal, store: str, asking: Asking, answer: Callable[[Opened], bytes]
) -> Answer | Later:
    """Answer now if memory holds what it takes, else on the database's pool."""
    require_ask(gate, caller)
    opened = None if asking.newest_state else graph_in_memory(gate, store, asking.model)
    if opened is not None:
        return answered(opened, answer(opened))

    def later() -> Answer:
        found = graph_of(gate, store, asking.model, newest_state=asking.newest_state)
        return answered(found, answer(found))

    return later


def _batch_check(name: str, gate: Gatepost, caller: Principal, body: bytes) -> Answer | Later:
    return _plain_batch(name, gate, caller, body) or _careful_batch(name, gate, caller, body)


def _plain_batch(name: str, gate: Gatepost, caller: Principal, body: bytes) -> Answer | None:
    """Answer a batch whose every answer is in memory; None for any other."""
    batch = plain.read_batch(body)
    known = None if batch is None else _known(name, gate, caller, list(batch.asked.values()), batch.model)
    if batch is None or known is None:
        return None
    opened, allowed = known
    parts = [f'"{correlation}":{_ALLOWED[yes]}' for correlation, yes in zip(batch.asked, allowed, strict=True)]
    return answered(opened, f'{{"result":{{{",".join(parts)}}}}}'.encode())


def _known(
    name: str, gate: Gatepost, caller: Principal, asked: list[PlainQuestion], model: str
) -> tuple[Opened, list[bool]] | None:
    """The answers, if memory holds them all."""
    opened = graph_in_memory(gate, name, model)
    if opened is None:
        return None
    require_ask(gate, caller)
    found = plain.answers(gate, opened.record, opened.graph, asked)
    return None if found is None else (opened, found)


def _careful_batch(name: str, gate: Gatepost, caller: Principal, body: bytes) -> Answer | Later:
    store = bodies.store_name(name, "BatchCheckRequest")
    sent = read_body(body)
    asking = bodies.asking({**sent, "contextual_tuples": None}, "BatchCheckRequest")
    items = [_item(each) for each in bodies.parts(sent, "checks")]
    if not items:
        raise invalid("invalid BatchCheckRequest.Checks: value must contain at least 1 item(s)")

    def answer(opened: Opened) -> bytes:
        _require_fitting([correlation for correlation, _, _ in items])
        ends = time.monotonic() + DEADLINE
        result = {correlation: _one(gate, opened, key, own, ends) for correlation, key, own in items}
        return _ENCODER.encode({"result": result}).encode()

    return _asked(gate, caller, store, asking, answer)


def _item(sent: bodies.Body) -> tuple[str, TupleKey, Asking]:
    key = bodies.checked_key(bodies.part(sent, "tuple_key"), "BatchCheckItem")
    own = bodies.asking({**sent, **_OF_THE_BATCH}, "BatchCheckItem")
    where = "BatchCheckItem.CorrelationId"
    return bodies.require(bodies.text(sent, "correlation_id"), bodies.CORRELATION, where), key, own


def _require_fitting(correlations: list[str]) -> None:
    if len(correlations) > plain.MOST_CHECKS:
        sentence = f"batchCheck received {len(correlations)} checks, the maximum allowed is {plain.MOST_CHECKS}"
        raise invalid(sentence)
    seen: set[str] = set()
    for correlation in correlations:
        if correlation in seen:
            raise invalid(f"received duplicate correlation id: {correlation}")
        seen.add(correlation)


def _one(gate: Gatepost, opened: Opened, key: TupleKey, asking: Asking, ends: float) -> dict[str, Any]:
    """One answer of a batch: what cannot be answered says so, and spoils no other."""
    try:
        if time.monotonic() > ends:
            raise TooComplex(f"the batch takes longer than {DEADLINE:g} s")
        return {"allowed": check_in(gate, opened, key, asking)}
    except StoreError as error:
        return {"error": {"input_error": error.code, "message": str(error)}}
    except GatepostError as error:
        return {"error": {"internal_error": "internal_error", "message": str(error)}}
