"""Random models and graphs, small enough for the oracle and odd enough to be of use."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from gatepost.access import AuthorizationModel, read_model
from gatepost.access.model import Restriction, direct
from gatepost.access.tuples import RelationTuple, TupleCondition
from gatepost.errors import InvalidModel
from gatepost.principal import Entity, Subject

USERS = ("ann", "bob", "cyd")
IDS = ("1", "2", "3")
TYPES = ("group", "folder", "doc")
STORED: st.SearchStrategy[dict[str, object]] = st.sampled_from([{}, {}, {"now": 0}, {"now": 2}])
CONTEXTS: st.SearchStrategy[dict[str, object]] = st.sampled_from([{}, {"now": 0}, {"now": 2}, {"now": "x"}])


@st.composite
def operands(draw: st.DrawFn, own: list[str], above: list[str]) -> str:
    choices = [st.sampled_from(own)] if own else []
    if above:
        choices.append(st.sampled_from(above).map(lambda relation: f"{relation} from parent"))
    return draw(st.one_of(choices))


@st.composite
def rewrites(draw: st.DrawFn, own: list[str], above: list[str], restrictions: list[str]) -> str:
    """One definition: direct types, perhaps combined with what was defined before."""
    named = draw(st.lists(st.sampled_from(restrictions), min_size=1, max_size=4, unique=True))
    first = f"[{', '.join(named)}]"
    if not own and not above:
        return first
    kind = draw(st.sampled_from(["direct", "or", "or", "and", "but not", "nested"]))
    if kind == "direct":
        return first
    second = draw(operands(own, above))
    if kind == "nested":
        inner = draw(st.sampled_from(["or", "and", "but not"]))
        outer = draw(st.sampled_from(["or", "and", "but not"]))
        return f"({first} {inner} {second}) {outer} {draw(operands(own, above))}"
    return f"{first} {kind} {second}"


@st.composite
def models(draw: st.DrawFn, *, monotone: bool = False, conditions: bool = False) -> AuthorizationModel:
    relations = ("r1", "r2", "r3")
    restrictions = ["user", "user:*", "group#r1", "group#r1", "group#r2", "folder#r2", "doc#r3"]
    if conditions:
        restrictions += ["user with late", "group#r1 with late", "user:* with late"]
    lines = ["model", "  schema 1.1", "type user"]
    for kind in TYPES:
        lines += [f"type {kind}", "  relations"]
        above: list[str] = []
        if kind != "group":
            lines.append("    define parent: [folder]")
            above = list(relations)
        own: list[str] = []
        for relation in relations:
            text = draw(rewrites(own, above, restrictions))
            if monotone:
                text = text.replace("but not", "or").replace(" and ", " or ")
            lines.append(f"    define {relation}: {text}")
            own.append(relation)
    if conditions:
        lines += ["condition late(now: int) {", "  now > 1", "}"]
    try:
        return read_model("\n".join(lines))
    except InvalidModel:
        assume(condition=False)
        raise


def _subject(restriction: Restriction, name: str) -> Subject:
    if restriction.wildcard:
        return Subject(restriction.type, "*")
    return Subject(restriction.type, name, restriction.relation)


@st.composite
def tuples_of(draw: st.DrawFn, model: AuthorizationModel) -> RelationTuple:
    """One tuple that the model allows."""
    kind = draw(st.sampled_from(TYPES))
    writable = {name: direct(r) for name, r in model.types[kind].relations.items() if direct(r)}
    relation = draw(st.sampled_from(sorted(writable)))
    restriction = draw(st.sampled_from(writable[relation]))
    name = draw(st.sampled_from(USERS if restriction.type == "user" else IDS))
    entity = Entity(kind, draw(st.sampled_from(IDS)))
    guard = TupleCondition(restriction.condition, draw(STORED)) if restriction.condition else None
    return RelationTuple(entity, relation, _subject(restriction, name), condition=guard)


@st.composite
def worlds(
    draw: st.DrawFn, *, monotone: bool = False, conditions: bool = False, size: int = 25
) -> tuple[AuthorizationModel, list[RelationTuple]]:
    model = draw(models(monotone=monotone, conditions=conditions))
    drawn = draw(st.lists(tuples_of(model), max_size=size))
    # A tuple is known by object, relation and subject: the last one counts.
    return model, list({(t.object, t.relation, t.subject): t for t in drawn}.values())
