"""Resources, and who has what on them."""

from __future__ import annotations

from datetime import datetime

from gatepost.client import answers as a
from gatepost.client.call import Call, call, entity_of, listed, path_of, resource_path
from gatepost.client.reading import Page, nothing, one


def resources(
    *,
    type: str | None = None,  # noqa: A002 - the API's word
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Page[a.Resource]]:
    """What the caller can view."""
    return listed("resources", a.Resource, limit, cursor, type=type)


def resource(resource: str) -> Call[a.Resource]:
    return call("GET", resource_path(resource), one(a.Resource))


def create_resource(resource: str, *, display_name: str | None = None, parent: str | None = None) -> Call[a.Resource]:
    entity = entity_of(resource)
    body = {"type": entity.type, "id": entity.id, "display_name": display_name, "parent": parent}
    return call("POST", path_of("resources"), one(a.Resource), body=body)


def change_resource(resource: str, *, display_name: str | None = None, parent: str | None = None) -> Call[a.Resource]:
    return call(
        "PATCH", resource_path(resource), one(a.Resource), body={"display_name": display_name, "parent": parent}
    )


def delete_resource(resource: str) -> Call[None]:
    return call("DELETE", resource_path(resource), nothing)


def access(resource: str, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.Grant]]:
    """Who has what on a resource."""
    entity = entity_of(resource)
    return listed(("resources", entity.type, entity.id, "access"), a.Grant, limit, cursor)


def grant(resource: str, relation: str, subject: str, *, expires_at: datetime | None = None) -> Call[None]:
    body = {"subject": subject, "relation": relation, "expires_at": expires_at}
    return call("POST", resource_path(resource, "access"), nothing, body=body)


def revoke(resource: str, relation: str, subject: str) -> Call[None]:
    return call("DELETE", resource_path(resource, "access", relation, subject), nothing)
