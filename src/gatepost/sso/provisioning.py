"""From a verified sign-in elsewhere to an account here.

An identity is (issuer, subject).  A username or an e-mail from outside never silently opens an account that exists: the
account was made `external` for this provider and is bound by its first matching sign-in; or its signed-in owner links it;
or the provider is trusted with e-mail and both sides have the same verified one.  Anything else is a conflict, which is
refused and shown to admins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row, insert, select, update

from gatepost.access import permissions_of, roles_of
from gatepost.audit.record import AuditRecord, Outcome
from gatepost.directory.users import add_user
from gatepost.errors import Forbidden, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal, Subject
from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import CarriedRoles, carried_roles
from gatepost.sso.group_sync import Synced, record_of, synchronise
from gatepost.sso.one_browser import open_once
from gatepost.sso.renewal import MAX_REFRESH_TOKEN
from gatepost.sso.role_sync import known_roles, synchronise_roles
from gatepost.store import tables
from gatepost.store.relations import holding
from gatepost.store.store import Change
from gatepost.tokens.sessions import Arrival, NewSession

i, u = tables.identities, tables.users


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where the browser came from, and who was signed in already if an identity is to be linked."""

    address: str
    agent: str
    linking: Principal | None = None
    handle: str = field(default="", repr=False)  # of the browser, if several of its tabs may come back at once


def enter(gate: Gatepost, settings: ProviderSettings, person: SignedIn, visit: Visit) -> NewSession:
    """Open a session for whoever the provider vouches for, making or binding the account first.

    Raises `Forbidden` where no account may be opened; the clash is kept for admins to see.
    """
    try:
        carried = carried_roles(person.claims, settings)  # before an account is made: what is malformed makes nobody
        session, clash = _entered(gate, settings, person, visit, carried)
    except Forbidden as error:
        note_refusal(gate, person, person.username, str(error), visit.address)
        raise
    if session is None:
        raise Forbidden(clash)
    return session


def _entered(
    gate: Gatepost, settings: ProviderSettings, person: SignedIn, visit: Visit, carried: CarriedRoles
) -> tuple[NewSession | None, str]:
    with gate.change_unasked() as tx:
        account, clash = account_for(gate, tx, settings, person, visit)
        if account is None:
            keep_clash(gate, tx, person, clash, visit.address)
            return None, clash
        if account.disabled_at is not None:
            note_refusal(gate, person, account.username, "disabled", visit.address)
            raise InvalidToken("this account is disabled", detail=account.username)
        _refresh_profile(tx, account, person)
        synchronise(tx, settings, person, account.username)
        synced = synchronise_roles(tx, settings, person, account.username)
        roles = known_roles(tx.connection, carried.roles)
        subject = Entity("user", account.username)
        if carried.default is not None and not _has(gate, tx, subject, carried.default, roles, synced):
            raise Forbidden(f"{settings.called} names a default role that you do not have here: {carried.default}")
        arrival = Arrival(
            method="sso",
            address=visit.address,
            agent=visit.agent,
            provider=person.provider,
            issuer=person.issuer,
            provider_subject=person.subject,
            provider_sid=person.sid or None,
            id_token=person.id_token,
            longest=settings.session_max_age,
            roles=roles,
            default_role=carried.default,
            provider_token=person.refresh_token if len(person.refresh_token) <= MAX_REFRESH_TOKEN else None,
        )
        return open_once(gate, tx, subject, arrival, visit.handle), ""


def _has(gate: Gatepost, tx: Change, subject: Entity, role: str, carried: frozenset[str], synced: Synced) -> bool:
    """Tell whether somebody has a role once this change is done: by the claims, by hand, or through a group."""
    if role in carried or any(row.object == f"role:{role}" for row in holding(tx.connection, str(subject), "assignee")):
        return True
    return role not in synced.removed and role in roles_of(Subject.of(subject), gate.memory.graph)


def note_refusal(gate: Gatepost, person: SignedIn, username: str, reason: str, address: str) -> None:
    """Note that somebody for whom a provider vouches was not let in.  The sign-in itself is taken back, and this is not."""
    gate.journal.note(
        AuditRecord(
            event="sign_in.refused",
            target=f"user:{username}",
            subject="anonymous:*",
            method=Method.ID_TOKEN,
            at=gate.now(),
            outcome=Outcome.REFUSED,
            reason=reason,
            address=address,
            detail={"provider": person.provider, "issuer": person.issuer},
        )
    )


def account_for(
    gate: Gatepost, tx: Change, settings: ProviderSettings, person: SignedIn, visit: Visit
) -> tuple[Row[Any] | None, str]:
    """The account that this identity opens, or None and the sentence that says why not."""
    known = tx.connection.execute(
        select(i.c.username).where(i.c.issuer == person.issuer, i.c.subject == person.subject)
    ).scalar_one_or_none()
    if visit.linking is not None:
        return _linked(gate, tx, person, visit.linking, known)
    if known is not None:
        return find_user(tx, known), ""
    if _is_named_after_unproved_email(settings, person):
        return None, f"{settings.called} does not say that the e-mail address, which is to be the name, is verified"
    named = find_user(tx, person.username)
    if named is not None:
        if named.external == person.provider and not has_identity(tx, named.username):
            bind(tx, person, named.username, "the account was made for this provider")
            return named, ""
        if (trusted := _by_trusted_email(gate, tx, settings, person)) is not None:
            return trusted, ""
        return None, f"the name {person.username} belongs to another account: ask an admin, or sign in there and link"
    if (trusted := _by_trusted_email(gate, tx, settings, person)) is not None:
        return trusted, ""
    if not settings.auto_create_users:
        return None, f"there is no account for {person.username} here, and {settings.called} may not make one"
    return make_account(gate, tx, person), ""


