"""The depth of a yes, whichever way it is worked out: over stored tuples, cold and warm, and with contextual ones."""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.access import (
    AuthorizationModel,
    ConditionUndecided,
    Contextual,
    Graph,
    RelationTuple,
    TooComplex,
    TooDeep,
    allows,
    check,
    read_model,
)
from gatepost.access.model import Computed, Direct, Exclusion, FromParent, Intersection, Rewrite, Union
from gatepost.errors import InvalidField
from gatepost.principal import Entity, Question, Subject
from tests.access.test_against_oracle import World, graph_of

EXAMPLES = int(os.environ.get("GATEPOST_EXAMPLES", "60"))
DEEPEST = 4
SEEDS = st.integers(0, 2**32)
MODELS = [
    read_model("model\n schema 1.1\ntype user\ntype g\n relations\n  define up: [g]\n" + text)
    for text in (
        # Groups that a memo holds, and groups that it does not, for one may be in by a parent.
        " define r: [user, user:*, g#r]\n  define s: [user, g#r, g#s] or r from up\n",
        # Relations of one object that name one another, and parents with two relations.
        " define r: [user, g#s] or s from up\n  define s: [user, g#r] or r or s from up\n",
        # Parts that are looked up one by one.
        " define r: [user, g#r]\n  define s: (r or r from up) and (r or s from up)\n",
    )
]
ENDS = ["user:ann", "user:bob", "user:*", *(f"g:{n}{r}" for n in range(6) for r in ("", "#r", "#s"))]
ASKED = [(Subject("user", u), r, Entity("g", str(n))) for u in ("ann", "bob") for n in range(6) for r in ("r", "s")]


def dense_world(seed: int, models: int = len(MODELS)) -> World:
    """Few objects with many tuples, so that much is a yes, and some of it far away."""
    dice = random.Random(seed)
    model = MODELS[seed % models]
    lines = {
        f"g:{dice.randrange(6)}#{dice.choice(('r', 's', 'up'))}@{dice.choice(ENDS)}" for _ in range(dice.randrange(50))
    }
    return model, [each for each in map(RelationTuple.parse, sorted(lines)) if is_allowed(model, each)]


def is_allowed(model: AuthorizationModel, each: RelationTuple) -> bool:
    try:
        allows(model, each)
    except InvalidField:
        return False
    return True


def outcome(graph: Graph, subject: Subject, relation: str, entity: Entity, depth: int) -> bool | str:
    try:
        return check(Question(subject=subject, action=relation, resource=entity), graph, depth).allowed
    except TooDeep:
        return "too deep"
    except (TooComplex, ConditionUndecided):
        return "not known"


def steps(world: World, subject: Subject, relation: str, entity: Entity) -> int | None:
    """How many usersets and parents the shortest way to a yes takes, by trying more and more; None: no yes so near."""
    model, tuples = world

    def holds(asked: tuple[Entity, str], left: int) -> bool:
        rewrite = model.rewrite(asked[0].type, asked[1])
        return rewrite is not None and rewritten(rewrite, asked, left)

    def rewritten(rewrite: Rewrite, asked: tuple[Entity, str], left: int) -> bool:
        match rewrite:
            case Direct():
                return any(
                    t.subject == subject
                    or (t.subject.is_wildcard and t.subject.type == subject.type)
                    or (
                        bool(t.subject.relation)
                        and left > 0
                        and holds((t.subject.entity, t.subject.relation), left - 1)
                    )
                    for t in tuples
                    if (t.object, t.relation) == asked
                )
            case Computed(other):
                return holds((asked[0], other), left)
            case FromParent(other, tupleset):
                named = [t.subject.entity for t in tuples if (t.object, t.relation) == (asked[0], tupleset)]
                return left > 0 and any(holds((above, other), left - 1) for above in named)
            case Union(children):
                return any(rewritten(child, asked, left) for child in children)
            case Intersection() | Exclusion():
                raise AssertionError("the worlds here are without")

    return next((left for left in range(DEEPEST + 1) if holds((entity, relation), left)), None)


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(SEEDS, st.integers(0, DEEPEST))
def test_a_yes_has_one_depth(seed: int, depth: int) -> None:
    """Where nothing is taken away a yes is within the depth if and only if its shortest way is."""
    model, tuples = dense_world(seed, models=2)
    stored = graph_of(model, tuples)
    beside = Contextual(graph_of(model, tuples[::2]), tuples[1::2])
    for _ in ("cold", "warm"):
        for subject, relation, entity in ASKED:
            least = steps((model, tuples), subject, relation, entity)
            found = outcome(stored, subject, relation, entity, depth)
            if least is not None and least <= depth:
                assert found is True
            else:
                assert found in ((False, "too deep") if least is None else ("too deep",))
            assert outcome(beside, subject, relation, entity, depth) == found, f"{subject} {relation} {entity}"


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(SEEDS, st.integers(0, DEEPEST))
def test_contextual_tuples_are_as_deep_as_stored_ones(seed: int, depth: int) -> None:
    model, tuples = dense_world(seed)
    stored = graph_of(model, tuples)
    beside = Contextual(graph_of(model, tuples[::2]), tuples[1::2])
    for subject, relation, entity in ASKED:
        found = outcome(stored, subject, relation, entity, depth)
        assert outcome(stored, subject, relation, entity, depth) == found, "warm, it is as it was cold"
        assert outcome(beside, subject, relation, entity, depth) == found, f"{subject} {relation} {entity}"
