"""Resources, and who has what on them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gatepost.client import answers as a
from gatepost.directory import resources, sharing
from gatepost.directory.given import moment
from gatepost.directory.pages import slice_page
from gatepost.directory.resources import NewResource, ResourceChange
from gatepost.directory.sharing import NewGrant, grant_place
from gatepost.embedded.asking import Asking, entity_of


def _resource(found: resources.Resource) -> a.Resource:
    return a.Resource(found.type, found.id, found.display_name, found.parent or "", found.created_at, found.created_by)


def _grant(grant: sharing.Grant) -> a.Grant:
    return a.Grant(
        subject=grant.subject,
        relation=grant.relation,
        origin=grant.origin,
        author=grant.author,
        inherited_from=grant.inherited_from,
        why=grant.why,
        created_at=grant.created_at,
        expires_at=grant.expires_at,
    )


class Sharing(Asking):
    """Calls on resources, written `type:id`, and on access to them."""

    def resources(
        self,
        *,
        type: str | None = None,  # noqa: A002 - the SDK's word
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Iterator[a.Resource]:
        """What the caller can view."""
        self._for(type=type)
        return self._all(
            lambda gate, by, page: resources.list_resources(gate, by, page, type), _resource, limit, cursor
        )

    def resource(self, resource: str) -> a.Resource:
        by, at = self._for(resource=resource), entity_of(resource)
        return _resource(resources.get_resource(*by, at.type, at.id))

    def create_resource(
        self, resource: str, *, display_name: str | None = None, parent: str | None = None
    ) -> a.Resource:
        """Make a resource; whoever makes it owns it, and the application itself owns nothing.

        Under a parent it takes `edit` there.
        """
        by, at = self._for(resource=resource, display_name=display_name, parent=parent), entity_of(resource)
        wanted = NewResource(type=at.type, id=at.id, display_name=display_name, parent=parent)
        return _resource(resources.create_resource(*by, wanted))

    def change_resource(
        self, resource: str, *, display_name: str | None = None, parent: str | None = None
    ) -> a.Resource:
        """Rename it (`edit`), or move it (`manage_access`, and `edit` on the new parent; an empty parent is none)."""
        by, at = self._for(resource=resource, display_name=display_name, parent=parent), entity_of(resource)
        wanted = ResourceChange(display_name=display_name, parent=parent)
        return _resource(resources.change_resource(*by, at.type, at.id, wanted))

    def delete_resource(self, resource: str) -> None:
        """Delete a resource with everything that was granted on it."""
        by, at = self._for(resource=resource), entity_of(resource)
        resources.delete_resource(*by, at.type, at.id)

    def access(self, resource: str, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.Grant]:
        """Who has what on a resource, directly and from parents, each with the reason in one sentence."""
        self._for(resource=resource)
        at = entity_of(resource)
        return self._all(
            lambda gate, by, page: slice_page(
                sorted(sharing.list_access(gate, by, at.type, at.id), key=grant_place), grant_place, page
            ),
            _grant,
            limit,
            cursor,
        )

    def grant(self, resource: str, relation: str, subject: str, *, expires_at: datetime | None = None) -> None:
        """Share it.  It takes `manage_access`, and nobody grants more than they hold."""
        by, at = self._for(resource=resource, relation=relation, subject=subject), entity_of(resource)
        wanted = NewGrant(subject=subject, relation=relation, expires_at=moment(expires_at, "expires_at"))
        sharing.grant_access(*by, at.type, at.id, wanted)

    def revoke(self, resource: str, relation: str, subject: str) -> None:
        """Take access away, for the next question already.  The last owner stays."""
        by, at = self._for(resource=resource, relation=relation, subject=subject), entity_of(resource)
        sharing.revoke_access(*by, at.type, at.id, relation, subject)
