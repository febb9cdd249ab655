"""`/api/v1/revocations`: pushed to applications that verify access tokens themselves.

A long poll: the answer comes as soon as there is something to tell, or when the wait is over.  Meanwhile no thread is
held, only a look at the revision in memory now and then.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request

from gatepost.gate import Gatepost
from gatepost.server.rest.given import Caller, Gate, problems
from gatepost.server.rest.shapes import Answer
from gatepost.tokens.revocations import Revocations, revocations

router = APIRouter()

LOOK_SECONDS = 0.1
LONGEST_WAIT = 30.0


class RevocationsAnswer(Answer):
    """`as_of` is in seconds: what is told was true that long after the question came in, or before, if negative."""

    revision: str
    whole: bool
    ended: list[str]
    disabled: list[str]
    enabled: list[str]
    keys_changed: bool
    anonymous: bool
    providers: list[str]
    as_of: float


@router.get("/revocations", responses=problems())
async def read_revocations(
    request: Request,
    gate: Gate,
    caller: Caller,
    after: Annotated[str, Query(max_length=100, description="`revision` of the answer before.")] = "",
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="At most so many seconds for news.")] = 0,
) -> RevocationsAnswer:
    """What was revoked since `after`: ended sessions and tokens, disabled people, changed keys.  Takes `decision:ask`."""
    begun = time.monotonic()
    while True:
        looked = time.monotonic()
        found = await request.state.pools.database(revocations, gate, caller, after)
        after, seen = found.revision, gate.memory.revision
        while not found.is_news and gate.memory.revision == seen and time.monotonic() < begun + wait:
            looked = time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
        if found.is_news or time.monotonic() >= begun + wait or await request.is_disconnected():
            break
    return revocations_answer(gate, found, looked - begun)


def revocations_answer(gate: Gatepost, found: Revocations, looked: float) -> RevocationsAnswer:
    """What was found `looked` seconds after the question came in, with what else such an application goes by."""
    return RevocationsAnswer(
        revision=found.revision,
        whole=found.whole,
        ended=list(found.ended),
        disabled=list(found.disabled),
        enabled=list(found.enabled),
        keys_changed=found.keys_changed,
        anonymous=gate.settings.main.allow_anonymous_access,
        providers=[provider.name for provider in gate.settings.sso.providers],
        as_of=looked - gate.memory.behind_seconds,
    )
