"""People: users, finding subjects, oneself, identities and refused sign-ins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from gatepost.directory import abilities, rights, subjects, users
from gatepost.directory.profiles import describe, read_profile
from gatepost.directory.users import UNSET, NewPassword, NewUser, UserChange
from gatepost.errors import Conflict
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal
from gatepost.server.graphql.asking import Info
from gatepost.server.graphql.connections import USUAL, After, Connection, First, connection, shown, wanted
from gatepost.server.graphql.outcomes import Done, done, done_by
from gatepost.server.rereading import reread_everywhere
from gatepost.server.rest.users import ended_answer, user_answer
from gatepost.sso import identities
from gatepost.sso.leaving import Left, leave


@strawberry.type(
    description="What the caller may do to a person.  One who may more than the caller is spared nevertheless, which is"
    " found when it is tried."
)
class UserViewerCan:
    edit: bool
    delete: bool
    reset_password: bool = strawberry.field(description="Set a password; one's own takes the current one.")
    sync: bool


@strawberry.type(description="A person.")
class User:
    id: str
    username: str
    display_name: str
    email: str | None
    email_verified: bool
    disabled: bool
    external: str | None = strawberry.field(
        description="The provider or issuer that vouches; then there is no password."
    )
    has_password: bool
    created_at: datetime
    created_by: str

    @strawberry.field(description="What this person effectively may, each with its source.")
    async def rights(self, info: Info) -> Rights | None:
        return rights_shown(await info.context.ask(rights.rights_of, self.username))

    @strawberry.field(description="What the caller may do to them.")
    def viewer_can(self, info: Info) -> UserViewerCan:
        asking = info.context
        held = abilities.abilities_on_user(asking.gate, asking.caller, self.username, self.external)
        return UserViewerCan(**{name: name in held for name in ("edit", "delete", "reset_password", "sync")})


@strawberry.type(description="A person after a change.")
class ChangedUser:
    user: User
    sessions_ended: int
    tokens_refused: int
    left_without_owner: list[str]


@strawberry.type(description="A permission of a role, or a relation to a resource.")
class Right:
    kind: str
    right: str
    resource: str
    source: str
    sentence: str
    expires_at: datetime | None
    condition: str


@strawberry.type(description="A role that a provider vouches for until a session ends.")
class VouchedRole:
    role: str
    provider: str
    session: str
    expires_at: datetime | None


@strawberry.type(description="Everything that a person effectively has.")
class Rights:
    username: str
    groups: list[str]
    roles: list[str]
    permissions: list[Right]
    relations: list[Right]
    vouched: list[VouchedRole]


@strawberry.type(description="Somebody to share with.")
class FoundSubject:
    subject: str
    kind: str
    name: str
    display_name: str


@strawberry.type(description="Who is calling.")
class Me:
    kind: str
    id: str | None
    username: str | None
    display_name: str | None
    email: str | None
    groups: list[str]
    roles: list[str]
    method: str
    provider: str | None

    @strawberry.field(description="The sign-ins elsewhere that are linked to one's account.")
    async def identities(self, info: Info) -> list[Identity] | None:
        return [shown(Identity, each) for each in await info.context.ask(identities.list_identities)]


@strawberry.type(description="A sign-in elsewhere.")
class Identity:
    id: str
    provider: str
    issuer: str
    subject: str
    linked_at: datetime
    last_sign_in_at: datetime


@strawberry.type(description="A sign-in that was refused for a clash with an account.")
class SignInConflict:
    id: str
    provider: str
    issuer: str
    subject: str
    username: str
    email: str | None
    reason: str
    at: datetime


@strawberry.type(description="Where else one can sign in.")
class SignInProvider:
    name: str
    display_name: str
    login_url: str


@strawberry.type(description="What became of memberships or roles, and why.")
class Synced:
    added: list[str]
    removed: list[str]
    kept: list[str]
    left_out: list[str]
    beyond_limit: int
    why: strawberry.scalars.JSON
    notes: list[str]


@strawberry.type(description="What one provider said when it was asked again.")
class Reread:
    provider: str
    groups: Synced
    roles: Synced
    sessions_narrowed: int
    sessions_ended: int
    refused: str
    failed: str


@strawberry.input(description="A person to be made: with a password, or external, for a provider or issuer to vouch.")
class UserInput:
    username: str
    password: str | None = None
    email: str | None = None
    display_name: str | None = None
    external: str | None = None


@strawberry.input(description="What to change; what is left out stays.")
class UserChanges:
    disabled: bool | None = strawberry.UNSET
    display_name: str | None = strawberry.UNSET
    email: str | None = strawberry.UNSET
    email_verified: bool | None = strawberry.UNSET


def user_shown(profile: Any) -> User:
    return shown(User, user_answer(profile))


def rights_shown(found: rights.Rights) -> Rights:
    return Rights(
        username=found.username,
        groups=list(found.groups),
        roles=list(found.roles),
        permissions=[shown(Right, each) for each in found.permissions],
        relations=[shown(Right, each) for each in found.relations],
        vouched=[shown(VouchedRole, each) for each in found.vouched],
    )


def _me(gate: Gatepost, caller: Principal) -> Me:
    profile = read_profile(gate, caller.subject.id) if caller.subject.type == "user" else None
    return Me(**describe(gate, caller, profile))


def _log_out(gate: Gatepost, caller: Principal) -> Left:
    gate.require_signed_in(caller)
    if caller.method not in (Method.SESSION, Method.ACCESS_TOKEN) or caller.subject.type != "user":
        raise Conflict("this credential belongs to no session: revoke it instead")
    return leave(gate, caller)


@strawberry.type
class Queries:
    @strawberry.field(description="Who is calling.")
    async def me(self, info: Info) -> Me | None:
        return await info.context.ask(_me)

    @strawberry.field(description="One person.  Anybody may read themselves.")
    async def user(self, info: Info, username: str) -> User | None:
        return user_shown(await info.context.ask(users.get_user, username))

    @strawberry.field(description="People; `q` finds a part of the username, the name or the e-mail.")
    async def users(
        self, info: Info, first: First = USUAL, after: After = None, q: str = ""
    ) -> Connection[User] | None:
        found = await info.context.ask(users.list_users, wanted(first, after), q)
        return connection(found, user_shown, lambda each: (each.username,), after)

    @strawberry.field(description="Users, groups and services by name, for sharing.")
    async def subjects(self, info: Info, q: str = "") -> list[FoundSubject] | None:
        return [shown(FoundSubject, each) for each in await info.context.ask(subjects.find_subjects, q)]

    @strawberry.field(description="Sign-ins that were refused for a clash with an account, for admins.")
    async def conflicts(
        self, info: Info, first: First = USUAL, after: After = None
    ) -> Connection[SignInConflict] | None:
        found = await info.context.ask(identities.list_conflicts, wanted(first, after))
        return connection(found, lambda each: shown(SignInConflict, each), lambda each: (each.id,), after)

    @strawberry.field(description="Where else one can sign in.")
    def sign_in_providers(self, info: Info) -> list[SignInProvider]:
        return [
            SignInProvider(name=p.name, display_name=p.called, login_url=f"/oauth/{p.name}/login")
            for p in info.context.gate.settings.sso.providers
        ]


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Make a person.")
    async def create_user(self, info: Info, user: UserInput) -> User | None:
        new = NewUser(**vars(user))
        if new.password is None:
            return user_shown(await info.context.ask(users.create_user, new))
        asking = info.context
        return user_shown(await asking.pools.passwords(users.create_user, asking.gate, asking.caller, new))

    @strawberry.mutation(description="Change a person.  Disabling ends every session and token of theirs at once.")
    async def change_user(self, info: Info, username: str, changes: UserChanges) -> ChangedUser | None:
        sent = {name: value for name, value in vars(changes).items() if value is not strawberry.UNSET}
        flags = {name: UNSET for name in ("disabled", "email_verified") if sent.get(name, ...) is None}
        ended = await info.context.ask(users.change_user, username, UserChange(**{**sent, **flags}))
        answer = ended_answer(ended)
        return ChangedUser(
            user=shown(User, answer),
            sessions_ended=answer.sessions_ended,
            tokens_refused=answer.tokens_refused,
            left_without_owner=answer.left_without_owner,
        )

    @strawberry.mutation(description="Delete a person with everything of theirs.")
    async def delete_user(self, info: Info, username: str, transfer_to: str | None = None) -> Done | None:
        return await done_by(info, users.delete_user, username, transfer_to)

    @strawberry.mutation(description="Set a password.  One's own takes the current one.")
    async def set_password(
        self, info: Info, username: str, password: str, current_password: str | None = None
    ) -> Done | None:
        asking, new = info.context, NewPassword(password=password, current_password=current_password)
        await asking.pools.passwords(users.set_password, asking.gate, asking.caller, username, new)
        return done(info)

    @strawberry.mutation(description="Read a person's groups and roles again, at each provider that can be asked.")
    async def sync_user(self, info: Info, username: str) -> list[Reread] | None:
        asking = info.context
        return [_reread(each) for each in await reread_everywhere(asking.gate, asking.pools, asking.caller, username)]

    @strawberry.mutation(description="Unlink a sign-in elsewhere from one's account.  The last way in stays.")
    async def unlink_identity(self, info: Info, id: str) -> Done | None:  # noqa: A002
        return await done_by(info, identities.unlink_identity, id)

    @strawberry.mutation(description="Take a refused sign-in off the list.  It changes nobody's account.")
    async def dismiss_conflict(self, info: Info, id: str) -> Done | None:  # noqa: A002
        return await done_by(info, identities.dismiss_conflict, id)

    @strawberry.mutation(description="End the session that the credential belongs to, with all its tokens.")
    async def log_out(self, info: Info) -> Done | None:
        return await done_by(info, _log_out)


def _synced(found: Any) -> Synced:
    members = {name: list(getattr(found, name)) for name in ("added", "removed", "kept", "left_out", "notes")}
    return Synced(**members, beyond_limit=found.beyond_limit, why=strawberry.scalars.JSON(dict(found.why)))


def _reread(found: Any) -> Reread:
    return Reread(
        provider=found.provider,
        groups=_synced(found.groups),
        roles=_synced(found.roles),
        sessions_narrowed=found.sessions_narrowed,
        sessions_ended=found.sessions_ended,
        refused=found.refused,
        failed=found.failed,
    )
