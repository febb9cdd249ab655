"""The platform's own store is not a back door: what tuples may be written there, and by whom.

`store:write` stands for the `manage_access` that sharing takes.  The rest holds here too: tuples on protected types are
made by their own operations, nobody hands out what carries more than they hold, whoever is anonymous is given no more
than to view, and the last owner of a resource stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from gatepost.access import PROTECTED, AuthorizationModel, RelationTuple
from gatepost.access.model import Computed, Direct, Exclusion, FromParent, Intersection, Rewrite, Union, direct
from gatepost.directory.authority import for_good, is_unlimited, require_may_grant, require_until
from gatepost.directory.guards import require_an_owner_left
from gatepost.directory.inheritance import relations_from_above
from gatepost.directory.sharing import require_view_only_for_anonymous
from gatepost.errors import Forbidden
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.stores.errors import invalid
from gatepost.stores.listing import WRITE

Relation = tuple[str, str]


def require_open_type(kind: str) -> None:
    """Raise `StoreError` for a type whose tuples only its own operations write."""
    if kind in PROTECTED:
        raise invalid(
            f"type '{kind}' is protected: its tuples are written by the operations on users, groups and roles"
        )


def require_may_write(gate: Gatepost, tx: Change, caller: Principal, written: RelationTuple) -> None:
    """Raise `Forbidden` if the tuple hands out what the caller does not hold."""
    kind, relation = written.object.type, written.relation
    require_view_only_for_anonymous(gate, tx.connection, kind, relation, written.subject)
    require_until(gate, caller, WRITE)
    _require_holds(gate, caller, written.object, relation)


def require_may_remodel(gate: Gatepost, caller: Principal, new: AuthorizationModel) -> None:
    """Raise `Forbidden` if a model gives what is granted already another meaning, unless the caller holds all.

    Whoever may view a thing would else post that viewers own it.  New types are free: nobody holds anything there.
    """
    if is_unlimited(gate, caller):
        return
    old = gate.memory.graph.model
    changed = [
        name for name, kind in old.types.items() if name in new.types and kind.relations != new.types[name].relations
    ]
    changed += [
        name for name, each in old.conditions.items() if name in new.conditions and each != new.conditions[name]
    ]
    if changed:
        names = ", ".join(sorted(changed))
        raise Forbidden(f"this model gives grants on {names} another meaning: that is for whoever holds all")


def require_may_remove(gate: Gatepost, caller: Principal, entity: Entity, relation: str) -> None:
    """Raise `Forbidden` if the caller could not have given what they take."""
    _require_holds(gate, caller, entity, relation, gate.now())


def _require_holds(
    gate: Gatepost, caller: Principal, entity: Entity, relation: str, until: datetime | None = None
) -> None:
    if is_unlimited(gate, caller):
        return
    model = gate.memory.graph.model
    if feeds_exclusion(model, entity.type, relation):
        # What is taken away here is given there: a comparison of single relations would not see it.
        raise Forbidden(f"{relation} of a {entity.type} takes rights away from others: that is for whoever holds all")
    if is_unlimited(gate, caller, until):
        return
    structure, lasting = _from_above(model, entity.type, relation), for_good(caller)
    for action in sorted(structure):
        if not gate.may(lasting, action, entity):
            raise Forbidden(f"{relation} of {entity} hands out {action}, which you may not do to it yourself")
        require_until(gate, lasting, action, entity, until)
    if not structure:
        require_may_grant(gate, caller, relation, entity, until)


def _from_above(model: AuthorizationModel, kind: str, relation: str) -> frozenset[str]:
    """The relations that come by way of this one (`view from parent`); empty if none follows it."""
    rewrites = model.types[kind].relations.values() if kind in model.types else ()
    followed = {part.tupleset for rewrite in rewrites for part, _ in _parts(rewrite) if isinstance(part, FromParent)}
    return relations_from_above(model, kind) if relation in followed else frozenset()


def feeds_exclusion(model: AuthorizationModel, kind: str, relation: str) -> bool:
    """Tell whether any relation, however far, is what it is `but not` for this one."""
    reached: set[Relation] = {(kind, relation)}
    grew = True
    while grew:
        grew = False
        for user, part, negative in _uses(model):
            if any(used in reached for used in _used(model, user[0], part)):
                if negative:
                    return True
                grew = grew or user not in reached
                reached.add(user)
    return any(_is_subtracted_directly(rewrite) for rewrite in _rewrites(model, kind, relation))


def _rewrites(model: AuthorizationModel, kind: str, relation: str) -> Iterator[Rewrite]:
    rewrite = model.rewrite(kind, relation)
    if rewrite is not None:
        yield rewrite


def _is_subtracted_directly(rewrite: Rewrite) -> bool:
    """`viewer but not [user]`: the relation's own tuples take away."""
    return any(negative and isinstance(part, Direct) for part, negative in _parts(rewrite))


def _uses(model: AuthorizationModel) -> Iterator[tuple[Relation, Rewrite, bool]]:
    for kind in model.types.values():
        for name, rewrite in kind.relations.items():
            for part, negative in _parts(rewrite):
                yield (kind.name, name), part, negative


def _parts(rewrite: Rewrite, *, negative: bool = False) -> Iterator[tuple[Rewrite, bool]]:
    """Yield the leaves of a rewrite, and whether they stand under a `but not`."""
    match rewrite:
        case Union(children) | Intersection(children):
            for child in children:
                yield from _parts(child, negative=negative)
        case Exclusion(base, subtract):
            yield from _parts(base, negative=negative)
            yield from _parts(subtract, negative=True)
        case _:
            yield rewrite, negative


def _used(model: AuthorizationModel, kind: str, part: Rewrite) -> Iterator[Relation]:
    match part:
        case Computed(relation):
            yield kind, relation
        case FromParent(relation, tupleset):
            yield kind, tupleset
            above = model.rewrite(kind, tupleset)
            for restriction in () if above is None else direct(above):
                yield restriction.type, relation
        case Direct(restrictions):
            for restriction in restrictions:
                if restriction.relation:
                    yield restriction.type, restriction.relation


def require_owners_left(tx: Change, owned: set[str]) -> None:
    """Raise `Conflict` if one of these resources, as far as it was made here, has no owner any more."""
    t = tables.resources
    for name in sorted(owned):
        entity = Entity.parse(name)
        query = select(t.c.id).where(t.c.type == entity.type, t.c.id == entity.id)
        if tx.connection.execute(query).one_or_none() is not None:
            require_an_owner_left(tx, name)
