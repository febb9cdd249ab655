"""API tokens: prefix, checksum, digest, expiry, scope, and an end that is one everywhere (trap 21, IF-22, IF-X15)."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gatepost.directory.pages import Wanted
from gatepost.directory.roles import assign_role, unassign_role
from gatepost.directory.users import UserChange, change_user, delete_user
from gatepost.errors import Forbidden, InvalidField, InvalidToken, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.settings import Secret
from gatepost.store import tables
from gatepost.tokens.api_tokens import IssuedToken, WantedToken, issue_api_token, list_api_tokens, revoke_api_token
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.directory.people import ADMIN, NOBODY, machine, make_collection, narrowed, person, share
from tests.tokens.signing_in import by_basic, by_bearer, make_user
from tests.waiting import A_BUSY_SECOND, eventually

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def alice(gate: Gatepost) -> Gatepost:
    make_user(gate)
    return gate


def issue(gate: Gatepost, owner: str = "alice", **wish: Any) -> IssuedToken:
    return issue_api_token(gate, person(owner), replace(WantedToken(name="laptop"), **wish))


def test_the_checksum_is_one_that_a_secret_scanner_can_work_out_alone(alice: Gatepost) -> None:
    """CRC-32 in base 62, six digits: a look-alike in somebody's repository is told from a leak."""
    for _ in range(20):
        secret = issue(alice).secret
        body, check = secret[3:-6], secret[-6:]
        assert secret.startswith("gp_")
        assert len(body) == 32
        assert len(set(body)) > 8
        assert sum(BASE62.index(c) * 62**n for n, c in enumerate(reversed(check))) == zlib.crc32(body.encode())


def test_only_a_digest_is_in_the_database(alice: Gatepost, tmp_path: Path) -> None:
    """The file itself, its log included: neither the secret nor its random part stands anywhere."""
    secret = issue(alice).secret
    alice.journal.flush()
    files = [file for file in tmp_path.iterdir() if file.name.startswith("gatepost.db")]
    assert files
    raw = b"".join(file.read_bytes() for file in files)
    assert b"laptop" in raw, "this is where it would stand"
    assert secret.encode() not in raw
    assert secret[3:35].encode() not in raw


def test_it_is_its_owner_within_its_scope(alice: Gatepost) -> None:
    make_user(alice, "bob")
    make_collection(alice, "bob", "c")
    share(alice, "bob", "collection:c", "editor", "user:alice")
    token = issue(alice, scopes=("collection:view",))
    caller = by_bearer(alice, token.secret)
    assert (str(caller.subject), caller.method, caller.credential_id, str(caller.scope)) == (
        "user:alice",
        Method.API_TOKEN,
        token.token.id,
        "collection:view",
    )
    sales = Entity("collection", "c")
    assert alice.may(caller, "view", sales)
    assert not alice.may(caller, "edit", sales)
    full = by_bearer(alice, issue(alice).secret)
    assert alice.may(full, "edit", sales)
    assert not alice.may(full, "delete", sales), "no more than its owner"


def test_its_expiry_is_compared_at_every_call(alice: Gatepost, dice: FakeDice) -> None:
    """Infrahub stored it and never looked (IF-X15)."""
    token = issue(alice, expires_at=alice.now() + timedelta(hours=1))
    by_bearer(alice, token.secret)
    dice.advance(timedelta(hours=1) - timedelta(microseconds=1))
    by_bearer(alice, token.secret)
    dice.advance(timedelta(microseconds=1))
    for _ in range(2):
        with pytest.raises(InvalidToken):
            by_bearer(alice, token.secret)
    with pytest.raises(InvalidField, match="past"):
        issue(alice, expires_at=alice.now())


def test_revoked_is_revoked_at_once_here_and_within_a_second_elsewhere(alice: Gatepost, second_gate: Gatepost) -> None:
    token = issue(alice)
    by_bearer(second_gate, token.secret)
    revoke_api_token(alice, person("alice"), token.token.id)
    with pytest.raises(InvalidToken):
        by_bearer(alice, token.secret)
    eventually(lambda: second_gate.memory.has_ended(token.token.id), within=A_BUSY_SECOND)
    with pytest.raises(InvalidToken):
        by_bearer(second_gate, token.secret)
    with pytest.raises(NotFound):
        revoke_api_token(alice, person("alice"), token.token.id)


def test_it_dies_with_its_owner_and_not_only_until_the_name_is_taken_again(
    alice: Gatepost, second_gate: Gatepost
) -> None:
    token = issue(alice)
    by_bearer(second_gate, token.secret)
    assert change_user(alice, ADMIN, "alice", UserChange(disabled=True)).tokens == 1
    with pytest.raises(InvalidToken):
        by_bearer(alice, token.secret)
    assert delete_user(alice, ADMIN, "alice").tokens == 1
    make_user(alice)
    second_gate.memory.catch_up()
    for gate in (alice, second_gate):
        with pytest.raises(InvalidToken):
            by_bearer(gate, token.secret)


