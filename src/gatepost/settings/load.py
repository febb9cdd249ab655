"""Loading: file and environment in, `Settings` out, or every problem at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from gatepost.errors import ConfigurationError
from gatepost.settings.overlaps import overlaps
from gatepost.settings.place import Place
from gatepost.settings.root import Settings
from gatepost.settings.rows import Row, read_row
from gatepost.settings.rules import RULES, no_faults
from gatepost.settings.sources import Sources, find_file, gather, section_types, variable
from gatepost.settings.urls import is_everywhere


def load(path: Path | None, environ: Mapping[str, str], *, host: str = "127.0.0.1", port: int = 8420) -> Settings:
    """Read the configuration of `path` (else of `GATEPOST_CONFIG`, else `./gatepost.toml`) and the environment.

    `host` and `port` are what the server listens on; the public URL is made of them where none is configured.

    Raises:
        ConfigurationError: with everything that is wrong.
    """
    reading = Reading(gather(find_file(path, environ), environ), environ)
    settings = reading.read(host, port)
    if reading.sources.problems:
        raise ConfigurationError(reading.sources.problems)
    return settings


def for_database(url: str, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the defaults over one database, for a Gatepost that is embedded.  No file is looked for.

    Raises:
        ConfigurationError: if the URL, or a setting in `environ`, is wrong.
    """
    environ = {**(environ or {}), "GATEPOST_DATABASE__URL": url}
    reading = Reading(gather(None, environ), environ)
    settings = reading.read("127.0.0.1", 8420)
    if reading.sources.problems:
        raise ConfigurationError(reading.sources.problems)
    return settings


def check_file(path: Path, environ: Mapping[str, str]) -> list[str]:
    """Return every problem of a configuration file, together with the environment that it would be loaded in."""
    try:
        load(path, environ)
    except ConfigurationError as error:
        return list(error.problems)
    return []


class Reading:
    """One pass over the sources.  It never stops at a problem."""

    def __init__(self, sources: Sources, environ: Mapping[str, str]) -> None:
        self.sources = sources
        self.environ = environ
        self.rows: dict[str, Row] = {}

    def read(self, host: str, port: int) -> Settings:
        made = {name: self.section(name, type_) for name, type_ in section_types().items()}
        settings = replace(Settings(), **made, remarks=tuple(self.sources.remarks))
        settings = self.with_public_url(settings, host, port)
        self.check_encryption_keys(settings)
        for key, sentence in overlaps(settings):
            self.place_of(key).refuse(sentence)
        return settings

    def section(self, name: str, type_: type) -> Any:
        row = Row(self.place(self.origin_of(), name))
        for f in fields(type_):
            given = self.sources.given.get((name, f.name))
            if given is not None:
                row.written[f.name] = (given.value, self.place(given.source, name).at(f.name))
        self.rows[name] = row
        return read_row(type_, row, RULES.get(type_, no_faults))

    def place(self, source: str, key: str) -> Place:
        file = self.sources.file
        folder = file.parent if file is not None else Path()
        return Place(source=source, key=key, environ=self.environ, folder=folder, problems=self.sources.problems)

    def origin_of(self) -> str:
        """Name what to change where a key is missing."""
        return str(self.sources.file) if self.sources.file is not None else "environment"

    def place_of(self, key: str) -> Place:
        """Return the place of a key by its path, such as `sso.providers[0].name`."""
        section, name = re.split(r"[.\[]", key)[:2]
        given = self.sources.given.get((section, name))
        source = given.source if given is not None else self.origin_of()
        return self.place(source, key)

    def with_public_url(self, settings: Settings, host: str, port: int) -> Settings:
        row = self.rows["main"]
        if "public_url" in row.written:
            return replace(settings, main=replace(settings.main, public_url_configured=True))
        if is_everywhere(host):
            self.place_of("main.public_url").refuse(
                f"is not set: must be given where the server listens on every address ({host or 'no host'}), "
                f"in the file or as {variable('main', 'public_url')}"
            )
            return settings
        name = f"[{host}]" if ":" in host and not host.startswith("[") else host
        suffix = "" if port == 80 else f":{port}"
        return replace(settings, main=replace(settings.main, public_url=f"http://{name}{suffix}"))

    def check_encryption_keys(self, settings: Settings) -> None:
        broken = self.rows["keys"].broken
        if settings.database.is_postgresql and not settings.keys.encryption_keys and not broken:
            self.place_of("keys.encryption_keys").refuse(
                "is not set: PostgreSQL needs at least one key, which no backup of the database contains"
            )
