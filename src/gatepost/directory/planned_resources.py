"""Resources of a plan: what is to be made, renamed and moved, and which of those that files made no file names any more.

Nobody keeps where a resource came from, so its owners tell: it is the files' as long as all who own it were made owners
by files.  Somebody whom people made owner keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, func, select, tuple_

from gatepost.audit.record import AuditRecord
from gatepost.directory.desired import Desired, DesiredResource, Step
from gatepost.directory.look import Look
from gatepost.directory.permissions import PROTECTED_TYPES
from gatepost.directory.resources import NewResource, ResourceChange, change_resource, create_resource, delete_resource
from gatepost.directory.sharing import require_view_only_for_anonymous
from gatepost.directory.subjects import require_allowed, require_subject
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal, permission
from gatepost.store import tables
from gatepost.store.relations import CONFIG, MAIN, held_by_many, relate, unrelate

READ_AT_ONCE = 500
OWNER, PARENT = "owner", "parent"
Known = Mapping[Entity, Mapping[str, object]]


def resource_of(text: str) -> Entity:
    """Read the name of a resource.  Raises `InvalidField` for what is none."""
    try:
        resource = Entity.parse(text)
    except ValueError as error:
        raise InvalidField({"resource": f"{text[:80]!r} is not of the form type:id"}) from error
    if resource.type in PROTECTED_TYPES:
        raise InvalidField({"resource": f"{text[:80]!r} is no resource: groups have members, and roles assignees"})
    return resource


def named_resources(desired: Desired) -> dict[Entity, DesiredResource]:
    """The resources that files name, those that are in another after it.

    Raises `InvalidField` for one that is there twice, and for some that are in one another.
    """
    named: dict[Entity, DesiredResource] = {}
    for each in desired.resources or ():
        resource = resource_of(each.resource)
        if resource in named:
            raise InvalidField({str(resource): "this is there twice"})
        named[resource] = each
    parents = {str(resource): each.parent or "" for resource, each in named.items()}
    depths = _depths(parents, _refuse)
    return dict(sorted(named.items(), key=lambda pair: depths[str(pair[0])]))


def _refuse(name: str, other: str) -> None:
    raise InvalidField({name: "this is in itself" if name == other else f"this and {other} are in one another"})


def _depths(parents: Mapping[str, str], on_ring: Callable[[str, str], None]) -> dict[str, int]:
    """How many of the others each is in, one in another; each is looked at once, however deep they are."""
    depths: dict[str, int] = {}
    for name in parents:
        path, at = dict[str, None](), name
        while at in parents and at not in depths:
            if at in path:
                on_ring(at, next(reversed(path)))
                break
            path[at] = None
            at = parents[at]
        depth = depths.get(at, 0)
        for each in reversed(path):
            depth += 1
            depths[each] = depth
    return depths


def known_resources(look: Look, wanted: Iterable[Entity]) -> dict[Entity, Mapping[str, object]]:
    """What there is of these, as far as the caller can view it; what they cannot is as if it were not there."""
    seen = [each for each in wanted if look.sees(each)]
    known: dict[Entity, Mapping[str, object]] = {}
    for row in _rows(look, seen):
        known[Entity(row.type, row.id)] = {"display_name": row.display_name, PARENT: ""}
    for name, held in held_by_many(look.connection, map(str, known), (PARENT,)).items():
        above = [row.subject for row in held if look.sees(Entity.parse(row.subject))]
        resource = Entity.parse(name)
        known[resource] = {**known[resource], PARENT: above[0] if above else ""}
    return known


def _rows(look: Look, resources: list[Entity]) -> Iterator[Row[Any]]:
    t = tables.resources
    for begin in range(0, len(resources), READ_AT_ONCE):
        pairs = [(each.type, each.id) for each in resources[begin : begin + READ_AT_ONCE]]
        yield from look.connection.execute(select(t).where(tuple_(t.c.type, t.c.id).in_(pairs)))


def owners_wanted(desired: Desired) -> dict[Entity, str]:
    """Who shall own what: as the resource says, else the first whom a grant makes its owner for good."""
    owners: dict[Entity, str] = {}
    for grant in desired.grants or ():
        if grant.relation == OWNER and grant.expires_at is None:
            owners.setdefault(resource_of(grant.resource), grant.subject)
    named = {resource_of(each.resource): each.owner for each in desired.resources or () if each.owner}
    return {resource: _subject(text, resource) for resource, text in (owners | named).items()}


def _subject(text: str, resource: Entity) -> str:
    return str(require_subject(text, f"{OWNER} of {resource}").subject)


def resource_steps(desired: Desired, named: Mapping[Entity, DesiredResource], known: Known) -> Iterator[Step]:
    """What is to be made, with its owner, and what has another name or place."""
    owners = owners_wanted(desired)
    for resource, each in named.items():
        has = known.get(resource)
        if has is None:
            shall = {"display_name": each.display_name, PARENT: each.parent, OWNER: owners.get(resource)}
            yield Step("create", str(resource), after={name: value for name, value in shall.items() if value})
            continue
        shall = {"display_name": each.display_name, PARENT: each.parent}
        if shall["display_name"] == "":
            shall["display_name"] = resource.id  # as it is where nobody gives a name
        other = {name: value for name, value in shall.items() if value is not None and has[name] != value}
        if other:
            yield Step("update", str(resource), {name: has[name] for name in other}, other)


def resources_of_files(look: Look, named: Iterable[Entity]) -> list[Step]:
    """Deletions of what files made, that no file names, and that the caller can view; what is in another first."""
    t, kept = tables.tuples, set(named)
    ours = (
        select(t.c.object)
        .where(t.c.store == MAIN, t.c.relation == OWNER)
        .group_by(t.c.object)
        .having(func.min(t.c.origin) == CONFIG, func.max(t.c.origin) == CONFIG)
    )
    owned = [Entity.parse(name) for name in look.connection.execute(ours.order_by(t.c.object)).scalars()]
    known = known_resources(look, [each for each in owned if each not in kept and each.type not in PROTECTED_TYPES])
    parents = {str(resource): str(has[PARENT]) for resource, has in known.items()}
    depths = _depths(parents, lambda _, __: None)  # those in one another go in any order
    order = sorted(known, key=lambda each: (-depths[str(each)], str(each)))
    return [Step("delete", str(each), {"display_name": known[each]["display_name"]}) for each in order]


def do_resource(gate: Gatepost, caller: Principal, step: Step) -> None:
    """Do one step of a resource's."""
    resource = Entity.parse(step.target)
    match step.verb:
        case "create":
            _create(gate, caller, resource, step.after)
        case "update":
            change = ResourceChange(**{name: str(value) for name, value in step.after.items()})
            change_resource(gate, caller, resource.type, resource.id, change)
        case "delete":
            delete_resource(gate, caller, resource.type, resource.id)


def _create(gate: Gatepost, caller: Principal, resource: Entity, after: Mapping[str, object]) -> None:
    """Make a resource; if it is somebody else's, the maker hands it over at once and keeps nothing of it."""
    told = {name: str(value) for name, value in after.items() if name != OWNER}
    create_resource(gate, caller, NewResource(type=resource.type, id=resource.id, **told))
    owner = str(after.get(OWNER, ""))
    if not owner or owner == str(caller.subject):
        return
    # It is the maker's own for this moment, so nothing is asked but what their token may.
    gate.require_signed_in(caller, permission(resource.type, "manage_access"))
    who = require_subject(owner, f"{OWNER} of {resource}")
    require_allowed(gate, resource, OWNER, who.subject)
    with gate.change_unasked() as tx:
        who.require_exists(tx.connection)
        require_view_only_for_anonymous(gate, tx.connection, resource.type, OWNER, who.subject)
        relate(tx, str(resource), OWNER, owner, author=str(caller.subject))
        unrelate(tx, str(resource), OWNER, str(caller.subject))
        detail = {"subject": owner, "relation": OWNER, "expires_at": ""}
        tx.record(AuditRecord.of(caller, "access.granted", resource, at=tx.at, detail=detail))
