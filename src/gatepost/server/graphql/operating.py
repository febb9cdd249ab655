"""What those who run it look at: the audit trail, providers, keys, and the doctor."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from gatepost import doctor
from gatepost.audit import trail
from gatepost.audit.record import AuditRecord
from gatepost.audit.trail import Filter
from gatepost.server.graphql.asking import Info, moment
from gatepost.server.graphql.connections import USUAL, After, Connection, First, connection, shown, wanted
from gatepost.server.rest.running import examined
from gatepost.sso.reports import ProviderReport, look_at, provider_states
from gatepost.sso.states import providers_of
from gatepost.tokens import key_rotation


@strawberry.type(description="Who did what to whom, and how it ended.")
class AuditEntry:
    id: str
    at: datetime
    revision: str | None
    event: str
    outcome: str
    subject: str
    actor: str | None
    issuer: str | None
    method: str
    credential_id: str
    target: str
    reason: str
    address: str
    count: int
    detail: JSON


@strawberry.input(description="What to look for; what is left out means anything.  `event` may end in `*`.")
class AuditFilter:
    event: str = ""
    outcome: str = ""
    subject: str = ""
    target: str = ""
    issuer: str = ""
    since: datetime | None = None
    until: datetime | None = None


@strawberry.type(description="The state of an identity provider or delegated issuer, as this process knows it.")
class Provider:
    kind: str
    name: str
    display_name: str
    protocol: str
    issuer: str | None
    status: str
    message: str
    last_error: str
    last_error_at: datetime | None
    last_success_at: datetime | None
    failures: int
    keys_known: int
    key_fetches: int
    addresses: JSON


@strawberry.type(description="The state of a signing key.")
class Key:
    kid: str
    algorithm: str
    state: str
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


@strawberry.type(description="The key that signs from now on.")
class Rotated:
    kid: str


@strawberry.type(description="One line of an examination: `status` is `ok`, `warn` or `fail`.")
class Check:
    name: str
    status: str
    message: str


@strawberry.type(description="Everything that was looked at; `status` is the worst of it.")
class Examination:
    status: str
    checks: list[Check]


def entry_shown(record: AuditRecord) -> AuditEntry:
    made = shown(AuditEntry, record)
    made.detail = JSON(dict(record.detail))
    return made


def provider_shown(report: ProviderReport) -> Provider:
    made = shown(Provider, report)
    made.addresses = JSON(dict(report.addresses))
    return made


@strawberry.type
class Queries:
    @strawberry.field(description="The audit trail, newest first.")
    async def audit(
        self,
        info: Info,
        first: First = USUAL,
        after: After = None,
        filter: AuditFilter | None = None,  # noqa: A002
    ) -> Connection[AuditEntry] | None:
        asked = vars(filter or AuditFilter())
        times = {name: moment(asked[name], name) for name in ("since", "until")}
        found = await info.context.ask(trail.read_audit, wanted(first, after), Filter(**{**asked, **times}))
        return connection(found, entry_shown, lambda each: (each.id,), after)

    @strawberry.field(description="The state of each identity provider and delegated issuer.")
    async def providers(self, info: Info) -> list[Provider] | None:
        return [provider_shown(each) for each in await info.context.ask(provider_states)]

    @strawberry.field(description="The state of each signing key.")
    async def keys(self, info: Info) -> list[Key] | None:
        return [shown(Key, each) for each in await info.context.ask(key_rotation.list_keys)]


@strawberry.type
class Mutations:
    @strawberry.mutation(description="Ask a provider or issuer for its documents now.  Its answer is its state.")
    async def look_at_provider(self, info: Info, name: str) -> Provider | None:
        gate, caller = info.context.gate, info.context.caller
        gate.require(caller, "provider:view", seen_by="")
        source = providers_of(gate).source(name)  # a pool is made for a name that is configured, and for no other
        return provider_shown(await info.context.pools.provider(source.name)(look_at, gate, caller, source.name))

    @strawberry.mutation(description="Examine this server: database, keys, clocks, and each provider and issuer.")
    async def examine(self, info: Info) -> Examination | None:
        checks = await examined(info.context.pools, info.context.gate, info.context.caller)
        return Examination(status=doctor.worst(checks), checks=[shown(Check, each) for each in checks])

    @strawberry.mutation(description="Let the published next key sign, and publish another.")
    async def rotate_keys(self, info: Info) -> Rotated | None:
        return Rotated(kid=await info.context.ask(key_rotation.rotate))
