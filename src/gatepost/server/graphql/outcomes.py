"""What a change answers that leaves nothing to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

import strawberry

from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.graphql.asking import Info

P = ParamSpec("P")


@strawberry.type(description="It is done.")
class Done:
    revision: str = strawberry.field(description="Send it as `Gatepost-At-Least` to read from at least this state.")


def done(info: Info) -> Done:
    return Done(revision=str(info.context.gate.memory.revision))


async def done_by(
    info: Info, operation: Callable[Concatenate[Gatepost, Principal, P], object], *args: P.args, **kwargs: P.kwargs
) -> Done:
    """Run an operation of which nobody needs more than that it is done."""
    await info.context.ask(operation, *args, **kwargs)
    return done(info)
