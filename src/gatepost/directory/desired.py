"""Desired state, as files say it: what there shall be, and the steps that lead there.

What is None is not spoken of, and stays as it is.  Passwords and other secrets have no place here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Verb = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Holder:
    """A member of a group or an assignee of a role, perhaps until a moment."""

    subject: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredGroup:
    """A group.  `members` are all that files give it."""

    name: str
    description: str | None = None
    members: tuple[Holder, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredRole:
    """A role.  `permissions` are all that it then holds, `assignees` all that files give it to."""

    name: str
    description: str | None = None
    permissions: tuple[str, ...] | None = None
    assignees: tuple[Holder, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredUser:
    """A person, without a password: theirs to set, or a provider's to vouch."""

    username: str
    display_name: str | None = None
    email: str | None = None
    external: str | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredService:
    """A machine.  Its role is that of which it is an assignee."""

    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredResource:
    """A resource, `type:id`.  `parent` is empty for none; without `owner` it belongs to whoever has it made."""

    resource: str
    display_name: str | None = None
    parent: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredGrant:
    """One share of a resource."""

    resource: str
    relation: str
    subject: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What files say together.  `model` is written in OpenFGA's language."""

    users: tuple[DesiredUser, ...] | None = None
    services: tuple[DesiredService, ...] | None = None
    groups: tuple[DesiredGroup, ...] | None = None
    roles: tuple[DesiredRole, ...] | None = None
    resources: tuple[DesiredResource, ...] | None = None
    grants: tuple[DesiredGrant, ...] | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One change: to `target` (`group:x`, or a tuple `group:x#member@user:bob`), from `before` to `after`."""

    verb: Verb
    target: str
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps from what was there at `revision`.  `digest` names them with what they start from."""

    revision: str
    steps: tuple[Step, ...]

    @property
    def digest(self) -> str:
        return digest_of(self.steps)


def digest_of(steps: Iterable[Step]) -> str:
    """The same for the same steps from the same state; another as soon as anything that they touch is another."""
    told = [[step.verb, step.target, dict(step.before), dict(step.after)] for step in steps]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
