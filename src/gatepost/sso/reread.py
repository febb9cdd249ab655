"""Reading somebody's groups and roles again at the provider, on demand: it answers to the refresh token of a sign-in.

A refresh token serves one request at a time, in whichever process: it is taken out of its session's row before it is
used, and its successor is put back.  Two that used it at once would look like theft to a provider that rotates it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select, update

from gatepost.audit.record import AuditRecord
from gatepost.audit.record import Outcome as Ended
from gatepost.errors import Conflict, Forbidden, NotFound, ProviderFailed, Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import carried_roles
from gatepost.sso.claims import read_display_name, read_email, read_groups, require_admission
from gatepost.sso.group_sync import Synced, synchronise
from gatepost.sso.keys import VerifiedClaims
from gatepost.sso.provider import Provider
from gatepost.sso.renewal import GrantOver, NotAboutThem, ask_again, refresh_grant
from gatepost.sso.revoking import give_back
from gatepost.sso.role_sync import synchronise_roles
from gatepost.sso.states import providers_of
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.sessions import end_sessions, narrow_roles, open_provider_token, seal_provider_token

s, i = tables.sessions, tables.identities


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """A refresh token that can be asked with: in which session it is, and of whom at which provider."""

    session: str
    provider: str
    issuer: str
    provider_subject: str
    username: str
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """What one provider said, and what was done.

    `refused` says why the person may not enter any more, `failed` what was in the way: then nothing was read there.
    """

    provider: str
    groups: Synced = field(default_factory=Synced)
    roles: Synced = field(default_factory=Synced)
    sessions_narrowed: int = 0
    sessions_ended: int = 0
    refused: str = ""
    failed: str = ""


Outcome = Reread | Conflict | ProviderFailed | Unavailable


def sync_user(gate: Gatepost, caller: Principal, username: str) -> list[Reread]:
    """Read again at every provider that gave a refresh token.  Raises as `at_hand` and `settled`."""
    hands = at_hand(gate, caller, username)
    return settled(hands, [tried(gate, caller, each) for each in hands])


def tried(gate: Gatepost, caller: Principal, hand: AtHand) -> Outcome:
    """As `read_again`, with what is the matter at that one provider as an outcome.  Everything else is raised."""
    try:
        return read_again(gate, caller, hand)
    except (Conflict, ProviderFailed, Unavailable) as error:
        return error


def settled(hands: Sequence[AtHand], outcomes: Sequence[Outcome]) -> list[Reread]:
    """What came of each.  Where none could be read, the first failure is raised, with what all of them said."""
    failures = [each for each in outcomes if not isinstance(each, Reread)]
    if len(failures) == len(outcomes):
        failures[0].args = ("; ".join(str(each) for each in failures),)
        raise failures[0]
    return [
        each if isinstance(each, Reread) else Reread(provider=hand.provider, failed=str(each))
        for hand, each in zip(hands, outcomes, strict=True)
    ]


def at_hand(gate: Gatepost, caller: Principal, username: str) -> Sequence[AtHand]:
    """Find what there is to ask with, the newest of each identity.  It takes `user:sync`.

    Raises `Conflict` with the reason where there is nothing.
    """
    u, name = tables.users, username.lower()
    own = caller.subject == Entity("user", name)
    gate.require(caller, "user:sync", seen_by="" if own else "user:view")  # everybody sees themselves
    with gate.database.read() as connection:
        if connection.execute(select(u.c.id).where(u.c.username == name)).one_or_none() is None:
            raise NotFound(f"there is no user:{name}")
        linked = connection.execute(select(i.c.issuer, i.c.subject).where(i.c.username == name)).all()
        rows = _held(gate, connection, name)
    if not linked:
        raise Conflict(f"user:{name} does not sign in at a provider")
    known = {(row.issuer, row.subject) for row in linked}
    configured = {provider.name for provider in gate.settings.sso.providers}
    newest = {
        (row.issuer, row.provider_subject): row
        for row in rows
        if row.provider in configured and (row.issuer, row.provider_subject) in known
    }
    if not newest:
        raise Conflict(
            f"no provider gave a refresh token for user:{name} that is still good (scope offline_access asks for one): "
            "their groups are read at the next sign-in"
        )
    return [
        AtHand(
            session=row.id,
            provider=row.provider,
            issuer=row.issuer,
            provider_subject=row.provider_subject,
            username=name,
            sealed=row.provider_token,
        )
        for row in newest.values()
    ]


def _held(gate: Gatepost, connection: Connection, username: str) -> Sequence[Row[Any]]:
    """The sessions that hold a refresh token, oldest first."""
    query = select(s).where(
        s.c.subject == f"user:{username}",
        s.c.provider_token.is_not(None),
        s.c.ended_at.is_(None),
        s.c.expires_at > gate.now(),
    )
    return connection.execute(query.order_by(s.c.created_at, s.c.id)).all()


def read_again(gate: Gatepost, caller: Principal, hand: AtHand) -> Reread:
    """Ask one provider, and bring groups, roles and sessions in line.  Slow: it belongs on that provider's pool.

    A provider that fails changes nothing: `ProviderFailed`.  One that does not take the refresh token any more stands by
    its word no longer: the session that came of it ends, with those that rest on it, and `Conflict` says so.
    """
    provider = providers_of(gate).get(hand.provider)
    token = _take(gate, hand)
    try:
        tokens = refresh_grant(provider, token)
        token = tokens.refresh_token or token
        claims = ask_again(provider, tokens, hand.provider_subject, gate.now())
        if tokens.id_token:
            _require_issuer(claims, hand)
        done, is_kept = _brought_in_line(gate, caller, provider, hand, claims, token)
    except GrantOver as over:
        ended = _end_what_rested_on_it(gate, caller, hand)
        raise Conflict(f"{over}: {ended} sessions that rested on it have ended", detail=over.detail) from over
    except BaseException as error:
        if not isinstance(error, NotAboutThem) and not _put_back(gate, hand, token):
            give_back(gate, hand.provider, token)
        if isinstance(error, ProviderFailed):
            provider.note_failure(str(error))
            _note_failure(gate, caller, hand, error)
        raise
    if not is_kept:  # its session has ended meanwhile, and the sign-out found nothing to revoke
        give_back(gate, hand.provider, token)
    return done


def _require_issuer(claims: VerifiedClaims, hand: AtHand) -> None:
    """A provider of many tenants has an issuer for each, and all of them are its own."""
    if claims["iss"] != hand.issuer:
        raise NotAboutThem(f"{hand.provider}: the refreshed ID token is of another issuer", detail="iss differs")


def _take(gate: Gatepost, hand: AtHand) -> str:
    mine = (s.c.id == hand.session, s.c.provider_token == hand.sealed, s.c.ended_at.is_(None))
    with gate.database.write() as connection:
        taken = connection.execute(update(s).where(*mine).values(provider_token=None)).rowcount
    if not taken:
        raise Conflict(f"{hand.provider} is being asked about user:{hand.username} already: try again in a moment")
    try:
        return open_provider_token(gate, hand.session, hand.sealed)
    except (ValueError, Unavailable) as error:
        raise Conflict("the refresh token cannot be opened any more: groups are read at the next sign-in") from error


def _put_back(gate: Gatepost, hand: AtHand, token: str) -> bool:
    with gate.database.write() as connection:
        return _keep(gate, connection, hand, token)


def _keep(gate: Gatepost, connection: Connection, hand: AtHand, token: str) -> bool:
    """Keep a refresh token for the next time, unless its session has ended or its identity was unlinked by now."""
    linked = select(i.c.issuer).where(*_key(hand)).exists()
    still = (s.c.id == hand.session, s.c.ended_at.is_(None), s.c.provider_token.is_(None), linked)
    sealed = seal_provider_token(gate, hand.session, token)
    return bool(connection.execute(update(s).where(*still).values(provider_token=sealed)).rowcount)


def _key(hand: AtHand) -> tuple[ColumnElement[bool], ...]:
    return i.c.issuer == hand.issuer, i.c.subject == hand.provider_subject, i.c.username == hand.username


def _brought_in_line(
    gate: Gatepost, caller: Principal, provider: Provider, hand: AtHand, claims: VerifiedClaims, token: str
) -> tuple[Reread, bool]:
    """Do what the claims say, and tell whether the refresh token was kept for the next time."""
    person, settings = _person(provider, hand, claims), provider.settings
    with gate.change(caller, "user:sync", seen_by="user:view") as tx:
        if tx.connection.execute(select(i.c.issuer).where(*_key(hand))).one_or_none() is None:
            raise Conflict(f"user:{hand.username} has unlinked {hand.provider} in the meantime")
        groups = synchronise(tx, settings, person, hand.username)
        roles, narrowed, ended, refused, is_kept = Synced(), 0, 0, "", False
        try:
            allowed = carried_roles(claims, settings).roles
            roles = synchronise_roles(tx, settings, person, hand.username)
            narrowed = _narrow(gate, tx, hand, allowed)
            require_admission(claims, read_groups(claims, settings.groups_claim), settings)
            is_kept = _keep(gate, tx.connection, hand, token)
        except Forbidden as error:  # whoever could not sign in now does not stay signed in either
            refused = str(error)
            ended = _end(tx, caller, _of_identity(tx.connection, hand), f"{hand.provider}: {refused}")
        done = Reread(
            provider=hand.provider,
            groups=groups,
            roles=roles,
            sessions_narrowed=narrowed,
            sessions_ended=ended,
            refused=refused,
        )
        tx.record(_record(caller, hand, tx.at, done))
        return done, is_kept


def _person(provider: Provider, hand: AtHand, claims: VerifiedClaims) -> SignedIn:
    """Whom the claims are about.  The account is known by its identity; what else they say of it waits for a sign-in."""
    email, verified = read_email(claims)
    groups = read_groups(claims, provider.settings.groups_claim)
    return SignedIn(
        provider=provider.name,
        issuer=hand.issuer,
        subject=hand.provider_subject,
        claims=claims,
        username=hand.username,
        email=email,
        email_verified=verified,
        display_name=read_display_name(claims, hand.username),
        groups=groups.names,
        id_token="",
        sid="",
        auth_time=None,
        notes=(groups.note,) if groups.note else (),
    )


def _of_identity(connection: Connection, hand: AtHand) -> Sequence[Row[Any]]:
    """The sessions that go on by this identity's word."""
    word = (s.c.issuer == hand.issuer, s.c.provider_subject == hand.provider_subject)
    query = select(s).where(*word, s.c.subject == f"user:{hand.username}", s.c.ended_at.is_(None))
    return connection.execute(query).all()


