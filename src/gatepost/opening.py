"""Opening a Gatepost: the database, the keys, the first start."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, func, insert, select

from gatepost.access import AuthorizationModel, builtin_model, completed, parse_model, with_protected_types
from gatepost.audit.record import AuditRecord
from gatepost.directory.roles import BUILT_IN, add_role
from gatepost.directory.users import add_user
from gatepost.errors import ConfigurationError, InvalidField, InvalidModel, Unavailable
from gatepost.gate import Dice, Gatepost
from gatepost.graphs import read_document
from gatepost.housekeeping import Housekeeping
from gatepost.memory import Memory
from gatepost.principal import FULL_SCOPE, Entity
from gatepost.settings import DatabaseSettings, Secret, Settings
from gatepost.sso.giving_back import GivingBack
from gatepost.store import tables
from gatepost.store.database import sqlite_file
from gatepost.store.migrate import upgrade
from gatepost.store.relations import MAIN, relate
from gatepost.store.store import Change, Store
from gatepost.stores.listing import add_main, ensure_main
from gatepost.tokens.api_tokens import store_token
from gatepost.tokens.passwords import Passwords, require_good_password
from gatepost.tokens.sealing import Sealer
from gatepost.tokens.signing_keys import ensure_keys

G = TypeVar("G", bound=Gatepost)

ADMIN = "admin"
SYSTEM = "platform:main"
CANARY = "sealing-canary"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What an empty database was given.  A generated password is told once, by whoever opened it, and kept nowhere."""

    username: str
    generated_password: str | None = field(repr=False)
    caution: str = ""  # why a configured password is one that people guess, with its key first


def open_gatepost(
    kind: type[G], source: str | Settings | None, dice: Dice | None = None, passwords: Passwords | None = None
) -> G:
    """See `Gatepost.open`."""
    settings = _settings(source)
    if settings.access.engine != "memory":
        # To answer from memory after all would be another engine than the one that somebody relies on.
        raise ConfigurationError(['access.engine = "openfga" is not available yet: allowed is "memory"'])
    dice = dice or Dice()
    store = Store(settings.database.url.reveal(), now=dice.now, new_id=dice.new_id, new_stamp=dice.stamp)
    try:
        upgrade(store)
        sealer = Sealer(_encryption_keys(settings, store, dice), dice.urandom)
        memory = Memory(
            store,
            sealer,
            clock=dice.clock,
            model=lambda connection: current_model(settings, connection),
            model_is_fixed=settings.access.model is not None,
            longest_token_life=settings.tokens.access_token_ttl,
            stale_for=settings.access.stale_for,
        )
        gate = kind(settings, store, memory, sealer, passwords or Passwords(), dice)
        _require_right_key(gate)
        gate.first_start = _start_for_the_first_time(gate)
        memory.catch_up()
        ensure_main(gate)
        _renew_keys(gate)
    except BaseException:
        store.close()
        raise
    gate.follow()
    giving_back = GivingBack(gate)
    gate.give_back = giving_back.take
    gate.at_close(giving_back.stop)
    housekeeping = Housekeeping(gate)
    housekeeping.start()
    gate.at_close(housekeeping.stop)
    return gate


def _settings(source: str | Settings | None) -> Settings:
    if source is None:
        return Settings()
    if isinstance(source, str):
        return replace(Settings(), database=DatabaseSettings(url=Secret(source)))
    return source


def _encryption_keys(settings: Settings, store: Store, dice: Dice) -> list[str]:
    if settings.keys.encryption_keys:
        return [key.reveal() for key in settings.keys.encryption_keys]
    file = sqlite_file(store.engine)
    if file is None:
        raise ConfigurationError(["keys.encryption_keys: required on PostgreSQL: a backup must not hold its own key"])
    return [_key_file(file.with_name(file.name + ".key"), dice)]