def test_it_loses_what_its_owner_loses(alice: Gatepost) -> None:
    assign_role(alice, ADMIN, "admin", "user:alice")
    caller = by_bearer(alice, issue(alice).secret)
    assert alice.may(caller, "audit:view")
    unassign_role(alice, ADMIN, "admin", "user:alice")
    assert not alice.may(by_bearer(alice, issue(alice).secret), "audit:view")
    assert not alice.may(caller, "audit:view")


@pytest.mark.parametrize(
    "caller",
    [
        person("alice", scope="*:*", method=Method.API_TOKEN),
        person("alice", method=Method.DELEGATED),
        machine("etl"),
        narrowed(person("alice"), "user"),
        replace(person("alice"), actor=machine("etl").subject),
    ],
    ids=["api token", "somebody else's token", "service token", "narrowed", "acting for another"],
)
def test_no_token_makes_a_token(alice: Gatepost, caller: Principal) -> None:
    """IF-X15, trap 21: one that leaks must not be able to make itself a successor."""
    with pytest.raises(Forbidden):
        issue_api_token(alice, caller, WantedToken(name="next"))
    with alice.database.read() as connection:
        assert connection.execute(select(tables.tokens)).all() == []


def test_whoever_is_anonymous_makes_and_sees_none(alice: Gatepost) -> None:
    for attempt in (
        lambda: issue_api_token(alice, NOBODY, WantedToken(name="x")),
        lambda: list_api_tokens(alice, NOBODY, Wanted()),
        lambda: revoke_api_token(alice, NOBODY, "x"),
    ):
        with pytest.raises(Unauthenticated):
            attempt()


def test_one_sees_and_revokes_ones_own_alone(alice: Gatepost) -> None:
    make_user(alice, "bob")
    hers = issue(alice)
    his = issue(alice, "bob")
    assert [t.id for t in list_api_tokens(alice, person("alice"), Wanted()).items] == [hers.token.id]
    assert [t.id for t in list_api_tokens(alice, person("alice"), Wanted(), "ALICE").items] == [hers.token.id]
    for owner in ("bob", "*"):
        with pytest.raises(Forbidden):
            list_api_tokens(alice, person("alice"), Wanted(), owner)
    for token_id in (his.token.id, "no-such-token"):
        with pytest.raises(NotFound):
            revoke_api_token(alice, person("alice"), token_id)
    by_bearer(alice, his.secret)
    assert len(list_api_tokens(alice, ADMIN, Wanted(), "*").items) == 2
    revoke_api_token(alice, ADMIN, his.token.id)
    with pytest.raises(InvalidToken):
        by_bearer(alice, his.secret)
    assert hers.secret not in repr(list_api_tokens(alice, ADMIN, Wanted(), "*"))


def test_the_last_use_is_written_by_the_journal(alice: Gatepost, dice: FakeDice) -> None:
    """No write for a read."""
    token = issue(alice)
    before = alice.database.head()
    dice.advance(timedelta(minutes=5))
    by_bearer(alice, token.secret)
    alice.journal.flush()
    [listed] = list_api_tokens(alice, person("alice"), Wanted()).items
    assert listed.last_used_at == dice.now()
    assert alice.database.head() == before


def test_a_second_look_at_a_token_asks_no_database(alice: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issue(alice)
    by_bearer(alice, token.secret)
    monkeypatch.setattr(alice.database, "read", lambda: pytest.fail("it read"))
    by_bearer(alice, token.secret)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"scopes": ()}, "scopes"),
        ({"scopes": ("dataset",)}, "scopes"),
        ({"scopes": ("dataset:explode",)}, "scopes"),
        ({"scopes": ("warehouse:*",)}, "scopes"),
        ({"scopes": ("dataset:view edit",)}, "scopes"),
        ({"scopes": tuple(f"dataset:x{n}" for n in range(201))}, "scopes"),
    ],
)
def test_a_bad_wish_is_named(alice: Gatepost, wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        issue(alice, **wish)
    assert set(refused.value.fields) == {field}


def test_the_first_admins_token_is_one_of_ones_own_shape(open_gate: OpenGate, gate_url: str) -> None:
    """`gp_` and 29 characters of one's own: the checksum is for scanners, never a condition."""
    given = "gp_my-own_token-of-29-characters"
    base = settings_for(gate_url)
    gate = open_gate(replace(base, main=replace(base.main, initial_admin_token=Secret(given))))
    assert str(by_bearer(gate, given).subject) == "user:admin"
    assert gate.may(by_basic(gate, "admin", given), "user:create")


@pytest.mark.parametrize("change", ["cut", "longer", "case", "checksum", "space"])
def test_nearly_a_token_is_none(alice: Gatepost, change: str) -> None:
    secret = issue(alice).secret
    wrong = {
        "cut": secret[:-1],
        "longer": secret + "0",
        "case": secret[:3] + secret[3:].swapcase(),
        "checksum": secret[:-6] + "000000",
        "space": secret + "\u00a0",
    }[change]
    with pytest.raises(InvalidToken):
        by_bearer(alice, wrong)
