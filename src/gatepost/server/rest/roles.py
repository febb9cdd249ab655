"""`/api/v1/roles`."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gatepost.directory import roles
from gatepost.server.rest.given import Caller, Gate, WantedPage, page_of, problems
from gatepost.server.rest.shapes import MemberAnswer, MemberBody, Page, RoleAnswer, RoleBody, RolePatch

router = APIRouter(prefix="/roles", tags=["Roles"])


@router.post("", status_code=201, responses=problems(409))
def create_role(body: RoleBody, gate: Gate, caller: Caller) -> RoleAnswer:
    """Make a role of permissions `type:action`, all of which the caller holds."""
    return RoleAnswer.model_validate(roles.create_role(gate, caller, body.name, body.permissions, body.description))


@router.get("", responses=problems())
def list_roles(gate: Gate, caller: Caller, page: WantedPage) -> Page[RoleAnswer]:
    """List roles with their permissions."""
    return page_of(roles.list_roles(gate, caller, page), RoleAnswer.model_validate)


@router.get("/{name}", responses=problems(404))
def get_role(name: str, gate: Gate, caller: Caller) -> RoleAnswer:
    """One role."""
    return RoleAnswer.model_validate(roles.get_role(gate, caller, name))


@router.patch("/{name}", responses=problems(404, 409))
def change_role(name: str, body: RolePatch, gate: Gate, caller: Caller) -> RoleAnswer:
    """Change what a role holds, for everybody who has it, at once."""
    changed = roles.change_role(gate, caller, name, permissions=body.permissions, description=body.description)
    return RoleAnswer.model_validate(changed)


@router.delete("/{name}", status_code=204, responses=problems(404, 409))
def delete_role(name: str, gate: Gate, caller: Caller) -> Response:
    """Delete a role with its assignments."""
    roles.delete_role(gate, caller, name)
    return Response(status_code=204)


@router.get("/{name}/assignees", responses=problems(404))
def list_assignees(name: str, gate: Gate, caller: Caller, page: WantedPage) -> Page[MemberAnswer]:
    """Who has the role directly, each with where that came from."""
    return page_of(roles.list_assignees(gate, caller, name, page), MemberAnswer.model_validate)


@router.put("/{name}/assignees/{subject}", status_code=204, responses=problems(404, 409))
def assign_role(name: str, subject: str, gate: Gate, caller: Caller, body: MemberBody | None = None) -> Response:
    """Give the role to a user, a service, a group's members, or everybody (`user:*`, `service:*`, `anonymous:*`)."""
    roles.assign_role(gate, caller, name, subject, expires_at=body.expires_at if body else None)
    return Response(status_code=204)


@router.delete("/{name}/assignees/{subject}", status_code=204, responses=problems(404, 409))
def unassign_role(name: str, subject: str, gate: Gate, caller: Caller) -> Response:
    """Take the role away.  The last admin stays."""
    roles.unassign_role(gate, caller, name, subject)
    return Response(status_code=204)
