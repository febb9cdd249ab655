"""Sign-ins that are kept between commands: in the operating system's keyring where one works, else in a 0600 file.

The file names the servers and the one signed in to last; with a keyring the secrets themselves are there.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatepost.client.credentials import Tokens
from gatepost.client.errors import Misconfigured

KEYRING_NAME = "gatepost"


def directory(environ: Mapping[str, str]) -> Path:
    """Return where the command line keeps its things (XDG Base Directory Specification)."""
    configured = environ.get("XDG_CONFIG_HOME", "")
    return (Path(configured) if configured else Path.home() / ".config") / "gatepost"


@dataclass(frozen=True, slots=True)
class Kept:
    """The sign-in at one server, as the SDK's `Keeper`: one process at a time renews it."""

    folder: Path
    url: str
    context: str = ""

    @property
    def key(self) -> str:
        """What the sign-in is kept under: several contexts may be different people at one server."""
        return f"{self.context}@{self.url}" if self.context else self.url

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that all commands of this person share."""
        self._make_folder()
        with _opened(self.folder / "lock") as handle:
            _lock(handle)
            yield

    def read(self) -> Tokens | None:
        entry = _servers(_load(self.folder)).get(self.key)
        if not isinstance(entry, dict):
            return None
        if entry.get("keyring"):
            entry = from_keyring(self.key)
        access, refresh = entry.get("access_token"), entry.get("refresh_token")
        return Tokens(access, refresh or "") if isinstance(access, str) else None

    def write(self, tokens: Tokens) -> None:
        """Keep the tokens.  The server signed in to last stays the one that it is."""
        self._keep(tokens, current=_load(self.folder).get("current"))

    def sign_in(self, tokens: Tokens) -> None:
        """Keep the tokens and make this the server that commands speak with when none is named.

        A context is used because it was chosen, not because somebody signed in to it.
        """
        with self.locked():
            self._keep(tokens, current=_load(self.folder).get("current") if self.context else self.url)

    def _keep(self, tokens: Tokens, current: object) -> None:
        secrets = {"access_token": tokens.access_token, "refresh_token": tokens.refresh_token}
        entry: dict[str, object] = {"keyring": True} if into_keyring(self.key, secrets) else dict(secrets)
        kept = _load(self.folder)
        self._save({"current": current, "servers": {**_servers(kept), self.key: entry}})

    def forget(self) -> None:
        """Drop the sign-in.  Nothing happens where there is none."""
        kept = _load(self.folder)
        servers = {url: entry for url, entry in _servers(kept).items() if url != self.key}
        if servers != _servers(kept):
            out_of_keyring(self.key)
            self._save({"current": kept.get("current"), "servers": servers})

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _save(self, kept: Mapping[str, object]) -> None:
        """Replace the file whole: a command that is killed leaves the old one or the new one, never half."""
        save(_file(self.folder), kept)


def save(file: Path, kept: Mapping[str, object]) -> None:
    """Replace a 0600 file whole."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.stem}.{os.getpid()}.new")
    with _opened(fresh) as handle:
        handle.write(json.dumps(kept, indent=1).encode())
    fresh.replace(file)


def current_server(folder: Path) -> str | None:
    """Return the URL of the server signed in to last."""
    current = _load(folder).get("current")
    return current if isinstance(current, str) and current in _servers(_load(folder)) else None


def _file(folder: Path) -> Path:
    return folder / "sign-ins.json"


def _opened(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _load(folder: Path) -> dict[str, Any]:
    return load(_file(folder))


def load(path: Path) -> dict[str, Any]:
    """Read a file of ours.  Raises `Misconfigured` for one that others may read, or that does not parse."""
    unread = Misconfigured(f"{path} does not parse: delete it, and sign in again")
    try:
        content = path.read_bytes()
        mode = path.stat().st_mode
    except FileNotFoundError:
        return {}
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise Misconfigured(f"{path} may be read by others: run chmod 600 on it, and sign in again if somebody did")
    try:
        kept = json.loads(content)
    except (ValueError, RecursionError):
        raise unread from None
    if not isinstance(kept, dict):  # to go on as if there were nothing in it would mean another server
        raise unread
    return kept


def _servers(kept: Mapping[str, Any]) -> dict[str, Any]:
    servers = kept.get("servers")
    return servers if isinstance(servers, dict) else {}


def _lock(handle: Any) -> None:
    try:
        import fcntl  # not on every system
    except ImportError:
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def _keyring() -> Any:
    """Return the keyring library if it is installed and has somewhere to put things, else None."""
    try:
        import keyring  # type: ignore[import-not-found]  # an optional library, and a slow one

        return keyring if keyring.get_keyring().priority > 0 else None
    except Exception:  # noqa: BLE001 - a broken keyring is no keyring
        return None


def into_keyring(url: str, secrets: Mapping[str, str]) -> bool:
    """Keep secrets in the keyring.  Answers whether there is one that took them."""
    ring = _keyring()
    if ring is None:
        return False
    try:
        ring.set_password(KEYRING_NAME, url, json.dumps(secrets))
    except Exception:  # noqa: BLE001 - locked or refused: the file it is
        return False
    return True


def from_keyring(url: str) -> dict[str, Any]:
    """Return what the keyring has, empty if it has nothing or is locked."""
    ring = _keyring()
    try:
        kept = json.loads(ring.get_password(KEYRING_NAME, url)) if ring else {}
    except Exception:  # noqa: BLE001 - locked, refused or not ours: there is no sign-in then
        kept = {}
    return kept if isinstance(kept, dict) else {}


def out_of_keyring(url: str) -> None:
    """Drop what the keyring has."""
    ring = _keyring()
    if ring is not None:
        try:
            ring.delete_password(KEYRING_NAME, url)
        except Exception:  # noqa: BLE001 - it was not there
            return
