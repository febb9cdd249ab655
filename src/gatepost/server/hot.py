"""The questions asked most (who am I, and may I?), as plain functions in front of the framework.

They are answered from memory on the loop.  What has to read the database answers a function instead, for the pool.
"""

from __future__ import annotations

import json
from typing import Any

from gatepost.directory.evaluation import MOST_IN_A_BATCH, Asked, answer
from gatepost.directory.given import no_such_field, why_no_text
from gatepost.directory.profiles import describe, known_profile, read_profile
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.answered import Answer, Hot, Later
from gatepost.server.authzen.evaluation import answer_evaluation, answer_evaluations
from gatepost.server.json_bodies import read_json
from gatepost.server.problems import body_of

_QUESTION = ("action", "resource", "subject", "context")
MOST_NAME = 100  # of a field that nobody knows, when it is named in an error


def answer_me(gate: Gatepost, caller: Principal, _body: bytes) -> Answer | Later:
    """Say who is calling."""
    if caller.subject.type != "user":
        return _json(describe(gate, caller, None))
    profile = known_profile(gate, caller.subject.id)
    if profile is not None:
        return _json(describe(gate, caller, profile))
    return lambda: _json(describe(gate, caller, read_profile(gate, caller.subject.id)))


def answer_check(gate: Gatepost, caller: Principal, body: bytes) -> bytes:
    """Answer one question."""
    asked = read_question(_read_object(body), "")
    found = answer(gate, caller, asked)
    allowed = "true" if found.allowed else "false"
    return f'{{"allowed":{allowed},"revision":"{found.revision}"}}'.encode()


def answer_batch(gate: Gatepost, caller: Principal, body: bytes) -> bytes:
    """Answer many questions, each on its own: one that cannot be answered spoils no other."""
    sent = _read_object(body)
    checks = sent.get("checks")
    if set(sent) - {"checks"} or not isinstance(checks, list):
        raise InvalidField({"checks": "a list of questions is needed, and nothing beside it"})
    if not 1 <= len(checks) <= MOST_IN_A_BATCH:
        raise InvalidField({"checks": f"1 to {MOST_IN_A_BATCH} questions"})
    results: list[dict[str, Any]] = []
    revision = gate.memory.graph.revision  # before the first: each answer is at least as new as what is said of it
    for index, question in enumerate(checks):
        if not isinstance(question, dict):
            raise InvalidField({f"checks[{index}]": "a question is an object"})
        asked = read_question(question, f"checks[{index}].")
        try:
            results.append({"allowed": answer(gate, caller, asked).allowed})
        except InvalidField as error:
            results.append({"allowed": None, "error": body_of(error)})
    return _json({"results": results, "revision": revision})


def read_question(sent: dict[str, Any], place: str) -> Asked:
    """Read `{subject?, action, resource, context?}`.  Raises `InvalidField` that names each wrong member."""
    unknown = sorted(set(sent).difference(_QUESTION))[:10]
    wrong = {f"{place}{name[:MOST_NAME]}": no_such_field(_QUESTION) for name in unknown}
    for name in ("action", "resource"):
        if name not in sent:
            wrong[f"{place}{name}"] = "needed, as a text"
    for name in ("action", "resource", "subject"):
        if name == "subject" and sent.get(name) is None:
            continue
        if name in sent and (sentence := why_no_text(sent[name])):
            wrong[f"{place}{name}"] = sentence
    if not isinstance(sent.get("context"), dict | None):
        wrong[f"{place}context"] = "this has to be an object"
    if wrong:
        raise InvalidField(wrong)
    return Asked(
        action=sent["action"], resource=sent["resource"], subject=sent.get("subject"), context=sent.get("context")
    )


def _read_object(body: bytes) -> dict[str, Any]:
    sent = read_json(body)
    if not isinstance(sent, dict):
        raise InvalidField({"body": "this has to be an object"})
    return sent


_ENCODER = json.JSONEncoder(separators=(",", ":"))  # made once: `json.dumps` would make one for each answer


def _json(content: dict[str, Any]) -> bytes:
    return _ENCODER.encode(content).encode()


HOT: dict[tuple[str, str], Hot] = {
    ("GET", "/api/v1/me"): answer_me,
    ("POST", "/api/v1/check"): answer_check,
    ("POST", "/api/v1/check/batch"): answer_batch,
    ("POST", "/access/v1/evaluation"): answer_evaluation,
    ("POST", "/access/v1/evaluations"): answer_evaluations,
}
