"""The model in the JSON form of OpenFGA's API: read and written without loss."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gatepost.access.model import (
    GENERIC,
    MAX_NESTING,
    MAX_RELATION_NAME,
    MAX_TYPE_NAME,
    PARAMETER_TYPES,
    SCHEMAS,
    AuthorizationModel,
    Computed,
    Condition,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Module,
    Restriction,
    Rewrite,
    Type,
    Union,
    direct,
)
from gatepost.errors import InvalidModel

Document = Mapping[str, object]

_NAME = re.compile(r"[^:#@*\s]+")
_PREFIX = "TYPE_NAME_"
_OPERATORS = ("this", "computedUserset", "tupleToUserset", "union", "intersection", "difference")


def read_model(document: Document) -> AuthorizationModel:
    """Read `{schema_version, type_definitions, conditions}`; soundness is `validate`'s work.

    Takes the names in both spellings that protobuf's JSON has (`type_definitions`, `typeDefinitions`); what it does not
    know it leaves out.  Raises `InvalidModel` that says where (`type_definitions[1].relations.viewer`) and what was
    expected.
    """
    schema = _field(document, "schema_version")
    if schema not in SCHEMAS:
        raise InvalidModel(f"schema_version: {schema!a} is not supported: expected {' or '.join(SCHEMAS)}")
    types: dict[str, Type] = {}
    modules: dict[tuple[str, str], Module] = {}
    for number, each in enumerate(_list(_field(document, "type_definitions"), "type_definitions")):
        kind = _read_type(each, f"type_definitions[{number}]", modules)
        if kind.name in types:
            raise InvalidModel(f"type_definitions[{number}]: type {kind.name} is defined twice")
        types[kind.name] = kind
    conditions = {
        name: _read_condition(name, each, f"conditions.{name}", modules)
        for name, each in _object(_field(document, "conditions"), "conditions").items()
    }
    return AuthorizationModel(types, conditions, str(schema), modules)


def write_model(model: AuthorizationModel) -> dict[str, object]:
    """Write the model as OpenFGA's API answers it, without an id."""
    return {
        "schema_version": model.schema,
        "type_definitions": [_write_type(model, kind) for kind in model.types.values()],
        "conditions": {name: _write_condition(model, each) for name, each in model.conditions.items()},
    }


# -- reading ------------------------------------------------------------------------------------------------------------


def _field(document: object, name: str) -> object:
    """A member by its name in the API, or by that name in camel case."""
    if not isinstance(document, Mapping):
        return None
    if name in document:
        return document[name]
    first, *others = name.split("_")
    return document.get(first + "".join(word.capitalize() for word in others))


def _object(value: object, where: str) -> Document:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidModel(f"{where}: expected an object")
    return value


def _list(value: object, where: str) -> Sequence[object]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise InvalidModel(f"{where}: expected a list")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidModel(f"{where}: expected text")
    return value


def _name(value: object, where: str, limit: int) -> str:
    name = _text(value, where)
    if not _NAME.fullmatch(name):
        raise InvalidModel(f"{where}: expected a name without ':', '#', '@', '*' and blanks, found {name[:60]!a}")
    if len(name) > limit:
        raise InvalidModel(f"{where}: the name is longer than {limit} characters")
    return name


def _read_type(value: object, where: str, modules: dict[tuple[str, str], Module]) -> Type:
    document = _object(value, where)
    name = _name(_field(document, "type"), f"{where}.type", MAX_TYPE_NAME)
    metadata = _object(_field(document, "metadata"), f"{where}.metadata")
    described = _object(_field(metadata, "relations"), f"{where}.metadata.relations")
    _read_module(metadata, (name, ""), modules)
    relations: dict[str, Rewrite] = {}
    for relation, rewrite in _object(_field(document, "relations"), f"{where}.relations").items():
        place = f"{where}.relations.{relation}"
        _name(relation, place, MAX_RELATION_NAME)
        own = _object(described.get(relation), f"{where}.metadata.relations.{relation}")
        _read_module(own, (name, relation), modules)
        named = _list(_field(own, "directly_related_user_types"), f"{place}: directly_related_user_types")
        restrictions = tuple(_read_restriction(each, f"{place}: directly_related_user_types") for each in named)
        relations[relation] = _read_rewrite(rewrite, place, restrictions, 0)
        if restrictions and not direct(relations[relation]):
            raise InvalidModel(f"{place}: it has direct types and no 'this' that takes them")
    for relation in described:
        if relation not in relations:
            raise InvalidModel(f"{where}.metadata.relations.{relation}: {relation} is not a relation of {name}")
    return Type(name, relations)


