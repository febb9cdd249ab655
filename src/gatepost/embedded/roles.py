"""Roles, what they hold and who has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from gatepost.client import answers as a
from gatepost.directory import roles
from gatepost.directory.given import list_of_texts, moment
from gatepost.embedded.asking import Asking
from gatepost.embedded.groups import membership


def _role(role: roles.Role) -> a.Role:
    return a.Role(role.name, role.description, role.permissions, role.builtin, role.created_at, role.created_by)


class Roles(Asking):
    """Calls on roles."""

    def roles(self, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.Role]:
        return self._all(roles.list_roles, _role, limit, cursor)

    def role(self, name: str) -> a.Role:
        return _role(roles.get_role(*self._for(name=name), name))

    def create_role(self, name: str, *, permissions: Iterable[str], description: str | None = None) -> a.Role:
        """Make a role of permissions `type:action`, all of which the caller holds."""
        by, held = self._for(name=name, description=description), list_of_texts(permissions, "permissions")
        return _role(roles.create_role(*by, name, held, description or ""))

    def change_role(
        self, name: str, *, permissions: Iterable[str] | None = None, description: str | None = None
    ) -> a.Role:
        """Change what a role holds, for everybody who has it, at once."""
        by = self._for(name=name, description=description)
        held = None if permissions is None else list_of_texts(permissions, "permissions")
        return _role(roles.change_role(*by, name, permissions=held, description=description))

    def delete_role(self, name: str) -> None:
        """Delete a role with its assignments."""
        roles.delete_role(*self._for(name=name), name)

    def assignees(self, role: str, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.Membership]:
        """Who has the role directly, each with where that came from."""
        self._for(role=role)
        return self._all(lambda gate, by, page: roles.list_assignees(gate, by, role, page), membership, limit, cursor)

    def assign_role(self, role: str, subject: str, *, expires_at: datetime | None = None) -> None:
        """Give a role to a user, a service, a group's members, or everybody (`user:*`, `service:*`, `anonymous:*`)."""
        until = moment(expires_at, "expires_at")
        roles.assign_role(*self._for(role=role, subject=subject), role, subject, expires_at=until)

    def unassign_role(self, role: str, subject: str) -> None:
        """Take a role away.  The last admin stays."""
        roles.unassign_role(*self._for(role=role, subject=subject), role, subject)
