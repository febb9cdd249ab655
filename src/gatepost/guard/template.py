"""`dataset:{id}`: which resource a request is about, filled in from the parameters of its path.

Whoever sends the request chooses the parameters.  The type is written by the application and no value can change it; a
value that an id cannot have names nothing, and what is not there is `NotFound`.
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from gatepost.errors import ConfigurationError, NotFound
from gatepost.principal import Entity

NOT_IN_IDS = frozenset(":#*@")
MOST_CHARACTERS = 1_000


class Template:
    """One resource, with parameters of the path in its id.  Raises `ConfigurationError` for what is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        kind, colon, identifier = text.partition(":")
        if not colon or not kind or not identifier or "{" in kind or "}" in kind:
            raise self._wrong("it is written type:id, and the type has no parameter")
        self.kind = kind
        try:
            parts = list(string.Formatter().parse(identifier))
        except ValueError as error:
            raise self._wrong(str(error)) from error
        if any(spec or conversion for _, _, spec, conversion in parts):
            raise self._wrong("a parameter is its name alone: {id}")
        self._parts = [(literal, name) for literal, name, _, _ in parts]
        self.names = tuple(name for _, name in self._parts if name is not None)
        if any(not name.isidentifier() for name in self.names):
            raise self._wrong("a parameter is its name alone: {id}")
        self._between = self._separators()
        if not self.names:
            self.fill({})  # what has no parameter is right or wrong from the start

    def _separators(self) -> frozenset[str]:
        """Texts between two parameters.  A value must not have one, or two requests could mean one resource."""
        between = [literal for literal, name in self._parts[1:] if name is not None]
        if not all(between):
            raise self._wrong("something has to stand between two parameters")
        return frozenset(between)

    def fill(self, parameters: Mapping[str, object]) -> Entity:
        """Return the resource.  Raises `NotFound` for a value that no id has, `ConfigurationError` for a missing one."""
        identifier = "".join(literal + (self._value(name, parameters) if name else "") for literal, name in self._parts)
        try:
            return Entity.parse(f"{self.kind}:{identifier}")
        except ValueError as error:
            raise self._wrong(str(error)) from error

    def _value(self, name: str, parameters: Mapping[str, object]) -> str:
        if name not in parameters:
            raise self._wrong(f"the path has no parameter {name}")
        value = str(parameters[name])
        if not _is_plain(value) or any(separator in value for separator in self._between):
            raise NotFound(f"there is no such {self.kind}")
        return value

    def _wrong(self, why: str) -> ConfigurationError:
        return ConfigurationError([f"the resource {self.text!r}: {why}"])

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def _is_plain(value: str) -> bool:
    printable = value.isprintable() and not any(c.isspace() for c in value)
    return bool(value) and len(value) <= MOST_CHARACTERS and printable and not NOT_IN_IDS.intersection(value)
