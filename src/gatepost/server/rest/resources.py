"""`/api/v1/resources` and who has access to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from gatepost.directory import resources, sharing
from gatepost.directory.pages import slice_page
from gatepost.directory.resources import NewResource, ResourceChange
from gatepost.directory.sharing import Grant, NewGrant, grant_place
from gatepost.server.rest.given import Caller, Gate, WantedPage, page_of, problems
from gatepost.server.rest.shapes import GrantAnswer, GrantBody, Page, ResourceAnswer, ResourceBody, ResourcePatch

router = APIRouter(prefix="/resources", tags=["Resources"])


@router.post("", status_code=201, responses=problems(404, 409))
def create_resource(body: ResourceBody, gate: Gate, caller: Caller) -> ResourceAnswer:
    """Make a resource; the caller owns it.  Under a parent it takes `edit` there."""
    return ResourceAnswer.model_validate(resources.create_resource(gate, caller, NewResource(**body.model_dump())))


@router.get("", responses=problems())
def list_resources(
    gate: Gate,
    caller: Caller,
    page: WantedPage,
    type: Annotated[str | None, Query(max_length=100)] = None,  # noqa: A002
) -> Page[ResourceAnswer]:
    """List what the caller can view: complete, by type and id."""
    return page_of(resources.list_resources(gate, caller, page, type), ResourceAnswer.model_validate)


@router.get("/{type}/{id}", responses=problems(404))
def get_resource(type: str, id: str, gate: Gate, caller: Caller) -> ResourceAnswer:  # noqa: A002
    """One resource.  What the caller cannot view reads like what is not there."""
    return ResourceAnswer.model_validate(resources.get_resource(gate, caller, type, id))


@router.patch("/{type}/{id}", responses=problems(404))
def change_resource(type: str, id: str, body: ResourcePatch, gate: Gate, caller: Caller) -> ResourceAnswer:  # noqa: A002
    """Rename it (`edit`), or move it (`manage_access`, and `edit` on the new parent; an empty parent is none)."""
    sent = body.model_fields_set
    parent = (body.parent or "") if "parent" in sent else None
    name = (body.display_name or "") if "display_name" in sent else None
    wanted = ResourceChange(display_name=name, parent=parent)
    return ResourceAnswer.model_validate(resources.change_resource(gate, caller, type, id, wanted))


@router.delete("/{type}/{id}", status_code=204, responses=problems(404))
def delete_resource(type: str, id: str, gate: Gate, caller: Caller) -> Response:  # noqa: A002
    """Delete a resource with everything that was granted on it."""
    resources.delete_resource(gate, caller, type, id)
    return Response(status_code=204)


def _grant(grant: Grant) -> GrantAnswer:
    return GrantAnswer(
        subject=grant.subject,
        relation=grant.relation,
        origin=grant.origin,
        author=grant.author,
        created_at=grant.created_at,
        expires_at=grant.expires_at,
        inherited_from=grant.inherited_from or None,
        why=grant.why,
    )


@router.get("/{type}/{id}/access", responses=problems(404))
def list_access(type: str, id: str, gate: Gate, caller: Caller, page: WantedPage) -> Page[GrantAnswer]:  # noqa: A002
    """Who has access, directly and from parents, each with the reason in one sentence."""
    grants = sharing.list_access(gate, caller, type, id)
    ordered = sorted(grants, key=grant_place)
    return page_of(slice_page(ordered, grant_place, page), _grant)


@router.post("/{type}/{id}/access", status_code=201, responses=problems(404))
def grant_access(type: str, id: str, body: GrantBody, gate: Gate, caller: Caller) -> GrantAnswer:  # noqa: A002
    """Share it.  It takes `manage_access`, and nobody grants more than they hold."""
    return _grant(sharing.grant_access(gate, caller, type, id, NewGrant(**body.model_dump())))


@router.delete("/{type}/{id}/access/{relation}/{subject}", status_code=204, responses=problems(404, 409))
def revoke_access(type: str, id: str, relation: str, subject: str, gate: Gate, caller: Caller) -> Response:  # noqa: A002
    """Take access away, for the next question already.  The last owner stays."""
    sharing.revoke_access(gate, caller, type, id, relation, subject)
    return Response(status_code=204)
