"""Plans: what files would change, and doing it whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gatepost.client.plans import Plan, PlanStep
from gatepost.directory import desired as wishes
from gatepost.directory.given import require_flag
from gatepost.embedded.asking import Asking
from gatepost.errors import InvalidField


def _plan(plan: wishes.Plan) -> Plan:
    steps = (PlanStep(step.verb, step.target, _plain(step.before), _plain(step.after)) for step in plan.steps)
    return Plan(plan.revision, plan.digest, tuple(steps))


def _plain(state: Mapping[str, object]) -> object:
    """As it travels, so that plans compare: what is a tuple here is a list there."""
    return json.loads(json.dumps(dict(state)))


class Plans(Asking):
    """Calls on files of desired state."""

    def make_plan(self, desired: Mapping[str, object], *, prune: bool = False) -> Plan:
        """Say what would have to change for there to be what `desired` says.  Nothing is changed."""
        from gatepost.directory.plans import make_plan
        from gatepost.directory.reading_desired import read_desired

        require_flag(prune, "prune")
        wanted = read_desired(desired)
        return _plan(make_plan(*self._for(), wanted, prune=prune))

    def apply_plan(self, desired: Mapping[str, object], plan: Plan, *, prune: bool = False) -> Plan:
        """Do what `plan` says in one transaction.  A `Conflict` if what it touches has changed since.

        `desired` and `prune` are those that the plan was made of.
        """
        from gatepost.directory.plans import apply_plan
        from gatepost.directory.reading_desired import read_desired

        require_flag(prune, "prune")
        if not isinstance(plan, Plan):
            raise InvalidField({"plan": "this has to be what make_plan answered"})
        by = self._for(revision=plan.revision, digest=plan.digest)
        done = apply_plan(*by, read_desired(desired), revision=plan.revision, digest=plan.digest, prune=prune)
        return _plan(done)
