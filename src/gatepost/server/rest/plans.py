"""`/api/v1/plans`: what files would change, and doing it whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fastapi import APIRouter

from gatepost.directory import plans
from gatepost.directory.desired import (
    Desired,
    DesiredGrant,
    DesiredGroup,
    DesiredResource,
    DesiredRole,
    DesiredService,
    DesiredUser,
    Holder,
)
from gatepost.server.rest.given import Caller, Gate, problems
from gatepost.server.rest.plan_shapes import ApplyBody, PlanAnswer, PlanBody

router = APIRouter(prefix="/plans", tags=["Files"])
T = TypeVar("T")


@router.post("", responses=problems(404))
def make_plan(body: PlanBody, gate: Gate, caller: Caller) -> PlanAnswer:
    """What would have to change for there to be what the body says.  Nothing is changed."""
    return PlanAnswer.model_validate(plans.make_plan(gate, caller, desired_by(body.desired), prune=body.prune))


@router.post("/apply", responses=problems(404))
def apply_plan(body: ApplyBody, gate: Gate, caller: Caller) -> PlanAnswer:
    """Do what a plan says in one transaction; 409 if what it touches is not as it was when the plan was made."""
    done = plans.apply_plan(
        gate, caller, desired_by(body.desired), revision=body.revision, digest=body.digest, prune=body.prune
    )
    return PlanAnswer.model_validate(done)


def desired_by(said: Any) -> Desired:
    """What a body says, or GraphQL's input: they have members of the same names."""
    return Desired(
        users=_each(said.users, lambda user: DesiredUser(**vars(user))),
        services=_each(said.services, lambda service: DesiredService(**vars(service))),
        groups=_each(said.groups, _group),
        roles=_each(said.roles, _role),
        resources=_each(said.resources, lambda resource: DesiredResource(**vars(resource))),
        grants=_each(said.grants, lambda grant: DesiredGrant(**vars(grant))),
        model=said.model,
    )


def _each(said: Iterable[Any] | None, make: Callable[[Any], T]) -> tuple[T, ...] | None:
    return None if said is None else tuple(make(each) for each in said)


def _group(said: Any) -> DesiredGroup:
    return DesiredGroup(name=said.name, description=said.description, members=_each(said.members, _holder))


def _role(said: Any) -> DesiredRole:
    permissions, assignees = _each(said.permissions, str), _each(said.assignees, _holder)
    return DesiredRole(name=said.name, description=said.description, permissions=permissions, assignees=assignees)


def _holder(said: Any) -> Holder:
    return Holder(said.subject, said.expires_at)
