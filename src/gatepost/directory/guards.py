"""The rules that keep a platform from being left without anybody who can run it, or a resource without an owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, select

from gatepost.errors import Conflict
from gatepost.store import tables
from gatepost.store.relations import MAIN, held_by
from gatepost.store.store import Change

EVERYTHING = "platform:*.*"
MOST_NAMED = 100


def admins(connection: Connection) -> set[str]:
    """The enabled people who hold `*:*`, directly or through groups, as the open transaction sees it.

    Grants that end by themselves do not count: a platform must not lose its last admin to the clock.
    """
    t, u = tables.tuples, tables.users
    roles = select(t.c.object).where(t.c.store == MAIN, t.c.relation == "permission", t.c.subject == EVERYTHING)
    todo = [(role, "assignee") for role in connection.execute(roles).scalars()]
    seen, people = set(todo), set[str]()
    while todo:
        object_, relation = todo.pop()
        for row in held_by(connection, object_, (relation,)):
            if row.expires_at is not None:
                continue
            name, _, userset = row.subject.partition("#")
            if userset and (name, userset) not in seen:
                seen.add((name, userset))
                todo.append((name, userset))
            elif name.startswith("user:"):
                people.add(name.removeprefix("user:"))
    enabled = select(u.c.username).where(u.c.disabled_at.is_(None))
    if "*" in people:
        return set(connection.execute(enabled).scalars())
    names = sorted(people)
    found: set[str] = set()
    for start in range(0, len(names), 500):
        chunk = enabled.where(u.c.username.in_(names[start : start + 500]))
        found.update(connection.execute(chunk).scalars())
    return found


@contextmanager
def an_admin_stays(tx: Change) -> Iterator[None]:
    """Raise `Conflict` if what is done inside takes the last admin.

    Disabling people always passes, so there may be none already.  Then taking rights away must still be possible.
    """
    if tx.is_guarded:
        yield
        return
    before = admins(tx.connection)
    yield
    if before and not admins(tx.connection):
        raise Conflict("this would leave the platform without an admin: make somebody else admin first")


def owned_alone(connection: Connection, subject: str) -> list[str]:
    """The resources that have `subject` as their only owner, or as the only one whose ownership does not end by itself."""
    t = tables.tuples
    mine = select(t.c.object).where(t.c.store == MAIN, t.c.subject == subject, t.c.relation == "owner")
    others = select(t.c.object).where(
        t.c.store == MAIN,
        t.c.relation == "owner",
        t.c.subject != subject,
        t.c.expires_at.is_(None),
        t.c.condition.is_(None),
        t.c.object.in_(mine),
    )
    return sorted(set(connection.execute(mine).scalars()) - set(connection.execute(others).scalars()))


def require_an_owner_left(tx: Change, resource: str) -> None:
    """Raise `Conflict` if the change, as far as it is made, leaves `resource` without an owner who stays."""
    stays = (row.expires_at is None and row.condition is None for row in held_by(tx.connection, resource, ("owner",)))
    if not any(stays):
        raise Conflict(f"this would leave {resource} without an owner: make somebody else owner first")


def counted(resources: Sequence[str]) -> str:
    return f"{len(resources)} resource{'' if len(resources) == 1 else 's'}"
