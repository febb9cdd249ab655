"""Services and their tokens."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import strawberry

from gatepost.directory import services
from gatepost.records import TokenRecord
from gatepost.server.graphql.asking import Info, moment
from gatepost.server.graphql.connections import USUAL, After, Connection, First, connection, shown, wanted
from gatepost.server.graphql.outcomes import Done, done_by
from gatepost.server.graphql.tokens import Token
from gatepost.server.rest.tokens import token_members
from gatepost.tokens import service_tokens
from gatepost.tokens.service_tokens import WantedServiceToken


@strawberry.type(description="What the caller may do to a service.")
class ServiceViewerCan:
    edit: bool
    delete: bool
    issue_token: bool


@strawberry.type(description="A machine that calls with tokens of its own.")
class Service:
    name: str
    description: str
    role: str | None = strawberry.field(description="The one role that bounds what it may do.")
    created_at: datetime
    created_by: str

    @strawberry.field(description="What the caller may do to it.")
    def viewer_can(self, info: Info) -> ServiceViewerCan:
        held, tokens = info.context.held_on("service"), info.context.held_on("service_token")
        return ServiceViewerCan(edit="edit" in held, delete="delete" in held, issue_token="create" in tokens)


@strawberry.type(description="A service's token, without its secret.")
class ServiceToken(Token):
    @strawberry.field(description="The service's role.")
    async def role(self, info: Info) -> str | None:
        return await info.context.roles.load(self.owner.removeprefix("service:"))


@strawberry.type(description="A new token with its secret, which is in this answer only.")
class IssuedServiceToken:
    token: str
    details: ServiceToken


@strawberry.input(description="A token for the service `name`, which is made if it is new.")
class ServiceTokenInput:
    name: str
    role: str
    scopes: list[str] | None = None
    expires_at: datetime | None = None


service_shown = partial(shown, Service)


def token_shown(token: TokenRecord) -> ServiceToken:
    return ServiceToken(**token_members(token))


@strawberry.type
class Queries:
    @strawberry.field(description="One service.")
    async def service(self, info: Info, name: str) -> Service | None:
        return service_shown(await info.context.ask(services.get_service, name))

    @strawberry.field(description="Services, by name.")
    async def services(self, info: Info, first: First = USUAL, after: After = None) -> Connection[Service] | None:
        found = await info.context.ask(services.list_services, wanted(first, after))
        return connection(found, service_shown, lambda each: (each.name,), after)

    @strawberry.field(description="Service tokens, without their secrets.")
    async def service_tokens(
        self, info: Info, first: First = USUAL, after: After = None, service: str = ""
    ) -> Connection[ServiceToken] | None:
        found = await info.context.ask(service_tokens.list_service_tokens, wanted(first, after), service)
        return connection(found, token_shown, lambda each: (each.id,), after)


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Make a service, without a token as yet.")
    async def create_service(self, info: Info, name: str, description: str = "") -> Service | None:
        return service_shown(await info.context.ask(services.create_service, name, description))

    @strawberry.mutation(description="Change a service's description.")
    async def change_service(self, info: Info, name: str, description: str) -> Service | None:
        return service_shown(await info.context.ask(services.change_service, name, description))

    @strawberry.mutation(description="Delete a service with its tokens.")
    async def delete_service(self, info: Info, name: str) -> Done | None:
        return await done_by(info, services.delete_service, name)

    @strawberry.mutation(description="Issue a service token.  The secret is in this answer only.")
    async def create_service_token(self, info: Info, token: ServiceTokenInput) -> IssuedServiceToken | None:
        wish = WantedServiceToken(
            name=token.name,
            role=token.role,
            scopes=None if token.scopes is None else tuple(token.scopes),
            expires_at=moment(token.expires_at),
        )
        issued = await info.context.ask(service_tokens.issue_service_token, wish)
        return IssuedServiceToken(token=issued.secret, details=token_shown(issued.token))

    @strawberry.mutation(description="Revoke a service token, at once and everywhere.")
    async def revoke_service_token(self, info: Info, id: str) -> Done | None:  # noqa: A002
        return await done_by(info, service_tokens.revoke_service_token, id)
