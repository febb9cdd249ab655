"""From a verified token of another issuer to whom it speaks for here, and what it carries for the call.

The account rules are those of a sign-in.  What the claims say of groups and roles holds for the call alone, unless the
issuer is configured to have its groups stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, select, update

from gatepost.errors import Forbidden, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Entity
from gatepost.settings import ProviderSettings
from gatepost.settings.issuers import DelegatedIssuer
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import CarriedRoles, carried_roles, mapped_here
from gatepost.sso.claims import (
    Claims,
    map_groups,
    read_display_name,
    read_email,
    read_groups,
    read_username,
    require_admission,
)
from gatepost.sso.delegated_accounts import account_of_delegated
from gatepost.sso.group_sync import synchronise
from gatepost.sso.id_token import MAX_SUBJECT, numeric_date
from gatepost.sso.keys import VerifiedClaims
from gatepost.sso.provisioning import Visit, account_for, keep_clash
from gatepost.sso.role_sync import synchronise_roles
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.secrets import API_PREFIX, digest
from gatepost.vouched import Vouched

if TYPE_CHECKING:
    from gatepost.sso.claims import MappedSettings

MAX_ACTOR = 255
CLASH_HOLDS = timedelta(minutes=1)
i = tables.identities


def vouch_key(issuer: DelegatedIssuer, claims: VerifiedClaims) -> Vouched | None:
    """Read the API key that a delegated token carries, or None if it carries none.  Judging it comes with each call.

    Raises `InvalidToken` for a claim that holds no key where that is strict; otherwise the user counts.
    """
    name = issuer.api_key_claim
    if name is None or claims.get(name) is None:
        return None
    value = claims[name]
    key = digest(value) if isinstance(value, str) and value.startswith(API_PREFIX) else b""
    return _vouched(issuer, claims, api_key=key)


def vouch_delegated(gate: Gatepost, issuer: DelegatedIssuer, claims: VerifiedClaims, address: str) -> Vouched:
    """Work out whom a delegated token speaks for, making or binding the account if that is due.

    Raises `InvalidToken` for claims that make nobody, `Forbidden` for a person who may not enter.
    """
    if issuer.service is not None:
        return _vouched(issuer, claims, subject=_service(gate, issuer.service))
    carried = _carried(issuer, claims)  # before an account is made: what is malformed makes nobody
    person = _person(issuer, claims)
    username = _known(gate, person)
    if username is None:
        username = _settled(gate, person, address, lambda tx: account_of_delegated(gate, tx, issuer, person))
    groups: tuple[str, ...] = ()
    if issuer.group_sync != "off":
        _store_groups(gate, issuer, person, username)
    else:
        groups = map_groups(person.groups or (), issuer).names
    roles = carried.roles | mapped_here((*carried.names, *(person.groups or ())), issuer)
    return _vouched(
        issuer,
        claims,
        subject=Entity("user", username),
        groups=_existing(gate, tables.groups.c.name, groups),
        roles=_existing(gate, tables.roles.c.name, roles),
        role=carried.default,
    )


def vouch_id_token(
    gate: Gatepost,
    provider: ProviderSettings,
    claims: VerifiedClaims,
    address: str,
    require_name: Callable[[str], None],
) -> Vouched:
    """Work out whom an ID token is of.  Raises as `vouch_delegated`.

    `require_name` is given the username before an account is made, and raises if another one came with the token.

    Groups are not brought in line: a token of this morning must not bring back what was taken at noon.  Only the first
    sign-in, which makes the account, takes them over.
    """
    require_admission(claims, read_groups(claims, provider.groups_claim), provider)
    carried = _carried(provider, claims)
    person = _person(provider, claims)
    username = _known(gate, person)
    require_name(username or person.username)
    if username is None:

        def make(tx: Change) -> tuple[str | None, str]:
            visit = Visit(address=address, agent="")
            account, clash = account_for(gate, tx, provider, person, visit)
            if account is None:
                return None, clash
            synchronise(tx, provider, person, account.username)
            synchronise_roles(tx, provider, person, account.username)
            return account.username, ""

        username = _settled(gate, person, address, make)
    return _vouched(
        provider,
        claims,
        subject=Entity("user", username),
        roles=_existing(gate, tables.roles.c.name, carried.roles),
        role=carried.default,
    )


def _carried(settings: MappedSettings, claims: VerifiedClaims) -> CarriedRoles:
    _actor(claims)
    try:
        return carried_roles(claims, settings)
    except Forbidden as error:
        raise InvalidToken(detail=str(error)) from error


def _person(settings: MappedSettings, claims: VerifiedClaims) -> SignedIn:
    """Who the claims say it is."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise InvalidToken(detail=f"{settings.name}: sub: missing or malformed")
    try:
        username = read_username(claims, settings)
    except Forbidden as error:
        # A token whose claims make nobody is a bad credential; who is merely not let in is refused otherwise.
        raise InvalidToken(detail=str(error)) from error
    email, verified = read_email(claims, settings)
    groups = read_groups(claims, settings.groups_claim)
    return SignedIn(
        provider=settings.name,
        issuer=str(claims["iss"]),
        subject=subject,
        claims=claims,
        username=username,
        email=email,
        email_verified=verified,
        display_name=read_display_name(claims, username),
        groups=groups.names,
        id_token="",
        sid=_sid(claims),
        auth_time=None,
        notes=(groups.note,) if groups.note else (),
    )


