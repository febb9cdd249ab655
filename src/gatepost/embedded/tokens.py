"""API tokens and sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from gatepost.client import answers as a
from gatepost.directory.given import list_of_texts, moment
from gatepost.embedded.asking import Asking
from gatepost.principal import Principal
from gatepost.records import SessionRecord, TokenRecord
from gatepost.tokens import api_tokens, session_list
from gatepost.tokens.api_tokens import WantedToken


def _token(token: TokenRecord, secret: str = "") -> a.ApiToken:
    return a.ApiToken(
        id=token.id,
        name=token.name,
        owner=str(token.owner),
        issuer=str(token.issuer),
        scopes=tuple(sorted(token.scopes.patterns)),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        token=secret,
    )


def _session(session: SessionRecord, by: Principal) -> a.SessionInfo:
    return a.SessionInfo(
        id=session.id,
        subject=str(session.subject),
        method=session.method,
        provider=session.provider,
        address=session.address,
        agent=session.agent,
        current=session.id == by.credential_id,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
    )


class Tokens(Asking):
    """Calls on what was issued to people."""

    def tokens(
        self, *, owner: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[a.ApiToken]:
        """The caller's tokens; or those of the user `owner`, `*` for everybody's."""
        self._for(owner=owner)
        return self._all(
            lambda gate, by, page: api_tokens.list_api_tokens(gate, by, page, owner), _token, limit, cursor
        )

    def create_token(
        self, name: str, *, scopes: Iterable[str] | None = None, expires_at: datetime | None = None
    ) -> a.ApiToken:
        """Mint an API token for the caller, who is a person.  Its secret is in this answer only."""
        by = self._for(name=name)
        wanted = WantedToken(
            name=name,
            scopes=None if scopes is None else list_of_texts(scopes, "scopes"),
            expires_at=moment(expires_at, "expires_at"),
        )
        issued = api_tokens.issue_api_token(*by, wanted)
        return _token(issued.token, issued.secret)

    def revoke_token(self, token_id: str) -> None:
        """Revoke an API token, at once and everywhere."""
        api_tokens.revoke_api_token(*self._for(token_id=token_id), token_id)

    def sessions(
        self, *, owner: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[a.SessionInfo]:
        """The caller's sessions; or those of the user `owner`, `*` for everybody's."""
        _, by = self._for(owner=owner)
        return self._all(
            lambda gate, by, page: session_list.list_sessions(gate, by, page, owner),
            lambda session: _session(session, by),
            limit,
            cursor,
        )

    def revoke_session(self, session_id: str) -> None:
        """End a session with its tokens, at once and everywhere."""
        session_list.end_session(*self._for(session_id=session_id), session_id)
