"""Examining a Gatepost: the database, the keys, the providers and the clocks, each with one line on how it is.

The same looks are taken of a gate that runs and, from its configuration alone, of one that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select, text

from gatepost.errors import ConfigurationError, GatepostError, Unavailable
from gatepost.gate import Dice, Gatepost
from gatepost.opening import CANARY
from gatepost.principal import Principal
from gatepost.settings import Settings
from gatepost.settings.cautions import cautions
from gatepost.settings.urls import is_private
from gatepost.sso.delegated import Issuer
from gatepost.sso.provider import Provider
from gatepost.sso.states import providers_of
from gatepost.store import tables
from gatepost.store.database import failures, sqlite_file
from gatepost.store.migrate import KNOWN, SCHEMA, installed
from gatepost.store.store import Store
from gatepost.tokens.sealing import Sealer
from gatepost.tokens.signing_keys import KeyState, load_keys

AT_ONCE = 8
NOTABLE = timedelta(seconds=5)  # a `Date` header counts whole seconds, and was some time on its way


class Status(StrEnum):
    """How a check came out, from good to bad."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the examination."""

    name: str
    status: Status
    message: str


def worst(checks: Sequence[Check]) -> Status:
    return max((check.status for check in checks), key=list(Status).index, default=Status.OK)


def examine(gate: Gatepost, caller: Principal) -> list[Check]:
    """Examine a gate that runs.  It takes `provider:view` and `key:view`, and asks no provider: see `Provider.look`."""
    gate.require(caller, "provider:view", seen_by="")
    gate.require(caller, "key:view", seen_by="")
    checks = list(of_store(gate.settings, gate.database, gate.now, lambda: gate.sealer))
    checks += of_address(gate.settings)
    for source in providers_of(gate).sources():
        checks += of_source(source)
    return checks


def look_and_examine(gate: Gatepost, caller: Principal) -> list[Check]:
    """The same, with each provider and issuer asked first: for whoever can wait as long as their time-outs."""
    for permission in ("provider:view", "key:view"):
        gate.require(caller, permission, seen_by="")
    _look_at_all(providers_of(gate).sources())
    return examine(gate, caller)


def examine_configuration(settings: Settings, dice: Dice) -> list[Check]:
    """Examine what a configuration leads to, without starting it: nothing is made, upgraded or changed."""
    checks = [Check("configuration", Status.WARN, sentence) for sentence in cautions(settings)]
    checks = checks or [Check("configuration", Status.OK, "nothing is wrong with it")]
    checks += of_address(settings)
    try:
        checks += _of_database(settings, dice)
    except ConfigurationError as error:
        checks += [Check("database", Status.FAIL, problem) for problem in error.problems]
    return checks + _of_sources(settings, dice)


def _of_database(settings: Settings, dice: Dice) -> list[Check]:
    store = Store(settings.database.url.reveal(), now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp)
    try:
        file = sqlite_file(store.engine)
        if file is not None and not file.exists():
            return [Check("database", Status.WARN, f"{file.name} is not there yet: the first start makes it")]
        return list(of_store(settings, store, dice.now, lambda: _sealer(settings, store, dice)))
    finally:
        store.close()


def _sealer(settings: Settings, store: Store, dice: Dice) -> Sealer:
    """What seals secrets, from the configuration or the file beside the database.  Raises `ConfigurationError`."""
    keys = [key.reveal() for key in settings.keys.encryption_keys]
    if not keys:
        file = sqlite_file(store.engine)
        beside = file.with_name(file.name + ".key") if file else None
        if beside is None or not beside.exists():
            raise ConfigurationError(["none is configured, and there is no key file beside the database"])
        keys = [beside.read_text().strip()]
    return Sealer(keys, dice.urandom)


def _of_sources(settings: Settings, dice: Dice) -> list[Check]:
    sources: list[Provider | Issuer] = []
    checks: list[Check] = []
    for kind, tables_of in ((Provider, settings.sso.providers), (Issuer, settings.delegated.issuers)):
        for table in tables_of:
            try:
                sources.append(kind(table, dice.now))  # type: ignore[arg-type]  # each kind with its own tables
            except ConfigurationError as error:
                checks += [Check(table.name, Status.FAIL, problem) for problem in error.problems]
    _look_at_all(sources)
    for source in sources:
        checks += of_source(source)
    return checks


