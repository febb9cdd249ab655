"""What of a plan cannot be done, whoever asks: values that no operation takes, and names of nobody.

The operations' own functions judge, so that what is shown as a plan is refused for no value when it is applied.  What the
caller may do, and what stands in the way, such as the last admin, is asked when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Any

from gatepost.access import RelationTuple
from gatepost.directory.authority import require_patterns
from gatepost.directory.desired import Step
from gatepost.directory.look import Look
from gatepost.directory.names import require_email, require_text
from gatepost.directory.planned_resources import OWNER, PARENT, known_resources
from gatepost.directory.planning import MODEL, THINGS, rows_named
from gatepost.directory.resources import read_parent, require_resource
from gatepost.directory.sharing import require_relation, require_view_only_for_anonymous
from gatepost.directory.subjects import require_allowed
from gatepost.directory.users import require_voucher
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Subject

MOST_FAULTS = 20  # told at once


def require_possible(look: Look, gate: Gatepost, steps: Sequence[Step]) -> None:
    """Raise `InvalidField` that names each step which cannot be done.  `gate` has the model that the plan leads to."""
    faults: dict[str, str] = {}
    sound: list[Step] = []
    for step in steps:
        if step.verb == "delete" or step.target == MODEL:
            continue
        try:
            _judge(look, gate, step)
            sound.append(step)
        except InvalidField as error:
            faults[step.target] = str(error)
    made = {step.target for step in steps if step.verb == "create"}  # an unsound one is told once, by itself
    missing = _missing(look, [name for step in sound for name in _names_in(step) if str(name) not in made])
    for step in sound:
        if names := [str(name) for name in _names_in(step) if name in missing]:
            faults[step.target] = f"there is no {' and no '.join(names)}"
    if faults:
        raise InvalidField(dict(islice(faults.items(), MOST_FAULTS)))


def _judge(look: Look, gate: Gatepost, step: Step) -> None:
    if "#" in step.target:
        try:
            wanted = RelationTuple.parse(step.target)
        except ValueError as error:
            raise InvalidField({"relation": "this is no relation of a resource"}) from error
        _judge_tuple(look, gate, wanted)
        return
    thing = Entity.parse(step.target)
    if thing.type in VALUES:
        VALUES[thing.type](gate, step.after)
    else:
        _judge_resource(look, gate, thing, step.after)


def _judge_tuple(look: Look, gate: Gatepost, wanted: RelationTuple) -> None:
    if wanted.object.type not in VALUES:
        require_resource(gate, wanted.object.type, wanted.object.id)
        require_relation(gate, wanted.object.type, wanted.relation)
        require_view_only_for_anonymous(gate, look.connection, wanted.object.type, wanted.relation, wanted.subject)
    require_allowed(gate, wanted.object, wanted.relation, wanted.subject)


def _judge_user(gate: Gatepost, after: Mapping[str, Any]) -> None:
    require_text(after.get("display_name", ""), "display_name", 200)
    require_email(after.get("email"))
    require_voucher(gate, after.get("external"))


def _judge_text(_: Gatepost, after: Mapping[str, Any]) -> None:
    require_text(after.get("description", ""), "description")


def _judge_role(gate: Gatepost, after: Mapping[str, Any]) -> None:
    _judge_text(gate, after)
    require_patterns(gate, after.get("permissions", ()), "permissions")


def _judge_resource(look: Look, gate: Gatepost, resource: Entity, after: Mapping[str, Any]) -> None:
    require_resource(gate, resource.type, resource.id)
    require_text(after.get("display_name", ""), "display_name", 200)
    read_parent(gate, resource, after.get(PARENT) or None)
    if OWNER in after:
        _judge_tuple(look, gate, RelationTuple(resource, OWNER, Subject.parse(after[OWNER])))


VALUES: Mapping[str, Callable[[Gatepost, Mapping[str, Any]], None]] = {
    "user": _judge_user,
    "service": _judge_text,
    "group": _judge_text,
    "role": _judge_role,
}


def _names_in(step: Step) -> Iterator[Entity]:
    """Who and what has to be there for a step."""
    if "#" in step.target:
        wanted = RelationTuple.parse(step.target)
        yield wanted.object
        if not wanted.subject.is_wildcard:
            yield wanted.subject.entity
        return
    if step.after.get(PARENT):
        yield Entity.parse(str(step.after[PARENT]))
    if step.after.get(OWNER):
        yield Subject.parse(str(step.after[OWNER])).entity


def _missing(look: Look, named: Collection[Entity]) -> Set[Entity]:
    """Whom and what of these there is not, as far as the caller may see."""
    resources = {each for each in named if each.type not in VALUES and look.sees(each)}
    missing = resources - known_resources(look, resources).keys()
    for kind in THINGS:
        wanted = {each.id for each in named if each.type == kind.word}
        if wanted and look.gate.may(look.caller, f"{kind.word}:view"):
            known = rows_named(look.connection, kind, wanted)
            missing |= {Entity(kind.word, name) for name in wanted - known.keys()}
    return missing
