"""Check and batch check in the form that every client writes them, read and answered from memory in one go.

That form is a handful of known members, all of them text, and names of plain characters.  Whatever is not of it, or not
known at once, is None here: then the careful reading decides, and says what is wrong.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

from gatepost.access import Graph, PlainQuestion, answers_from_memo
from gatepost.directory.evaluation import MOST_NAMES, plain_name
from gatepost.gate import Gatepost
from gatepost.graphs import StoreRecord
from gatepost.stores.questions import DEEPEST

MOST_BYTES = 32_768  # beyond it, no official client's batch
MOST_CHECKS = 50
MOST_RELATION = 50  # characters
_LATENCY = (None, "MINIMIZE_LATENCY", "UNSPECIFIED")
_RELATION = re.compile(r"[\w-]+", re.ASCII)
_CORRELATION = re.compile(r"[\w-]{1,36}", re.ASCII)
_DECODER = json.JSONDecoder()


class PlainCheck(NamedTuple):
    """One question, and the model that it names, perhaps none."""

    asked: PlainQuestion
    model: str


class PlainBatch(NamedTuple):
    """Several by their correlation ids, and the model that they name, perhaps none."""

    asked: dict[str, PlainQuestion]
    model: str


def read_check(body: bytes) -> PlainCheck | None:
    sent = _read(body)
    asked = None if sent is None else _key(sent.get("tuple_key"))
    model = None if sent is None else _model(sent, 0, body)
    return None if asked is None or model is None else PlainCheck(asked, model)


def read_batch(body: bytes) -> PlainBatch | None:
    sent = _read(body)
    checks = None if sent is None else sent.get("checks")
    if sent is None or not isinstance(checks, list) or not 1 <= len(checks) <= MOST_CHECKS:
        return None
    found: dict[str, PlainQuestion] = {}
    for item in checks:
        if item.__class__ is not dict or len(item) != 2:
            return None
        asked, correlation = _key(item.get("tuple_key")), item.get("correlation_id")
        if asked is None or correlation.__class__ is not str or _CORRELATION.fullmatch(correlation) is None:
            return None
        found[correlation] = asked
    model = _model(sent, len(checks), body)
    return None if model is None or len(found) < len(checks) else PlainBatch(found, model)


def _read(body: bytes) -> dict[str, Any] | None:
    if len(body) > MOST_BYTES:
        return None
    try:
        sent = _DECODER.decode(body.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return sent if sent.__class__ is dict else None


def _key(sent: Any) -> PlainQuestion | None:
    if sent.__class__ is not dict or len(sent) != 3:
        return None
    user, relation, entity = sent.get("user"), sent.get("relation"), sent.get("object")
    if not (user.__class__ is relation.__class__ is entity.__class__ is str):
        return None
    if len(relation) > MOST_RELATION:  # what is long is not remembered either
        return None
    subject, resource = plain_name(user), plain_name(entity)
    return None if subject is None or resource is None or not _is_relation(relation) else (subject, relation, resource)


@lru_cache(MOST_NAMES)
def _is_relation(text: str) -> bool:
    return _RELATION.fullmatch(text) is not None


def _model(sent: dict[str, Any], checks: int, body: bytes) -> str | None:
    """The model that is named, perhaps none.  None unless each member is known, is text, and stands there once.

    A member that is there twice has two meanings, and the parser tells one.  The quotation marks tell: what was read
    takes two for each name and two for each value, and anything beside it takes more.
    """
    others = len(sent) - 1
    model = sent.get("authorization_model_id")
    consistency = sent.get("consistency")
    if (model is not None) + (consistency is not None) != others or consistency not in _LATENCY:
        return None
    if model is not None and model.__class__ is not str:
        return None
    texts = 1 + 2 * others + (9 * checks if checks else 6)
    return (model or "") if body.count(b'"') == 2 * texts else None


def answers(gate: Gatepost, record: StoreRecord, graph: Graph, asked: list[PlainQuestion]) -> list[bool] | None:
    """Answer all of them, from one revision; None where memory does not tell."""
    barred = _barred(gate, record, asked)
    found = answers_from_memo(graph, asked, DEEPEST)
    if found is None:
        return None
    barred |= _barred(gate, record, asked)  # asked again, as `Gatepost.decide` does
    return (
        found.allowed
        if not barred
        else [yes and each[0] not in barred for yes, each in zip(found.allowed, asked, strict=True)]
    )


def _barred(gate: Gatepost, record: StoreRecord, asked: list[PlainQuestion]) -> set[tuple[str, str]]:
    """Those asked about who are disabled: in the platform's own store they may nothing."""
    disabled = gate.memory.disabled if record.is_main else ()
    return {who for who, _, _ in asked if ":".join(who) in disabled} if disabled else set()
