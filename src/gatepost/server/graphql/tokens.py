"""API tokens and sessions, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from gatepost.records import TokenRecord
from gatepost.server.graphql.asking import Info, moment
from gatepost.server.graphql.connections import USUAL, After, Connection, First, connection, shown, wanted
from gatepost.server.graphql.outcomes import Done, done_by
from gatepost.server.rest.revocations import revocations_answer
from gatepost.server.rest.tokens import session_answer, token_members
from gatepost.tokens import api_tokens, session_list
from gatepost.tokens.api_tokens import WantedToken
from gatepost.tokens.revocations import revocations

Owner = Annotated[str | None, strawberry.argument(description="Whose: a username, or `*` for everybody's.")]


@strawberry.type(description="An API token, without its secret.")
class Token:
    id: str
    name: str
    owner: str
    scopes: list[str]
    issuer: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@strawberry.type(description="A new token with its secret, which is in this answer only.")
class IssuedToken:
    token: str
    details: Token


@strawberry.type(description="A session that goes on.")
class Session:
    id: str
    subject: str
    method: str
    provider: str
    address: str
    agent: str
    current: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@strawberry.type(
    description="What ended, for applications that verify access tokens themselves.  `whole`: what was known before says"
    " nothing any more."
)
class Revocations:
    revision: str = strawberry.field(description="The next question's `after`.")
    whole: bool
    ended: list[str] = strawberry.field(description="Sessions and tokens: the `sid` of an access token.")
    disabled: list[str]
    enabled: list[str]
    keys_changed: bool
    anonymous: bool
    providers: list[str]
    as_of: float = strawberry.field(description="What is told was true so many seconds after the question, or before.")


def token_shown(token: TokenRecord) -> Token:
    return Token(**token_members(token))


@strawberry.type
class Queries:
    @strawberry.field(description="One's API tokens, without their secrets.")
    async def tokens(
        self, info: Info, first: First = USUAL, after: After = None, owner: Owner = None
    ) -> Connection[Token] | None:
        found = await info.context.ask(api_tokens.list_api_tokens, wanted(first, after), owner)
        return connection(found, token_shown, lambda each: (each.id,), after)

    @strawberry.field(description="The sessions that go on.")
    async def sessions(
        self, info: Info, first: First = USUAL, after: After = None, owner: Owner = None
    ) -> Connection[Session] | None:
        asking = info.context
        found = await asking.ask(session_list.list_sessions, wanted(first, after), owner)
        return connection(
            found, lambda each: shown(Session, session_answer(each, asking.caller)), lambda each: (each.id,), after
        )

    @strawberry.field(description="What was revoked since `after`, at once; `GET /api/v1/revocations` waits for news.")
    async def revocations(self, info: Info, after: str = "") -> Revocations | None:
        asking = info.context
        return shown(Revocations, revocations_answer(asking.gate, await asking.ask(revocations, after), looked=0))


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Mint an API token for oneself.  The secret is in this answer only.")
    async def create_token(
        self, info: Info, name: str, scopes: list[str] | None = None, expires_at: datetime | None = None
    ) -> IssuedToken | None:
        wish = WantedToken(name=name, scopes=None if scopes is None else tuple(scopes), expires_at=moment(expires_at))
        issued = await info.context.ask(api_tokens.issue_api_token, wish)
        return IssuedToken(token=issued.secret, details=token_shown(issued.token))

    @strawberry.mutation(description="Revoke an API token, at once and everywhere.")
    async def revoke_token(self, info: Info, id: str) -> Done | None:  # noqa: A002
        return await done_by(info, api_tokens.revoke_api_token, id)

    @strawberry.mutation(description="End a session with its tokens, at once and everywhere.")
    async def end_session(self, info: Info, id: str) -> Done | None:  # noqa: A002
        return await done_by(info, session_list.end_session, id)
