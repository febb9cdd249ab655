"""Plans: what files would change, and doing it whole or not at all.

A plan is made at a revision, shown, and sent back.  Under the lock it is made again, and done only if it is the same, so
what was confirmed is what happens.  Each step is the operation that a person would have used, with its permission, its
rules and its audit record; that nobody grants more than they hold is asked of what they held before the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gatepost.access import AuthorizationModel, RelationTuple, write_model_json
from gatepost.audit.record import AuditRecord
from gatepost.directory import groups, roles, services, sharing, users
from gatepost.directory.desired import Desired, Plan, Step, digest_of
from gatepost.directory.guards import an_admin_stays
from gatepost.directory.look import Look
from gatepost.directory.plan_faults import require_possible
from gatepost.directory.planned_resources import do_resource, resource_of
from gatepost.directory.planning import MODEL, desired_model, kinds_of, steps_towards
from gatepost.directory.resources import resource_types, seen
from gatepost.errors import Conflict, GatepostError, InvalidField, TooLarge
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import changelog
from gatepost.store.relations import CONFIG
from gatepost.store.revision import Revision
from gatepost.stores.errors import StoreError
from gatepost.stores.models import write_version

APPLY = "plan:apply"
MAIN_STORE = "main"
MOST_STEPS = 1000  # whoever else writes waits for it, ten seconds at most: a few milliseconds a step
CHANGED = "the plan changed underneath: what it touches is not as it was at {}, so nothing was done; look at it again"
Do = Callable[[Gatepost, Principal, str, Mapping[str, Any]], object]


def make_plan(gate: Gatepost, caller: Principal, desired: Desired, *, prune: bool = False) -> Plan:
    """Say what files would change, and change nothing.  It takes `view` of each kind that they speak of.

    Raises `InvalidField` that names each place where a value is none, or somebody whom there is not.
    """
    _require_view(gate, caller, desired)
    with gate.database.snapshot() as connection:
        head = changelog.read_head(connection)
        look = Look(gate, caller, connection, gate.now(), prune)
        steps = steps_towards(look, desired)
        require_possible(look, gate if desired.model is None else gate.under(desired_model(desired.model)), steps)
    return Plan(str(head.revision), steps)


def _require_view(gate: Gatepost, caller: Principal, desired: Desired) -> None:
    gate.require_signed_in(caller)
    for kind, is_spoken_of in kinds_of(desired).items():
        if is_spoken_of:
            gate.require(caller, f"{kind}:view", seen_by="")
    if desired.model is not None:
        gate.require(caller, "store:read", seen_by="")
    kinds = resource_types(gate)  # of others there is nothing to see; whether the plan brings them is judged with it
    for resource in sorted({grant.resource for grant in desired.grants or ()}):
        at = resource_of(resource)
        if at.type in kinds:
            seen(gate, caller, at.type, at.id)


def apply_plan(
    gate: Gatepost, caller: Principal, desired: Desired, *, revision: str, digest: str, prune: bool = False
) -> Plan:
    """Do what a plan says, all of it or nothing.

    Raises `Conflict` if it is not the plan of this `digest` any more, and what the first step raises that cannot be done.
    It takes `plan:apply`, and for each step what that takes by itself.
    """
    _require_view(gate, caller, desired)
    with gate.change(caller, APPLY) as tx:
        steps = steps_towards(Look(gate, caller, tx.connection, gate.now(), prune), desired)
        if not _is_reached(tx.base.revision, revision) or digest_of(steps) != digest:
            raise Conflict(CHANGED.format(revision))
        if len(steps) > MOST_STEPS:
            raise TooLarge(f"this plan has {len(steps)} steps, and {MOST_STEPS} are done at once: apply it in parts")
        tx.origin = CONFIG
        with an_admin_stays(tx):
            tx.is_guarded = True  # once, at the end: each step by itself would look at every admin there is
            _do_all(gate.within(tx), caller, desired, steps, lambda model: gate.within(tx, model))
        if steps:
            counts: dict[str, object] = dict(Counter(str(step.verb) for step in steps))
            detail = {"digest": digest, "planned_at": revision} | counts
            tx.record(AuditRecord.of(caller, "plan.applied", "platform:main", at=tx.at, detail=detail))
        return Plan(str(tx.revision), steps)


def _do_all(
    gate: Gatepost,
    caller: Principal,
    desired: Desired,
    steps: Sequence[Step],
    judged_by: Callable[[AuthorizationModel], Gatepost],
) -> None:
    """Do one step after the other; what follows a model is judged by it.  Raises the error of the first that cannot be."""
    for step in steps:
        try:
            if step.target == MODEL:
                gate = judged_by(_write_model(gate, caller, desired))
            else:
                _do(gate, caller, step)
        except GatepostError as error:
            raise _named(error, step) from None


def _is_reached(head: Revision, text: str) -> bool:
    """Tell whether a revision is one of this history's."""
    try:
        planned = Revision.parse(text)
    except ValueError as error:
        raise InvalidField({"revision": "this is no revision"}) from error
    return planned.epoch == head.epoch and planned.number <= head.number


