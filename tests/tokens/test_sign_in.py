"""Signing in with a password: every no is alike (IF-11, IF-12, DH-2, rule 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.roles import assign_role
from gatepost.directory.users import (
    NewPassword,
    NewUser,
    UserChange,
    change_user,
    create_user,
    delete_user,
    set_password,
)
from gatepost.errors import InvalidCredentials, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.store import tables
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.sign_in import Proved, prove_by_password, sign_in_for_cookie, sign_in_for_tokens
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.directory.people import ADMIN, GOOD_PASSWORD, make_people
from tests.tokens.signing_in import Watched, by_basic, by_bearer, make_user, pair_for, tries


def stored(gate: Gatepost, name: str = "alice") -> str:
    u = tables.users
    with gate.database.read() as connection:
        return str(connection.execute(select(u.c.password).where(u.c.username == name)).scalar_one())


@pytest.fixture
def counted(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each time that a password was verified with the slow hash, its argument."""
    verified: list[str] = []
    gate.passwords.warm()
    monkeypatch.setattr(gate.passwords, "_hasher", Watched(gate.passwords._hasher, verified.append))
    return verified


def test_who_there_is_cannot_be_told_from_a_refusal(gate: Gatepost, counted: list[str]) -> None:
    """Unknown, wrong, disabled and without a password: the same words, and the same work, once each."""
    make_user(gate)
    make_user(gate, "gone")
    change_user(gate, ADMIN, "gone", UserChange(disabled=True))
    make_people(gate, "external")
    refusals = []
    for name, password in (
        ("nobody", GOOD_PASSWORD),
        ("alice", "wrong"),
        ("gone", GOOD_PASSWORD),
        ("external", GOOD_PASSWORD),
        ("a b", GOOD_PASSWORD),
        ("", ""),
    ):
        counted.clear()
        with pytest.raises(InvalidCredentials) as refused:
            prove_by_password(gate, tries(name, password))
        refusals.append((str(refused.value), refused.value.code, len(counted)))
    assert set(refusals) == {("the username or the password is wrong", "invalid_credentials", 1)}


def test_the_right_password_opens_whatever_the_case_of_the_name(gate: Gatepost) -> None:
    make_user(gate)
    for name in ("alice", "ALICE", " Alice "):
        assert prove_by_password(gate, tries(name)).username == "alice"
    for password in (GOOD_PASSWORD.upper(), f" {GOOD_PASSWORD}", f"{GOOD_PASSWORD}\0", GOOD_PASSWORD[:-1]):
        with pytest.raises(InvalidCredentials):
            prove_by_password(gate, tries(password=password))


def test_a_hash_of_an_older_profile_is_renewed_at_the_next_sign_in_and_only_then(gate: Gatepost) -> None:
    make_user(gate)
    u = tables.users
    weak = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(GOOD_PASSWORD)
    with gate.database.write() as connection:
        connection.execute(update(u).where(u.c.username == "alice").values(password=weak))
    assert gate.passwords.is_outdated(weak)
    with pytest.raises(InvalidCredentials):
        prove_by_password(gate, tries(password="wrong"))
    assert stored(gate) == weak
    prove_by_password(gate, tries())
    assert stored(gate) != weak
    assert not gate.passwords.is_outdated(stored(gate))
    prove_by_password(gate, tries())


def test_a_typed_name_that_is_nobodys_is_not_kept(gate: Gatepost) -> None:
    """People type their password into the field for the name."""
    with pytest.raises(InvalidCredentials):
        prove_by_password(gate, tries("my-secret-passphrase"))
    records = read_audit(gate, ADMIN, Wanted(), Filter(event="sign_in.failed")).items
    assert [(r.target, r.reason, r.address) for r in records] == [("user:unknown", "unknown user", "192.0.2.7")]
    with gate.database.read() as connection:
        assert "my-secret" not in repr(connection.execute(select(tables.throttles)).all())


@pytest.mark.parametrize("secret", ["gp_" + "a" * 38, "eyJhbGciOiJub25lIn0.e30.x"])
def test_what_looks_like_a_token_is_never_tried_as_a_password(gate: Gatepost, counted: list[str], secret: str) -> None:
    """Trap 4: a token in Basic that is refused must not be tried again as something else."""
    make_user(gate)
    with pytest.raises(InvalidToken):
        by_basic(gate, "alice", secret)
    assert counted == []


