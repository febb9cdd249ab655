"""AuthZEN's questions about a store: a decision, and lists of who may, of what one reaches and of what one may do.

All of them take `decision:ask`.  Nobody that is known, and no type or relation of the model, is an empty list.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatepost import access
from gatepost.access import ConditionUndecided, UserFilter
from gatepost.access.slices import in_order
from gatepost.directory.evaluation import require_ask
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import ANYONE, Entity, Principal, Question, Subject
from gatepost.stores.questions import graph_of, in_time


class StoreDecisions:
    """The questions to one further store, by one caller who may ask."""

    def __init__(self, gate: Gatepost, caller: Principal, store: str) -> None:
        """Load the store's graph if need be.  Raises `StoreError`, and `Forbidden` for who may not ask."""
        require_ask(gate, caller)
        self._graph = graph_of(gate, store).graph

    def decide(self, subject: str, action: str, resource: str, context: Mapping[str, object]) -> bool:
        """Raises `InvalidField` for a type or an action that the model does not have."""
        question = Question(
            subject=_subject(subject), action=action, resource=_resource(resource), context=dict(context)
        )
        return access.check(question, self._graph).allowed

    def resources(self, subject: str, action: str, kind: str, context: Mapping[str, object]) -> list[str]:
        if not self._has(kind, action):
            return []
        asked = Question(subject=_subject(subject), action=action, resource=Entity(kind, "any"), context=dict(context))
        found = in_time(access.walk_ids(asked, self._graph))
        return list(in_order([name for part in found for name in part]))

    def subjects(self, kind: str, action: str, resource: str, context: Mapping[str, object]) -> list[str]:
        """A wildcard is listed as it stands (`*`): a store does not know who there is."""
        thing = _resource(resource)
        if not self._has(thing.type, action) or kind not in self._graph.model.types:
            return []
        found = in_time(access.walk_users(thing, action, (UserFilter(kind),), self._graph, context))
        return sorted(each.id for part in found for each in part)

    def actions(self, subject: str, resource: str, context: Mapping[str, object]) -> tuple[list[str], list[str]]:
        """Those that are allowed, and those that could not be decided for want of a value."""
        thing = _resource(resource)
        if thing.type not in self._graph.model.types:
            return [], []
        question = Question(subject=_subject(subject), action="", resource=thing, context=dict(context))
        found = access.actions(question, self._graph)
        for error in found.undecided.values():
            if not isinstance(error, ConditionUndecided):
                raise error
        return sorted(found.allowed), sorted(found.undecided)

    def _has(self, kind: str, action: str) -> bool:
        types = self._graph.model.types
        return kind in types and action in types[kind].relations


def _subject(text: str) -> Subject:
    try:
        return Subject.parse(text)
    except ValueError as error:
        raise InvalidField({"subject": "not of the form type:id, such as user:alice"}) from error


def _resource(text: str) -> Entity:
    try:
        thing = Entity.parse(text)
    except ValueError as error:
        raise InvalidField({"resource": "not of the form type:id, such as document:plan"}) from error
    if thing.id == ANYONE:
        raise InvalidField({"resource": "this names no single resource"})
    return thing