def _look_at_all(sources: Sequence[Provider | Issuer]) -> None:
    """Ask each, several at a time: one that does not answer holds up neither the others nor the examination for long."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gatepost-doctor") as pool:
        list(pool.map(lambda source: source.look(), sources))


def of_store(
    settings: Settings, store: Store, now: Callable[[], datetime], sealer: Callable[[], Sealer]
) -> Iterator[Check]:
    """The database, what opens its secrets, and the keys in it."""
    try:
        with failures(), store.read() as connection:
            schema = of_schema(installed(connection))
            yield schema
            if (skew := _database_clock(store, connection, now)) is not None:
                yield of_clock("clock: database", skew, NOTABLE * 2, "expiry is judged by two clocks")
            if schema.status is Status.OK:
                yield from _of_keys(settings, connection, sealer)
    except ConfigurationError as error:
        yield Check("database", Status.FAIL, "; ".join(error.problems))
    except Unavailable as error:
        yield Check("database", Status.FAIL, str(error))


def of_schema(found: str | None) -> Check:
    if found is None:
        return Check("database", Status.WARN, "it answers, and is empty: the first start fills it")
    if found == SCHEMA:
        return Check("database", Status.OK, f"it answers, and its schema is the newest ({SCHEMA})")
    if found in KNOWN:
        return Check("database", Status.WARN, f"its schema is {found}: the next start upgrades it to {SCHEMA}")
    return Check(
        "database", Status.FAIL, f"its schema is {found}, newer than this program's {SCHEMA}: upgrade Gatepost"
    )


def _database_clock(store: Store, connection: Connection, now: Callable[[], datetime]) -> timedelta | None:
    if store.is_sqlite:
        return None
    theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return theirs - now()


def _of_keys(settings: Settings, connection: Connection, make: Callable[[], Sealer]) -> Iterator[Check]:
    t = tables.facts
    canary = connection.execute(select(t.c.value).where(t.c.name == CANARY)).scalar_one_or_none()
    if canary is None:
        yield Check("encryption key", Status.WARN, "the database was never started on")
        return
    try:
        sealer = make()
        sealer.open(canary, CANARY)
    except ConfigurationError as error:
        yield Check("encryption key", Status.FAIL, "; ".join(error.problems))
        return
    except (ValueError, Unavailable, OSError):
        yield Check("encryption key", Status.FAIL, "none of them is the key that this database was sealed with")
        return
    yield Check("encryption key", Status.OK, "it opens what the database has sealed")
    yield _of_signing_keys(settings, connection, sealer)


def _of_signing_keys(settings: Settings, connection: Connection, sealer: Sealer) -> Check:
    name, wanted = "signing keys", settings.tokens.signing_algorithm
    try:
        ring = load_keys(connection, sealer)
        active = ring.active
    except (GatepostError, ValueError) as error:
        return Check(name, Status.FAIL, str(error))
    if active.algorithm != wanted:
        rotate = f"{active.algorithm} signs, and {wanted} is configured: gatepost keys rotate"
        return Check(name, Status.WARN, rotate)
    if not any(key.state is KeyState.NEXT for key in ring.keys):
        return Check(name, Status.WARN, f"{wanted} signs, and no next key is published yet")
    return Check(name, Status.OK, f"{wanted} signs, of {len(ring.keys)} published")


def of_address(settings: Settings) -> list[Check]:
    """Whether the address that providers and links lead to can be the one that people use."""
    main, name = settings.main, "public_url"
    if not is_private(main.public_url):
        return [Check(name, Status.WARN, f"{main.public_url} has no TLS: passwords and tokens can be read on the way")]
    if settings.sso.providers and not main.public_url_configured:
        return [Check(name, Status.WARN, f"it is not set: providers send people back to {main.public_url}")]
    return [Check(name, Status.OK, main.public_url)]


def of_source(source: Provider | Issuer) -> list[Check]:
    """How a provider or an issuer is doing, by what is known of it."""
    state = source.state()
    name = f"{'provider' if isinstance(source, Provider) else 'issuer'}: {source.name}"
    keys = f"{state.keys_known} {'key' if state.keys_known == 1 else 'keys'} known"
    if state.up is None:
        return [Check(name, Status.OK, f"nothing to ask: everything is configured, {keys}")]
    if not state.up:
        return [Check(name, Status.FAIL, state.last_error.removeprefix(f"{source.name}: "))]
    checks = [Check(name, Status.OK, f"it answers, {keys}")]
    if state.skew is not None:
        why = "its tokens are refused as expired or not valid yet"
        checks.append(of_clock(f"clock: {source.name}", state.skew, source.settings.leeway, why))
    return checks


def of_clock(name: str, skew: timedelta, most: timedelta, why: str) -> Check:
    """`skew` is how far the other clock is ahead of ours; beyond `most` it does harm."""
    seconds = round(abs(skew).total_seconds())
    said = f"{seconds} s {'ahead of' if skew > timedelta() else 'behind'} ours"
    if abs(skew) > most:
        return Check(name, Status.FAIL, f"{said}, beyond the {most.total_seconds():g} s allowed: {why}")
    if abs(skew) > NOTABLE:
        return Check(name, Status.WARN, said)
    return Check(name, Status.OK, "the same as ours, to a few seconds")
