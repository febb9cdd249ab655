"""Who a subject is, for people: a name to read, a kind, and the page about it.  Oneself is always "You"."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from gatepost.directory.profiles import read_profile
from gatepost.directory.resources import names_of
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Principal
from gatepost.server.console.origins import origin_text

WILDCARDS = {
    "user:*": ("Everyone signed in", "every account here"),
    "service:*": ("Every service", "every machine with a service token"),
    "anonymous:*": ("Anybody, without signing in", "whoever sends no credential"),
}
ICONS = {
    "user": "user",
    "service": "bot",
    "group": "users",
    "role": "shield",
    "anonymous": "globe",
    "platform": "server",
}
RESOURCE_ICONS = {"collection": "folder", "dataset": "database", "knowledge": "book-open"}
HUES = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """A subject as a page shows it.  `more` says what the name alone leaves open."""

    subject: str
    kind: str
    name: str
    more: str
    icon: str
    initials: str
    hue: int
    is_me: bool = False

    @property
    def said(self) -> str:
        """The name within a sentence."""
        return "you" if self.is_me else self.name


class Names:
    """Looks subjects and resources up for one page."""

    def __init__(self, gate: Gatepost, caller: Principal) -> None:
        self._gate = gate
        self._me = str(caller.subject)
        self._resources: dict[Entity, str] = {}

    def subject(self, text: str) -> Shown:
        """Read `user:bob`, `group:analysts#member`, a wildcard."""
        if text in WILDCARDS:
            name, more = WILDCARDS[text]
            return Shown(text, "wildcard", name, more, "globe", "", 0)
        entity, _, _relation = text.partition("#")
        kind, _, identifier = entity.partition(":")
        name, more = self._named(kind, identifier)
        mine = text == self._me
        icon = ICONS.get(kind, "user")
        return Shown(text, kind, "You" if mine else name, more, icon, _initials(name), _hue(entity), is_me=mine)

    def profile(self, caller: Principal) -> Shown:
        """The caller by name, where "You" would be odd."""
        me = str(caller.subject)
        name, more = self._named(caller.subject.type, caller.subject.id)
        return Shown(me, caller.subject.type, name, more, "user", _initials(name), _hue(me), is_me=True)

    def _named(self, kind: str, identifier: str) -> tuple[str, str]:
        if kind == "user":
            profile = read_profile(self._gate, identifier)
            if profile is None:
                return identifier, "no such account any more"
            state = ", disabled" if profile.disabled_at else ""
            return profile.display_name or identifier, f"{identifier}{state}"
        more = {"group": "every member of the group", "role": "whoever has the role", "service": "service"}.get(
            kind, ""
        )
        if kind == "platform":
            return "Gatepost", "the platform itself"
        return identifier, more

    def learn(self, resources: list[Entity]) -> None:
        """Read the display names of many resources at once."""
        missing = [resource for resource in resources if resource not in self._resources]
        found = names_of(self._gate, missing)
        self._resources.update({resource: found.get(resource, resource.id) for resource in missing})

    def resource(self, text: str) -> str:
        """The display name of `collection:sales`."""
        entity = Entity.parse(text)
        self.learn([entity])
        return self._resources[entity]

    def origin(self, origin: str) -> str:
        return origin_text(origin, self._gate.settings)


def resource_icon(kind: str) -> str:
    return RESOURCE_ICONS.get(kind, "database")


def _hue(text: str) -> int:
    return zlib.crc32(text.encode()) % HUES


def _initials(name: str) -> str:
    words = [word for word in name.replace("-", " ").replace(".", " ").split() if word[0].isalnum()]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [name[:1]]
    return "".join(letters).upper()
