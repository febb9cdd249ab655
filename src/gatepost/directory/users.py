"""People: making, changing, disabling and deleting them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Row, insert, select, update

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.directory.authority import is_unlimited, require_carries_no_more
from gatepost.directory.guards import an_admin_stays, counted, owned_alone
from gatepost.directory.names import require_email, require_text, require_username
from gatepost.directory.pages import Page, Wanted, containing, read_page
from gatepost.directory.profiles import profile_of
from gatepost.errors import AlreadyExists, Conflict, InvalidCredentials, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal, Subject
from gatepost.records import Profile
from gatepost.store import tables
from gatepost.store.relations import forget, relate, unrelate
from gatepost.store.store import Change
from gatepost.tokens import throttle
from gatepost.tokens.api_tokens import count_tokens_of, revoke_tokens_of
from gatepost.tokens.passwords import require_good_password
from gatepost.tokens.sessions import end_sessions, session_ids_of

UNSET = object()
t = tables.users


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A person to be made.  `external` names the provider or issuer that will vouch: then there is no password."""

    username: str
    password: str | None = field(default=None, repr=False)
    email: str | None = None
    email_verified: bool = False
    display_name: str | None = None
    external: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """What a disabling or deletion took with it, and what it left without an owner."""

    user: Profile
    sessions: int = 0
    tokens: int = 0
    left_without_owner: tuple[str, ...] = ()


def create_user(gate: Gatepost, caller: Principal, wanted: NewUser) -> Profile:
    """Make a person, with the default roles.  Raises `AlreadyExists`, `InvalidField`."""
    gate.require(caller, "user:create", seen_by="")
    username = require_username(wanted.username)
    email = require_email(wanted.email)
    display = require_text(wanted.display_name or username, "display_name", 200)
    require_voucher(gate, wanted.external)
    if wanted.external is not None and wanted.password is not None:
        raise InvalidField({"password": "an external user has none: the provider vouches"})
    hashed = None
    if wanted.password is not None:
        require_good_password(wanted.password, (username, email or "", display))
        hashed = gate.passwords.hash(wanted.password)
    with gate.change(caller, "user:create") as tx:
        if tx.connection.execute(select(t.c.id).where(t.c.username == username)).one_or_none() is not None:
            raise AlreadyExists(f"there is a user {username} already")
        row = add_user(
            gate,
            tx,
            username=username,
            display_name=display,
            email=email,
            email_verified=wanted.email_verified,
            password=hashed,
            external=wanted.external,
            author=str(caller.subject),
        )
        tx.record(
            AuditRecord.of(
                caller, "user.created", f"user:{username}", at=tx.at, detail={"external": wanted.external or ""}
            )
        )
        return profile_of(row)


def require_voucher(gate: Gatepost, external: str | None) -> None:
    """Raise `InvalidField` unless a provider or issuer of this name is configured.  None for one's own password."""
    settings = gate.settings
    known = [p.name for p in settings.sso.providers] + [i.name for i in settings.delegated.issuers]
    if external is not None and external not in known:
        names = ", ".join(sorted(known)) or "none is configured"
        raise InvalidField({"external": f"no such provider or issuer; allowed: {names}"})


def add_user(
    gate: Gatepost, tx: Change, *, author: str, roles: tuple[str, ...] | None = None, **values: object
) -> Row[tuple[object, ...]]:
    """Write the row and the first roles.  The caller has decided that it may be."""
    user_id = gate.new_id()
    tx.connection.execute(insert(t).values(id=user_id, created_at=tx.at, created_by=author, **values))
    tx.log("user", str(values["username"]), id=user_id)
    r = tables.roles
    first = gate.settings.main.default_roles if roles is None else roles
    # A tuple on a role that is not there would come to life with the next role of that name.
    for role in tx.connection.execute(select(r.c.name).where(r.c.name.in_(first)).order_by(r.c.name)).scalars():
        relate(tx, f"role:{role}", "assignee", f"user:{values['username']}", author=author, origin="config")
    return tx.connection.execute(select(t).where(t.c.id == user_id)).one()


def get_user(gate: Gatepost, caller: Principal, username: str) -> Profile:
    """Anybody sees themselves; others take `user:view`."""
    username = username.lower()
    if caller.subject != Subject("user", username).entity:
        gate.require(caller, "user:view")
    with gate.database.read() as connection:
        return profile_of(_row(connection, username))


def _row(connection: Connection, username: str) -> Row[tuple[object, ...]]:
    row = connection.execute(select(t).where(t.c.username == username)).one_or_none()
    if row is None:
        raise NotFound(f"there is no user:{username}")
    return row


