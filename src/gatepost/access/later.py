"""Until when: a graph as it will be at a later moment, and what a subject carries with the end of each part.

What somebody holds until noon they may hand out until noon.  So whoever hands something out is asked about twice: as the
graph is now, and as it will be when what they hand out ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from gatepost.access.check import check, from_memo
from gatepost.access.contextual import Contextual
from gatepost.access.decision import Decision
from gatepost.access.edges import Edges, spread
from gatepost.access.graph import Graph
from gatepost.access.moment import YES, Moment
from gatepost.access.usersets import PLAIN, starts_of
from gatepost.principal import ANYONE, Question, Subject

FOREVER = float("inf")
FOR_GOOD = 1e18  # unix seconds: after every expiry that can be written, and before what never ends
INSTANT = 1e-6  # seconds: the finest step of an expiry


class Later(Contextual):
    """`graph` as it will be at `moment` (unix seconds) if nothing changes until then.  To ask, not to change."""

    def __init__(self, graph: Graph, moment: float) -> None:
        super().__init__(graph, ())
        self.clock = lambda: moment


def check_at(question: Question, graph: Graph, moment: float) -> Decision:
    """Answer as `check` will at a later `moment` (unix seconds), if nothing changes until then.  Raises as it does."""
    if question.scope is None and question.role is None and not question.groups and not question.roles:
        known = from_memo(question, graph)
        if known is not None and known.allowed:
            return known  # a warm memo holds nothing that ends, and the walk met nothing either
    return check(question, Later(graph, moment))


@dataclass(frozen=True, slots=True, order=True)
class Carried:
    """A tuple in force that reaches a subject: `via` is whom it names, `until` (unix seconds) when that ends.

    The end is that of the way that lasts longest.  With a `condition`, one stands somewhere on every way.
    """

    object: str
    relation: str
    via: str
    until: float = FOREVER
    condition: str = ""


def carried(subject: Subject, graph: Graph, *, conditional: bool = True) -> tuple[Carried, ...]:
    """List everything that reaches a subject or a userset, its groups' and roles' included; ordered.

    With `conditional`, also what a condition that cannot be evaluated without a question's context stands before.
    """
    with graph.lock:
        moment = graph.moment()
        plain = _Ways(graph.edges, subject, moment, beyond_conditions=False).carried()
        if not conditional:
            return tuple(sorted(plain.values()))
        beyond = _Ways(graph.edges, subject, moment, beyond_conditions=True).carried()
    for key, each in beyond.items():
        if key not in plain:
            plain[key] = each
    return tuple(sorted(plain.values()))


def permissions_carried(subject: Subject, graph: Graph) -> dict[str, float]:
    """The `type:action` patterns of the roles that reach a subject, each with its end, whatever the conditions."""
    with graph.lock:
        return _Ways(graph.edges, subject, graph.moment(), beyond_conditions=True).permissions()


def ends(subject: Subject, graph: Graph) -> tuple[float, ...]:
    """The moments at which what a subject carries gets less, in order (unix seconds)."""
    with graph.lock:
        ways = _Ways(graph.edges, subject, graph.moment(), beyond_conditions=True)
        expiries = {expires for value in ways.until for _, expires, _ in ways.tuples(value)}
    return tuple(sorted(expiries - {FOREVER}))


class _Ways:
    """One walk up from a subject: each userset above it with the end of the way there that lasts longest."""

    def __init__(self, edges: Edges, subject: Subject, moment: Moment, *, beyond_conditions: bool) -> None:
        self.edges = edges
        self.moment = moment
        self.beyond_conditions = beyond_conditions
        self.until: dict[int, float] = {}
        self.guarded: dict[int, str] = {}  # the condition on the way there
        value = edges.value(subject.type, subject.id, subject.relation)
        if not value and not subject.relation:
            value = edges.value(subject.type, ANYONE)  # nobody has named it: what everybody has it has too
        self._walk([each for each in starts_of(edges, value, PLAIN) if each])

    def _walk(self, starts: list[int]) -> None:
        edges, feeds = self.edges, self.edges.compiled.feeds
        self.until = dict.fromkeys(starts, FOREVER)
        todo = [(-FOREVER, value) for value in starts]
        while todo:
            end, value = heappop(todo)
            if -end < self.until[value]:
                continue
            for key, expires, condition in self.tuples(value):
                base = key & ~edges.compiled.mask
                reached = min(-end, expires)
                for relation in feeds.get(edges.relation_key(key), ()):
                    if self.until.get(base | relation, 0.0) < reached:
                        self.until[base | relation] = reached
                        self.guarded[base | relation] = condition or self.guarded.get(value, "")
                        heappush(todo, (-reached, base | relation))

    def tuples(self, value: int) -> Iterator[tuple[int, float, str]]:
        """Yield the forward keys whose tuples in force name a subject: key, expiry, undecided condition."""
        edges = self.edges
        for key in (*spread(edges.above.get(value)), *spread(edges.behind.get(value))):
            yield key, FOREVER, ""
        for key in edges.timed_behind.get(value, ()):
            expires, condition = edges.timed[key][value]
            if expires <= self.moment.now:
                continue
            if condition is None or self.moment.judge(condition) == YES:
                yield key, expires, ""
            elif self.beyond_conditions:
                yield key, expires, condition.name

    def carried(self) -> dict[tuple[int, int], Carried]:
        """By forward key and subject."""
        edges, compiled = self.edges, self.edges.compiled
        found = {}
        for value, end in self.until.items():
            via = edges.text(value)
            for key, expires, condition in self.tuples(value):
                entity, relation = edges.text(key & ~compiled.mask), compiled.relation_names[key & compiled.mask]
                why = condition or self.guarded.get(value, "")
                found[key, value] = Carried(entity, relation, via, min(end, expires), why)
        return found

    def permissions(self) -> dict[str, float]:
        edges, compiled = self.edges, self.edges.compiled
        found: dict[str, float] = {}
        for userset, end in self.until.items():
            if userset & compiled.mask != compiled.assignee or edges.kinds[userset >> compiled.bits] != compiled.role:
                continue
            key = userset & ~compiled.mask | compiled.permission
            held = [(value, FOREVER) for value in edges.held(key)]
            held += [(value, expires) for value, expires, _ in edges.alive(key, self.moment)]
            for value, expires in held:
                pattern = edges.names[value >> compiled.bits].replace(".", ":", 1)
                found[pattern] = max(found.get(pattern, 0.0), min(end, expires))
        return found