def _read_module(document: Document, of: tuple[str, str], modules: dict[tuple[str, str], Module]) -> None:
    """Keep where a part of a modular model came from."""
    name, source = _field(document, "module"), _field(_field(document, "source_info"), "file")
    if name or source:
        modules[of] = Module(_text(name or "", "module"), _text(source or "", "source_info.file"))


def _read_restriction(value: object, where: str) -> Restriction:
    document = _object(value, where)
    relation, condition = _field(document, "relation") or "", _field(document, "condition") or ""
    if _field(document, "wildcard") is not None and relation:
        raise InvalidModel(f"{where}: both a wildcard and a relation")
    return Restriction(
        _name(_field(document, "type"), where, MAX_TYPE_NAME),
        _name(relation, where, MAX_RELATION_NAME) if relation else "",
        _field(document, "wildcard") is not None,
        _name(condition, where, MAX_RELATION_NAME) if condition else "",
    )


def _read_rewrite(value: object, where: str, restrictions: tuple[Restriction, ...], depth: int) -> Rewrite:
    if depth > MAX_NESTING:
        raise InvalidModel(f"{where}: it is nested deeper than {MAX_NESTING}")
    document = _object(value, where)
    found = {name: _field(document, _snake(name)) or document.get(name) for name in _OPERATORS}
    given = [name for name in _OPERATORS if name in document or _snake(name) in document]
    if len(given) != 1:
        raise InvalidModel(f"{where}: expected one of {', '.join(_OPERATORS)}")
    operand = _object(found[given[0]], f"{where}.{given[0]}")
    match given[0]:
        case "this":
            return Direct(restrictions)
        case "computedUserset":
            return Computed(_name(operand.get("relation"), f"{where}.computedUserset", MAX_RELATION_NAME))
        case "tupleToUserset":
            return _read_from(operand, f"{where}.tupleToUserset")
        case "difference":
            base = _read_rewrite(operand.get("base"), f"{where}.difference.base", restrictions, depth + 1)
            subtract = operand.get("subtract")
            return Exclusion(base, _read_rewrite(subtract, f"{where}.difference.subtract", restrictions, depth + 1))
    children = _list(operand.get("child"), f"{where}.{given[0]}.child")
    if not children:
        raise InvalidModel(f"{where}.{given[0]}.child: expected at least one")
    read = tuple(_read_rewrite(each, f"{where}.{given[0]}", restrictions, depth + 1) for each in children)
    return Union(read) if given[0] == "union" else Intersection(read)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match.group().lower(), name)


def _read_from(operand: Document, where: str) -> FromParent:
    computed, tupleset = _field(operand, "computed_userset"), _field(operand, "tupleset")
    return FromParent(
        _name(_field(computed, "relation"), f"{where}.computedUserset", MAX_RELATION_NAME),
        _name(_field(tupleset, "relation"), f"{where}.tupleset", MAX_RELATION_NAME),
    )