def _key_file(file: Path, dice: Dice) -> str:
    """Read the key beside the database, or make it: readable by its owner only, and whole before it has its name.

    Of two processes that start at once, both make a key and the first to name its own wins; both read that one.
    """
    if not file.exists():
        made = file.with_name(f"{file.name}.{dice.stamp()}")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(dice.secret(64) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(made, file)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    text = file.read_text().strip()
    if not text:
        raise ConfigurationError([f"keys.encryption_keys: the key file {file.name} is empty: restore it from a copy"])
    return text


def current_model(settings: Settings, connection: Connection) -> AuthorizationModel:
    """The platform's own model: from the configured file, else the newest that was posted, else the built-in one."""
    if settings.access.model is not None:
        try:
            model = parse_model(Path(settings.access.model).read_text(encoding="utf-8"))
            return with_protected_types(model)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError([f"access.model: {settings.access.model} cannot be read"]) from error
        except InvalidModel as error:
            raise ConfigurationError([f"access.model: {error}"]) from error
    t = tables.models
    newest = connection.execute(select(func.max(t.c.id)).where(t.c.store == MAIN)).scalar_one_or_none()
    posted = None if newest is None else read_document(connection, MAIN, newest)
    return builtin_model() if posted is None else completed(posted)


def _require_right_key(gate: Gatepost) -> None:
    """A database whose secrets were sealed with another key is not started on: half of it could not be read."""
    t = tables.facts
    with gate.database.read() as connection:
        canary = connection.execute(select(t.c.value).where(t.c.name == CANARY)).scalar_one_or_none()
    if canary is None:
        return
    try:
        gate.sealer.open(canary, CANARY)
    except (ValueError, Unavailable) as error:
        raise ConfigurationError(
            [
                "keys.encryption_keys: none of them is the key that this database was sealed with; add that one at the end"
            ]
        ) from error


def _start_for_the_first_time(gate: Gatepost) -> FirstStart | None:
    """On an empty database: roles, an admin, signing keys, all or nothing.  Of two processes that start, one does it."""
    t = tables.facts
    with gate.database.read() as connection:
        if connection.execute(select(t.c.name).where(t.c.name == CANARY)).one_or_none() is not None:
            return None
    given = gate.settings.main.initial_admin_password
    generated, caution = (None, _why_weak(given.reveal())) if given else (gate.dice.secret(20), "")
    hashed = gate.passwords.hash(given.reveal() if given else generated or "")
    with gate.change_unasked() as tx:
        if tx.connection.execute(select(t.c.name).where(t.c.name == CANARY)).one_or_none() is not None:
            return None
        tx.connection.execute(insert(t).values(name=CANARY, value=gate.sealer.seal(b"gatepost", CANARY)))
        add_main(gate, tx)
        for name, (description, permissions) in BUILT_IN.items():
            add_role(tx, name, description, permissions, author=SYSTEM, builtin=True)
        values = {"username": ADMIN, "display_name": "Administrator", "email": None, "email_verified": False}
        add_user(gate, tx, author=SYSTEM, password=hashed, external=None, roles=(), **values)
        relate(tx, f"role:{ADMIN}", "assignee", f"user:{ADMIN}", author=SYSTEM)
        ensure_keys(tx, gate.sealer, gate.settings.tokens.signing_algorithm, ())
        _first_token(gate, tx)
        tx.record(
            AuditRecord(
                event="platform.started",
                target=SYSTEM,
                subject=SYSTEM,
                method="start",
                at=tx.at,
                reason="the database was empty",
            )
        )
    return FirstStart(ADMIN, generated, caution)


def _why_weak(password: str) -> str:
    """Why nobody could choose this password later.  The start goes on: whoever configured it can sign in and change it."""
    try:
        require_good_password(password, (ADMIN,))
    except InvalidField as error:
        return f"main.initial_admin_password: {error.fields['password']}"
    return ""


def _first_token(gate: Gatepost, tx: Change) -> None:
    if (token := gate.settings.main.initial_admin_token) is not None:
        owner = Entity("user", ADMIN)
        store_token(gate, tx, owner, owner, "initial_admin_token", FULL_SCOPE, None, token.reveal())


def _renew_keys(gate: Gatepost) -> None:
    """Where the configured algorithm has changed, publish a next key of it; `keys rotate` makes it sign."""
    algorithm = gate.settings.tokens.signing_algorithm
    if any(key.algorithm == algorithm for key in gate.memory.keys.keys):
        return
    with gate.change_unasked() as tx:
        ensure_keys(tx, gate.sealer, algorithm, ("active",))
