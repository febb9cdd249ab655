"""Access to a resource: who has it and why, giving it and taking it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gatepost.access.given import relations_given_by
from gatepost.access.model import direct
from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import more_than_view, require_may_grant
from gatepost.directory.groups import remove_by_hand
from gatepost.directory.guards import require_an_owner_left
from gatepost.directory.resources import require_made, seen, seen_to_change
from gatepost.directory.subjects import require_allowed, require_subject
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import ANONYMOUS, Entity, Principal, Subject
from gatepost.store.relations import held_by, relate
from gatepost.store.store import Change

STRUCTURE = frozenset({"parent"})
DEEPEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One row of Access Control.  `inherited_from` names the parent at which it stands, empty for the resource itself."""

    subject: str
    relation: str
    origin: str
    author: str
    created_at: datetime
    expires_at: datetime | None
    inherited_from: str
    why: str


def list_access(gate: Gatepost, caller: Principal, kind: str, identifier: str) -> list[Grant]:
    """Who has access, directly and from parents, each with the reason in one sentence.  For whoever may view it."""
    resource = seen(gate, caller, kind, identifier)
    if caller.is_anonymous:  # a reader without a name does not learn the names of others
        gate.require_signed_in(caller)
    now = gate.now()
    with gate.store.read() as connection:
        require_made(connection, resource)
        grants = list(_grants(gate, connection, resource))
    return [grant for grant in grants if grant.expires_at is None or grant.expires_at > now]


def _grants(gate: Gatepost, connection: Connection, resource: Entity) -> Iterator[Grant]:
    todo, known = [resource], {resource}
    while todo and len(known) <= DEEPEST:
        at = todo.pop(0)
        for row in held_by(connection, str(at)):
            if row.relation in STRUCTURE:
                parent = Entity.parse(row.subject)
                if parent not in known:
                    known.add(parent)
                    todo.append(parent)
                continue
            above = "" if at == resource else str(at)
            yield Grant(
                subject=row.subject,
                relation=row.relation,
                origin=row.origin,
                author=row.author,
                created_at=row.created_at,
                expires_at=row.expires_at,
                inherited_from=above,
                why=_why(gate, row.subject, row.relation, resource, at, row.author, row.expires_at),
            )


def _why(
    gate: Gatepost, subject: str, relation: str, resource: Entity, at: Entity, author: str, expires: datetime | None
) -> str:
    """Say in one sentence what this grant lets whom do, and where it comes from."""
    actions = [
        a
        for a in ("view", "edit", "delete", "manage_access")
        if a in relations_given_by(gate.memory.graph.model, at.type, relation)
    ]
    may = (", ".join(actions).replace("manage_access", "manage access")) or relation
    where = f"{relation} of {at}, in which {resource.id} is" if at != resource else f"{relation} here"
    until = f", until {expires:%Y-%m-%d %H:%M} UTC" if expires else ""
    return f"{_who(subject)} may {may}: {where}, granted by {_short(author)}{until}"


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


def _require_relation(gate: Gatepost, kind: str, relation: str) -> None:
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
    resource = seen_to_change(gate, caller, kind, identifier)
    gate.require(caller, "manage_access", resource)
    _require_relation(gate, kind, wanted.relation)
    who = require_subject(wanted.subject, f"{wanted.relation} of a {kind}")
    require_allowed(gate, resource, wanted.relation, who.subject)
    if wanted.expires_at is not None and wanted.expires_at <= gate.now():
        raise InvalidField({"expires_at": "this is in the past"})
    with gate.change(caller, "manage_access", resource, seen_by="view") as tx:
        require_made(tx.connection, resource)
        require_may_grant(gate, caller, wanted.relation, resource)
        _require_view_only_for_anonymous(gate, tx, kind, wanted.relation, who.subject)
        who.require_exists(tx.connection)
        _write(tx, caller, resource, wanted, str(who.subject))
        row = next(
            r for r in held_by(tx.connection, str(resource), (wanted.relation,)) if r.subject == str(who.subject)
        )
        why = _why(gate, row.subject, row.relation, resource, resource, row.author, row.expires_at)
    return Grant(
        subject=row.subject,
        relation=row.relation,
        origin=row.origin,
        author=row.author,
        created_at=row.created_at,
        expires_at=row.expires_at,
        inherited_from="",
        why=why,
    )


def _write(tx: Change, caller: Principal, resource: Entity, wanted: NewGrant, subject: str) -> None:
    author = str(caller.subject)
    if relate(tx, str(resource), wanted.relation, subject, author=author, expires_at=wanted.expires_at):
        if wanted.relation == "owner":
            require_an_owner_left(tx, str(resource))
        until = wanted.expires_at.isoformat() if wanted.expires_at else ""
        detail = {"subject": subject, "relation": wanted.relation, "expires_at": until}
        tx.record(AuditRecord.of(caller, "access.granted", resource, at=tx.at, detail=detail))


def _require_view_only_for_anonymous(gate: Gatepost, tx: Change, kind: str, relation: str, subject: Subject) -> None:
    """Anonymous callers see at most, be it by a role that was assigned to them."""
    names = [str(subject)]
    if subject.type == "role":
        names = [row.subject for row in held_by(tx.connection, str(subject.entity), ("assignee",))]
    if str(ANONYMOUS) in names and more_than_view(gate.memory.graph.model, kind, relation):
        raise InvalidField({"relation": f"anonymous callers can be granted view only, and {relation} gives more"})


def revoke_access(gate: Gatepost, caller: Principal, kind: str, identifier: str, relation: str, subject: str) -> None:
    """Take access away, for the next question already.  The last owner stays."""
    resource = seen_to_change(gate, caller, kind, identifier)
    gate.require(caller, "manage_access", resource)
    _require_relation(gate, kind, relation)
    who = require_subject(subject, f"{relation} of a {kind}")
    with gate.change(caller, "manage_access", resource, seen_by="view") as tx:
        remove_by_hand(tx, str(resource), relation, str(who.subject))
        if relation == "owner":
            require_an_owner_left(tx, str(resource))
        detail = {"subject": str(who.subject), "relation": relation}
        tx.record(AuditRecord.of(caller, "access.revoked", resource, at=tx.at, detail=detail))