def test_passwords_off_are_off_in_basic_too_and_admins_have_their_door(open_gate: OpenGate, gate_url: str) -> None:
    base = settings_for(gate_url)
    gate = open_gate(replace(base, main=replace(base.main, password_sign_in=False)))
    make_user(gate)
    create_user(gate, ADMIN, NewUser(username="root", password=GOOD_PASSWORD))
    assign_role(gate, ADMIN, "admin", "user:root")
    for attempt in (tries(), tries("admin", ADMIN_PASSWORD), replace(tries(), local_door=True)):
        with pytest.raises(InvalidCredentials):
            prove_by_password(gate, attempt)
    for name, password in (("alice", GOOD_PASSWORD), ("root", GOOD_PASSWORD)):
        with pytest.raises(InvalidToken):
            by_basic(gate, name, password)
    assert prove_by_password(gate, replace(tries("root"), local_door=True)).username == "root"


@pytest.mark.parametrize("open_it", [sign_in_for_tokens, sign_in_for_cookie])
def test_a_deletion_or_disabling_between_proof_and_session_is_honoured(
    gate: Gatepost, second_gate: Gatepost, open_it: Callable[..., object]
) -> None:
    """Argon2 takes its time, and the session would be one of nobody, or of whoever gets the name next."""
    for name in ("alice", "bob"):
        make_user(gate, name)
    proved = {name: prove_by_password(gate, tries(name)) for name in ("alice", "bob")}
    delete_user(second_gate, ADMIN, "alice")
    change_user(second_gate, ADMIN, "bob", UserChange(disabled=True))
    for name, profile in proved.items():
        with pytest.raises(InvalidToken):
            open_it(gate, profile, tries(name))
    with gate.database.read() as connection:
        assert connection.execute(select(tables.sessions)).all() == []


@pytest.mark.parametrize("open_it", [sign_in_for_tokens, sign_in_for_cookie])
def test_whoever_gets_the_name_between_proof_and_session_is_not_whom_it_is_for(
    gate: Gatepost, open_it: Callable[..., object]
) -> None:
    """The attack: to sign in while one is deleted, and to be in as the next one of that name."""
    make_user(gate)
    proved = prove_by_password(gate, tries())
    delete_user(gate, ADMIN, "alice")
    make_user(gate)
    with pytest.raises(InvalidToken):
        open_it(gate, proved, tries())


@pytest.mark.parametrize("open_it", [sign_in_for_tokens, sign_in_for_cookie])
def test_a_password_set_between_proof_and_session_ends_this_one_too(
    gate: Gatepost, open_it: Callable[..., object]
) -> None:
    """The attack: to be signing in with a stolen password all the time, so that a reset does not get one out."""
    make_user(gate)
    proved = prove_by_password(gate, tries())
    set_password(gate, ADMIN, "alice", NewPassword(password="new-plover-zinc-11"))
    with pytest.raises(InvalidToken):
        open_it(gate, proved, tries())


def test_two_who_renew_the_hash_at_once_are_both_in(gate: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    make_user(gate)
    again: list[Proved] = []
    monkeypatch.setattr(gate.passwords, "is_outdated", lambda _: True)
    really = gate.passwords.hash

    def hash_(password: str) -> str:
        monkeypatch.setattr(gate.passwords, "hash", really)
        again.append(prove_by_password(gate, tries()))
        return really(password)

    monkeypatch.setattr(gate.passwords, "hash", hash_)
    for proved in (prove_by_password(gate, tries()), *again):
        sign_in_for_tokens(gate, proved, tries())
    assert proved.stored not in repr(proved)


@pytest.mark.parametrize(
    "make",
    [
        lambda gate, caller: issue_api_token(gate, caller, WantedToken(name="mine")),
        lambda gate, caller: create_resource(gate, caller, NewResource(type="collection", id="mine")),
    ],
)
def test_whoever_is_deleted_while_they_call_with_a_password_leaves_nothing_behind(
    gate: Gatepost, make: Callable[[Gatepost, Principal], object]
) -> None:
    """Else it would be there, and good, for whoever gets the name next."""
    make_user(gate)
    assign_role(gate, ADMIN, "user", "user:*")
    called = by_basic(gate, "alice", GOOD_PASSWORD)
    delete_user(gate, ADMIN, "alice")
    with pytest.raises(InvalidToken):
        make(gate, called)
    make_user(gate)
    make(gate, by_basic(gate, "alice", GOOD_PASSWORD))


def test_a_sign_in_ends_with_a_pair_that_works_at_once(gate: Gatepost) -> None:
    """DH-4, DH-5, DH-6, DH-7: half an hour and a week."""
    make_user(gate)
    pair = pair_for(gate)
    assert (pair.token_type, pair.expires_in) == ("Bearer", 1800)
    assert by_bearer(gate, pair.access_token).subject.id == "alice"
    assert pair.access_token not in repr(pair)
    assert pair.refresh_token not in repr(pair)