def _read_condition(name: str, value: object, where: str, modules: dict[tuple[str, str], Module]) -> Condition:
    document = _object(value, where)
    _name(name, where, MAX_RELATION_NAME)
    inner = _field(document, "name")
    if inner and inner != name:
        raise InvalidModel(f"{where}: its name is {inner!a}: expected the one that it stands under")
    expression = _text(_field(document, "expression"), f"{where}.expression")
    if not expression.strip():
        raise InvalidModel(f"{where}.expression: expected an expression")
    declared = _object(_field(document, "parameters"), f"{where}.parameters")
    parameters = tuple(
        (_name(key, f"{where}.parameters", MAX_RELATION_NAME), _read_parameter(each, f"{where}.parameters.{key}", 0))
        for key, each in declared.items()
    )
    _read_module(_object(_field(document, "metadata"), f"{where}.metadata"), ("condition", name), modules)
    return Condition(name, parameters, expression.strip())


def _read_parameter(value: object, where: str, depth: int) -> str:
    document = _object(value, where)
    kind = _text(_field(document, "type_name"), f"{where}.type_name").removeprefix(_PREFIX).lower()
    if kind not in PARAMETER_TYPES:
        known = ", ".join(f"{_PREFIX}{each.upper()}" for each in sorted(PARAMETER_TYPES))
        raise InvalidModel(f"{where}.type_name: expected one of {known}")
    inner = _list(_field(document, "generic_types"), f"{where}.generic_types")
    wanted = 1 if kind in GENERIC else 0
    if len(inner) != wanted or depth > MAX_NESTING:
        raise InvalidModel(f"{where}.generic_types: a {kind} has {wanted}")
    return f"{kind}<{_read_parameter(inner[0], f'{where}.generic_types', depth + 1)}>" if wanted else kind


# -- writing ------------------------------------------------------------------------------------------------------------


def _write_type(model: AuthorizationModel, kind: Type) -> dict[str, object]:
    described = {
        name: {"directly_related_user_types": [_write_restriction(each) for each in dict.fromkeys(direct(rewrite))]}
        | dict(_write_module(model, (kind.name, name)))
        for name, rewrite in kind.relations.items()
    }
    metadata = {"relations": described} | dict(_write_module(model, (kind.name, "")))
    return {
        "type": kind.name,
        "relations": {name: _write_rewrite(rewrite) for name, rewrite in kind.relations.items()},
        "metadata": metadata if described or len(metadata) > 1 else None,
    }


def _write_module(model: AuthorizationModel, of: tuple[str, str]) -> Iterator[tuple[str, object]]:
    module = model.modules.get(of)
    if module is not None:
        yield "module", module.name
        yield "source_info", {"file": module.file}


def _write_restriction(wanted: Restriction) -> dict[str, object]:
    written: dict[str, object] = {"type": wanted.type}
    if wanted.relation:
        written["relation"] = wanted.relation
    if wanted.wildcard:
        written["wildcard"] = {}
    if wanted.condition:
        written["condition"] = wanted.condition
    return written


def _write_rewrite(rewrite: Rewrite) -> dict[str, object]:
    match rewrite:
        case Direct():
            return {"this": {}}
        case Computed(relation):
            return {"computedUserset": {"relation": relation}}
        case FromParent(relation, tupleset):
            return {
                "tupleToUserset": {"tupleset": {"relation": tupleset}, "computedUserset": {"relation": relation}},
            }
        case Union(children):
            return {"union": {"child": [_write_rewrite(child) for child in children]}}
        case Intersection(children):
            return {"intersection": {"child": [_write_rewrite(child) for child in children]}}
        case Exclusion(base, subtract):
            return {"difference": {"base": _write_rewrite(base), "subtract": _write_rewrite(subtract)}}


def _write_condition(model: AuthorizationModel, condition: Condition) -> dict[str, object]:
    written: dict[str, object] = {
        "name": condition.name,
        "expression": condition.expression,
        "parameters": {name: _write_parameter(kind) for name, kind in condition.parameters},
    }
    metadata = dict(_write_module(model, ("condition", condition.name)))
    return written | {"metadata": metadata} if metadata else written


def _write_parameter(kind: str) -> dict[str, object]:
    outer, generic, rest = kind.partition("<")
    inner = [_write_parameter(rest[:-1])] if generic else []
    return {"type_name": f"{_PREFIX}{outer.upper()}", "generic_types": inner}
