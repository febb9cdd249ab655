"""`/api/v1/groups`."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gatepost.directory import groups
from gatepost.server.rest.given import Caller, Gate, WantedPage, page_of, problems
from gatepost.server.rest.shapes import DescriptionPatch, GroupAnswer, MemberAnswer, MemberBody, NamedBody, Page

router = APIRouter(prefix="/groups", tags=["Groups"])


@router.post("", status_code=201, responses=problems(409))
def create_group(body: NamedBody, gate: Gate, caller: Caller) -> GroupAnswer:
    """Make a group."""
    return GroupAnswer.model_validate(groups.create_group(gate, caller, body.name, body.description))


@router.get("", responses=problems())
def list_groups(gate: Gate, caller: Caller, page: WantedPage) -> Page[GroupAnswer]:
    """List groups."""
    return page_of(groups.list_groups(gate, caller, page), GroupAnswer.model_validate)


@router.get("/{name}", responses=problems(404))
def get_group(name: str, gate: Gate, caller: Caller) -> GroupAnswer:
    """One group."""
    return GroupAnswer.model_validate(groups.get_group(gate, caller, name))


@router.patch("/{name}", responses=problems(404))
def change_group(name: str, body: DescriptionPatch, gate: Gate, caller: Caller) -> GroupAnswer:
    """Change a group's description."""
    return GroupAnswer.model_validate(groups.change_group(gate, caller, name, body.description))


@router.delete("/{name}", status_code=204, responses=problems(404, 409))
def delete_group(name: str, gate: Gate, caller: Caller) -> Response:
    """Delete a group with its memberships and what was granted through it."""
    groups.delete_group(gate, caller, name)
    return Response(status_code=204)


@router.get("/{name}/members", responses=problems(404))
def list_members(name: str, gate: Gate, caller: Caller, page: WantedPage) -> Page[MemberAnswer]:
    """The direct members, each with where the membership came from."""
    return page_of(groups.list_members(gate, caller, name, page), MemberAnswer.model_validate)


@router.put("/{name}/members/{subject}", status_code=204, responses=problems(404))
def add_member(name: str, subject: str, gate: Gate, caller: Caller, body: MemberBody | None = None) -> Response:
    """Add a user, a service, or another group's members (`group:analysts%23member`)."""
    groups.add_member(gate, caller, name, subject, expires_at=body.expires_at if body else None)
    return Response(status_code=204)


@router.delete("/{name}/members/{subject}", status_code=204, responses=problems(404, 409))
def remove_member(name: str, subject: str, gate: Gate, caller: Caller) -> Response:
    """Remove a member.  A membership that a provider synchronises is changed there."""
    groups.remove_member(gate, caller, name, subject)
    return Response(status_code=204)
