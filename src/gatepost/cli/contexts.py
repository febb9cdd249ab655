"""Servers by name, kept in a 0600 file beside the sign-ins.

The file holds addresses.  A credential that came with one (`user:secret@host:port`, from standard input) goes into the
keyring; the file has it only where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatepost.cli.kept import Kept, from_keyring, into_keyring, load, out_of_keyring, save
from gatepost.client.credentials import Basic, Password, told_apart
from gatepost.client.errors import Misconfigured
from gatepost.client.server import Server

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SECRET = ("username", "secret")


@dataclass(frozen=True, slots=True)
class Context:
    """One server by its name, perhaps with a resource that is meant when none is named."""

    name: str
    url: str
    resource: str | None = None
    username: str = ""


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts that are kept in `folder`."""

    folder: Path

    @property
    def current(self) -> str | None:
        """Return the name of the context in use, if there is one."""
        kept = load(self._file)
        name = kept.get("current")
        return name if isinstance(name, str) and name in _entries(kept) else None

    def all(self) -> list[Context]:
        return [_context(name, entry) for name, entry in sorted(_entries(load(self._file)).items())]

    def get(self, name: str) -> Context:
        """Return a context.  Raises `Misconfigured` for a name that there is none of."""
        entries = _entries(load(self._file))
        if name not in entries:
            known = ", ".join(sorted(entries)) or "none yet"
            raise Misconfigured(f"there is no context of that name; known: {known}")
        return _context(name, entries[name])

    def server(self, name: str, *, external: bool) -> Server:
        """Return where a context leads, with the credential that it came with."""
        found = self.get(name)
        server = Server(found.url, resource=found.resource)
        entry = _entries(load(self._file))[name]
        secrets = from_keyring(_ring(found)) if entry.get("keyring") else entry
        username, secret = (secrets.get(each) for each in _SECRET)
        if not isinstance(username, str) or not isinstance(secret, str):
            return server
        # Told apart by its shape as any spec is, and in external mode never exchanged.
        return replace(server, credential=Basic(username, secret) if external else told_apart(username, secret))

    def add(self, name: str, server: Server) -> None:
        """Keep a context; the first one is in use at once.  Raises `Misconfigured` for a name that is taken."""
        if not _NAME.match(name):
            raise Misconfigured("a context's name has 1 to 64 letters, digits, dots, dashes and underscores")
        kept = load(self._file)
        entries = _entries(kept)
        if name in entries:
            raise Misconfigured(f"there is a context {name} already: remove it first")
        entry: dict[str, object] = {"url": server.url, "resource": server.resource}
        if secrets := _secrets(server):
            entry["username"] = secrets["username"]
            entry |= {"keyring": True} if into_keyring(_ring(Context(name, server.url)), secrets) else secrets
        save(self._file, {"current": kept.get("current") or name, "contexts": {**entries, name: entry}})

    def use(self, name: str) -> Context:
        """Have commands speak with this server when none is named."""
        found = self.get(name)
        save(self._file, {**load(self._file), "current": name})
        return found

    def remove(self, name: str) -> None:
        """Forget a context, with its credential and its sign-in."""
        found = self.get(name)
        out_of_keyring(_ring(found))
        Kept(self.folder, found.url, name).forget()
        kept = load(self._file)
        left = {each: entry for each, entry in _entries(kept).items() if each != name}
        save(self._file, {"current": None if kept.get("current") == name else kept.get("current"), "contexts": left})

    @property
    def _file(self) -> Path:
        return self.folder / "contexts.json"


def _entries(kept: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    entries = kept.get("contexts")
    if not isinstance(entries, dict):
        return {}
    return {
        name: entry for name, entry in entries.items() if isinstance(entry, dict) and isinstance(entry.get("url"), str)
    }


def _context(name: str, entry: Mapping[str, Any]) -> Context:
    resource, username = entry.get("resource"), entry.get("username")
    return Context(
        name,
        entry["url"],
        resource if isinstance(resource, str) else None,
        username if isinstance(username, str) else "",
    )


def _secrets(server: Server) -> dict[str, str]:
    credential = server.credential
    if isinstance(credential, Password):
        return {"username": credential.username, "secret": credential.password}
    if isinstance(credential, Basic):
        return {"username": credential.username, "secret": credential.secret}
    return {}


def _ring(context: Context) -> str:
    """What the keyring knows it by: with the address, so that a secret goes to no other server."""
    return f"context {context.name}@{context.url}"
