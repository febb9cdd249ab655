"""The whole language, exactly: each relation of each object on the way is a node, and cycles are solved, not followed.

Answers are 0 (no), 1 (unknown: it hangs on a condition, or on its own opposite by `but not`) and 2 (yes), so that `and`
is the least, `or` the greatest, and `but not` takes the rest: an unknown under an exclusion stays unknown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from gatepost.access.components import components
from gatepost.access.decision import ConditionUndecided, TooComplex, TooDeep
from gatepost.access.edges import MARK, Edges, Who, spread
from gatepost.access.model import Computed, Direct, Exclusion, FromParent, Intersection, Rewrite, Union
from gatepost.access.moment import NO, UNKNOWN, YES, Moment
from gatepost.access.patience import hurry

MAX_NODES = 100_000
MAX_SECONDS = 2.0


class Node:
    """A reference to another relation, of this object (`is_near`) or by a userset or a parent: one step further away.

    A userset of the object itself is a step as well: only what is computed from a relation is where that is.
    """

    __slots__ = ("is_near", "key")

    def __init__(self, key: int, *, is_near: bool = False) -> None:
        self.key = key
        self.is_near = is_near


class Least:
    """The least of its parts (`and`)."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Term]) -> None:
        self.parts = parts


class Greatest:
    """The greatest of its parts (`or`)."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Term]) -> None:
        self.parts = parts


class Rest:
    """What is left of a yes: the opposite of its part (`but not`)."""

    __slots__ = ("part",)

    def __init__(self, part: Term) -> None:
        self.part = part


Term = int | Node | Least | Greatest | Rest


def evaluate(
    edges: Edges, who: Who, key: int, moment: Moment, limit: int | None = None, deadline: float | None = None
) -> bool:
    """Tell whether the subject has the relation `key`.  Call with the graph's lock held.

    `deadline` is when to give up (`time.monotonic`), and two seconds from now without one.
    With a `limit`, what lies more than so many usersets and parents away is unknown; `who` is then the subject alone,
    for a memo does not tell how far its usersets are.  Raises `ConditionUndecided` or `TooComplex` where the answer is
    not known.
    """
    evaluation = _Evaluation(edges, who, moment, limit, deadline)
    answer = evaluation.answer(key)
    if answer == UNKNOWN:
        if evaluation.too_deep:
            raise TooDeep(f"the answer lies deeper than {limit} steps")
        if evaluation.entangled:
            raise TooComplex("the answer hangs on its own opposite: a cycle through `but not`")
        raise moment.problem or ConditionUndecided("the answer hangs on a condition that cannot be evaluated")
    return answer == YES


class _Evaluation:
    __slots__ = ("deadline", "edges", "entangled", "limit", "moment", "opened", "terms", "too_deep", "who")

    def __init__(self, edges: Edges, who: Who, moment: Moment, limit: int | None, deadline: float | None) -> None:
        self.edges = edges
        self.who = who
        self.moment = moment
        self.limit = limit
        self.too_deep = False
        compiled = edges.compiled
        self.opened = compiled.name_unmemoised if limit is None else compiled.name_usersets  # the rest is in no node
        self.terms: dict[int, Term] = {}
        self.entangled = False
        self.deadline = time.monotonic() + MAX_SECONDS if deadline is None else deadline

    def answer(self, key: int) -> int:
        self.explore(key)
        values: dict[int, int] = {}
        for group in components(key, {node: references(term) for node, term in self.terms.items()}):
            self.solve(group, values)
        return values[key]

    def explore(self, key: int) -> None:
        """Find every node that the answer may need, those that are fewer steps away first."""
        terms, todo, farther, depth = self.terms, [key], list[int](), 0
        while todo or farther:
            if not todo:
                todo, farther, depth = farther, [], depth + 1
            current = todo.pop()
            if current in terms:
                continue
            if self.limit is not None and depth > self.limit:
                terms[current] = UNKNOWN
                self.too_deep = True
                continue
            if len(terms) >= MAX_NODES:
                raise TooComplex(f"the answer takes more than {MAX_NODES} steps")
            if not len(terms) & 63:
                self.go_on()
            term = terms[current] = self.term(current)
            for node, _ in nodes(term):
                if node.key not in terms:
                    (todo if node.is_near else farther).append(node.key)

    def go_on(self) -> None:
        """Raise if it has taken too long for whoever asks."""
        hurry()
        if time.monotonic() > self.deadline:
            raise TooComplex(f"the answer takes longer than {MAX_SECONDS:g} s")

    def solve(self, group: list[int], values: dict[int, int]) -> None:
        """Find the values of nodes that hang on one another, all others being known: the least that fit."""
        inside = set(group)
        if any(negative and node in inside for each in group for node, negative in references(self.terms[each])):
            self.disentangle(group, values)
        else:
            self.settle(group, NO, values, values)

    def disentangle(self, group: list[int], values: dict[int, int]) -> None:
        """Find the values of nodes that hang on the opposite of one another, as far as there are any.

        First what follows from what is known.  Of the rest, what holds whatever the others are, and what may hold at all,
        each taken under the `but not`s of the other, until both stay (the well-founded semantics of logic programs).
        Where they differ, there is no answer.
        """
        self.settle(group, UNKNOWN, values, values)
        rest_of = [each for each in group if values[each] == UNKNOWN]
        surely = {node: values[node] for each in rest_of for node, _ in references(self.terms[each])}
        surely.update(dict.fromkeys(rest_of, NO))
        while True:
            perhaps, more = dict(surely), dict(surely)
            self.settle(rest_of, NO, perhaps, surely)
            self.settle(rest_of, NO, more, perhaps)
            if more == surely:
                break
            surely = more
        for each in rest_of:
            self.entangled = self.entangled or surely[each] != perhaps[each]
            values[each] = surely[each] if surely[each] == perhaps[each] else UNKNOWN

    def settle(self, group: list[int], start: int, values: dict[int, int], opposed: dict[int, int]) -> None:
        """Find the values that fit, from `start` on, where what stands under a `but not` has its value from `opposed`."""
        inside = set(group)
        values.update(dict.fromkeys(group, start))
        users: dict[int, list[int]] = {}
        for each in group:
            for node, _ in references(self.terms[each]):
                if node in inside:
                    users.setdefault(node, []).append(each)
        todo, waiting = list(group), set(group)
        while todo:
            self.go_on()
            each = todo.pop()
            waiting.discard(each)
            value = valuation(self.terms[each], values, opposed)
            if value != values[each]:
                values[each] = value  # for good, or higher: a node is looked at anew a few times for each of its own
                again = [user for user in users.get(each, ()) if user not in waiting]
                todo += again
                waiting.update(again)

    def term(self, key: int) -> Term:
        edges, who = self.edges, self.who
        if key == who.value or key in who.mine:
            return YES
        relation = edges.relation_key(key)
        if relation in edges.compiled.memoised and self.limit is None:
            return UNKNOWN if key in who.maybe else NO
        rewrite = edges.compiled.rewrites.get(relation)
        return NO if rewrite is None else self.rewritten(rewrite, key)

    def rewritten(self, rewrite: Rewrite, key: int) -> Term:
        compiled = self.edges.compiled
        base = key & ~compiled.mask
        match rewrite:
            case Direct():
                return greatest(self.direct(key))
            case Computed(relation):
                return Node(base | compiled.relations[relation], is_near=True)
            case FromParent(relation, tupleset):
                return greatest(self.parents(base | compiled.relations[tupleset], compiled.relations[relation]))
            case Union(children):
                return greatest(self.rewritten(child, key) for child in children)
            case Intersection(children):
                return least(self.rewritten(child, key) for child in children)
            case Exclusion(kept, subtract):
                return least((self.rewritten(kept, key), rest(self.rewritten(subtract, key))))

    def direct(self, key: int) -> Iterator[Term]:
        """Yield a term for the tuples of one relation: those that name the subject, and usersets no memo holds."""
        edges, who = self.edges, self.who
        held = edges.forward.get(key)
        if held is None:
            return
        # The mark is in every memo and, where there are timed tuples, in what is held: alone it says nothing.
        if (held in who.mine) if isinstance(held, int) else len(who.mine & held) > (MARK in held):
            yield YES
            return
        if who.maybe or edges.relation_key(key) in self.opened:
            values = spread(held)
            hurry(len(values))
            for value in values:
                if value:
                    yield self.named(value)
        for value, _, verdict in edges.alive(key, self.moment):
            yield least((verdict, self.named(value)))

    def named(self, value: int) -> Term:
        edges, who = self.edges, self.who
        if value in who.mine:
            return YES
        if value in who.maybe:
            return UNKNOWN
        if not value & edges.compiled.mask:
            return NO
        if edges.relation_key(value) in edges.compiled.memoised and self.limit is None:
            return NO
        return Node(value)

    def parents(self, key: int, relation: int) -> Iterator[Term]:
        edges = self.edges
        values = edges.held(key)
        hurry(len(values))
        for value in values:
            yield self.above(value, relation)
        for value, _, verdict in edges.alive(key, self.moment):
            yield least((verdict, self.above(value, relation)))

    def above(self, value: int, relation: int) -> Term:
        return Node(value | relation)


def greatest(terms: Iterator[Term]) -> Term:
    """`or`, simplified: a yes ends it."""
    best, open_terms = NO, list[Term]()
    for term in terms:
        if isinstance(term, int):
            best = max(best, term)
            if best == YES:
                return YES
        else:
            open_terms.append(term)
    if not open_terms:
        return best
    if best:
        open_terms.append(best)
    return open_terms[0] if len(open_terms) == 1 else Greatest(open_terms)


def least(terms: Iterator[Term] | tuple[Term, ...]) -> Term:
    """`and`, simplified: a no ends it."""
    worst, open_terms = YES, list[Term]()
    for term in terms:
        if isinstance(term, int):
            worst = min(worst, term)
            if worst == NO:
                return NO
        else:
            open_terms.append(term)
    if not open_terms:
        return worst
    if worst != YES:
        open_terms.append(worst)
    return open_terms[0] if len(open_terms) == 1 else Least(open_terms)


def rest(term: Term) -> Term:
    return YES - term if isinstance(term, int) else Rest(term)


def references(term: Term) -> list[tuple[int, bool]]:
    """The keys of the nodes in a term, each with whether it stands under a `but not`."""
    return [(node.key, negative) for node, negative in nodes(term)]


def nodes(term: Term, *, negative: bool = False) -> Iterator[tuple[Node, bool]]:
    """Yield the nodes in a term, each with whether it stands under a `but not`."""
    match term:
        case Node():
            yield term, negative
        case Least() | Greatest():
            for part in term.parts:
                yield from nodes(part, negative=negative)
        case Rest():
            yield from nodes(term.part, negative=True)


def valuation(term: Term, values: dict[int, int], opposed: dict[int, int]) -> int:
    """The value of a term, where what stands under a `but not` has its value from `opposed`."""
    match term:
        case Node():
            return values[term.key]
        case Least():
            return min(valuation(part, values, opposed) for part in term.parts)
        case Greatest():
            return max(valuation(part, values, opposed) for part in term.parts)
        case Rest():
            return YES - valuation(term.part, opposed, values)
    return term
