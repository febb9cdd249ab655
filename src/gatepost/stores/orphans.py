"""Which tuples a model would leave without a meaning: they would be kept, count for nobody, and come back to life later."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, and_, select

from gatepost.access import AuthorizationModel
from gatepost.access.difference import lost_shapes
from gatepost.access.model import PROTECTED, Restriction
from gatepost.principal import Subject
from gatepost.store import tables
from gatepost.store.relations import MAIN

MOST_NAMED = 20
t = tables.tuples


def orphans(connection: Connection, old: AuthorizationModel, new: AuthorizationModel) -> tuple[str, ...]:
    """Name tuples of the platform's own store that `old` allows and `new` does not: at most so many."""
    gone: dict[tuple[str, str], set[Restriction]] = {}
    for kind, relation, restriction in lost_shapes(old, new):
        if kind not in PROTECTED:
            gone.setdefault((kind, relation), set()).add(restriction)
    found: list[str] = []
    for (kind, relation), restrictions in sorted(gone.items()):
        for name in _tuples_of(connection, kind, relation, restrictions):
            found.append(name)
            if len(found) == MOST_NAMED:
                return tuple(found)
    return tuple(found)


def _tuples_of(connection: Connection, kind: str, relation: str, gone: set[Restriction]) -> Iterator[str]:
    of_kind = and_(t.c.object > f"{kind}:", t.c.object < f"{kind};")  # `;` is the character after `:`
    for restriction in sorted(gone, key=str):
        subjects = and_(t.c.subject > f"{restriction.type}:", t.c.subject < f"{restriction.type};")
        query = select(t).where(t.c.store == MAIN, of_kind, t.c.relation == relation, subjects)
        query = query.where(t.c.condition.is_not(None) if restriction.condition else t.c.condition.is_(None))
        if restriction.relation:
            query = query.where(t.c.subject.endswith(f"#{restriction.relation}", autoescape=True))
        for row in connection.execute(query.order_by(t.c.object, t.c.subject).execution_options(yield_per=500)):
            subject = Subject.parse(row.subject)
            name = row.condition["name"] if row.condition else ""
            if Restriction(subject.type, subject.relation, subject.is_wildcard, name) == restriction:
                yield f"{row.object}#{relation}@{row.subject}"
