"""Reading the audit trail, filtered, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.directory.given import moment, require_texts
from gatepost.directory.pages import MOST, Page, Wanted, read_page
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import tables

t = tables.audit
MOMENTS = ("since", "until")
MOST_NAME = 100  # of a filter that nobody knows, when it is named in an error
ONES_OWN = frozenset({"groups.synchronised", "roles.synchronised"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to look for; empty means anything.  `event` may end in `*`."""

    event: str = ""
    outcome: str = ""
    subject: str = ""
    target: str = ""
    issuer: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidField` for an outcome that there is not: finding nothing would read as if nothing had happened."""
        if self.outcome and self.outcome not in tuple(Outcome):
            raise InvalidField({"outcome": f"allowed are {', '.join(Outcome)}"})


def read_filter(given: Mapping[str, str]) -> Filter:
    """Read a filter by the names of its members.  Raises `InvalidField` for one that is not there, or no moment."""
    if not isinstance(given, Mapping):
        raise InvalidField({"filters": "this has to be a mapping"})
    unknown = sorted(str(name)[:MOST_NAME] for name in set(given) - set(Filter.__dataclass_fields__))
    if unknown:
        raise InvalidField(dict.fromkeys(unknown, f"there is no such filter: {', '.join(Filter.__dataclass_fields__)}"))
    texts = {name: value for name, value in given.items() if name not in MOMENTS}
    require_texts(**texts)
    read: dict[str, Any] = {**texts, **{name: _moment(given.get(name), name) for name in MOMENTS}}
    return Filter(**read)


def _moment(value: object, name: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidField({name: "this has to be a time with a zone"}) from error
    return moment(at, name)


def _query(wanted: Filter) -> Select[Any]:
    query = select(t)
    if wanted.event.endswith("*"):
        start = wanted.event[:-1].replace("!", "!!").replace("%", "!%").replace("_", "!_")
        query = query.where(t.c.event.like(f"{start}%", escape="!"))
    elif wanted.event:
        query = query.where(t.c.event == wanted.event)
    for column, value in (
        (t.c.outcome, wanted.outcome),
        (t.c.subject, wanted.subject),
        (t.c.target, wanted.target),
        (t.c.issuer, wanted.issuer),
    ):
        if value:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(t.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(t.c.at < wanted.until)
    return query


def _record(row: Row[Any]) -> AuditRecord:
    values = {name: getattr(row, name) for name in AuditRecord.__dataclass_fields__}
    return AuditRecord(**{**values, "outcome": Outcome(row.outcome)})


def read_audit(gate: Gatepost, caller: Principal, page: Wanted, wanted: Filter) -> Page[AuditRecord]:
    """One page, newest first.  It takes `audit:view`.

    What became of one's own groups and roles at a sign-in elsewhere, and why, anybody may read: by that event, of oneself.
    """
    if wanted.event in ONES_OWN and wanted.target == str(caller.subject):
        gate.require_signed_in(caller, "audit:view")
    else:
        gate.require(caller, "audit:view", seen_by="")
    gate.journal.try_to_flush(whole=True)
    with gate.database.read() as connection:
        return read_page(connection, _query(wanted), [t.c.id], page, _record, descending=True)


def export_audit(gate: Gatepost, caller: Principal, wanted: Filter) -> Iterator[AuditRecord]:
    """Everything that matches, newest first, page by page: a long trail is never in memory at once.

    It goes out as slowly as it is read, and ends where its reader is let in no more.
    """
    page = Wanted(limit=MOST)
    while True:
        gate.still_holds(caller)
        found = read_audit(gate, caller, page, wanted)
        yield from found.items
        if not found.next_cursor:
            return
        page = Wanted(limit=MOST, cursor=found.next_cursor)
