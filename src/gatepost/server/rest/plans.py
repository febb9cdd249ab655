"""`/api/v1/plans`: what files would change, and doing it whole or not at all."""

from __future__ import annotations

from fastapi import APIRouter

from gatepost.directory import plans
from gatepost.directory.desired import (
    Desired,
    DesiredGrant,
    DesiredGroup,
    DesiredRole,
    DesiredService,
    DesiredUser,
    Holder,
)
from gatepost.server.rest.given import Caller, Gate, problems
from gatepost.server.rest.plan_shapes import ApplyBody, DesiredBody, HolderBody, PlanAnswer, PlanBody

router = APIRouter(prefix="/plans", tags=["Files"])


@router.post("", responses=problems(404))
def make_plan(body: PlanBody, gate: Gate, caller: Caller) -> PlanAnswer:
    """What would have to change for there to be what the body says.  Nothing is changed."""
    return PlanAnswer.model_validate(plans.make_plan(gate, caller, _desired(body.desired), prune=body.prune))


@router.post("/apply", responses=problems(404))
def apply_plan(body: ApplyBody, gate: Gate, caller: Caller) -> PlanAnswer:
    """Do what a plan says in one transaction; 409 if what it touches is not as it was when the plan was made."""
    done = plans.apply_plan(
        gate, caller, _desired(body.desired), revision=body.revision, digest=body.digest, prune=body.prune
    )
    return PlanAnswer.model_validate(done)


def _desired(body: DesiredBody) -> Desired:
    return Desired(
        users=None if body.users is None else tuple(DesiredUser(**each.model_dump()) for each in body.users),
        services=None if body.services is None else tuple(DesiredService(**s.model_dump()) for s in body.services),
        groups=None
        if body.groups is None
        else tuple(
            DesiredGroup(name=g.name, description=g.description, members=_holders(g.members)) for g in body.groups
        ),
        roles=None
        if body.roles is None
        else tuple(
            DesiredRole(
                name=r.name,
                description=r.description,
                permissions=None if r.permissions is None else tuple(r.permissions),
                assignees=_holders(r.assignees),
            )
            for r in body.roles
        ),
        grants=None if body.grants is None else tuple(DesiredGrant(**each.model_dump()) for each in body.grants),
        model=body.model,
    )


def _holders(bodies: list[HolderBody] | None) -> tuple[Holder, ...] | None:
    return None if bodies is None else tuple(Holder(each.subject, each.expires_at) for each in bodies)