def _narrow(gate: Gatepost, tx: Change, hand: AtHand, allowed: frozenset[str]) -> int:
    rows = _of_identity(tx.connection, hand)
    return sum(narrow_roles(gate, tx, row.id, row.expires_at, allowed) for row in rows)


def _end_what_rested_on_it(gate: Gatepost, caller: Principal, hand: AtHand) -> int:
    with gate.change_unasked() as tx:
        those = or_(s.c.id == hand.session, s.c.rests_on == hand.session)
        rows = tx.connection.execute(select(s.c.id).where(those, s.c.ended_at.is_(None))).all()
        return _end(tx, caller, rows, f"{hand.provider} does not take its refresh token any more")


def _end(tx: Change, caller: Principal, rows: Sequence[Row[Any]], reason: str) -> int:
    for row in rows:
        end_sessions(tx, [row.id])
        tx.record(AuditRecord.of(caller, "session.ended", f"session:{row.id}", at=tx.at, reason=reason))
    return len(rows)


def _record(caller: Principal, hand: AtHand, at: datetime, done: Reread) -> AuditRecord:
    detail = {
        "provider": done.provider,
        "groups": done.groups.told(),
        "roles": done.roles.told(),
        "sessions_narrowed": done.sessions_narrowed,
        "sessions_ended": done.sessions_ended,
    }
    target = f"user:{hand.username}"
    return AuditRecord.of(caller, "user.synchronised", target, at=at, reason=done.refused, detail=detail)


def _note_failure(gate: Gatepost, caller: Principal, hand: AtHand, error: ProviderFailed) -> None:
    target, detail = f"user:{hand.username}", {"provider": hand.provider}
    gate.journal.note(
        AuditRecord.of(
            caller,
            "user.synchronised",
            target,
            at=gate.now(),
            outcome=Ended.FAILED,
            reason=str(error),
            detail=detail,
        )
    )
