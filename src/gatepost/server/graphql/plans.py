"""Files of desired state: what they would change, and doing it whole or not at all."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry
from strawberry.scalars import JSON

from gatepost.directory import desired, plans
from gatepost.server.graphql.asking import Info, moment
from gatepost.server.rest.plans import desired_by


@strawberry.input(description="A member of a group or an assignee of a role, perhaps until a moment.")
class Holder:
    subject: str
    expires_at: datetime | None = None


@strawberry.input(description="A person, without a password: theirs to set, or a provider's to vouch.")
class DesiredUser:
    username: str
    display_name: str | None = None
    email: str | None = None
    external: str | None = None
    disabled: bool | None = None


@strawberry.input(description="A machine.  Its role is that of which it is an assignee.")
class DesiredService:
    name: str
    description: str | None = None


@strawberry.input(description="A group.  `members` are all that files give it.")
class DesiredGroup:
    name: str
    description: str | None = None
    members: list[Holder] | None = None


@strawberry.input(
    description="A role.  `permissions` are all that it then holds, `assignees` all that files give it to."
)
class DesiredRole:
    name: str
    description: str | None = None
    permissions: list[str] | None = None
    assignees: list[Holder] | None = None


@strawberry.input(
    description="A resource, `type:id`.  An empty `parent` is none; without `owner` it belongs to whoever has it made."
)
class DesiredResource:
    resource: str
    display_name: str | None = None
    parent: str | None = None
    owner: str | None = None


@strawberry.input(description="One share of a resource, which is written `type:id`.")
class DesiredGrant:
    resource: str
    relation: str
    subject: str
    expires_at: datetime | None = None


@strawberry.input(description="What there shall be.  What is left out or null is not spoken of, and stays as it is.")
class DesiredState:
    users: list[DesiredUser] | None = None
    services: list[DesiredService] | None = None
    groups: list[DesiredGroup] | None = None
    roles: list[DesiredRole] | None = None
    resources: list[DesiredResource] | None = None
    grants: list[DesiredGrant] | None = None
    model: str | None = strawberry.field(default=None, description="A model in OpenFGA's language.")


@strawberry.enum(description="What a step does.")
class Verb(Enum):
    create = "create"
    update = "update"
    delete = "delete"


@strawberry.type(description="One change to `target`: `group:x`, or a tuple `group:x#member@user:bob`.")
class PlanStep:
    verb: Verb
    target: str
    before: JSON = strawberry.field(description="What the step changes, as it is; empty for what is made.")
    after: JSON = strawberry.field(description="The same as it will be; empty for what is deleted.")


@strawberry.type(description="The steps from what there was at `revision` to what there shall be.")
class Plan:
    revision: str
    digest: str = strawberry.field(description="It names the steps with what they start from.")
    steps: list[PlanStep]


def _said(state: DesiredState) -> desired.Desired:
    holders = [holder for group in state.groups or () for holder in group.members or ()]
    holders += [holder for role in state.roles or () for holder in role.assignees or ()]
    for each in (*holders, *(state.grants or ())):
        each.expires_at = moment(each.expires_at)
    return desired_by(state)


def _plan(made: desired.Plan) -> Plan:
    steps = [
        PlanStep(verb=Verb(step.verb), target=step.target, before=JSON(dict(step.before)), after=JSON(dict(step.after)))
        for step in made.steps
    ]
    return Plan(revision=made.revision, digest=made.digest, steps=steps)


@strawberry.type
class Queries:
    @strawberry.field(
        description="What would have to change for there to be what `desired` says.  With `prune`, what files made and do"
        " not name any more goes."
    )
    async def plan(self, info: Info, desired: DesiredState, prune: bool = False) -> Plan | None:
        return _plan(await info.context.ask(plans.make_plan, _said(desired), prune=prune))


@strawberry.type
class Mutations:
    @strawberry.mutation(
        description="Do what a plan says in one transaction.  It is refused (`conflict`) if it is not the plan of this"
        " `digest` any more."
    )
    async def apply_plan(
        self, info: Info, desired: DesiredState, revision: str, digest: str, prune: bool = False
    ) -> Plan | None:
        said = _said(desired)
        done = await info.context.ask(plans.apply_plan, said, revision=revision, digest=digest, prune=prune)
        return _plan(done)
