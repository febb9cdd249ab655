"""A whole day of work, and no secret of it in a value's text, in the audit trail, in the log or in the database."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from gatepost import principal, records
from gatepost.audit.trail import Filter, export_audit
from gatepost.authn.credential import read_credential
from gatepost.client import credentials
from gatepost.directory import users
from gatepost.directory.users import NewPassword, NewUser, UserChange, change_user, create_user, set_password
from gatepost.errors import GatepostError
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, BearerToken, SessionCookie
from gatepost.sso import callback, leaving, provisioning, token_request
from gatepost.store import tables
from gatepost.tokens import sessions, sign_in
from gatepost.tokens.api_tokens import WantedToken, issue_api_token, revoke_api_token
from gatepost.tokens.client_credentials import access_token_for_service
from gatepost.tokens.key_rotation import rotate
from gatepost.tokens.refresh_tokens import refresh
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token
from tests.dice import FakeDice
from tests.directory.people import ADMIN, person
from tests.tokens.signing_in import HOME, by_basic, by_bearer, by_cookie, cookie_for, pair_for, tries

OLD, NEW, TYPED = "first-plover-zinc-93", "second-plover-zinc-94", "typed-plover-zinc-95"


@dataclasses.dataclass
class Day:
    """What happened: the secrets that were about, every value that somebody could have printed, and the log."""

    secrets: list[str]
    values: list[object]
    log: str = ""


@pytest.fixture
def day(gate: Gatepost, dice: FakeDice, caplog: pytest.LogCaptureFixture) -> Day:
    caplog.set_level(logging.DEBUG)
    new_user = NewUser(username="alice", password=OLD)
    new_password = NewPassword(password=NEW, current_password=OLD)
    values: list[object] = [new_user, new_password, create_user(gate, ADMIN, new_user)]
    session, pair = cookie_for(gate, password=OLD), pair_for(gate, password=OLD)
    api = issue_api_token(gate, person("alice"), WantedToken(name="laptop"))
    service = issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user"))
    traded, *_ = access_token_for_service(gate, "etl", service.secret, scope=None, audience="", address=HOME)
    after = refresh(gate, pair.refresh_token)
    values += [session, pair, api, service, after, tries(password=TYPED), gate.memory.keys, gate.memory.keys.active]
    for secret in (api.secret, service.secret, after.access_token, traded):
        values += [by_bearer(gate, secret), BearerToken(secret)]
    values += [by_cookie(gate, session), SessionCookie(session.secret), BasicCredential("alice", OLD)]
    values += [by_basic(gate, "alice", OLD), by_basic(gate, "__token__", api.secret)]
    for name, wrong in (("alice", TYPED), (TYPED, OLD), ("alice", "gp_" + "wrong" * 8)):
        with pytest.raises(GatepostError) as refused:
            by_basic(gate, name, wrong)
        values += [refused.value, refused.value.detail]
    set_password(gate, by_cookie(gate, session), "alice", new_password)
    revoke_api_token(gate, person("alice"), api.token.id)
    rotate(gate, ADMIN)
    change_user(gate, ADMIN, "alice", UserChange(disabled=True))
    for secret in (api.secret, after.access_token, after.refresh_token, traded + "x"):
        with pytest.raises(GatepostError) as refused:
            by_bearer(gate, secret)
        values += [refused.value, refused.value.detail]
    private = [str(key.key.as_dict(private=True)["d"]) for key in gate.memory.keys.keys]
    issued = [session.secret, api.secret, service.secret, pair.refresh_token, after.refresh_token]
    jwts = [pair.access_token, after.access_token, traded]
    gate.journal.flush()
    logging.getLogger("gatepost").info("the day is over")
    return Day([OLD, NEW, TYPED, "gp_" + "wrong" * 8, *issued, *jwts, *private], values, caplog.text)


def found_in(text: str, secrets: list[str]) -> list[str]:
    return [secret for secret in secrets if secret in text or secret[4:] in text]


def test_not_in_what_a_value_says_of_itself(day: Day) -> None:
    assert found_in("\n".join(f"{value!r} {value}" for value in day.values), day.secrets) == []


def test_not_in_the_audit_trail(day: Day, gate: Gatepost) -> None:
    trail = list(export_audit(gate, ADMIN, Filter()))
    assert len(trail) > 8
    assert found_in(repr(trail), day.secrets) == []


def test_not_in_the_log(day: Day) -> None:
    assert "the day is over" in day.log, "the log was looked at"
    assert found_in(day.log, day.secrets) == []


def test_not_in_the_database_file(day: Day, gate: Gatepost, tmp_path: Path) -> None:
    raw = b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()) if file.is_file())
    assert b"$argon2id$" in raw
    assert [secret for secret in day.secrets if secret[4:].encode() in raw] == []


def test_not_in_any_column_of_text(day: Day, gate: Gatepost) -> None:
    with gate.database.read() as connection:
        rows = "".join(repr(connection.execute(select(table)).all()) for table in tables.metadata.sorted_tables)
    assert found_in(rows, day.secrets) == []


def plain_values() -> Iterator[type]:
    for module in (
        principal,
        records,
        users,
        sessions,
        sign_in,
        leaving,
        provisioning,
        callback,
        token_request,
        credentials,
    ):
        for thing in vars(module).values():
            if isinstance(thing, type) and dataclasses.is_dataclass(thing) and thing.__module__ == module.__name__:
                yield thing


def test_no_field_that_sounds_like_a_secret_is_shown() -> None:
    telling = re.compile("password|secret|handle|code|((id|access|refresh|provider)_)?token(?!_type)")
    for kind in plain_values():
        for field in dataclasses.fields(kind):
            if telling.match(field.name) and field.type in ("str", "str | None"):
                assert not field.repr, f"{kind.__name__}.{field.name}"


def test_a_credential_that_was_read_shows_nothing() -> None:
    for header in (b"Bearer gp_secretsecret", b"Basic YWxpY2U6c2VjcmV0c2VjcmV0"):
        assert "secretsecret" not in repr(read_credential([(b"authorization", header)], secure=True))
