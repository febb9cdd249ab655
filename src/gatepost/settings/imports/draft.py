"""The configuration that is being written: its tables, the comments in them, and what is still to be said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from gatepost.errors import ConfigurationError
from gatepost.settings.formats import is_utf8
from gatepost.settings.imports.imported import Imported
from gatepost.settings.imports.toml import comment, one_line, shown, written
from gatepost.settings.imports.tree import Leaf, refusal
from gatepost.settings.issuers import DelegatedIssuer, ProviderSettings
from gatepost.settings.kinds import Kind
from gatepost.settings.place import Place, Refused
from gatepost.settings.root import Settings

EXAMPLE = "https://gatepost.example"  # stands for the public_url, which no other product knows
UNRESOLVED = re.compile(r"\$\{[A-Za-z_]")


class Table:
    """One section or one table of a list, in the order in which its keys are set."""

    def __init__(self, header: str, type_: type, origin: str = "") -> None:
        self.header = header
        self.origin = origin  # the path of the keys it is made of, which their labels need not repeat
        self.kinds: dict[str, Kind] = {f.name: f.metadata["kind"] for f in fields(type_) if "kind" in f.metadata}
        self.values: dict[str, Any] = {}
        self.before: list[str] = []
        self.lines: list[str] = []
        self.notes: list[str] = []

    def set(self, name: str, value: object, leaf: Leaf | None = None, why: str = "") -> None:
        """Write a key.  Raises `ConfigurationError` that names the key it comes from, if the value does not fit it."""
        self.fits(name, value, leaf)
        self.values[name] = value
        if leaf is not None and isinstance(value, str) and UNRESOLVED.search(value):
            self.note(f"{self.short(leaf)} refers to a variable: write its value in place of it")
        self._line(name, written(value), leaf, why)

    def secret(self, name: str, variable: str, leaf: Leaf) -> None:
        """Write a key whose value stays out of the file: it is read from an environment variable."""
        self.values[name] = {"env": variable}
        self._line(name, written({"env": variable}), leaf, "")

    def note(self, sentence: str) -> None:
        """Say something that asks for attention."""
        self.notes.append(one_line(sentence))

    def short(self, leaf: Leaf) -> str:
        return shown(leaf.label.removeprefix(f"{self.origin}.") if self.origin else leaf.label)

    def _line(self, name: str, value: str, leaf: Leaf | None, why: str) -> None:
        if why:
            self.lines.extend(comment(why))
        self.lines.append(f"{name} = {value}" + (f"  # {self.short(leaf)}" if leaf is not None else ""))

    def fits(self, name: str, value: object, leaf: Leaf | None) -> None:
        """Return if a key can have this value.  Raises `ConfigurationError` that does not repeat it."""
        sentence = why_not(self.kinds[name], name, value)
        if sentence:
            said = f"cannot become {name}: {sentence}"
            raise leaf.refuse(said) if leaf is not None else refusal(said)

    def render(self) -> Iterator[str]:
        yield ""
        if self.origin:
            yield from comment(f"From {shown(self.origin)}.")
        yield from self.before
        for note in self.notes:
            yield from comment(f"- {note}", indent=" ")
        yield self.header
        yield from self.lines


class Draft:
    """All tables, in the order of the file."""

    def __init__(self, product: str) -> None:
        self.product = product
        self.sections: dict[str, Table] = {}
        self.providers: list[Table] = []
        self.issuers: list[Table] = []
        self.notes: list[str] = []
        self.secrets: dict[str, str] = {}
        self.left_out: list[str] = []
        self.names: set[str] = set()
        self.section("main").lines.append(f'# public_url = "{EXAMPLE}"  # to be set: providers send people back to it')

    def section(self, name: str) -> Table:
        if name not in self.sections:
            self.sections[name] = Table(f"[{name}]", type(getattr(Settings(), name)))
        return self.sections[name]

    def provider(self, name: str, origin: str) -> Table:
        table = Table("[[sso.providers]]", ProviderSettings, origin)
        self.providers.append(table)
        return self._named(table, name)

    def issuer(self, name: str, origin: str) -> Table:
        table = Table("[[delegated.issuers]]", DelegatedIssuer, origin)
        self.issuers.append(table)
        return self._named(table, name)

    def note(self, sentence: str) -> None:
        self.notes.append(one_line(sentence))

    def secret(self, table: Table, leaf: Leaf) -> None:
        """Write the client's secret as the variable that holds it."""
        base = "SSO_" + re.sub(r"[^A-Z0-9]+", "_", str(table.values["name"]).upper()) + "_CLIENT_SECRET"
        variable = unlike(base, self.secrets, "_")
        self.secrets[variable] = shown(leaf.label)
        table.secret("client_secret", variable, leaf)

    def _named(self, table: Table, wanted: str) -> Table:
        name = unlike(url_name(wanted), self.names, "-")
        self.names.add(name)
        table.set("name", name)
        return table

    def tables(self) -> list[Table]:
        return [*self.sections.values(), *self.providers, *self.issuers]

    def imported(self) -> Imported:
        """Write it all."""
        notes = (*self.notes, *(note for table in self.tables() for note in table.notes))
        lines = [*self._head(), *(line for table in self.tables() for line in table.render())]
        return Imported("\n".join(lines) + "\n", notes, tuple(self.secrets))

    def _head(self) -> Iterator[str]:
        yield from comment(
            f"The sign-in of {self.product}, as a configuration of Gatepost.  Read the comments, set what they ask for, "
            "and look at it with: gatepost config check FILE"
        )
        if self.secrets:
            yield "#"
            yield from comment("Set these environment variables; what they held before is not repeated here:")
            for variable, label in self.secrets.items():
                yield from comment(f"{variable}, which was {label}", indent="  ")
        if self.notes:
            yield "#"
            for note in self.notes:
                yield from comment(f"- {note}", indent=" ")
        if self.left_out:
            yield "#"
            yield from comment(
                "Left out, for it is not about signing in or has no equivalent: " + listed(self.left_out)
            )


def why_not(kind: Kind, name: str, value: object) -> str:
    """Return why a key of this kind cannot have a value, or an empty text if it can."""
    if kind.optional and value == "":
        return ""
    try:
        kind.read(value, Place(source="", key=name, environ={}, folder=Path(), problems=[]))
    except Refused as refused:
        return str(refused) or f"must be {kind.allowed}"
    return "" if is_utf8(written(value)) else "holds a character that no file can"


def listed(labels: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(labels))


def url_name(text: str) -> str:
    """Make a name for URLs of what somebody called a provider."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:56].strip("-._") or "provider"


def unlike(name: str, taken: Iterable[str], joint: str) -> str:
    """Return the name, with a number behind it if it is taken."""
    known = set(taken)
    number, unique = 1, name
    while unique in known:
        number += 1
        unique = f"{name}{joint}{number}"
    return unique


def refused(error: ConfigurationError, file: str) -> ConfigurationError:
    """Put the file's name before each sentence."""
    return ConfigurationError([f"{shown(file)}: {problem}" for problem in error.problems])
