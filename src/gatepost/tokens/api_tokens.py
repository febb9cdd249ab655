"""API tokens: they belong to a person, carry no more than the person who made them, and die with that person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select

from gatepost.audit.record import AuditRecord
from gatepost.directory.authority import require_patterns
from gatepost.directory.names import require_text
from gatepost.directory.pages import Page, Wanted, read_page
from gatepost.errors import Forbidden, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import FULL_SCOPE, Entity, Method, Principal, Scope
from gatepost.records import TokenRecord
from gatepost.store import tables
from gatepost.store.store import Change
from gatepost.tokens.secrets import digest, new_api_secret

t = tables.tokens

# A token that leaks must not be able to make itself a successor.
MAY_MINT = frozenset({Method.SESSION, Method.PASSWORD, Method.ACCESS_TOKEN, Method.ID_TOKEN, Method.EMBEDDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedToken:
    """A token to be made.  No scopes means `*:*`: whatever its owner may do."""

    name: str
    scopes: tuple[str, ...] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token and its secret, which is shown this once."""

    token: TokenRecord
    secret: str = field(repr=False)


def token_record(row: Row[tuple[object, ...]]) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        owner=Entity.parse(row.owner),
        name=row.name,
        scopes=Scope(frozenset(row.scopes)),
        issuer=Entity.parse(row.issuer),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


def read_token(gate: Gatepost, secret_digest: bytes) -> TokenRecord | None:
    """Read a token by its digest, from the database.  Expired ones too: judging them is `authn`'s work."""
    with gate.database.read() as connection:
        row = connection.execute(select(t).where(t.c.digest == secret_digest)).one_or_none()
    return token_record(row) if row is not None else None


def checked_wish(gate: Gatepost, caller: Principal, wanted: WantedToken) -> tuple[str, Scope]:
    """Check what every kind of token has in common.  Returns its name and its scope."""
    name = require_text(wanted.name.strip(), "name", 100)
    if not name:
        raise InvalidField({"name": "a token needs a name, so that its owner knows what it is for"})
    if wanted.expires_at is not None and wanted.expires_at <= gate.now():
        raise InvalidField({"expires_at": "this is in the past"})
    scope = FULL_SCOPE
    if wanted.scopes is not None:
        scope = Scope(require_patterns(gate, wanted.scopes, "scopes"))
        if not scope.patterns:
            raise InvalidField({"scopes": "an empty scope allows nothing: leave it out for everything its owner may"})
    if caller.scope is not None and not scope.within(caller.scope.patterns):
        raise Forbidden("a token cannot carry more than the credential that makes it", detail="scope widened")
    return name, scope


def store_token(
    gate: Gatepost,
    tx: Change,
    owner: Entity,
    issuer: Entity,
    name: str,
    scope: Scope,
    expires_at: datetime | None,
    secret: str,
) -> TokenRecord:
    token_id = gate.new_id()
    tx.connection.execute(
        insert(t).values(
            id=token_id,
            owner=str(owner),
            name=name,
            digest=digest(secret),
            scopes=sorted(scope.patterns),
            issuer=str(issuer),
            created_at=tx.at,
            expires_at=expires_at,
        )
    )
    return token_record(tx.connection.execute(select(t).where(t.c.id == token_id)).one())


def issue_api_token(gate: Gatepost, caller: Principal, wanted: WantedToken) -> IssuedToken:
    """Mint an API token for the caller.  Raises `Forbidden` for a caller who is a token or a service."""
    gate.require_signed_in(caller)
    if caller.subject.type != "user" or caller.method not in MAY_MINT or caller.actor is not None:
        raise Forbidden("only a signed-in person makes API tokens: no token mints another one")
    if caller.role is not None:
        raise Forbidden("a call that is narrowed to one role cannot make a token")
    name, scope = checked_wish(gate, caller, wanted)
    secret = new_api_secret(gate.dice)
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        token = store_token(gate, tx, caller.subject, caller.subject, name, scope, wanted.expires_at, secret)
        tx.record(
            AuditRecord.of(
                caller,
                "token.issued",
                f"token:{token.id}",
                at=tx.at,
                detail={"name": name, "scopes": sorted(scope.patterns)},
            )
        )
    return IssuedToken(token, secret)


def list_api_tokens(gate: Gatepost, caller: Principal, page: Wanted, owner: str | None = None) -> Page[TokenRecord]:
    """One's own tokens; `owner` (a username, or `*` for everybody's) takes `token:view`."""
    gate.require_signed_in(caller, "token:view")
    query = select(t).where(t.c.owner.like("user:%"))
    if owner is None or Entity("user", owner.lower()) == caller.subject:
        query = query.where(t.c.owner == str(caller.subject))
    else:
        gate.require(caller, "token:view", seen_by="")
        if owner != "*":
            query = query.where(t.c.owner == f"user:{owner.lower()}")
    with gate.database.read() as connection:
        return read_page(connection, query, [t.c.id], page, token_record)


def revoke_api_token(gate: Gatepost, caller: Principal, token_id: str) -> None:
    """Revoke a token, at once and everywhere.  One's own, or with `token:delete` anybody's."""
    gate.require_signed_in(caller, "token:delete")
    with gate.change_unasked() as tx:
        gate.still_holds(caller)
        row = tx.connection.execute(select(t).where(t.c.id == token_id, t.c.owner.like("user:%"))).one_or_none()
        if row is None or row.owner != str(caller.subject):
            gate.require(caller, "token:delete", seen_by="token:view")
        if row is None:
            raise NotFound(f"there is no token:{token_id[:40]}")
        drop_token(tx, row)
        tx.record(
            AuditRecord.of(
                caller, "token.revoked", f"token:{row.id}", at=tx.at, detail={"owner": row.owner, "name": row.name}
            )
        )


def drop_token(tx: Change, row: Row[tuple[object, ...]]) -> None:
    tx.connection.execute(t.delete().where(t.c.id == row.id))
    tx.log("token", row.id, gone=True, digest=row.digest.hex())


def revoke_tokens_of(tx: Change, owner: Entity) -> int:
    rows = tx.connection.execute(select(t).where(t.c.owner == str(owner))).all()
    for row in rows:
        drop_token(tx, row)
    return len(rows)


def count_tokens_of(connection: Connection, owner: Entity) -> int:
    return connection.execute(select(func.count()).select_from(t).where(t.c.owner == str(owner))).scalar_one()
