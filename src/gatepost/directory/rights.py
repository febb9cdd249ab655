"""What somebody effectively may, each with its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import select

from gatepost.access import Carried, carried
from gatepost.access.later import FOREVER
from gatepost.directory.roles import permission_pattern
from gatepost.directory.users import get_user
from gatepost.gate import Gatepost
from gatepost.principal import Principal, Subject
from gatepost.store import tables
from gatepost.store.relations import held_by


@dataclass(frozen=True, slots=True)
class Right:
    """A permission of a role, or a relation to a resource.  `source` says whose it is, `sentence` reads it out.

    `expires_at` is when it ends by itself; with a `condition`, it counts where that holds.
    """

    kind: str
    right: str
    resource: str
    source: str
    sentence: str
    expires_at: datetime | None = None
    condition: str = ""


@dataclass(frozen=True, slots=True)
class VouchedRole:
    """A role that `provider` vouches for until `session` ends; of a token of its own, it is the call's."""

    role: str
    provider: str
    session: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rights:
    """Everything that a person effectively has.  `vouched` are the roles that end with a session or a call."""

    username: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    permissions: tuple[Right, ...]
    relations: tuple[Right, ...]
    vouched: tuple[VouchedRole, ...] = ()


def rights_of(gate: Gatepost, caller: Principal, username: str) -> Rights:
    """One's own anybody may read whose credential's scope covers `user:view`; somebody else's takes that permission."""
    gate.require_signed_in(caller, "user:view")
    profile = get_user(gate, caller, username)
    subject = Subject("user", profile.username)
    held = _Held(gate, subject)
    vouched = _vouched(gate, caller, subject)
    groups = {*held.groups, *(caller.groups if Subject.of(caller.subject) == subject else ())}
    while_vouched = [right for each in vouched for right in _while_vouched(gate, each)]
    through = [right for name in sorted(groups - held.groups) for right in _for_this_call(gate, caller, name)]
    further = [*while_vouched, *through]
    return Rights(
        username=profile.username,
        groups=tuple(sorted(groups)),
        roles=tuple(sorted({*held.roles, *(each.role for each in vouched)})),
        permissions=(*held.permissions(), *(each for each in further if each.kind == "permission")),
        relations=(*held.relations(), *(each for each in further if each.kind == "relation")),
        vouched=tuple(vouched),
    )


class _Held:
    """Everything that tuples give a subject, with the way by which each comes."""

    def __init__(self, gate: Gatepost, subject: Subject) -> None:
        self.subject = str(subject)
        self.tuples = carried(subject, gate.memory.graph)
        self.memberships: dict[str, Carried] = {}
        for each in self.tuples:
            if each.relation in ("member", "assignee") and each.object.partition(":")[0] in ("group", "role"):
                known = self.memberships.get(f"{each.object}#{each.relation}")
                if known is None or known.until < each.until:
                    self.memberships[f"{each.object}#{each.relation}"] = each
        self.permissions_of_roles = {role: _patterns(gate, role) for role in sorted({*self.roles, *self._own_role})}

    @property
    def _own_role(self) -> set[str]:
        kind, _, rest = self.subject.partition(":")
        return {rest.removesuffix("#assignee")} if kind == "role" else set()

    @property
    def groups(self) -> set[str]:
        return {each.object.removeprefix("group:") for each in self.memberships.values() if each.relation == "member"}

    @property
    def roles(self) -> set[str]:
        return {each.object.removeprefix("role:") for each in self.memberships.values() if each.relation == "assignee"}

    def way(self, userset: str) -> str:
        """Say how somebody comes to be what a userset means: `as a member of low, in high`."""
        steps: list[str] = []
        while userset in self.memberships and len(steps) < len(self.memberships):
            above = self.memberships[userset]
            userset = above.via
            if userset.startswith("group:"):
                steps.append(userset.removeprefix("group:").removesuffix("#member"))
        if userset.endswith(":*"):
            return ", as everybody"
        return "" if not steps else f", as a member of {', in '.join(reversed(steps))}"

    def permissions(self) -> Iterator[Right]:
        for role, patterns in self.permissions_of_roles.items():
            userset = f"role:{role}#assignee"
            until = self.memberships[userset].until if userset in self.memberships else FOREVER
            for pattern in patterns:
                sentence = f"the role {role} holds {pattern}{self.way(userset)}{_until(until)}"
                yield Right("permission", pattern, "", f"role:{role}", sentence, _moment(until))

    def relations(self) -> Iterator[Right]:
        for each in self.tuples:
            if each.object.partition(":")[0] in ("group", "role", "platform"):
                continue
            own = each.via == self.subject and "#" not in each.via
            sentence = f"{each.relation} of {each.object}"
            if not own:
                sentence += f" as {each.via}{'' if each.via.endswith(':*') else self.within(each.via)}"
            sentence += _until(each.until) + (f", where {each.condition} holds" if each.condition else "")
            source = self.subject if own else each.via
            moment = _moment(each.until)
            yield Right("relation", each.relation, each.object, source, sentence, moment, each.condition)

    def within(self, userset: str) -> str:
        """The way to a userset that is named already: what is below it."""
        found = self.way(userset)
        return found if userset.startswith("role:") else found.replace(", as a member of ", ", by way of ")


