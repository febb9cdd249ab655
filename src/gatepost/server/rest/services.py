"""`/api/v1/services` and `/api/v1/service-tokens`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from gatepost.directory import services
from gatepost.gate import Gatepost
from gatepost.records import TokenRecord
from gatepost.server.rest.given import Caller, Gate, WantedPage, page_of, problems
from gatepost.server.rest.shapes import (
    DescriptionPatch,
    IssuedServiceTokenAnswer,
    NamedBody,
    Page,
    ServiceAnswer,
    ServiceTokenAnswer,
    ServiceTokenBody,
)
from gatepost.server.rest.tokens import token_members
from gatepost.tokens import service_tokens
from gatepost.tokens.service_tokens import WantedServiceToken

router = APIRouter(tags=["Services"])


@router.post("/services", status_code=201, responses=problems(409))
def create_service(body: NamedBody, gate: Gate, caller: Caller) -> ServiceAnswer:
    """Make a service, without a token as yet."""
    return ServiceAnswer.model_validate(services.create_service(gate, caller, body.name, body.description))


@router.get("/services", responses=problems())
def list_services(gate: Gate, caller: Caller, page: WantedPage) -> Page[ServiceAnswer]:
    """List services."""
    return page_of(services.list_services(gate, caller, page), ServiceAnswer.model_validate)


@router.get("/services/{name}", responses=problems(404))
def get_service(name: str, gate: Gate, caller: Caller) -> ServiceAnswer:
    """One service."""
    return ServiceAnswer.model_validate(services.get_service(gate, caller, name))


@router.patch("/services/{name}", responses=problems(404))
def change_service(name: str, body: DescriptionPatch, gate: Gate, caller: Caller) -> ServiceAnswer:
    """Change a service's description."""
    return ServiceAnswer.model_validate(services.change_service(gate, caller, name, body.description))


@router.delete("/services/{name}", status_code=204, responses=problems(404, 409))
def delete_service(name: str, gate: Gate, caller: Caller) -> Response:
    """Delete a service with its tokens."""
    services.delete_service(gate, caller, name)
    return Response(status_code=204)


def _members(gate: Gatepost, token: TokenRecord) -> dict[str, Any]:
    return {**token_members(token), "role": services.role_of(gate, token.owner.id)}


@router.post("/service-tokens", status_code=201, responses=problems(409))
def create_service_token(body: ServiceTokenBody, gate: Gate, caller: Caller) -> IssuedServiceTokenAnswer:
    """Issue a token for the service `name`, which is made if it is new.  The secret is in this answer only."""
    wanted = WantedServiceToken(
        name=body.name,
        role=body.role,
        scopes=None if body.scopes is None else tuple(body.scopes),
        expires_at=body.expires_at,
    )
    issued = service_tokens.issue_service_token(gate, caller, wanted)
    return IssuedServiceTokenAnswer(**_members(gate, issued.token), token=issued.secret)


@router.get("/service-tokens", responses=problems())
def list_service_tokens(
    gate: Gate, caller: Caller, page: WantedPage, service: Annotated[str, Query(max_length=200)] = ""
) -> Page[ServiceTokenAnswer]:
    """List service tokens, without their secrets."""
    found = service_tokens.list_service_tokens(gate, caller, page, service)
    return page_of(found, lambda token: ServiceTokenAnswer(**_members(gate, token)))


@router.delete("/service-tokens/{token_id}", status_code=204, responses=problems(404))
def revoke_service_token(token_id: str, gate: Gate, caller: Caller) -> Response:
    """Revoke a service token, at once and everywhere."""
    service_tokens.revoke_service_token(gate, caller, token_id)
    return Response(status_code=204)
