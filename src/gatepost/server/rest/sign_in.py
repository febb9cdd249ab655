"""`/api/v1/auth` and `/api/v1/me`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gatepost.directory.profiles import describe, read_profile
from gatepost.errors import Conflict
from gatepost.principal import Method
from gatepost.server.rest.given import Caller, Gate, WantedPage, all_of, page_of, problems
from gatepost.server.rest.shapes import (
    ConflictAnswer,
    IdentityAnswer,
    LoginBody,
    MeAnswer,
    Page,
    ProviderLink,
    RefreshBody,
    TokenPairAnswer,
)
from gatepost.sso import identities
from gatepost.tokens import refresh_tokens
from gatepost.tokens.refresh_tokens import TokenPair
from gatepost.tokens.sessions import sign_out
from gatepost.tokens.sign_in import PasswordTry, prove_by_password, sign_in_for_tokens

router = APIRouter(tags=["Signing in"])


@router.post("/auth/login", responses=problems(429))
async def login(request: Request, body: LoginBody, gate: Gate) -> TokenPairAnswer:
    """Sign in with a password.  Answers an access token and a refresh token."""
    agent = request.headers.get("user-agent", "")
    attempt = PasswordTry(username=body.username, password=body.password, address=request.state.address, agent=agent)
    proved = await request.state.pools.passwords(prove_by_password, gate, attempt)
    pair: TokenPair = await request.state.pools.database(sign_in_for_tokens, gate, proved, attempt)
    return TokenPairAnswer.model_validate(pair)


@router.post("/auth/refresh", responses=problems())
def refresh(body: RefreshBody, gate: Gate) -> TokenPairAnswer:
    """Swap a refresh token for the next pair.  A spent one that comes back ends the whole family."""
    return TokenPairAnswer.model_validate(refresh_tokens.refresh(gate, body.refresh_token))


@router.post("/auth/logout", status_code=204, responses=problems(409))
def logout(gate: Gate, caller: Caller) -> Response:
    """End the session that the credential belongs to, with all its tokens."""
    gate.require_signed_in(caller)
    if caller.method not in (Method.SESSION, Method.ACCESS_TOKEN) or caller.subject.type != "user":
        raise Conflict("this credential belongs to no session: revoke it instead")
    sign_out(gate, caller)
    return Response(status_code=204)


@router.get("/auth/providers", responses=problems())
def providers(gate: Gate) -> list[ProviderLink]:
    """Where else one can sign in."""
    return [
        ProviderLink(name=p.name, display_name=p.called, login_url=f"/oauth/{p.name}/login")
        for p in gate.settings.sso.providers
    ]


@router.get("/me", responses=problems())
def me(gate: Gate, caller: Caller) -> MeAnswer:
    """Who is calling."""
    profile = read_profile(gate, caller.subject.id) if caller.subject.type == "user" else None
    return MeAnswer.model_validate(describe(gate, caller, profile))


@router.get("/me/identities", responses=problems())
def list_identities(gate: Gate, caller: Caller, page: WantedPage) -> Page[IdentityAnswer]:
    """The sign-ins elsewhere that are linked to one's account."""
    return all_of((IdentityAnswer.model_validate(i) for i in identities.list_identities(gate, caller)), page)


@router.delete("/me/identities/{identity_id}", status_code=204, responses=problems(404, 409))
def unlink_identity(identity_id: str, gate: Gate, caller: Caller) -> Response:
    """Unlink one.  The last way in stays."""
    identities.unlink_identity(gate, caller, identity_id)
    return Response(status_code=204)


@router.get("/conflicts", responses=problems())
def list_conflicts(gate: Gate, caller: Caller, page: WantedPage) -> Page[ConflictAnswer]:
    """Sign-ins that were refused for a clash with an account, for admins."""
    return page_of(identities.list_conflicts(gate, caller, page), ConflictAnswer.model_validate)


@router.delete("/conflicts/{conflict_id}", status_code=204, responses=problems(404))
def dismiss_conflict(conflict_id: str, gate: Gate, caller: Caller) -> Response:
    """Take one off the list.  It changes nobody's account."""
    identities.dismiss_conflict(gate, caller, conflict_id)
    return Response(status_code=204)
