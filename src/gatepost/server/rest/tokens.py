"""`/api/v1/tokens` and `/api/v1/sessions`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from gatepost.principal import Principal
from gatepost.records import SessionRecord, TokenRecord
from gatepost.server.rest import revocations
from gatepost.server.rest.given import Caller, Gate, WantedPage, page_of, problems
from gatepost.server.rest.shapes import IssuedTokenAnswer, Page, SessionAnswer, TokenAnswer, TokenBody
from gatepost.tokens import api_tokens, session_list
from gatepost.tokens.api_tokens import WantedToken

router = APIRouter(tags=["Tokens and sessions"])
router.include_router(revocations.router)

Owner = Annotated[str | None, Query(max_length=200, description="Whose: a username, or `*` for everybody's.")]


def token_members(token: TokenRecord) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "owner": str(token.owner),
        "scopes": sorted(token.scopes.patterns),
        "issuer": str(token.issuer),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }


@router.post("/tokens", status_code=201, responses=problems())
def create_token(body: TokenBody, gate: Gate, caller: Caller) -> IssuedTokenAnswer:
    """Mint an API token for oneself.  The secret is in this answer only."""
    scopes = None if body.scopes is None else tuple(body.scopes)
    wanted = WantedToken(name=body.name, scopes=scopes, expires_at=body.expires_at)
    issued = api_tokens.issue_api_token(gate, caller, wanted)
    return IssuedTokenAnswer(**token_members(issued.token), token=issued.secret)


@router.get("/tokens", responses=problems())
def list_tokens(gate: Gate, caller: Caller, page: WantedPage, owner: Owner = None) -> Page[TokenAnswer]:
    """List one's API tokens, without their secrets."""
    found = api_tokens.list_api_tokens(gate, caller, page, owner)
    return page_of(found, lambda token: TokenAnswer(**token_members(token)))


@router.delete("/tokens/{token_id}", status_code=204, responses=problems(404))
def revoke_token(token_id: str, gate: Gate, caller: Caller) -> Response:
    """Revoke an API token, at once and everywhere."""
    api_tokens.revoke_api_token(gate, caller, token_id)
    return Response(status_code=204)


def session_answer(session: SessionRecord, caller: Principal) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        subject=str(session.subject),
        method=session.method,
        provider=session.provider,
        address=session.address,
        agent=session.agent,
        current=session.id == caller.credential_id,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
    )


@router.get("/sessions", responses=problems())
def list_sessions(gate: Gate, caller: Caller, page: WantedPage, owner: Owner = None) -> Page[SessionAnswer]:
    """List the sessions that go on."""
    return page_of(session_list.list_sessions(gate, caller, page, owner), lambda found: session_answer(found, caller))


@router.delete("/sessions/{session_id}", status_code=204, responses=problems(404))
def end_session(session_id: str, gate: Gate, caller: Caller) -> Response:
    """End a session with its tokens, at once and everywhere."""
    session_list.end_session(gate, caller, session_id)
    return Response(status_code=204)
