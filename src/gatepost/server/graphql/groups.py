"""Groups and their members."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import strawberry

from gatepost.directory import groups
from gatepost.server.graphql.asking import Info, moment
from gatepost.server.graphql.connections import (
    USUAL,
    USUAL_INSIDE,
    After,
    Connection,
    First,
    connection,
    shown,
    sliced,
    wanted,
)
from gatepost.server.graphql.outcomes import Done, done_by


@strawberry.type(description="Who is in a group or has a role directly, and where that came from.")
class Member:
    subject: str
    origin: str
    author: str
    created_at: datetime
    expires_at: datetime | None


member_shown = partial(shown, Member)


def member_place(member: groups.Member) -> str:
    return f"{member.subject} {member.origin}"


@strawberry.type(description="What the caller may do to a group.")
class GroupViewerCan:
    edit: bool = strawberry.field(description="Change it, and add and remove members.")
    delete: bool


@strawberry.type(description="A group.")
class Group:
    name: str
    description: str
    origin: str
    created_at: datetime
    created_by: str

    @strawberry.field(description="The direct members, each with where the membership came from.")
    async def members(self, info: Info, first: First = USUAL_INSIDE, after: After = None) -> Connection[Member] | None:
        found = await info.context.members.load(self.name)
        return sliced(found, member_shown, member_place, first, after)

    @strawberry.field(description="What the caller may do to it.")
    def viewer_can(self, info: Info) -> GroupViewerCan:
        held = info.context.held_on("group")
        return GroupViewerCan(edit="edit" in held, delete="delete" in held)


group_shown = partial(shown, Group)


@strawberry.type
class Queries:
    @strawberry.field(description="One group.")
    async def group(self, info: Info, name: str) -> Group | None:
        return group_shown(await info.context.ask(groups.get_group, name))

    @strawberry.field(description="Groups, by name.")
    async def groups(self, info: Info, first: First = USUAL, after: After = None) -> Connection[Group] | None:
        found = await info.context.ask(groups.list_groups, wanted(first, after))
        return connection(found, group_shown, lambda each: (each.name,), after)


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Make a group.")
    async def create_group(self, info: Info, name: str, description: str = "") -> Group | None:
        return group_shown(await info.context.ask(groups.create_group, name, description))

    @strawberry.mutation(description="Change a group's description.")
    async def change_group(self, info: Info, name: str, description: str) -> Group | None:
        return group_shown(await info.context.ask(groups.change_group, name, description))

    @strawberry.mutation(description="Delete a group with its memberships and what was granted through it.")
    async def delete_group(self, info: Info, name: str) -> Done | None:
        return await done_by(info, groups.delete_group, name)

    @strawberry.mutation(description="Add a user, a service, or another group's members (`group:analysts#member`).")
    async def add_member(self, info: Info, group: str, subject: str, expires_at: datetime | None = None) -> Done | None:
        return await done_by(info, groups.add_member, group, subject, expires_at=moment(expires_at))

    @strawberry.mutation(description="Remove a member.  A membership that a provider synchronises is changed there.")
    async def remove_member(self, info: Info, group: str, subject: str) -> Done | None:
        return await done_by(info, groups.remove_member, group, subject)
