"""Is the model sound?  OpenFGA's own rules, but for one: it takes some uses of one relation on two sides of an `and` for
a loop, where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatepost.access.conditions import ExpressionError, compile_condition
from gatepost.access.model import (
    AuthorizationModel,
    Computed,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Restriction,
    Rewrite,
    Union,
    direct,
)
from gatepost.access.model_size import size_of
from gatepost.access.scan import MAX_BYTES
from gatepost.errors import InvalidModel

MAX_TYPES = 100
MAX_RELATIONS = 1000
RESERVED = frozenset({"self", "this"})

Relation = tuple[str, str]


def validate(model: AuthorizationModel, places: Mapping[Relation, tuple[int, int]] | None = None) -> AuthorizationModel:
    """Return the model as it is.  Raises `InvalidModel` for the first fault, with its place if `places` knows it.

    Conditions are compiled and their types checked.
    """
    for fault in every_fault(model, places):
        raise fault
    return model


def every_fault(
    model: AuthorizationModel, places: Mapping[Relation, tuple[int, int]] | None = None
) -> Iterator[InvalidModel]:
    """Yield each fault as the error that it is, with its place if `places` knows it."""
    for where, sentence in faults(model):
        line, column = (places or {}).get(where, (0, 0))
        yield InvalidModel(sentence, line=line, column=column)
    for condition in model.conditions.values():
        try:
            compile_condition(condition)
        except ExpressionError as error:
            line, column = (places or {}).get(("{", condition.name), (0, 0))
            if not line:
                yield error
                continue
            column = error.offset if error.row > 1 else column + error.offset - 1
            yield InvalidModel(error.sentence, line=line + error.row - 1, column=column)


def faults(model: AuthorizationModel) -> Iterator[tuple[Relation, str]]:
    """Yield each fault as ((type, relation), sentence)."""
    if not model.types:
        yield ("", ""), "the model has no types"
    if size_of(model) > MAX_BYTES:
        yield ("", ""), f"the model is larger than {MAX_BYTES // 1024} KiB"
    if len(model.types) > MAX_TYPES:
        yield ("", ""), f"the model has more than {MAX_TYPES} types"
    if sum(len(kind.relations) for kind in model.types.values()) > MAX_RELATIONS:
        yield ("", ""), f"the model has more than {MAX_RELATIONS} relations"
    for kind, name, rewrite in _definitions(model):
        if name in RESERVED:
            yield (kind, name), f"{name} is a reserved name"
        for sentence in _faults_of(model, kind, rewrite):
            yield (kind, name), f"{kind}#{name}: {sentence}"
    for kind in model.types:
        if kind in RESERVED:
            yield (kind, ""), f"{kind} is a reserved name"
    yield from _cycles(model)
    yield from _impossible(model)


def _definitions(model: AuthorizationModel) -> Iterator[tuple[str, str, Rewrite]]:
    for kind in model.types.values():
        for name, rewrite in kind.relations.items():
            yield kind.name, name, rewrite


def parts(rewrite: Rewrite) -> Iterator[Rewrite]:
    """Yield a rewrite and everything nested in it."""
    yield rewrite
    match rewrite:
        case Union(children) | Intersection(children):
            for child in children:
                yield from parts(child)
        case Exclusion(base, subtract):
            yield from parts(base)
            yield from parts(subtract)


def _faults_of(model: AuthorizationModel, kind: str, rewrite: Rewrite) -> Iterator[str]:
    for part in parts(rewrite):
        match part:
            case Direct(restrictions):
                yield from _restriction_faults(model, restrictions)
            case Computed(relation):
                if model.rewrite(kind, relation) is None:
                    yield f"{relation} is not a relation of {kind}"
            case FromParent(relation, tupleset):
                yield from _tupleset_faults(model, kind, relation, tupleset)


def _restriction_faults(model: AuthorizationModel, restrictions: tuple[Restriction, ...]) -> Iterator[str]:
    if not restrictions:
        yield "the list of direct types is empty"
    for index, wanted in enumerate(restrictions):
        if wanted in restrictions[:index]:
            yield f"{wanted} is given twice"
        if wanted.type not in model.types:
            yield f"{wanted.type} is not a type"
        elif wanted.relation and model.rewrite(wanted.type, wanted.relation) is None:
            yield f"{wanted.relation} is not a relation of {wanted.type}"
        if wanted.condition and wanted.condition not in model.conditions:
            yield f"{wanted.condition} is not a condition"


def _tupleset_faults(model: AuthorizationModel, kind: str, relation: str, tupleset: str) -> Iterator[str]:
    definition = model.rewrite(kind, tupleset)
    if definition is None:
        yield f"{tupleset} is not a relation of {kind}"
    elif not isinstance(definition, Direct):
        yield f"{tupleset} must be direct types only, since `from` follows it"
    elif any(r.relation or r.wildcard for r in definition.restrictions):
        yield f"{tupleset} must name types only, without # and *, since `from` follows it"
    elif not any(model.rewrite(r.type, relation) for r in definition.restrictions):
        yield f"{relation} is not a relation of any type that {tupleset} names"


def _cycles(model: AuthorizationModel) -> Iterator[tuple[Relation, str]]:
    """A relation that is computed from itself on the same object."""
    for kind in model.types.values():
        uses = {
            name: {part.relation for part in parts(rewrite) if isinstance(part, Computed)}
            for name, rewrite in kind.relations.items()
        }
        for name in _entangled(uses):
            seen: set[str] = set()
            todo = list(uses[name])
            while todo:
                used = todo.pop()
                if used not in seen:
                    seen.add(used)
                    todo.extend(uses.get(used, ()))
            if name in seen:
                yield (kind.name, name), f"{kind.name}#{name} is computed from itself"


def _entangled(uses: Mapping[str, set[str]]) -> list[str]:
    """The relations in a cycle or above one: those that are left when one takes away what uses nothing that is left."""
    users: dict[str, list[str]] = {}
    for name, used in uses.items():
        for each in used:
            users.setdefault(each, []).append(name)
    waits_for = {name: sum(each in uses for each in used) for name, used in uses.items()}
    free = [name for name, count in waits_for.items() if not count]
    while free:
        name = free.pop()
        del waits_for[name]
        for user in users.get(name, ()):
            waits_for[user] -= 1
            if not waits_for[user]:
                free.append(user)
    return list(waits_for)


def _impossible(model: AuthorizationModel) -> Iterator[tuple[Relation, str]]:
    """A relation that no chain of tuples can ever give: found by growing the set of those that one can."""
    definitions = {(kind, name): rewrite for kind, name, rewrite in _definitions(model)}
    users: dict[Relation, list[Relation]] = {}
    for (kind, name), rewrite in definitions.items():
        for used in _drawn_on(model, kind, rewrite):
            users.setdefault(used, []).append((kind, name))
    possible: set[Relation] = set()
    todo = list(definitions)
    while todo:
        each = todo.pop()
        if each not in possible and _has_entry(model, each[0], definitions[each], possible):
            possible.add(each)
            todo.extend(users.get(each, ()))
    for kind, name in definitions:
        if (kind, name) not in possible:
            yield (kind, name), f"{kind}#{name} is impossible: no tuple can ever lead to it"


def _drawn_on(model: AuthorizationModel, kind: str, rewrite: Rewrite) -> Iterator[Relation]:
    """Yield the relations of types that a definition looks at."""
    for part in parts(rewrite):
        match part:
            case Direct(restrictions):
                yield from ((r.type, r.relation) for r in restrictions if r.relation)
            case Computed(relation):
                yield kind, relation
            case FromParent(relation, tupleset):
                above = model.rewrite(kind, tupleset)
                yield from ((r.type, relation) for r in direct(above)) if above is not None else ()


def _has_entry(model: AuthorizationModel, kind: str, rewrite: Rewrite, possible: set[Relation]) -> bool:
    match rewrite:
        case Direct(restrictions):
            return any(not r.relation or (r.type, r.relation) in possible for r in restrictions)
        case Computed(relation):
            return (kind, relation) in possible
        case FromParent(relation, tupleset):
            above = model.rewrite(kind, tupleset)
            return above is not None and any((r.type, relation) in possible for r in direct(above))
        case Union(children):
            return any(_has_entry(model, kind, child, possible) for child in children)
        case Intersection(children):
            return all(_has_entry(model, kind, child, possible) for child in children)
        case Exclusion(base, subtract):
            # OpenFGA refuses what could never be subtracted, too: it is a slip of the pen.
            return _has_entry(model, kind, base, possible) and _has_entry(model, kind, subtract, possible)
