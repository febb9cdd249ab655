"""What those who run it look at: `/api/v1/audit`, `/providers` and `/keys`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from gatepost import doctor
from gatepost.audit import export, trail
from gatepost.audit.trail import Filter
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.pools import Pools
from gatepost.server.rest.given import Caller, Gate, WantedPage, all_of, page_of, problems
from gatepost.server.rest.shapes import (
    AuditAnswer,
    CheckAnswer,
    ExaminationAnswer,
    KeyAnswer,
    Moment,
    Page,
    ProviderAnswer,
    RotatedAnswer,
)
from gatepost.sso.reports import look_at, provider_states
from gatepost.sso.states import providers_of
from gatepost.tokens import key_rotation

router = APIRouter(tags=["Running it"])

Word = Annotated[str, Query(max_length=300)]
NOT_WANTED = re.compile(r"q=0(\.0{0,3})?")  # RFC 9110 section 12.4.2
LONGEST_LOOK = 20.0  # seconds, for all providers together
FORMATS = ("application/json", "text/csv", "application/jsonl")


@router.get(
    "/audit",
    responses=problems() | {200: {"content": {kind: {} for kind in FORMATS[1:]}}},
    response_model=Page[AuditAnswer],
)
def read_audit(
    request: Request,
    gate: Gate,
    caller: Caller,
    page: WantedPage,
    event: Word = "",
    outcome: Word = "",
    subject: Word = "",
    target: Word = "",
    issuer: Word = "",
    since: Moment | None = None,
    until: Moment | None = None,
) -> Response | Page[AuditAnswer]:
    """The audit trail, newest first.  As JSON a page at a time; as `text/csv` or `application/jsonl` whole."""
    wanted = Filter(
        event=event, outcome=outcome, subject=subject, target=target, issuer=issuer, since=since, until=until
    )
    kind = _preferred(request.headers.get("accept", ""))
    found = trail.read_audit(gate, caller, page, wanted)  # asked first, so that a refusal is no half a file
    if kind == FORMATS[0]:
        return page_of(found, AuditAnswer.model_validate)
    records = trail.export_audit(gate, caller, wanted)
    lines = export.csv_lines(records) if kind == "text/csv" else export.jsonl(records)
    return StreamingResponse(lines, media_type=kind)


def _preferred(accept: str) -> str:
    """The first of our formats that the caller names, else JSON."""
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind in FORMATS and not any(NOT_WANTED.fullmatch(parameter) for parameter in parameters):
            return kind
    return FORMATS[0]


@router.get("/providers", responses=problems())
def list_providers(gate: Gate, caller: Caller, page: WantedPage) -> Page[ProviderAnswer]:
    """The state of each identity provider and delegated issuer, as this process knows it."""
    return all_of((ProviderAnswer.model_validate(state) for state in provider_states(gate, caller)), page)


@router.post("/providers/{name}/look", responses=problems(404))
async def look_at_provider(name: str, request: Request, gate: Gate, caller: Caller) -> ProviderAnswer:
    """Ask a provider or issuer for its documents now.  Whatever it answers is its state, and no error."""
    gate.require(caller, "provider:view", seen_by="")
    source = providers_of(gate).source(name)  # a pool is made for a name that is configured, and for no other
    found = await request.state.pools.provider(source.name)(look_at, gate, caller, source.name)
    return ProviderAnswer.model_validate(found)


@router.post("/doctor", responses=problems())
async def examine(request: Request, gate: Gate, caller: Caller) -> ExaminationAnswer:
    """Examine this server: database, keys, clocks, and each provider and issuer, which are asked now."""
    checks = await examined(request.state.pools, gate, caller)
    return ExaminationAnswer(status=doctor.worst(checks), checks=[CheckAnswer.model_validate(it) for it in checks])


async def examined(pools: Pools, gate: Gatepost, caller: Principal) -> Sequence[doctor.Check]:
    """What the doctor finds.  Whoever may not have it is refused before anybody is asked."""
    for permission in ("provider:view", "key:view"):
        gate.require(caller, permission, seen_by="")
    asked = [asyncio.ensure_future(pools.provider(it.name)(it.look)) for it in providers_of(gate).sources()]
    # Whoever does not answer in time is reported as far as is known; a full pool says the same of itself.
    finished = asyncio.gather(*asked, return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(finished), LONGEST_LOOK)
    return await pools.database(doctor.examine, gate, caller)


@router.get("/keys", responses=problems())
def list_keys(gate: Gate, caller: Caller, page: WantedPage) -> Page[KeyAnswer]:
    """The state of each signing key."""
    return all_of((KeyAnswer.model_validate(key) for key in key_rotation.list_keys(gate, caller)), page)


@router.post("/keys/rotate", responses=problems())
def rotate_keys(gate: Gate, caller: Caller) -> RotatedAnswer:
    """Let the published next key sign, and publish another.  Tokens of the old one stay good until they expire."""
    return RotatedAnswer(kid=key_rotation.rotate(gate, caller))