def find_user(tx: Change, username: str) -> Row[Any] | None:
    return tx.connection.execute(select(u).where(u.c.username == username)).one_or_none()


def has_identity(tx: Change, username: str) -> bool:
    query = select(i.c.issuer).where(i.c.username == username).limit(1)
    return tx.connection.execute(query).one_or_none() is not None


def _is_named_after_unproved_email(settings: ProviderSettings, person: SignedIn) -> bool:
    """Whoever typed somebody's address into a form at the provider must not get the account that is named after it."""
    if settings.preset == "entra" and settings.username_claim != "email":
        # A tenant can only name people in domains that it has shown to own.  That Entra never says so of the e-mail, which
        # mostly is the same text, is no reason against the name.
        return False
    says_so = settings.username_claim == "email" or (person.email and person.username == person.email.lower())
    return bool(says_so) and not person.email_verified


def _linked(
    gate: Gatepost, tx: Change, person: SignedIn, owner: Principal, known: str | None
) -> tuple[Row[Any] | None, str]:
    gate.still_holds(owner)
    if known is not None and known != owner.subject.id:
        return None, "this identity is linked to another account"
    if known is None:
        bind(tx, person, owner.subject.id, "linked by its signed-in owner")
    return find_user(tx, owner.subject.id), ""


def _by_trusted_email(gate: Gatepost, tx: Change, settings: ProviderSettings, person: SignedIn) -> Row[Any] | None:
    """Both sides must have proved the same address, to one account alone.

    Not an admin's: nobody becomes one by an address.  And not one that another subject of the same issuer opens already:
    then the address has gone to somebody else there.
    """
    if not (settings.trust_email and person.email_verified and person.email):
        return None
    query = select(u).where(u.c.email == person.email, u.c.email_verified)
    rows = tx.connection.execute(query.limit(2)).all()
    if len(rows) != 1 or opens_already(tx, person, rows[0].username) or is_admin(gate, rows[0].username):
        return None
    bind(tx, person, rows[0].username, "the same verified e-mail, from a provider that is trusted with it")
    return rows[0]


def opens_already(tx: Change, person: SignedIn, username: str) -> bool:
    query = select(i.c.subject).where(i.c.username == username, i.c.issuer == person.issuer).limit(1)
    return tx.connection.execute(query).one_or_none() is not None


def is_admin(gate: Gatepost, username: str) -> bool:
    return "*:*" in permissions_of(Subject("user", username), gate.memory.graph)


def bind(tx: Change, person: SignedIn, username: str, why: str) -> None:
    tx.connection.execute(
        insert(i).values(
            issuer=person.issuer,
            subject=person.subject,
            provider=person.provider,
            username=username,
            created_at=tx.at,
            last_sign_in_at=tx.at,
        )
    )
    _forget_clash(tx, person)
    tx.log("identity", username, provider=person.provider)
    tx.record(record_of(tx, person, "identity.linked", username, reason=why))


def make_account(gate: Gatepost, tx: Change, person: SignedIn) -> Row[Any]:
    row = add_user(
        gate,
        tx,
        username=person.username,
        display_name=person.display_name or person.username,
        email=person.email or None,
        email_verified=bool(person.email) and person.email_verified,
        password=None,
        external=person.provider,
        author=f"sso:{person.provider}",
    )
    tx.record(record_of(tx, person, "user.created", person.username, reason="first sign-in"))
    bind(tx, person, person.username, "first sign-in")
    return row


def _refresh_profile(tx: Change, account: Row[Any], person: SignedIn) -> None:
    """What the provider says of its own people is taken over; a local account keeps its own name and address."""
    tx.connection.execute(
        update(i).where(i.c.issuer == person.issuer, i.c.subject == person.subject).values(last_sign_in_at=tx.at)
    )
    if account.external != person.provider:
        return
    fresh = {
        "display_name": person.display_name or account.display_name,
        "email": person.email or account.email,
        "email_verified": person.email_verified if person.email else account.email_verified,
    }
    if any(getattr(account, name) != value for name, value in fresh.items()):
        tx.connection.execute(update(u).where(u.c.id == account.id).values(**fresh))
        tx.log("user", account.username, id=account.id, disabled=account.disabled_at is not None)


def _forget_clash(tx: Change, person: SignedIn) -> None:
    c = tables.conflicts
    tx.connection.execute(c.delete().where(c.c.issuer == person.issuer, c.c.subject == person.subject))


def keep_clash(gate: Gatepost, tx: Change, person: SignedIn, reason: str, address: str) -> None:
    """Keep it for admins to see: the latest of each identity, since people may have a name of their choice there."""
    _forget_clash(tx, person)
    tx.connection.execute(
        insert(tables.conflicts).values(
            id=gate.new_id(),
            provider=person.provider,
            issuer=person.issuer,
            subject=person.subject,
            username=person.username,
            email=person.email or None,
            reason=reason,
            at=tx.at,
        )
    )
    record = record_of(tx, person, "sign_in.refused", person.username, reason=reason)
    tx.record(replace(record, subject="anonymous:*", outcome=Outcome.REFUSED, address=address))
