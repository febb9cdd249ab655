"""A provider's groups become memberships here, with that provider as their origin (traps 7 and 8).

What people, another provider or SCIM have given is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from gatepost.audit.record import AuditRecord
from gatepost.directory.groups import add_group
from gatepost.principal import Method
from gatepost.sso.callback import SignedIn
from gatepost.sso.claims import map_groups
from gatepost.store import tables
from gatepost.store.relations import holding, relate, unrelate
from gatepost.store.store import Change

if TYPE_CHECKING:
    from gatepost.sso.claims import MappedSettings

MOST_TOLD = 50  # names of each kind in a record: a provider may send any number


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What became of a provider's groups, or of its roles.

    `kept` are memberships that it did not speak of and that stayed all the same; `left_out` its names that mean nothing
    here; `why` has a sentence for each name that was added, removed or kept.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    beyond_limit: int = 0
    why: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_notable(self) -> bool:
        """Whether somebody will want to know, be it that nothing was changed."""
        return bool(self.added or self.removed or self.kept or self.left_out or self.beyond_limit or self.notes)

    def told(self) -> dict[str, object]:
        """The detail of a record."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "kept": list(self.kept[:MOST_TOLD]),
            "left_out": list(self.left_out[:MOST_TOLD]),
            "beyond_limit": self.beyond_limit,
            "why": dict(list(self.why.items())[:MOST_TOLD]),
            "notes": list(self.notes),
        }


def synchronise(tx: Change, settings: MappedSettings, person: SignedIn, username: str) -> Synced:
    """Bring this provider's memberships in line with what it says, and record it.  Others' are never touched.

    A claim that is absent says nothing, so nothing changes; only a list, be it empty, takes memberships away.
    """
    if settings.groups_claim is None or settings.group_sync == "off":
        return Synced()
    origin, subject = f"sso:{person.provider}", f"user:{username}"
    held = {
        row.object.removeprefix("group:") for row in holding(tx.connection, subject, "member") if row.origin == origin
    }
    done = _unsaid(person, held) if person.groups is None else _followed(tx, settings, person, held)
    for name in done.added:
        relate(tx, f"group:{name}", "member", subject, author=origin, origin=origin)
    for name in done.removed:
        unrelate(tx, f"group:{name}", "member", subject, origin=origin)
    if done.is_notable:
        detail = {"provider": person.provider, "mode": settings.group_sync, **done.told()}
        tx.record(replace(record_of(tx, person, "groups.synchronised", username), detail=detail))
    return done


def _unsaid(person: SignedIn, held: set[str]) -> Synced:
    """The provider did not say: which groups there are is not known, and that is not the same as none."""
    notes = person.notes or (f"{person.provider} did not say which groups there are: the known ones stay",)
    return Synced(
        kept=tuple(sorted(held)),
        why=dict.fromkeys(sorted(held), f"{person.provider} did not say"),
        notes=notes,
    )


def _followed(tx: Change, settings: MappedSettings, person: SignedIn, held: set[str]) -> Synced:
    said = map_groups(person.groups or (), settings)
    wanted, unknown = _known_or_made(tx, settings, said.names, f"sso:{person.provider}")
    gone = sorted(held - wanted)
    mirrors = settings.group_sync == "mirror"
    called = {ours: theirs for theirs, ours in settings.group_map.items() if theirs in (person.groups or ())}
    why = {name: f"{person.provider} lists {called.get(name, name)}" for name in sorted(wanted - held)}
    why |= {name: f"{person.provider} does not list it any more" for name in gone if mirrors}
    why |= {name: f"{person.provider} does not list it, and group_sync is add" for name in gone if not mirrors}
    return Synced(
        added=tuple(sorted(wanted - held)),
        removed=tuple(gone) if mirrors else (),
        kept=() if mirrors else tuple(gone),
        left_out=tuple(sorted({*said.unusable, *unknown})),
        beyond_limit=said.beyond_limit,
        why=why,
        notes=person.notes,
    )


def _known_or_made(
    tx: Change, settings: MappedSettings, names: Iterable[str], origin: str
) -> tuple[set[str], set[str]]:
    """The names that are groups here, or are made so now, and those that are none."""
    g = tables.groups
    wanted: set[str] = set()
    unknown: set[str] = set()
    for name in names:
        if tx.connection.execute(select(g.c.name).where(g.c.name == name)).one_or_none() is not None:
            wanted.add(name)
        elif settings.auto_create_groups:
            add_group(tx, name, "", author=origin, origin=origin)
            wanted.add(name)
        else:
            unknown.add(name)
    return wanted, unknown


def record_of(tx: Change, person: SignedIn, event: str, username: str, *, reason: str = "") -> AuditRecord:
    """One line of the audit trail about somebody for whom a provider vouches."""
    return AuditRecord(
        event=event,
        target=f"user:{username}",
        subject=f"user:{username}",
        method=Method.ID_TOKEN,
        at=tx.at,
        reason=reason,
        detail={"provider": person.provider, "issuer": person.issuer},
    )
