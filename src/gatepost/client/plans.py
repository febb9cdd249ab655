"""Plans: what files would change, and doing it whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatepost.client.call import Call, call, path_of
from gatepost.client.reading import one


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One change: `verb` is `create`, `update` or `delete`; `target` a thing (`group:x`) or a tuple."""

    verb: str
    target: str
    before: object = None
    after: object = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps from what was there at `revision`.  `digest` names them with what they start from."""

    revision: str
    digest: str
    steps: tuple[PlanStep, ...] = ()


def make_plan(desired: Mapping[str, object], *, prune: bool = False) -> Call[Plan]:
    """Ask what would have to change for there to be what `desired` says.  Nothing is changed."""
    body = {"desired": desired, "prune": prune}
    return call("POST", path_of("plans"), one(Plan), body=body, repeatable=True)


def apply_plan(desired: Mapping[str, object], plan: Plan, *, prune: bool = False) -> Call[Plan]:
    """Do what `plan` says in one transaction.  A `Conflict` if what it touches has changed since.

    `desired` and `prune` are those that the plan was made of.
    """
    body = {"desired": desired, "prune": prune, "revision": plan.revision, "digest": plan.digest}
    return call("POST", path_of("plans", "apply"), one(Plan), body=body)
