"""The built-in model, and the protected types that every model of the platform's own store has."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from gatepost.access.conditions import context_fault
from gatepost.access.dsl import parse_with_places
from gatepost.access.model import PROTECTED, AuthorizationModel, Restriction, Type, direct
from gatepost.access.tuples import RelationTuple
from gatepost.access.validate import validate
from gatepost.errors import InvalidField, InvalidModel
from gatepost.principal import Subject

MAX_CONTEXT = 32 * 1024


def read_model(text: str) -> AuthorizationModel:
    """Parse and validate.  Raises `InvalidModel`, with the place where one is known."""
    parsed = parse_with_places(text)
    return validate(parsed.model, parsed.places)


@cache
def builtin_model() -> AuthorizationModel:
    """The model of a new installation: the protected types with collection, dataset and knowledge."""
    return read_model(files("gatepost.access").joinpath("builtin.fga").read_text("utf-8"))


def with_protected_types(model: AuthorizationModel) -> AuthorizationModel:
    """Return `model` with the protected types as they are built in, validated.

    The model may declare one of them as it stands or bare (`type user`).  Raises `InvalidModel` for another definition.
    """
    return validate(completed(model))


def completed(model: AuthorizationModel) -> AuthorizationModel:
    """The same, not validated: for a model that was when it was posted.  No condition is compiled then."""
    ours = builtin_model().types
    for name in sorted(PROTECTED & model.types.keys()):
        relations = model.types[name].relations
        if relations and dict(relations) != dict(ours[name].relations):
            raise InvalidModel(f"type {name} is protected: declare it bare (type {name}) or leave it out")
    for name in model.types:
        if "." in name:
            # `a.b` with the action `c` and `a` with the action `b.c` would be one permission of a role.
            raise InvalidModel(
                f"type {name}: expected a name without dots, since roles hold permissions on its actions"
            )
    types: dict[str, Type] = {name: kind for name, kind in ours.items() if name in PROTECTED}
    types |= {name: kind for name, kind in model.types.items() if name not in PROTECTED}
    return AuthorizationModel(types, model.conditions, model.schema, model.modules)


def allows(model: AuthorizationModel, relation_tuple: RelationTuple) -> None:
    """Return if the model allows the tuple.  Raises `InvalidField`, naming what is allowed."""
    entity, relation, subject = relation_tuple.object, relation_tuple.relation, relation_tuple.subject
    kind = model.types.get(entity.type)
    if kind is None:
        raise InvalidField({"object": f"unknown type {entity.type}: one of {', '.join(model.types)}"})
    if entity.id == "*":
        raise InvalidField({"object": "a tuple is about one object: * is not an id"})
    rewrite = kind.relations.get(relation)
    restrictions = () if rewrite is None else direct(rewrite)
    if not restrictions:
        writable = [name for name, definition in kind.relations.items() if direct(definition)]
        choice = f"one of {', '.join(writable)}" if writable else "the type takes no tuples"
        raise InvalidField({"relation": f"{relation} cannot be written on {entity.type}: {choice}"})
    if subject == Subject(entity.type, entity.id, relation):
        raise InvalidField({"subject": f"{subject} has that relation by being what it is"})
    guard = relation_tuple.condition
    wanted = Restriction(subject.type, subject.relation, subject.is_wildcard, guard.name if guard else "")
    if wanted not in restrictions:
        choice = ", ".join(str(restriction) for restriction in restrictions)
        raise InvalidField({"subject": f"{wanted} cannot be {relation} of a {entity.type}: one of {choice}"})
    if guard is not None:
        if len(guard.text) > MAX_CONTEXT:
            raise InvalidField({"condition": f"the context is larger than {MAX_CONTEXT // 1024} KiB"})
        fault = context_fault(model.conditions[guard.name], guard.context)
        if fault:
            raise InvalidField({"condition": fault})
