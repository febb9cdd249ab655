"""Memberships, assignments and grants of a plan: the tuples that files want, beside those that there are.

A tuple that people have made already is what the file wants, and stays theirs.  Only tuples whose origin is `config` are
changed or taken; what a provider vouches for is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from gatepost.directory.desired import Desired, Holder, Step
from gatepost.directory.look import Look
from gatepost.directory.permissions import PROTECTED_TYPES
from gatepost.directory.planned_resources import OWNER, resource_of
from gatepost.directory.sharing import STRUCTURE
from gatepost.directory.subjects import require_subject
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Entity
from gatepost.store import tables
from gatepost.store.relations import CONFIG, MAIN, MANUAL, held_by

OURS = (MANUAL, CONFIG)
Tuples = dict[str, dict[tuple[str, str], datetime | None]]
"""For each object, until when which subject shall have which relation."""


def wanted_tuples(desired: Desired) -> Tuples:
    """Every tuple that the files want.  Raises `InvalidField` for one that is none, or there twice with two ends."""
    wanted: Tuples = {}
    for role in desired.roles or ():
        for holder in role.assignees or ():
            _want(wanted, f"role:{role.name}", "assignee", holder)
    for group in desired.groups or ():
        for holder in group.members or ():
            _want(wanted, f"group:{group.name}", "member", holder)
    for each in desired.resources or ():
        if each.owner:
            _want(wanted, str(resource_of(each.resource)), OWNER, Holder(each.owner))
    for grant in desired.grants or ():
        _want(wanted, str(resource_of(grant.resource)), grant.relation, Holder(grant.subject, grant.expires_at))
    return wanted


def _want(wanted: Tuples, object_: str, relation: str, holder: Holder) -> None:
    try:
        subject = str(require_subject(holder.subject, f"{relation} of {object_}").subject)
    except InvalidField as error:  # which of a thousand it is
        place = f"{object_}#{relation}@{holder.subject[:120]}"
        raise InvalidField({place: error.fields["subject"]}) from error
    tuples = wanted.setdefault(object_, {})
    if tuples.setdefault((relation, subject), holder.expires_at) != holder.expires_at:
        raise InvalidField({f"{object_}#{relation}@{subject}": "this is there twice, with two ends"})


def tuple_steps(look: Look, wanted: Tuples, made: Mapping[str, object]) -> Iterator[Step]:
    """What is to be made, and what has another end.  `made`: what the plan makes with an owner, and who that is."""
    for object_, tuples in wanted.items():
        rows = [row for row in held_by(look.connection, object_) if row.origin in OURS]
        for (relation, subject), until in tuples.items():
            if until is not None and until <= look.now:
                continue  # it is over: a file that is applied a year later must not fail for that
            if relation == OWNER and made.get(object_) == subject:
                continue
            holds = {r.origin: r.expires_at for r in rows if (r.relation, r.subject) == (relation, subject)}
            if until in holds.values():
                continue
            target = f"{object_}#{relation}@{subject}"
            if CONFIG in holds:
                yield Step("update", target, _until(holds[CONFIG]), _until(until))
            else:
                yield Step("create", target, after=_until(until))


def closed_steps(look: Look, desired: Desired, wanted: Tuples) -> Iterator[Step]:
    """Members, assignees and owners that files made and do not have any more, where they say who there shall be."""
    closed = {f"group:{g.name}": "member" for g in desired.groups or () if g.members is not None}
    closed |= {f"role:{r.name}": "assignee" for r in desired.roles or () if r.assignees is not None}
    closed |= {name: OWNER for name in owned_by_files(desired) if look.sees(Entity.parse(name))}
    for object_, relation in closed.items():
        for row in held_by(look.connection, object_, (relation,)):
            if (relation, row.subject) not in wanted.get(object_, {}) and _is_of_files(look.gate, row):
                yield _gone(row)


def owned_by_files(desired: Desired) -> set[str]:
    """The resources whose owner files say."""
    return {str(resource_of(each.resource)) for each in desired.resources or () if each.owner}


def grants_of_files(look: Look, desired: Desired, going: Set[str]) -> Iterator[Step]:
    """Grants that files made and that no file names any more, on what the caller can view and what is not `going`."""
    if desired.grants is None:
        return
    t, apart = tables.tuples, owned_by_files(desired)
    wanted = wanted_tuples(Desired(grants=desired.grants))
    query = select(t).where(t.c.store == MAIN, t.c.origin == CONFIG).order_by(t.c.object, t.c.relation, t.c.subject)
    for row in look.connection.execute(query).all():
        resource = Entity.parse(row.object)
        if resource.type in PROTECTED_TYPES or row.relation in STRUCTURE or row.object in going:
            continue
        # Whoever had a resource made owns it by that, and by no grant.
        if row.relation == OWNER and (row.object in apart or row.subject == row.author):
            continue
        if (row.relation, row.subject) not in wanted.get(row.object, {}) and look.sees(resource):
            yield _gone(row)


def _is_of_files(gate: Gatepost, row: Row[Any]) -> bool:
    """Tell what files made from the roles that people start with, which are the server's configuration's."""
    starts = {f"role:{name}" for name in gate.settings.main.default_roles}
    is_first = row.subject.startswith("user:") and (row.object in starts or row.subject == "user:admin")
    return row.origin == CONFIG and not (row.relation == "assignee" and is_first)


def _gone(row: Row[Any]) -> Step:
    return Step("delete", f"{row.object}#{row.relation}@{row.subject}", _until(row.expires_at))


def _until(moment: datetime | None) -> Mapping[str, object]:
    return {} if moment is None else {"expires_at": moment.isoformat()}
