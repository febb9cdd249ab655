"""From what was written to the dataclasses: each key by its kind, each problem noted with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from gatepost.settings.faults import Fault
from gatepost.settings.issuers import ProviderSettings
from gatepost.settings.kinds import BROKEN, Kind, attempt
from gatepost.settings.place import EnvText, Place
from gatepost.settings.presets import PRESETS
from gatepost.settings.sources import did_you_mean, keys_of, parse_json

ENDPOINTS = frozenset({"authorization_endpoint", "token_endpoint", "userinfo_endpoint"})


@dataclass(slots=True)
class Row:
    """One section or one table, read as far as it goes.

    `broken` names the keys whose value was refused or is missing: no rule is applied to them, so that one mistake
    is one problem.
    """

    place: Place
    values: dict[str, Any] = field(default_factory=dict)
    written: dict[str, tuple[object, Place]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def report(self, type_: type, faults: Iterable[Fault]) -> None:
        kinds = {f.name: f.metadata["kind"] for f in fields(type_) if "kind" in f.metadata}
        for fault in faults:
            if self.broken.isdisjoint(fault.keys):
                self.refuse(fault.keys[0], fault.sentence, kinds[fault.keys[0]])

    def refuse(self, key: str, sentence: str, kind: Kind) -> None:
        if key in self.written:
            value, place = self.written[key]
            place.refuse_value(value, sentence, hidden=kind.secret)
        else:
            self.place.at(key).refuse(f"is not set: {sentence}")


def read_row(type_: type, row: Row, check: Callable[[Any], Iterator[Fault]]) -> Any:
    """Read every key that was written, fill in the rest, apply the rules, and make the dataclass."""
    for f in fields(type_):
        if "kind" not in f.metadata:
            continue
        if f.name in row.written:
            read_key(f, row)
    if type_ is ProviderSettings:
        fill_in_provider(row)
    for f in fields(type_):
        if f.default is MISSING and f.default_factory is MISSING and f.name not in row.values:
            if f.name not in row.broken:
                row.refuse(f.name, f"must be {f.metadata['kind'].allowed}", f.metadata["kind"])
            row.broken.add(f.name)
            row.values[f.name] = ""  # the problem is noted; the other rules can still be applied
    made = type_(**row.values)
    row.report(type_, check(made))
    return made


def read_key(f: Field[Any], row: Row) -> None:
    kind: Kind = f.metadata["kind"]
    value, place = row.written[f.name]
    read = read_value(kind, value, place)
    if read is BROKEN:
        row.broken.add(f.name)
    elif read is None and (f.metadata["default"] or f.default is MISSING):
        del row.written[f.name]  # an empty text where the default is derived: as if it were not there
    else:
        row.values[f.name] = read


def read_value(kind: Kind, value: object, place: Place) -> Any:
    if kind.structured and isinstance(value, EnvText):
        if not value:
            place.refuse("is empty: write [] or {} for none, or unset the variable")
            return BROKEN
        try:
            value = parse_json(value)
        except ValueError as error:
            place.refuse(f"is not JSON ({error}): must be {kind.allowed}")
            return BROKEN
    if kind.rows is None:
        return attempt(kind, value, place)
    return read_rows(kind.rows, value, place)


def read_rows(type_: type, value: object, place: Place) -> Any:
    """Read a list of tables.  What stands there in their place is not repeated: it may hold a secret."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        place.refuse(f"is no list of tables: write [[{place.key}]] before each, or a JSON list of objects")
        return BROKEN
    return tuple(read_table(type_, item, place.item(index)) for index, item in enumerate(value))


def read_table(type_: type, table: Mapping[str, object], place: Place) -> Any:
    from gatepost.settings.rules import RULES  # the rules speak of the dataclasses, which say how they are read

    known = keys_of(type_)
    for name in table:
        if name not in known:
            place.at(name).refuse(f"is not a key: {did_you_mean(name, known)}")
    written = {name: (value, place.at(name)) for name, value in table.items() if name in known}
    return read_row(type_, Row(place, written=written), RULES[type_])


def fill_in_provider(row: Row) -> None:
    """Give a provider what its preset knows, and what follows from its other keys."""
    values = row.values
    scopes_written, elsewhere = "scopes" in values, ENDPOINTS & row.written.keys()
    for key, value in PRESETS.get(values.get("preset") or "", {}).items():
        # The people of an installation of one's own are not those of the public one, whose issuer the preset names.
        if key not in row.broken and not (key == "issuer" and elsewhere and values.get("protocol") == "oauth2"):
            values.setdefault(key, value)
    values["scopes_configured"] = scopes_written or values.get("scopes_configured", "scopes" in values)
    if values.get("protocol") == "oauth2":
        values.setdefault("scopes", ("profile", "email"))
    values.setdefault("display_name", values.get("name", ""))
    public = values.get("client_secret") is None and "client_secret" not in row.broken
    if public and "token_endpoint_auth_method" not in row.written:
        values["token_endpoint_auth_method"] = "none"  # noqa: S105  the method's name
