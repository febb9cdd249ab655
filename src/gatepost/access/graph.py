"""The relationship graph in memory: one writer, many readers, one published revision at a time."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from gatepost.access.edges import Edges
from gatepost.access.loading import Row, load_rows
from gatepost.access.model import AuthorizationModel
from gatepost.access.moment import NOTHING, Moment
from gatepost.access.plan import Compiled
from gatepost.access.tuples import TupleChange, TupleCondition
from gatepost.access.usersets import forget_below
from gatepost.principal import ANYONE

Placed = tuple[int, int, TupleChange, TupleCondition | None]


class Graph:
    """All tuples that the model allows.  `clock` answers unix seconds; expiry is judged by it when a question is asked.

    Readers take no lock where the subject's memo is warm: they look at `edges.sequence` before and after, and ask again
    under the lock if a revision was being written.  Everything else happens under the lock.  Without `roles` the model's
    relations alone decide, as in OpenFGA; with them, permissions that roles hold do too.
    """

    def __init__(self, model: AuthorizationModel, clock: Callable[[], float], *, roles: bool = True) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.edges = Edges(Compiled(model, roles=roles), "")

    @property
    def model(self) -> AuthorizationModel:
        return self.edges.compiled.model

    @property
    def revision(self) -> str:
        return self.edges.revision

    def moment(self, context: Mapping[str, object] = NOTHING) -> Moment:
        """The present time with a question's context, to judge expiry and conditions by."""
        return Moment(self.edges.compiled.model, self.clock(), context)

    @property
    def tuple_count(self) -> int:
        return self.edges.count

    def load(self, rows: Iterable[Row], revision: str = "", model: AuthorizationModel | None = None) -> None:
        """Replace everything by `rows`, under `model` if one is given; readers see the old graph until it is done.

        Tuples that the model does not allow are left out: another model needs them from the store again.
        """
        compiled = self.edges.compiled if model is None else Compiled(model, roles=self.edges.compiled.roles)
        edges = Edges(compiled, revision)
        collecting = gc.isenabled()
        gc.disable()  # nothing here is garbage, and looking for it takes longer than loading
        try:
            load_rows(edges, rows)
        finally:
            if collecting:
                gc.enable()
        with self.lock:
            self.edges = edges

    def apply(self, changes: Sequence[TupleChange], revision: str) -> None:
        """Publish one revision: readers see all of `changes` or none.  What the model does not allow is left out.

        Raises `ValueError` for a change that is not a tuple, before anything is changed.
        """
        with self.lock:
            edges = self.edges
            placed = [found for change in changes if (found := _place(edges, change)) is not None]
            edges.sequence += 1
            try:
                for key, value, change, condition in placed:
                    if change.removed:
                        edges.remove(key, value)
                    else:
                        edges.add(key, value, change.expires_at, condition)
                    self._forget(edges, key, value)
                    edges.changes.note(key, value)
                edges.revision = revision
            finally:
                edges.sequence += 1

    def _forget(self, edges: Edges, key: int, value: int) -> None:
        """Drop the memos that the change of one tuple makes wrong, and no others."""
        compiled = edges.compiled
        relation = edges.relation_key(key)
        if relation in compiled.feeds:
            forget_below(edges, value)
            edges.narrowed.clear()
        elif relation == compiled.permission_key:
            forget_below(edges, key & ~compiled.mask | compiled.assignee)
            edges.narrowed.clear()


def _place(edges: Edges, change: TupleChange) -> Placed | None:
    """Find the numbers of a change, giving new ones only to a tuple that the model allows."""
    compiled = edges.compiled
    kind, colon, name = change.object.partition(":")
    entity, hash_sign, suffix = change.subject.partition("#")
    subject_kind, subject_colon, subject_name = entity.partition(":")
    if not colon or not name or not subject_colon or not subject_name or (hash_sign and not suffix):
        raise ValueError(f"{change.object}#{change.relation}@{change.subject} is not a relation tuple")
    relation = compiled.writable.get(kind, {}).get(change.relation)
    shape = compiled.shape(relation, subject_kind, subject_name, suffix)
    if relation is None or shape is None or name == ANYONE:
        return None
    condition = None if change.removed else TupleCondition.read(change.condition)
    if not change.removed and (shape, condition.name if condition else "") not in compiled.allowed:
        return None
    known = edges.value(kind, name), edges.value(subject_kind, subject_name)
    if change.removed and not all(known):
        return None
    number, subject = edges.intern(kind, name), edges.intern(subject_kind, subject_name)
    key = number << compiled.bits | relation & compiled.mask
    value = subject << compiled.bits | shape & compiled.mask
    return key, value, change, condition
