"""Access to a resource: who has it and why, giving it and taking it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from gatepost.access.given import relations_given_by
from gatepost.access.model import direct
from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import more_than_view, require_may_grant, require_until
from gatepost.directory.groups import remove_by_hand
from gatepost.directory.guards import require_an_owner_left
from gatepost.directory.resources import require_made, seen, seen_to_change
from gatepost.directory.subjects import Named, require_allowed, require_subject
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import ANONYMOUS, Entity, Principal, Subject
from gatepost.store.relations import held_as, held_by, relate
from gatepost.store.store import Change

STRUCTURE = frozenset({"parent"})
ACTIONS = ("view", "edit", "delete", "manage_access")
DEEPEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One row of Access Control.

    `inherited_from` names the parent at which it stands, by its type alone if the caller cannot view it; it is empty for
    the resource itself.
    """

    subject: str
    relation: str
    origin: str
    author: str
    created_at: datetime
    expires_at: datetime | None
    inherited_from: str
    why: str


def grant_place(grant: Grant) -> str:
    """Where a row stands in the list."""
    return f"{grant.inherited_from} {grant.relation} {grant.subject} {grant.origin}"


def list_access(gate: Gatepost, caller: Principal, kind: str, identifier: str) -> list[Grant]:
    """Who has access, directly and from parents, each with the reason in one sentence.  For whoever may view it."""
    resource = seen(gate, caller, kind, identifier)
    if caller.is_anonymous:  # a reader without a name does not learn the names of others
        gate.require_signed_in(caller)
    now = gate.now()
    with gate.database.read() as connection:
        require_made(connection, resource)
        grants = list(grants_on(gate, caller, resource, lambda name: held_by(connection, name)))
    return [grant for grant in grants if grant.expires_at is None or grant.expires_at > now]


def grants_on(
    gate: Gatepost, caller: Principal, resource: Entity, held: Callable[[str], Iterable[Row[Any]]]
) -> Iterator[Grant]:
    """Every tuple that gives access to `resource`, expired ones too; `held` knows the tuples on an object."""
    todo, known = [resource], {resource}
    while todo and len(known) <= DEEPEST:
        at = todo.pop(0)
        # A parent that the caller cannot view gives access here all the same; its name is not for them.
        shown = at if at == resource or gate.may(caller, "view", at) else Entity(at.type, "")
        for row in held(str(at)):
            if row.relation in STRUCTURE:
                parent = Entity.parse(row.subject)
                if parent not in known:
                    known.add(parent)
                    todo.append(parent)
                continue
            above = "" if at == resource else str(shown) if shown.id else shown.type
            yield _grant(row, above, _why(gate, row, resource, shown))


def _grant(row: Row[Any], inherited_from: str, why: str) -> Grant:
    return Grant(
        subject=row.subject,
        relation=row.relation,
        origin=row.origin,
        author=row.author,
        created_at=row.created_at,
        expires_at=row.expires_at,
        inherited_from=inherited_from,
        why=why,
    )


def _why(gate: Gatepost, row: Row[Any], resource: Entity, at: Entity) -> str:
    """Say in one sentence what this grant lets whom do, and where it comes from."""
    given = relations_given_by(gate.memory.graph.model, at.type, row.relation)
    actions = [action.replace("_", " ") for action in ACTIONS if action in given] or [row.relation]
    may = actions[0] if len(actions) == 1 else f"{', '.join(actions[:-1])} and {actions[-1]}"
    if at == resource:
        where = f"{row.relation} here"
    else:
        where = f"{row.relation} of {at if at.id else f'the {at.type}'}, in which {resource.id} is"
    until = f", until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else ""
    until += f", if {row.condition['name']} holds" if row.condition else ""
    return f"{_who(row.subject)} may {may}: {where}, granted by {_short(row.author)}{until}"


def _short(author: str) -> str:
    return author.removeprefix("user:")


def _who(subject: str) -> str:
    kind, _, name = subject.partition(":")
    if name == "*":
        return {
            "user": "Everyone signed in",
            "service": "Every service",
            "anonymous": "Anybody, without signing in",
        }.get(kind, subject)
    if name.endswith("#member"):
        return f"Every member of {name.removesuffix('#member')}"
    if name.endswith("#assignee"):
        return f"Whoever has the role {name.removesuffix('#assignee')}"
    return name


def grantable_relations(gate: Gatepost, kind: str) -> list[str]:
    """The relations of a type that people can be given: those that take subjects directly, but for the structure."""
    relations = gate.memory.graph.model.types[kind].relations
    return [name for name, rewrite in relations.items() if name not in STRUCTURE and direct(rewrite)]