def _patterns(gate: Gatepost, role: str) -> list[str]:
    with gate.database.read() as connection:
        return [permission_pattern(row.subject) for row in held_by(connection, f"role:{role}", ("permission",))]


def _until(until: float) -> str:
    moment = _moment(until)
    return "" if moment is None else f", until {moment:%Y-%m-%d %H:%M} UTC"


def _moment(until: float) -> datetime | None:
    return None if until == FOREVER else datetime.fromtimestamp(until, UTC)


def _of(gate: Gatepost, subject: Subject) -> Iterable[Right]:
    """What everybody has whom a userset means."""
    held = _Held(gate, subject)
    return [*held.permissions(), *held.relations()]


def _vouched(gate: Gatepost, caller: Principal, subject: Subject) -> list[VouchedRole]:
    """The roles of the person's sessions that go on, and those of this very call if it is their own."""
    s = tables.sessions
    own = caller.roles if Subject.of(caller.subject) == subject else frozenset()
    query = select(s).where(s.c.subject == str(subject), s.c.ended_at.is_(None), s.c.expires_at > gate.now())
    with gate.database.read() as connection:
        going_on = connection.execute(query.where(s.c.roles.is_not(None)).order_by(s.c.id)).all()
    found = [
        VouchedRole(role, row.provider, row.id, row.expires_at)
        for row in going_on
        for carried in (gate.memory.session_roles.of(row.id),)
        if carried is not None and any(p.name == row.provider for p in gate.settings.sso.providers)
        for role in sorted(carried.roles)
    ]
    if any(each.session == caller.credential_id for each in found):
        return found
    return [*found, *(VouchedRole(role, caller.provider, "", None) for role in sorted(own))]


def _while_vouched(gate: Gatepost, vouched: VouchedRole) -> Iterator[Right]:
    """What a vouched role gives, its shares too, as long as its session or the call goes on."""
    until = f"while session {vouched.session} goes on" if vouched.session else "for this call"
    ends = vouched.expires_at
    for right in _of(gate, Subject("role", vouched.role, "assignee")):
        yield replace(
            right,
            source=f"session:{vouched.session}" if vouched.session else right.source,
            sentence=f"{right.sentence}: {vouched.provider} says so {until}",
            expires_at=min((at for at in (ends, right.expires_at) if at is not None), default=None),
        )


def _for_this_call(gate: Gatepost, caller: Principal, group: str) -> Iterator[Right]:
    """What a group gives whose membership only the token of this very call says."""
    for right in _of(gate, Subject("group", group, "member")):
        yield replace(right, sentence=f"{right.sentence}: {caller.provider} says so for this call")
