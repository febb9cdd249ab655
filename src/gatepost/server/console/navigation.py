"""The way around: only what one may do."""

from __future__ import annotations

from dataclasses import dataclass

from gatepost.gate import Gatepost
from gatepost.principal import Principal


@dataclass(frozen=True, slots=True)
class Place:
    """One entry.  `current` marks the page that is open, or one below it."""

    path: str
    label: str
    icon: str
    current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """Entries that belong together."""

    label: str
    places: tuple[Place, ...]


PROGRAMS = (
    ("/graphql", "GraphQL playground", "chevron-right"),
    ("/reference", "REST reference", "external-link"),
)
OWN = (
    ("/tokens", "My API tokens", "key-round"),
    ("/sessions", "My sessions", "monitor"),
    ("/account", "My account", "user"),
)
RUNNING = (
    ("/users", "Users", "users", "user:view"),
    ("/groups", "Groups", "list-tree", "group:view"),
    ("/roles", "Roles", "shield", "role:view"),
    ("/services", "Services", "bot", "service:view"),
    ("/model", "Model", "book-open", "store:read"),
    ("/providers", "Sign-in", "log-in", "provider:view"),
    ("/conflicts", "Refused sign-ins", "shield-off", "conflict:view"),
    ("/audit", "Audit log", "history", "audit:view"),
)


def navigation(gate: Gatepost, caller: Principal, path: str) -> tuple[Section, ...]:
    """The sections of the navigation for this caller."""

    def place(address: str, label: str, icon: str) -> Place:
        here = path == address or (address != "/" and path.startswith(f"{address}/"))
        if address == "/collections":
            here = here or path.startswith("/resources")
        return Place(address, label, icon, here)

    data = Section("Data", (place("/", "Home", "house"), place("/collections", "Collections", "folder")))
    if caller.is_anonymous:
        return (data,)
    own = Section("You", tuple(place(*entry) for entry in OWN))
    programs = Section("For programs", tuple(place(*entry) for entry in PROGRAMS))
    running = [place(*entry[:3]) for entry in RUNNING if gate.may(caller, entry[3])]
    return (data, own, *([Section("Administration", tuple(running))] if running else ()), programs)