def require_relation(gate: Gatepost, kind: str, relation: str) -> None:
    """Raise `InvalidField` for a relation that people cannot be given."""
    allowed = grantable_relations(gate, kind)
    if relation not in allowed:
        raise InvalidField({"relation": f"allowed are {', '.join(allowed)}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """Who shall have which relation, and perhaps until when."""

    subject: str
    relation: str
    expires_at: datetime | None = None


def grant_access(gate: Gatepost, caller: Principal, kind: str, identifier: str, wanted: NewGrant) -> Grant:
    """Share a resource.  It takes `manage_access`, and all that the relation would allow (nobody grants more)."""
    return grant_all(gate, caller, kind, identifier, (wanted,))[0]


def grant_all(gate: Gatepost, caller: Principal, kind: str, identifier: str, wanted: Sequence[NewGrant]) -> list[Grant]:
    """Share a resource with several subjects at once, or with none of them: as public takes three."""
    resource = seen_to_change(gate, caller, kind, identifier)
    gate.require(caller, "manage_access", resource)
    named = [(each, _read_grant(gate, resource, each)) for each in wanted]
    with gate.change(caller, "manage_access", resource, seen_by="view") as tx:
        require_made(tx.connection, resource)
        for each, who in named:
            require_until(gate, caller, "manage_access", resource, each.expires_at)
            require_may_grant(gate, caller, each.relation, resource, each.expires_at)
            require_view_only_for_anonymous(gate, tx.connection, kind, each.relation, who.subject)
            who.require_exists(tx.connection)
            _write(tx, caller, resource, each, str(who.subject))
        return [_granted(gate, tx, resource, each.relation, str(who.subject)) for each, who in named]


def _read_grant(gate: Gatepost, resource: Entity, wanted: NewGrant) -> Named:
    require_relation(gate, resource.type, wanted.relation)
    who = require_subject(wanted.subject, f"{wanted.relation} of a {resource.type}")
    require_allowed(gate, resource, wanted.relation, who.subject)
    if wanted.expires_at is not None and wanted.expires_at <= gate.now():
        raise InvalidField({"expires_at": "this is in the past"})
    return who


def _granted(gate: Gatepost, tx: Change, resource: Entity, relation: str, subject: str) -> Grant:
    row = held_as(tx.connection, str(resource), relation, subject)[0]
    return _grant(row, "", _why(gate, row, resource, resource))


def _write(tx: Change, caller: Principal, resource: Entity, wanted: NewGrant, subject: str) -> None:
    author = str(caller.subject)
    if relate(tx, str(resource), wanted.relation, subject, author=author, expires_at=wanted.expires_at):
        if wanted.relation == "owner":
            require_an_owner_left(tx, str(resource))
        until = wanted.expires_at.isoformat() if wanted.expires_at else ""
        detail = {"subject": subject, "relation": wanted.relation, "expires_at": until}
        tx.record(AuditRecord.of(caller, "access.granted", resource, at=tx.at, detail=detail))


def require_view_only_for_anonymous(
    gate: Gatepost, connection: Connection, kind: str, relation: str, subject: Subject
) -> None:
    """Anonymous callers see at most, be it by a role that was assigned to them."""
    names = [str(subject)]
    if subject.type == "role":
        names = [row.subject for row in held_by(connection, str(subject.entity), ("assignee",))]
    if str(ANONYMOUS) in names and more_than_view(gate.memory.graph.model, kind, relation):
        raise InvalidField({"relation": f"anonymous callers can be granted view only, and {relation} gives more"})


def revoke_access(gate: Gatepost, caller: Principal, kind: str, identifier: str, relation: str, subject: str) -> None:
    """Take access away, for the next question already.  The last owner stays."""
    revoke_all(gate, caller, kind, identifier, relation, (subject,))


def revoke_all(
    gate: Gatepost, caller: Principal, kind: str, identifier: str, relation: str, subjects: Sequence[str]
) -> None:
    """Take access away from several subjects at once, or from none of them."""
    resource = seen_to_change(gate, caller, kind, identifier)
    gate.require(caller, "manage_access", resource)
    require_relation(gate, kind, relation)
    named = [require_subject(subject, f"{relation} of a {kind}") for subject in subjects]
    with gate.change(caller, "manage_access", resource, seen_by="view") as tx:
        for who in named:
            remove_by_hand(tx, str(resource), relation, str(who.subject))
            detail = {"subject": str(who.subject), "relation": relation}
            tx.record(AuditRecord.of(caller, "access.revoked", resource, at=tx.at, detail=detail))
        if relation == "owner":
            require_an_owner_left(tx, str(resource))
