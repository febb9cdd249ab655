"""Resources, who has access to them, and what the caller may do."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import strawberry

from gatepost.directory import abilities, resources, sharing
from gatepost.directory.resources import NewResource, ResourceChange
from gatepost.directory.sharing import NewGrant, grant_place
from gatepost.principal import Entity
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


@strawberry.type(
    description="What the caller may do to one resource: a button that would be refused can be disabled.  What hangs on"
    " a condition, of which only a question has the values, is false here."
)
class ViewerCan:
    view: bool
    edit: bool
    delete: bool
    manage_access: bool
    resource: strawberry.Private[Entity]

    @strawberry.field(description="Everything that can be done to its type, and that the caller may.")
    def actions(self, info: Info) -> list[str]:
        gate, caller = info.context.gate, info.context.caller
        among = abilities.actions_of(gate, self.resource.type)
        held = abilities.abilities_on(gate, caller, self.resource, among).allowed
        return [action for action in among if action in held]

    @strawberry.field(description="What hangs on a condition: `check` with its context tells.")
    def undecided(self, info: Info) -> list[str]:
        gate, caller = info.context.gate, info.context.caller
        among = abilities.actions_of(gate, self.resource.type)
        return sorted(abilities.abilities_on(gate, caller, self.resource, among).undecided)


@strawberry.type(description="One row of who has access.  `why` says it in one sentence.")
class Grant:
    subject: str
    relation: str
    origin: str
    author: str
    created_at: datetime
    expires_at: datetime | None
    inherited_from: str | None
    why: str


@strawberry.type(description="A collection, a dataset, or whatever the model knows.")
class Resource:
    type: str
    id: str
    display_name: str
    parent: str | None
    created_at: datetime
    created_by: str

    @strawberry.field(description="What the caller may do to it.")
    def viewer_can(self, info: Info) -> ViewerCan:
        asking, resource = info.context, Entity(self.type, self.id)
        held = abilities.abilities_on(asking.gate, asking.caller, resource).allowed
        return ViewerCan(**{name: name in held for name in sharing.ACTIONS}, resource=resource)

    @strawberry.field(description="Who has access, directly and from parents; for whoever is signed in.")
    async def access(self, info: Info, first: First = USUAL_INSIDE, after: After = None) -> Connection[Grant] | None:
        found = await info.context.access.load(Entity(self.type, self.id))
        return sliced(found, grant_shown, grant_place, first, after)


@strawberry.type(description="A permission, and whether the caller has it for every object of its type.")
class Ability:
    permission: str
    description: str
    allowed: bool


@strawberry.type(
    description="What the caller may do to every object of a type; false where there is no such permission."
)
class May:
    view: bool
    create: bool
    edit: bool
    delete: bool


@strawberry.type(description="A type of resources, or a noun of the platform, and what the caller may do with it.")
class Kind:
    name: str
    is_resource: bool
    may: May
    permissions: list[Ability]


@strawberry.input(description="A resource to be made; its parent is written `type:id`.")
class ResourceInput:
    type: str
    id: str
    display_name: str | None = None
    parent: str | None = None


@strawberry.input(description="What to change; what is left out stays, and an empty parent is none.")
class ResourceChanges:
    display_name: str | None = strawberry.UNSET
    parent: str | None = strawberry.UNSET


resource_shown = partial(shown, Resource)


def grant_shown(grant: sharing.Grant) -> Grant:
    made = shown(Grant, grant)
    made.inherited_from = grant.inherited_from or None
    return made


def _kind(found: abilities.TypeAbilities) -> Kind:
    held = {each.action: each.allowed for each in found.permissions}
    return Kind(
        name=found.type,
        is_resource=found.is_resource,
        may=May(**{name: held.get(name, False) for name in ("view", "create", "edit", "delete")}),
        permissions=[shown(Ability, each) for each in found.permissions],
    )


@strawberry.type
class Queries:
    @strawberry.field(description="One resource.  What the caller cannot view reads like what is not there.")
    async def resource(self, info: Info, type: str, id: str) -> Resource | None:  # noqa: A002
        return resource_shown(await info.context.ask(resources.get_resource, type, id))

    @strawberry.field(description="What the caller can view: complete, by type and id.")
    async def resources(
        self,
        info: Info,
        first: First = USUAL,
        after: After = None,
        type: str | None = None,  # noqa: A002
    ) -> Connection[Resource] | None:
        found = await info.context.ask(resources.list_resources, wanted(first, after), type)
        return connection(found, resource_shown, lambda each: (each.type, each.id), after)

    @strawberry.field(description="Each type, and what the caller may do with every object of it.")
    async def kinds(self, info: Info) -> list[Kind] | None:
        return [_kind(each) for each in await info.context.ask(abilities.abilities)]


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Make a resource; the caller owns it.  Under a parent it takes `edit` there.")
    async def create_resource(self, info: Info, resource: ResourceInput) -> Resource | None:
        return resource_shown(await info.context.ask(resources.create_resource, NewResource(**vars(resource))))

    @strawberry.mutation(description="Rename it (`edit`), or move it (`manage_access`, and `edit` on the new parent).")
    async def change_resource(self, info: Info, type: str, id: str, changes: ResourceChanges) -> Resource | None:  # noqa: A002
        sent = {name: value or "" for name, value in vars(changes).items() if value is not strawberry.UNSET}
        changed = await info.context.ask(resources.change_resource, type, id, ResourceChange(**sent))
        return resource_shown(changed)

    @strawberry.mutation(description="Delete a resource with everything that was granted on it.")
    async def delete_resource(self, info: Info, type: str, id: str) -> Done | None:  # noqa: A002
        return await done_by(info, resources.delete_resource, type, id)

    @strawberry.mutation(description="Share it.  It takes `manage_access`, and nobody grants more than they hold.")
    async def grant_access(
        self,
        info: Info,
        type: str,  # noqa: A002
        id: str,  # noqa: A002
        subject: str,
        relation: str,
        expires_at: datetime | None = None,
    ) -> Grant | None:
        wish = NewGrant(subject=subject, relation=relation, expires_at=moment(expires_at))
        return grant_shown(await info.context.ask(sharing.grant_access, type, id, wish))

    @strawberry.mutation(description="Take access away, for the next question already.  The last owner stays.")
    async def revoke_access(self, info: Info, type: str, id: str, relation: str, subject: str) -> Done | None:  # noqa: A002
        return await done_by(info, sharing.revoke_access, type, id, relation, subject)
