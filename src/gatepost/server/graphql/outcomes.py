"""What a change answers that leaves nothing to show."""

from __future__ import annotations

import strawberry

from gatepost.server.graphql.asking import Info


@strawberry.type(description="It is done.")
class Done:
    revision: str = strawberry.field(description="Send it as `Gatepost-At-Least` to read from at least this state.")


def done(info: Info) -> Done:
    return Done(revision=str(info.context.gate.memory.revision))
