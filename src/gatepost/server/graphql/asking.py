"""What every resolver is given: who asks, and how an operation is called without holding up anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from gatepost.directory import given
from gatepost.directory.abilities import abilities_on_noun
from gatepost.directory.batches import access_of, assignees_of, members_of, roles_of_services
from gatepost.directory.groups import Member
from gatepost.directory.sharing import Grant
from gatepost.errors import GatepostError
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.server.pools import Pools

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")

AT_ONCE = 2
"""So many of one request's questions are on the database's pool together: one request does not fill it."""


@dataclass(slots=True)
class Asking:
    """One request.  Its loaders ask for many at once, and know nothing of any other request."""

    gate: Gatepost
    caller: Principal
    pools: Pools
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    access: Batch[Entity, list[Grant]] = field(init=False)
    members: Batch[str, list[Member]] = field(init=False)
    assignees: Batch[str, list[Member]] = field(init=False)
    roles: Batch[str, str | None] = field(init=False)
    on_nouns: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.access = Batch(self, access_of)
        self.members = Batch(self, members_of)
        self.assignees = Batch(self, assignees_of)
        self.roles = Batch(self, roles_of_services)

    def held_on(self, noun: str) -> frozenset[str]:
        """What the caller may do to each `group`, `role` or `service`: looked up once, however many are shown."""
        if noun not in self.on_nouns:
            self.on_nouns[noun] = abilities_on_noun(self.gate, self.caller, noun)
        return self.on_nouns[noun]

    async def ask(
        self, operation: Callable[Concatenate[Gatepost, Principal, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run an operation on the database's pool."""
        async with self.turn:
            return await self.pools.database(operation, self.gate, self.caller, *args, **kwargs)


class Batch(DataLoader[K, T]):
    """What is asked for in one round of resolving becomes one call of an operation."""

    def __init__(
        self, asking: Asking, operation: Callable[[Gatepost, Principal, Sequence[K]], Mapping[K, T | GatepostError]]
    ) -> None:
        async def load(keys: list[K]) -> list[T | BaseException]:
            found = await asking.ask(operation, keys)
            return [found[key] for key in keys]

        super().__init__(load)


Info: TypeAlias = strawberry.Info[Asking, None]


def moment(at: datetime | None, name: str = "expiresAt") -> datetime | None:
    """A moment in UTC.  Raises `InvalidField` for one without a time zone."""
    return given.moment(at, name)