def list_users(gate: Gatepost, caller: Principal, page: Wanted, query: str = "") -> Page[Profile]:
    """List people by username; `query` finds a part of the username, the name or the e-mail."""
    gate.require(caller, "user:view", seen_by="")
    found = select(t).where(containing(query, t.c.username, t.c.display_name, t.c.email))
    with gate.database.read() as connection:
        return read_page(connection, found, [t.c.username], page, profile_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What to change; what is `UNSET` stays."""

    disabled: object = UNSET
    display_name: object = UNSET
    email: object = UNSET
    email_verified: object = UNSET


def change_user(gate: Gatepost, caller: Principal, username: str, wanted: UserChange) -> Ended:
    """Change a person.  One's own name and e-mail anybody may change; the rest takes `user:edit`.

    Disabling ends every session and token of that person at once, and always passes: it reports what is left without an
    owner.  A changed e-mail is unverified until a provider or an admin says otherwise.
    """
    username = username.lower()
    own = caller.subject == Subject("user", username).entity
    only_own_fields = wanted.disabled is UNSET and wanted.email_verified is UNSET
    if own and only_own_fields:
        gate.require_signed_in(caller, "user:edit")
        with gate.change_unasked() as tx:
            gate.still_holds(caller)
            return _change(tx, caller, username, wanted)
    with gate.change(caller, "user:edit", seen_by="" if own else "user:view") as tx:  # everybody sees themselves
        _row(tx.connection, username)
        # An e-mail that `trust_email` believes is the account itself: a narrower credential of its owner's, such as a
        # token that may edit users and no more, verifies no address that opens all that they hold.
        if wanted.email_verified is not UNSET or not (own or _only_disables(wanted)):
            # Who sets an e-mail, or lets somebody in again, hands out; who corrects a name does not.
            hands_out = (wanted.disabled, wanted.email, wanted.email_verified) != (UNSET, UNSET, UNSET)
            require_carries_no_more(gate, caller, Subject("user", username), None if hands_out else gate.now())
        return _change(tx, caller, username, wanted)


def _only_disables(wanted: UserChange) -> bool:
    """Taking rights away is no handing out: a person can be disabled by anybody who may edit users."""
    return wanted.disabled is True and wanted.email is UNSET and wanted.email_verified is UNSET


def _change(tx: Change, caller: Principal, username: str, wanted: UserChange) -> Ended:
    row = _row(tx.connection, username)
    values: dict[str, object] = {}
    if wanted.display_name is not UNSET:
        values["display_name"] = require_text(str(wanted.display_name or username), "display_name", 200)
    if wanted.email is not UNSET and wanted.email != row.email:
        values["email"] = require_email(None if wanted.email is None else str(wanted.email))
        values["email_verified"] = False
    if wanted.email_verified is not UNSET:
        values["email_verified"] = bool(wanted.email_verified)
    disables = wanted.disabled is True and row.disabled_at is None
    enables = wanted.disabled is False and row.disabled_at is not None
    if disables or enables:
        values["disabled_at"] = tx.at if disables else None
    if not values:
        return Ended(profile_of(row))
    tx.connection.execute(update(t).where(t.c.id == row.id).values(**values))
    is_disabled = (row.disabled_at is not None and not enables) or disables
    tx.log("user", username, id=row.id, disabled=is_disabled)
    sessions, tokens = 0, 0
    left: tuple[str, ...] = ()
    if disables:
        sessions = end_sessions(tx, session_ids_of(tx.connection, Subject("user", username).entity))
        tokens = count_tokens_of(tx.connection, Subject("user", username).entity)
        left = tuple(owned_alone(tx.connection, f"user:{username}"))
    event = "user.disabled" if disables else "user.enabled" if enables else "user.changed"
    detail = {"fields": sorted(values), "left_without_owner": list(left)} if left else {"fields": sorted(values)}
    tx.record(AuditRecord.of(caller, event, f"user:{username}", at=tx.at, detail=detail))
    return Ended(profile_of(_row(tx.connection, username)), sessions, tokens, left)


def delete_user(gate: Gatepost, caller: Principal, username: str, transfer_to: str | None = None) -> Ended:
    """Delete a person with everything that is theirs: tuples, tokens, sessions, linked identities.

    What they alone own goes to `transfer_to`, a username or `user:` with it; without it the deletion is refused with
    the list.
    """
    username = username.lower()
    transfer_to = None if transfer_to is None else transfer_to.lower().removeprefix("user:")
    own = caller.subject == Subject("user", username).entity
    with gate.change(caller, "user:delete", seen_by="" if own else "user:view") as tx:
        row = _row(tx.connection, username)
        # Deleting hands out only what goes to somebody else.
        until = gate.now() if transfer_to is None else None
        require_carries_no_more(gate, caller, Subject("user", username), until)
        subject = f"user:{username}"
        alone = owned_alone(tx.connection, subject)
        if alone and transfer_to is None:
            sentence = f"{subject} alone owns {counted(alone)}: say whom to transfer to"
            raise Conflict(sentence, items=alone[:100], settled_by="transfer_to")
        if transfer_to is not None:
            _transfer(tx, caller, alone, subject, transfer_to)
        sessions = end_sessions(tx, session_ids_of(tx.connection, Subject("user", username).entity))
        tokens = revoke_tokens_of(tx, Subject("user", username).entity)
        with an_admin_stays(tx):
            forget(tx, subject)
            tx.connection.execute(t.delete().where(t.c.id == row.id))
        tx.connection.execute(tables.identities.delete().where(tables.identities.c.username == username))
        tx.log("user", username, id=row.id, deleted=True)
        detail = {"transferred_to": transfer_to or "", "transferred": alone[:100]}
        tx.record(AuditRecord.of(caller, "user.deleted", subject, at=tx.at, detail=detail))
        return Ended(profile_of(row), sessions, tokens)


def _transfer(tx: Change, caller: Principal, resources: list[str], old: str, heir: str) -> None:
    found = tx.connection.execute(select(t.c.disabled_at).where(t.c.username == heir)).one_or_none()
    if found is None or found.disabled_at is not None or f"user:{heir}" == old:
        raise InvalidField({"transfer_to": "this has to be another user, who is not disabled"})
    for resource in resources:
        relate(tx, resource, "owner", f"user:{heir}", author=str(caller.subject))
        unrelate(tx, resource, "owner", old)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """A password to be set.  One's own takes the current one."""

    password: str = field(repr=False)
    current_password: str | None = field(default=None, repr=False)


def set_password(gate: Gatepost, caller: Principal, username: str, wanted: NewPassword) -> None:
    """Set a password and end the person's other sessions.

    One's own takes the current password and a signed-in person, not a token that was left in a script; somebody else's
    takes `user:reset_password`, and no more rights than the caller's own.
    """
    username = username.lower()
    subject = Subject("user", username)
    own = caller.subject == subject.entity
    with gate.database.read() as connection:
        row = connection.execute(select(t).where(t.c.username == username)).one_or_none()
    if own:
        _require_current(gate, caller, row, wanted)
    else:
        gate.require(caller, "user:reset_password", seen_by="user:view")
    if row is None:
        raise NotFound(f"there is no user:{username}")
    if row.external is not None:
        raise Conflict(f"user:{username} signs in at {row.external} and has no password here")
    require_good_password(wanted.password, (username, row.email or "", row.display_name))
    hashed = gate.passwords.hash(wanted.password)
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        if not own:
            gate.require(caller, "user:reset_password", seen_by="user:view")
            require_carries_no_more(gate, caller, subject)
        now = tx.connection.execute(select(t).where(t.c.id == row.id)).one_or_none()
        if now is None or (now.password, now.external) != (row.password, row.external):
            raise Conflict("the password was changed by somebody else in the meantime")
        tx.connection.execute(update(t).where(t.c.id == row.id).values(password=hashed))
        kept = caller.credential_id if own else ""
        end_sessions(tx, session_ids_of(tx.connection, subject.entity, besides=kept))
        tx.log("user", username, id=row.id, disabled=now.disabled_at is not None)
        tx.record(AuditRecord.of(caller, "user.password_set", subject, at=tx.at))


def _require_current(
    gate: Gatepost, caller: Principal, row: Row[tuple[object, ...]] | None, wanted: NewPassword
) -> None:
    gate.require_signed_in(caller, "user:reset_password")
    if caller.method in (Method.API_TOKEN, Method.DELEGATED):
        raise Conflict("a password is changed by its owner, signed in; not with a token")
    if not gate.settings.main.password_sign_in and not is_unlimited(gate, caller, gate.now()):
        # Nor may it be tried here: it is good for nothing, but the local door of admins.
        refusal = AuditRecord.of(caller, "user.password_set", caller.subject, at=gate.now(), reason="passwords are off")
        gate.journal.note(replace(refusal, outcome=Outcome.REFUSED))
        raise Conflict("passwords are off: you sign in at your provider")
    if wanted.current_password is None:
        raise InvalidField({"current_password": "needed to change one's own password"})
    # Whoever holds a stolen session must not be able to try passwords here that the sign-in page would throttle.
    throttle.require_not_throttled(gate.database, caller.subject.id, caller.address, gate.now())
    if row is None or not gate.passwords.matches(row.password, wanted.current_password):
        throttle.note_failure(gate.database, caller.subject.id, caller.address, gate.now())
        raise InvalidCredentials("the current password is wrong")
    throttle.require_not_throttled(gate.database, caller.subject.id, caller.address, gate.now())