def _known(gate: Gatepost, person: SignedIn) -> str | None:
    query = select(i.c.username).where(i.c.issuer == person.issuer, i.c.subject == person.subject)
    with gate.database.read() as connection:
        username: str | None = connection.execute(query).scalar_one_or_none()
    return username


def _settled(gate: Gatepost, person: SignedIn, address: str, settle: Callable[[Change], tuple[str | None, str]]) -> str:
    """Make or bind the account.  Raises `Forbidden` for a clash, which is kept once for admins to see."""
    with gate.change_unasked() as tx:
        username, why = settle(tx)
        # Whoever calls again and again does not write again and again.
        if username is None and not _is_known_clash(tx, person, why):
            keep_clash(gate, tx, person, why, address)
    if username is None:
        raise Forbidden(why)
    return username


def _is_known_clash(tx: Change, person: SignedIn, why: str) -> bool:
    c = tables.conflicts
    key = (c.c.issuer == person.issuer, c.c.subject == person.subject, c.c.username == person.username)
    rows = tx.connection.execute(select(c.c.reason, c.c.at).where(*key)).all()
    return any(row.reason == why and row.at > tx.at - CLASH_HOLDS for row in rows)


def _store_groups(gate: Gatepost, issuer: DelegatedIssuer, person: SignedIn, username: str) -> None:
    """Bring stored memberships in line, once for each token, and never by an older one than the last."""
    issued = numeric_date(person.claims.get("iat"))
    if issued is None or person.groups is None:
        return
    at = datetime.fromtimestamp(issued, UTC)
    key = (i.c.issuer == person.issuer, i.c.subject == person.subject)
    with gate.change_unasked() as tx:
        row = tx.connection.execute(select(i.c.created_at, i.c.last_sign_in_at).where(*key)).one_or_none()
        # The time in the row is the issuer's own from its first token on, so that two clocks are not compared.
        if row is None or (row.last_sign_in_at != row.created_at and row.last_sign_in_at >= at):
            return
        synchronise(tx, issuer, person, username)
        tx.connection.execute(update(i).where(*key).values(last_sign_in_at=at))


def _service(gate: Gatepost, name: str) -> Entity:
    if not _existing(gate, tables.services.c.name, (name,)):
        raise InvalidToken(detail=f"there is no service:{name}: make it first")
    return Entity("service", name)


def _existing(gate: Gatepost, column: Column[str], names: Iterable[str]) -> frozenset[str]:
    """Those of the names that something here has."""
    wanted = sorted(names)
    if not wanted:
        return frozenset()
    with gate.database.read() as connection:
        return frozenset(_found(connection, column, wanted))


def _found(connection: Connection, column: Column[str], wanted: list[str]) -> Iterable[str]:
    for start in range(0, len(wanted), 500):  # below every database's limit of parameters
        yield from connection.execute(select(column).where(column.in_(wanted[start : start + 500]))).scalars()


def _vouched(
    settings: MappedSettings,
    claims: VerifiedClaims,
    *,
    subject: Entity | None = None,
    api_key: bytes | None = None,
    groups: frozenset[str] = frozenset(),
    roles: frozenset[str] = frozenset(),
    role: str | None = None,
) -> Vouched:
    expires, said_by, jti = numeric_date(claims.get("exp")), claims.get("sub"), claims.get("jti")
    return Vouched(
        issuer=str(claims["iss"]),
        provider=settings.name,
        provider_subject=said_by if isinstance(said_by, str) else "",
        sid=_sid(claims),
        issued=numeric_date(claims.get("iat")),
        expires=(expires or 0.0) + settings.leeway.total_seconds(),
        credential_id=jti[:MAX_SUBJECT] if isinstance(jti, str) and jti.isprintable() else "",
        subject=subject,
        api_key=api_key,
        actor=_actor(claims) if isinstance(settings, DelegatedIssuer) else None,
        groups=groups,
        roles=roles,
        role=role,
    )


def _sid(claims: Claims) -> str:
    sid = claims.get("sid")
    return sid if isinstance(sid, str) and len(sid) <= MAX_SUBJECT else ""


def _actor(claims: Claims) -> Entity | None:
    """Who wields the token: `act.sub` (RFC 8693 section 4.1), else `client_id` (RFC 9068)."""
    act = claims.get("act")
    if act is not None and not isinstance(act, dict):
        raise InvalidToken(detail="act: not an object")
    name = act.get("sub") if act is not None else claims.get("client_id")
    if name is None and act is None:
        return None
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ACTOR or not name.isprintable():
        raise InvalidToken(detail="act or client_id: not a short text")
    return Entity("client", name)
