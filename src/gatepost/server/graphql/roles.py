"""Roles and who has them."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import strawberry

from gatepost.directory import roles
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
from gatepost.server.graphql.groups import Member, member_place, member_shown
from gatepost.server.graphql.outcomes import Done, done_by


@strawberry.type(
    description="What the caller may do to a role.  One that is built in keeps its permissions, and stays."
)
class RoleViewerCan:
    edit: bool
    delete: bool
    assign: bool


@strawberry.type(description="A role with its permissions.")
class Role:
    name: str
    description: str
    builtin: bool
    permissions: list[str]
    created_at: datetime
    created_by: str

    @strawberry.field(description="Who has the role directly, each with where that came from.")
    async def assignees(
        self, info: Info, first: First = USUAL_INSIDE, after: After = None
    ) -> Connection[Member] | None:
        found = await info.context.assignees.load(self.name)
        return sliced(found, member_shown, member_place, first, after)

    @strawberry.field(description="What the caller may do to it.")
    def viewer_can(self, info: Info) -> RoleViewerCan:
        held = info.context.held_on("role") - ({"edit", "delete"} if self.builtin else set())
        return RoleViewerCan(edit="edit" in held, delete="delete" in held, assign="assign" in held)


role_shown = partial(shown, Role)


@strawberry.type
class Queries:
    @strawberry.field(description="One role.")
    async def role(self, info: Info, name: str) -> Role | None:
        return role_shown(await info.context.ask(roles.get_role, name))

    @strawberry.field(description="Roles with their permissions, by name.")
    async def roles(self, info: Info, first: First = USUAL, after: After = None) -> Connection[Role] | None:
        found = await info.context.ask(roles.list_roles, wanted(first, after))
        return connection(found, role_shown, lambda each: (each.name,), after)


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Make a role of permissions `type:action`, all of which the caller holds.")
    async def create_role(self, info: Info, name: str, permissions: list[str], description: str = "") -> Role | None:
        return role_shown(await info.context.ask(roles.create_role, name, permissions, description))

    @strawberry.mutation(description="Change what a role holds, for everybody who has it, at once.")
    async def change_role(
        self, info: Info, name: str, permissions: list[str] | None = None, description: str | None = None
    ) -> Role | None:
        changed = await info.context.ask(roles.change_role, name, permissions=permissions, description=description)
        return role_shown(changed)

    @strawberry.mutation(description="Delete a role with its assignments.")
    async def delete_role(self, info: Info, name: str) -> Done | None:
        return await done_by(info, roles.delete_role, name)

    @strawberry.mutation(
        description="Give a role to a user, a service, a group's members, or everybody (`user:*`, `anonymous:*`)."
    )
    async def assign_role(self, info: Info, role: str, subject: str, expires_at: datetime | None = None) -> Done | None:
        return await done_by(info, roles.assign_role, role, subject, expires_at=moment(expires_at))

    @strawberry.mutation(description="Take a role away.  The last admin stays.")
    async def unassign_role(self, info: Info, role: str, subject: str) -> Done | None:
        return await done_by(info, roles.unassign_role, role, subject)
