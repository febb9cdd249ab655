"""What separates the desired state from the one that there is, as steps in an order in which they can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, select

from gatepost.access import AuthorizationModel, parse_model, with_protected_types
from gatepost.directory.desired import Desired, DesiredRole, DesiredUser, Step
from gatepost.directory.look import Look
from gatepost.directory.names import require_name
from gatepost.directory.planned_resources import (
    OWNER,
    known_resources,
    named_resources,
    resource_steps,
    resources_of_files,
)
from gatepost.directory.planned_tuples import closed_steps, grants_of_files, tuple_steps, wanted_tuples
from gatepost.directory.roles import permission_pattern
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.store.relations import CONFIG, held_by

T = TypeVar("T")
READ_AT_ONCE = 500
MODEL = "model"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing: where it is kept, by which name, and what of it files speak of."""

    word: str
    table: Table
    key: str
    before: Callable[[Connection, Row[Any]], dict[str, object]]
    after: Callable[[Any], dict[str, object]]


def steps_towards(look: Look, desired: Desired) -> tuple[Step, ...]:
    """All steps: first what is made and changed, from what is named to what names it; then what goes.

    Raises `InvalidField` for what does not read well or says two things at once.
    """
    made = [*_model_steps(look.gate, desired.model)]
    for kind, wanted in zip(THINGS, (desired.users, desired.services, desired.groups, desired.roles), strict=True):
        made += _thing_steps(look, kind, wanted or ())
    named = named_resources(desired)
    resources = list(resource_steps(desired, named, known_resources(look, named)))
    made += resources
    tuples = wanted_tuples(desired)
    made += tuple_steps(look, tuples, {step.target: step.after.get(OWNER) for step in resources})
    gone: list[Step] = []
    if look.prune:
        unnamed = [] if desired.resources is None else resources_of_files(look, named)
        gone += closed_steps(look, desired, tuples)
        gone += grants_of_files(look, desired, {step.target for step in unnamed})
        gone += unnamed
        gone += _roles_of_files(look, desired)
        gone += _groups_of_files(look, desired)
    return (*made, *gone)


def _model_steps(gate: Gatepost, text: str | None) -> Iterator[Step]:
    if text is None:
        return
    wanted, current = desired_model(text), gate.memory.graph.model
    if (wanted.types, wanted.conditions) != (current.types, current.conditions):
        types = [sorted(model.types) for model in (current, wanted)]
        yield Step("update", MODEL, {"id": gate.memory.model_id, "types": types[0]}, {"types": types[1]})


def desired_model(text: str) -> AuthorizationModel:
    """Read a model of the platform's own store.  Raises `InvalidModel`, with the place where one is known."""
    return with_protected_types(parse_model(text))


def _thing_steps(look: Look, kind: Kind, wanted: Iterable[Any]) -> Iterator[Step]:
    named = _by_name(kind, wanted)
    known = rows_named(look.connection, kind, named)
    for name, each in named.items():
        shall = {field: value for field, value in kind.after(each).items() if value is not None}
        target = f"{kind.word}:{name}"
        if name not in known:
            yield Step("create", target, after=shall)
            continue
        has = kind.before(look.connection, known[name])
        other = {field: value for field, value in shall.items() if has[field] != value}
        if "external" in other:
            raise InvalidField({target: "who vouches for an account does not change: delete it and make it anew"})
        if other:
            yield Step("update", target, {field: has[field] for field in other}, other)


def _by_name(kind: Kind, wanted: Iterable[T]) -> dict[str, T]:
    named: dict[str, T] = {}
    for each in wanted:
        given = getattr(each, kind.key)
        name = require_name(given.lower() if kind is USER else given, f"{kind.word}:{given[:120]}")
        if name in named:
            raise InvalidField({f"{kind.word}:{name}": "this is there twice"})
        named[name] = each
    return named


def rows_named(connection: Connection, kind: Kind, names: Iterable[str]) -> dict[str, Row[Any]]:
    """What there is of one kind, by these names."""
    column, todo = kind.table.c[kind.key], sorted(names)
    found: dict[str, Row[Any]] = {}
    for begin in range(0, len(todo), READ_AT_ONCE):
        query = select(kind.table).where(column.in_(todo[begin : begin + READ_AT_ONCE]))
        found |= {getattr(row, kind.key): row for row in connection.execute(query)}
    return found


def _user_before(_: Connection, row: Row[Any]) -> dict[str, object]:
    return {
        "display_name": row.display_name,
        "email": row.email,
        "external": row.external,
        "disabled": row.disabled_at is not None,
    }


def _user_after(user: DesiredUser) -> dict[str, object]:
    return {
        "display_name": user.display_name,
        "email": user.email,
        "external": user.external,
        "disabled": user.disabled,
    }


def _text_before(_: Connection, row: Row[Any]) -> dict[str, object]:
    return {"description": row.description}


def _text_after(thing: Any) -> dict[str, object]:
    return {"description": thing.description}


def _role_before(connection: Connection, row: Row[Any]) -> dict[str, object]:
    held = held_by(connection, f"role:{row.name}", ("permission",))
    return {"description": row.description, "permissions": sorted({permission_pattern(r.subject) for r in held})}


def _role_after(role: DesiredRole) -> dict[str, object]:
    permissions = None if role.permissions is None else sorted(set(role.permissions))
    return {"description": role.description, "permissions": permissions}


USER = Kind("user", tables.users, "username", _user_before, _user_after)
SERVICE = Kind("service", tables.services, "name", _text_before, _text_after)
GROUP = Kind("group", tables.groups, "name", _text_before, _text_after)
ROLE = Kind("role", tables.roles, "name", _role_before, _role_after)
THINGS = (USER, SERVICE, GROUP, ROLE)


def _roles_of_files(look: Look, desired: Desired) -> Iterator[Step]:
    """Roles that files made, which is to say all of their permissions, and that no file names any more."""
    if desired.roles is None:
        return
    named, r = {each.name for each in desired.roles}, tables.roles
    for row in look.connection.execute(select(r).where(r.c.builtin.is_(False)).order_by(r.c.name)).all():
        held = held_by(look.connection, f"role:{row.name}", ("permission",))
        if row.name not in named and held and all(each.origin == CONFIG for each in held):
            yield Step("delete", f"role:{row.name}", _role_before(look.connection, row))


def _groups_of_files(look: Look, desired: Desired) -> Iterator[Step]:
    if desired.groups is None:
        return
    named, g = {each.name for each in desired.groups}, tables.groups
    for row in look.connection.execute(select(g).where(g.c.origin == CONFIG).order_by(g.c.name)).all():
        if row.name not in named:
            yield Step("delete", f"group:{row.name}", {"description": row.description})


def kinds_of(desired: Desired) -> Mapping[str, bool]:
    """Which kinds the files speak of."""
    return {
        "user": desired.users is not None,
        "service": desired.services is not None,
        "group": desired.groups is not None,
        "role": desired.roles is not None,
    }