def _named(error: GatepostError, step: Step) -> GatepostError:
    """The same error, which says at which step."""
    if isinstance(error, StoreError):
        error = Conflict(str(error), items=error.items) if error.status == Conflict.status else _bad_model(error)
    if isinstance(error, InvalidField):
        error.fields = {step.target: "; ".join(error.fields.values())}
    error.args = (f"{step}: {error}",)
    return error


def _bad_model(error: StoreError) -> InvalidField:
    return InvalidField({MODEL: str(error)})


def _write_model(gate: Gatepost, caller: Principal, desired: Desired) -> AuthorizationModel:
    model = desired_model(desired.model or "")
    write_version(gate, caller, MAIN_STORE, write_model_json(model))
    return model


def _do(gate: Gatepost, caller: Principal, step: Step) -> None:
    if "#" in step.target:
        _do_tuple(gate, caller, step)
        return
    kind, _, name = step.target.partition(":")
    if (kind, step.verb) in THINGS:
        THINGS[kind, step.verb](gate, caller, name, step.after)
    else:
        do_resource(gate, caller, step)


def _do_tuple(gate: Gatepost, caller: Principal, step: Step) -> None:
    wanted = RelationTuple.parse(step.target)
    name, subject = wanted.object.id, str(wanted.subject)
    if step.verb == "delete":
        match wanted.object.type:
            case "group":
                groups.remove_member(gate, caller, name, subject)
            case "role":
                roles.unassign_role(gate, caller, name, subject)
            case kind:
                sharing.revoke_access(gate, caller, kind, name, wanted.relation, subject)
        return
    until = datetime.fromisoformat(str(step.after["expires_at"])) if "expires_at" in step.after else None
    match wanted.object.type:
        case "group":
            groups.add_member(gate, caller, name, subject, expires_at=until)
        case "role":
            roles.assign_role(gate, caller, name, subject, expires_at=until)
        case kind:
            grant = sharing.NewGrant(subject=subject, relation=wanted.relation, expires_at=until)
            sharing.grant_access(gate, caller, kind, name, grant)


def _create_user(gate: Gatepost, caller: Principal, name: str, after: Mapping[str, Any]) -> None:
    told = {field: value for field, value in after.items() if field != "disabled"}
    users.create_user(gate, caller, users.NewUser(username=name, **told))
    if after.get("disabled"):
        users.change_user(gate, caller, name, users.UserChange(disabled=True))


def _change_user(gate: Gatepost, caller: Principal, name: str, after: Mapping[str, Any]) -> None:
    users.change_user(gate, caller, name, users.UserChange(**after))


def _create_role(gate: Gatepost, caller: Principal, name: str, after: Mapping[str, Any]) -> None:
    roles.create_role(gate, caller, name, after.get("permissions", ()), after.get("description", ""))


def _described(do: Callable[[Gatepost, Principal, str, str], object]) -> Do:
    return lambda gate, caller, name, after: do(gate, caller, name, after.get("description", ""))


THINGS: Mapping[tuple[str, str], Do] = {
    ("user", "create"): _create_user,
    ("user", "update"): _change_user,
    ("service", "create"): _described(services.create_service),
    ("service", "update"): _described(services.change_service),
    ("group", "create"): _described(groups.create_group),
    ("group", "update"): _described(groups.change_group),
    ("group", "delete"): lambda gate, caller, name, _: groups.delete_group(gate, caller, name),
    ("role", "create"): _create_role,
    ("role", "update"): lambda gate, caller, name, after: roles.change_role(gate, caller, name, **after),
    ("role", "delete"): lambda gate, caller, name, _: roles.delete_role(gate, caller, name),
}
