"""Bulk loading: the same as adding tuple by tuple, with everything that repeats looked up once."""

from __future__ import annotations

from collections.abc import Iterable

from gatepost.access.edges import Edges
from gatepost.access.tuples import StoredCondition, TupleCondition
from gatepost.principal import ANYONE

Row = tuple[str, str, str, float | None, StoredCondition]
"""Object, relation, subject, expiry in unix seconds, and the condition."""


def load_rows(edges: Edges, rows: Iterable[Row]) -> None:
    """Put `rows` into fresh `edges`.  One long function on purpose: a call per tuple would double the time.

    Raises `ValueError` for a row that is not a tuple.
    """
    compiled = edges.compiled
    bits, mask, writable, allowed, relations = (
        compiled.bits,
        compiled.mask,
        compiled.writable,
        compiled.allowed,
        compiled.relations,
    )
    ids, intern = edges.ids, edges.intern
    cells, first, places = edges.forward.cells, edges.forward.first, compiled.cells
    numbers = compiled.kinds
    feeds = compiled.feeds
    plain = frozenset(shape for shape, condition in allowed if not condition)
    count = 0
    for object_, relation, subject, expires, guard in rows:
        kind, _, name = object_.partition(":")
        target = writable.get(kind)
        relation_key = target.get(relation) if target is not None else None
        if relation_key is None:
            continue
        subject_kind, colon, subject_name = subject.partition(":")
        suffix = 0
        if "#" in subject_name:
            subject_name, _, suffix_name = subject_name.partition("#")
            suffix = relations.get(suffix_name, -1)
        subject_number = numbers.get(subject_kind, -1)
        if suffix < 0 or subject_number < 0:
            continue
        if name == ANYONE:
            continue
        if not name or not colon or not subject_name:
            raise ValueError(f"{object_}#{relation}@{subject} is not a relation tuple")
        sort = subject_number + (subject_name == ANYONE)
        shape = relation_key << 32 | sort << bits | suffix
        condition = None if guard is None else TupleCondition.read(guard)
        if (shape not in plain) if condition is None else ((shape, condition.name) not in allowed):
            continue
        known = ids[kind]
        number = known.get(name)
        if number is None:
            number = intern(kind, name)
        known = ids[subject_kind]
        subject_id = known.get(subject_name)
        if subject_id is None:
            subject_id = intern(subject_kind, subject_name)
        key = number << bits | relation_key & mask
        value = subject_id << bits | suffix
        if expires is not None or condition is not None:
            edges.add(key, value, expires, condition)
            continue
        place = first[number] + places[relation_key >> bits + 1][relation_key & mask]
        held = cells[place]
        if held is None:
            cells[place] = value
        elif held.__class__ is int:
            if held == value:
                continue
            cells[place] = {held, value}
        elif value in held:  # type: ignore[operator]  # a set, then
            continue
        else:
            held.add(value)  # type: ignore[union-attr]
        count += 1
        behind = edges.above if relation_key in feeds else edges.behind
        back = behind.get(value)
        if back is None:
            behind[value] = key
        elif back.__class__ is int:
            behind[value] = {back, key}
        else:
            back.add(key)  # type: ignore[union-attr]
    edges.count += count
