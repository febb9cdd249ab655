"""What was revoked since a revision: for applications that verify access tokens themselves.

It is the changelog's own cursor.  Whoever comes without one, with one of another epoch, or with one that the log was
pruned past, is told everything that could still matter, and begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import changelog, tables
from gatepost.store.revision import Revision

t = tables.changelog
KINDS = ("session", "token", "user", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """What ended, up to `revision`.  `whole`: what was known before says nothing any more."""

    revision: str
    whole: bool
    ended: tuple[str, ...] = ()  # ids of sessions and tokens: the `sid` of an access token
    disabled: tuple[str, ...] = ()  # `user:alice`
    enabled: tuple[str, ...] = ()
    keys_changed: bool = False

    @property
    def is_news(self) -> bool:
        return self.whole or self.keys_changed or bool(self.ended or self.disabled or self.enabled)


def revocations(gate: Gatepost, caller: Principal, after: str = "") -> Revocations:
    """Return what was revoked after the revision `after`.  It takes `decision:ask`, as asking about others does.

    Raises `InvalidField` for what is no revision.
    """
    gate.require(caller, "decision:ask", seen_by="")
    gate.still_holds(caller)
    seen = _parse(after)
    _ = gate.memory.graph  # raises where memory is too old to answer from
    if seen is None:
        return _everything(gate)
    if seen == gate.memory.revision:
        return Revocations(revision=after, whole=False)
    with gate.database.snapshot() as connection:
        head = changelog.read_head(connection)
        followed = head.epoch == seen.epoch and head.pruned_to <= seen.number <= head.number
        return _since(connection, seen.number, head.revision) if followed else _everything(gate)


def _parse(after: str) -> Revision | None:
    try:
        return Revision.parse(after) if after else None
    except ValueError as error:
        raise InvalidField({"after": str(error)}) from error


def _everything(gate: Gatepost) -> Revocations:
    revision = str(gate.memory.revision)  # first: what arrives in between is then told twice, and not never
    ended, disabled = tuple(gate.memory.ended.copy()), tuple(gate.memory.disabled.copy())
    return Revocations(revision=revision, whole=True, ended=ended, disabled=disabled, keys_changed=True)


def _since(connection: Connection, number: int, upto: Revision) -> Revocations:
    query = (
        select(t.c.kind, t.c.key, t.c.payload)
        .where(t.c.number > number, t.c.number <= upto.number, t.c.kind.in_(KINDS))
        .order_by(t.c.number, t.c.position)
    )
    ended: list[str] = []
    standing: dict[str, bool] = {}
    keys_changed = False
    for kind, key, payload in connection.execute(query):
        if kind == "user":
            standing[f"user:{key}"] = bool(payload.get("disabled"))
        elif kind == "key":
            keys_changed = True
        else:
            ended.append(key)
    return Revocations(
        revision=str(upto),
        whole=False,
        ended=tuple(ended),
        disabled=tuple(name for name, is_disabled in standing.items() if is_disabled),
        enabled=tuple(name for name, is_disabled in standing.items() if not is_disabled),
        keys_changed=keys_changed,
    )
