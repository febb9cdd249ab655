"""Groups and their members."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gatepost.client import answers as a
from gatepost.directory import groups
from gatepost.directory.given import moment
from gatepost.embedded.asking import Asking


def _group(group: groups.Group) -> a.Group:
    return a.Group(group.name, group.description, group.origin, group.created_at, group.created_by)


def membership(member: groups.Member) -> a.Membership:
    return a.Membership(member.subject, member.origin, member.author, member.created_at, member.expires_at)


class Groups(Asking):
    """Calls on groups."""

    def groups(self, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.Group]:
        return self._all(groups.list_groups, _group, limit, cursor)

    def group(self, name: str) -> a.Group:
        return _group(groups.get_group(*self._for(name=name), name))

    def create_group(self, name: str, *, description: str | None = None) -> a.Group:
        by = self._for(name=name, description=description)
        return _group(groups.create_group(*by, name, description or ""))

    def change_group(self, name: str, *, description: str) -> a.Group:
        return _group(groups.change_group(*self._for(name=name, description=description), name, description))

    def delete_group(self, name: str) -> None:
        """Delete a group with its memberships and what was granted through it."""
        groups.delete_group(*self._for(name=name), name)

    def members(self, group: str, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.Membership]:
        """The direct members, each with where the membership came from."""
        self._for(group=group)
        return self._all(lambda gate, by, page: groups.list_members(gate, by, group, page), membership, limit, cursor)

    def add_member(self, group: str, subject: str, *, expires_at: datetime | None = None) -> None:
        """Put a user, a service or another group (`group:analysts#member`) into a group."""
        until = moment(expires_at, "expires_at")
        groups.add_member(*self._for(group=group, subject=subject), group, subject, expires_at=until)

    def remove_member(self, group: str, subject: str) -> None:
        groups.remove_member(*self._for(group=group, subject=subject), group, subject)
