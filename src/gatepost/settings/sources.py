"""What was written, and where: one TOML file, and the environment above it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from gatepost.settings.place import EnvText, plain
from gatepost.settings.root import Settings

PREFIX = "GATEPOST_"
ALIASES = {"GATEPOST_SSO_PROVIDERS": ("sso", "providers")}
CLIENT_NAMES = frozenset(
    {  # these tell the command line and the SDK whom to call and as whom
        "GATEPOST_URL",
        "GATEPOST_API_KEY",
        "GATEPOST_USER",
        "GATEPOST_PASSWORD",
        "GATEPOST_AUTH_MODE",
        "GATEPOST_CONFIG",
    }
)
LARGEST_FILE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was written, and the path of the file or the name of the variable that it stands in."""

    value: object
    source: str


@dataclass(slots=True)
class Sources:
    """All that was written.  `file` is the path of the file that was read, if there is one."""

    file: Path | None = None
    given: dict[tuple[str, str], Given] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def section_types() -> dict[str, type]:
    """Return the sections of the configuration by name, in their order."""
    return {f.name: type(getattr(Settings(), f.name)) for f in fields(Settings) if f.name != "remarks"}


def keys_of(section: type) -> list[str]:
    return [f.name for f in fields(section) if "kind" in f.metadata]


def variable(section: str, name: str) -> str:
    """Return the environment variable that sets a key."""
    return f"{PREFIX}{name.upper()}" if section == "main" else f"{PREFIX}{section.upper()}__{name.upper()}"


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Choose the file: the one asked for, else that of `GATEPOST_CONFIG`, else `./gatepost.toml` if it is there."""
    if path is not None:
        return path
    if environ.get("GATEPOST_CONFIG"):  # empty counts as not set
        return Path(environ["GATEPOST_CONFIG"])
    here = Path("gatepost.toml")
    return here if here.exists() else None


def gather(path: Path | None, environ: Mapping[str, str]) -> Sources:
    """Read the file, if there is one, and lay the environment over it."""
    sources = Sources(file=path)
    if path is not None:
        add_file(sources, path)
    add_environment(sources, environ)
    return sources


def add_file(sources: Sources, path: Path) -> None:
    sections = section_types()
    for name, table in parse_file(path, sources.problems).items():
        if name not in sections:
            hint = "write it below [main]" if name in keys_of(sections["main"]) else did_you_mean(name, sections)
            sources.problems.append(f"{path}: {plain(name)} is not a section: {hint}")
        elif not isinstance(table, dict):
            sources.problems.append(f"{path}: {name} is a section: write [{name}] and its keys below")
        else:
            for key, value in table.items():
                add(sources, sections, (name, key), Given(value, str(path)))


def add(sources: Sources, sections: Mapping[str, type], place: tuple[str, str], given: Given) -> None:
    section, key = place
    known = keys_of(sections[section])
    if key in known:
        sources.given[place] = given
    else:
        sources.problems.append(f"{given.source}: {section}.{plain(key)} is not a key: {did_you_mean(key, known)}")


def parse_file(path: Path, problems: list[str]) -> dict[str, object]:
    """Parse TOML.  Whatever is wrong with the file as a whole is one problem, and the file then counts as empty."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            problems.append(f"{path}: is longer than 1 MiB")
            return {}
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        problems.append(f"{path}: is not UTF-8 text: byte {error.start + 1} fits no character")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path}: is not TOML: {error}")
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
    except (ValueError, RecursionError):  # a number of thousands of digits, a thousand brackets, a NUL in the path
        problems.append(f"{path}: cannot be read: it holds what no configuration does")
    return {}


def add_environment(sources: Sources, environ: Mapping[str, str]) -> None:
    sections = section_types()
    places = {variable(section, key): (section, key) for section, kind in sections.items() for key in keys_of(kind)}
    places |= ALIASES
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in CLIENT_NAMES:
            continue
        if name in places:
            add_variable(sources, places[name], name, environ[name])
        elif "__" in name:
            sources.problems.append(f"{plain(name)}: is not a key: {_variable_meant(name, places)}")
        elif close := closest(name, places, cutoff=0.85):
            sources.remarks.append(f"{plain(name)}: is ignored, for it is no setting; did you mean {close}?")


def _variable_meant(name: str, known: Iterable[str]) -> str:
    """As `did_you_mean`, by what follows the section: that two names share its letters says nothing."""
    section, _, key = name.partition("__")
    inside = {each.partition("__")[2]: each for each in known if each.startswith(f"{section}__")}
    close = closest(key, inside)
    if close is not None:
        return f"did you mean {inside[close]}?"
    return did_you_mean("", inside.values()) if inside else did_you_mean(name, known)


def add_variable(sources: Sources, place: tuple[str, str], name: str, text: str) -> None:
    before = sources.given.get(place)
    if before is not None and isinstance(before.value, EnvText):
        sources.problems.append(f"{name}: {'.'.join(place)} is set by {before.source} too: keep one of them")
        return
    sources.given[place] = Given(EnvText(text), name)


def parse_json(text: str) -> object:
    """Parse the list or table of a variable.  Raises `ValueError` with a sentence that repeats nothing of it."""
    try:
        return json.loads(text, object_pairs_hook=unique_pairs)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def unique_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return table


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    from difflib import get_close_matches  # only needed where something is misspelt

    return next(iter(get_close_matches(name[:128], list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question that helps with a misspelt name, or the names there are."""
    names = sorted(known)
    close = closest(name, names)
    if close is not None:
        return f"did you mean {close}?"
    return "the names are " + ", ".join(names) if len(names) <= 20 else "no name is like it"
