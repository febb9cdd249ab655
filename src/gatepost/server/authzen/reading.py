"""Reading what a policy enforcement point sends (AuthZEN 1.0 sections 5 to 8).

Unknown members are ignored, as the standard wants; what is known and has the wrong form is refused with 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gatepost.errors import InvalidRequest
from gatepost.server.json_bodies import read_json

Members = Mapping[str, Any]

MOST_TEXT = 1_024  # characters of a type, an id or a name
MOST_EVALUATIONS = 1_000
ENTITIES: Mapping[str, tuple[str, ...]] = {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id")}
DEFAULTED = (*ENTITIES, "context")


class Semantic(StrEnum):
    """When a list of evaluations ends (section 7.1.2.1)."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"

    def ends_with(self, decision: bool) -> bool:
        return self is (Semantic.PERMIT_ON_FIRST_PERMIT if decision else Semantic.DENY_ON_FIRST_DENY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One question; a part that a search leaves open is empty."""

    subject_type: str = ""
    subject_id: str = ""
    action: str = ""
    resource_type: str = ""
    resource_id: str = ""
    context: Mapping[str, object]

    @property
    def subject(self) -> str:
        return f"{self.subject_type}:{self.subject_id}"

    @property
    def resource(self) -> str:
        return f"{self.resource_type}:{self.resource_id}"


@dataclass(frozen=True, slots=True)
class Evaluations:
    """Several questions, each still as it was sent: one that cannot be read spoils no other."""

    items: tuple[object, ...]
    defaults: Members
    semantic: Semantic


def read_members(body: bytes) -> Members:
    """Raises `InvalidRequest` for what is no JSON object."""
    sent = read_json(body)
    if not isinstance(sent, dict):
        raise InvalidRequest("the body has to be a JSON object")
    return sent


def read_evaluation(
    sent: Members, needed: tuple[str, ...] = ("subject", "action", "resource"), open_: str = ""
) -> Evaluation:
    """Read one question.  `open_` is the part whose id (or, for an action, all) is searched for.

    Raises `InvalidRequest` that names what is missing or has the wrong form.
    """
    texts: dict[str, str] = {}
    context: dict[str, object] = {}
    for name in needed:
        entity = _object(sent, name)
        wanted = ENTITIES[name][:1] if name == open_ else ENTITIES[name]
        for field in wanted:
            texts[f"{name}_{field}"] = _text(entity, name, field)
        _add(context, name, entity)
    own = sent.get("context")
    if own is not None:
        if not isinstance(own, dict):
            raise InvalidRequest("context has to be an object")
        _merge(context, own)
    return Evaluation(
        subject_type=texts.get("subject_type", ""),
        subject_id=texts.get("subject_id", ""),
        action=texts.get("action_name", ""),
        resource_type=texts.get("resource_type", ""),
        resource_id=texts.get("resource_id", ""),
        context=context,
    )


def read_evaluations(sent: Members) -> Evaluations | None:
    """Read a list of questions with what they share, or answer None where there is no list: then it is one question."""
    items = sent.get("evaluations")
    if items is None or items == []:
        return None
    if not isinstance(items, list):
        raise InvalidRequest("evaluations has to be a list")
    if len(items) > MOST_EVALUATIONS:
        raise InvalidRequest(f"evaluations: at most {MOST_EVALUATIONS} at once")
    options = sent.get("options", {})
    if not isinstance(options, dict):
        raise InvalidRequest("options has to be an object")
    wanted = options.get("evaluations_semantic", Semantic.EXECUTE_ALL)
    if wanted not in list(Semantic):
        raise InvalidRequest(f"options.evaluations_semantic: allowed are {', '.join(Semantic)}")
    defaults = {name: sent[name] for name in DEFAULTED if sent.get(name) is not None}
    return Evaluations(tuple(items), defaults, Semantic(wanted))


def with_defaults(item: object, defaults: Members) -> Members:
    """Fill in what an evaluation leaves out (section 7.1.1).

    A part replaces the shared one whole; only a `type`, `id` or `name` that it lacks comes from there.
    """
    if not isinstance(item, dict):
        raise InvalidRequest("an evaluation has to be an object")
    merged = {name: item[name] if item.get(name) is not None else defaults.get(name) for name in DEFAULTED}
    for name, fields in ENTITIES.items():
        own, shared = item.get(name), defaults.get(name)
        if isinstance(own, dict) and isinstance(shared, dict):
            merged[name] = {**{field: shared[field] for field in fields if field in shared}, **own}
    return {name: value for name, value in merged.items() if value is not None}


def _object(sent: Members, name: str) -> Members:
    value = sent.get(name)
    if value is None:
        raise InvalidRequest(f"{name} is missing")
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name} has to be an object")
    return value


def _text(entity: Members, name: str, field: str) -> str:
    value = entity.get(field)
    if value is None or value == "":
        raise InvalidRequest(f"{name}.{field} is missing")
    if not isinstance(value, str):
        raise InvalidRequest(f"{name}.{field} has to be a text")
    if len(value) > MOST_TEXT:
        raise InvalidRequest(f"{name}.{field} is too long: {MOST_TEXT} characters at most")
    if field == "type" and ":" in value:
        # `a:b` with the id `c` would read as the type `a` with the id `b:c`: another thing altogether.
        raise InvalidRequest(f"{name}.type cannot have a colon")
    return value


def _add(context: dict[str, object], name: str, entity: Members) -> None:
    """Properties reach conditions as `subject_<name>`, `resource_<name>`, `action_<name>`."""
    properties = entity.get("properties")
    if properties is None:
        return
    if not isinstance(properties, dict):
        raise InvalidRequest(f"{name}.properties has to be an object")
    _merge(context, {f"{name}_{key}": value for key, value in properties.items()})


def _merge(context: dict[str, object], more: Members) -> None:
    for name, value in more.items():
        if name in context:
            # Which of the two counts would be a guess, and a condition may hang on it.
            raise InvalidRequest(f"{name} is given twice: as a property and in the context")
        context[name] = value
