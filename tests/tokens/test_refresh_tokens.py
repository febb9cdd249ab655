"""Refresh tokens rotate; the losing tab gets its successor, a thief ends the family (trap 10, DH-8, DH-9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.directory.users import UserChange, change_user, delete_user
from gatepost.errors import GatepostError, InvalidField, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import Scope
from gatepost.settings import KeysSettings, Secret
from gatepost.store import tables
from gatepost.tokens.refresh_tokens import TokenPair, first_pair, forget_expired, refresh
from gatepost.tokens.sessions import Arrival, open_session
from tests.conftest import ENCRYPTION_KEY, OpenGate, settings_for
from tests.dice import FakeDice
from tests.directory.people import ADMIN, person
from tests.tokens.signing_in import by_bearer, make_user, pair_for, part

MOMENT = timedelta(microseconds=1)
GRACE = timedelta(seconds=3)


@pytest.fixture
def pair(gate: Gatepost) -> TokenPair:
    make_user(gate)
    return pair_for(gate)


def is_dead(gate: Gatepost, secret: str) -> bool:
    try:
        refresh(gate, secret)
    except InvalidToken:
        return True
    return False


def test_each_use_gives_the_next_one_and_access_goes_on(gate: Gatepost, pair: TokenPair, dice: FakeDice) -> None:
    seen = {pair.refresh_token}
    for _ in range(5):
        dice.advance(timedelta(minutes=40))
        with pytest.raises(InvalidToken):
            by_bearer(gate, pair.access_token)
        pair = refresh(gate, pair.refresh_token)
        assert by_bearer(gate, pair.access_token).subject.id == "alice"
        seen.add(pair.refresh_token)
    assert len(seen) == 6


def test_a_week_after_the_sign_in_it_is_over(gate: Gatepost, pair: TokenPair, dice: FakeDice) -> None:
    """DH-9, and refreshing does not make it longer."""
    dice.advance(timedelta(days=7) - MOMENT)
    pair = refresh(gate, pair.refresh_token)
    dice.advance(MOMENT)
    assert is_dead(gate, pair.refresh_token)


def test_the_tab_that_lost_the_race_gets_the_same_successor(gate: Gatepost, pair: TokenPair, dice: FakeDice) -> None:
    first = refresh(gate, pair.refresh_token)
    dice.advance(GRACE)
    second = refresh(gate, pair.refresh_token)
    assert second.refresh_token == first.refresh_token
    assert by_bearer(gate, first.access_token).credential_id == by_bearer(gate, second.access_token).credential_id
    assert refresh(gate, first.refresh_token).refresh_token != first.refresh_token


def test_another_process_gives_the_same_successor(gate: Gatepost, second_gate: Gatepost, pair: TokenPair) -> None:
    assert refresh(gate, pair.refresh_token).refresh_token == refresh(second_gate, pair.refresh_token).refresh_token


def test_after_three_seconds_a_spent_one_is_a_stolen_one(gate: Gatepost, pair: TokenPair, dice: FakeDice) -> None:
    """The whole family ends: session, successor, and the access tokens that were issued to either."""
    thief = refresh(gate, pair.refresh_token)
    dice.advance(GRACE + MOMENT)
    assert is_dead(gate, pair.refresh_token)
    for token in (pair.access_token, thief.access_token):
        with pytest.raises(InvalidToken):
            by_bearer(gate, token)
    assert is_dead(gate, thief.refresh_token)
    records = read_audit(gate, ADMIN, Wanted(), Filter(event="session.ended")).items
    assert [(r.outcome, r.reason, r.subject) for r in records] == [
        ("failed", "a spent refresh token came back", "user:alice")
    ]


def test_once_the_successor_was_used_the_grace_is_over(gate: Gatepost, pair: TokenPair) -> None:
    """Within the three seconds too: whoever holds the old one is not the tab that lost."""
    successor = refresh(gate, pair.refresh_token)
    latest = refresh(gate, successor.refresh_token)
    assert is_dead(gate, pair.refresh_token)
    assert is_dead(gate, latest.refresh_token)
    with pytest.raises(InvalidToken):
        by_bearer(gate, latest.access_token)


def test_another_family_is_not_touched(gate: Gatepost, pair: TokenPair, dice: FakeDice) -> None:
    other = pair_for(gate)
    refresh(gate, pair.refresh_token)
    dice.advance(timedelta(minutes=1))
    assert is_dead(gate, pair.refresh_token)
    assert by_bearer(gate, other.access_token).subject.id == "alice"
    refresh(gate, other.refresh_token)


def test_many_tabs_at_once_all_go_on_with_one_successor(open_gate: OpenGate, database_url: str) -> None:
    """OpenRisk#700 and others: the race between tabs logged everybody out.  Two processes, sixteen tabs."""
    gates = [open_gate(database_url), open_gate(database_url)]
    make_user(gates[0])
    pair = pair_for(gates[0])
    with ThreadPoolExecutor(16) as pool:
        tabs = [pool.submit(refresh, gates[n % 2], pair.refresh_token) for n in range(16)]
        answers = [tab.result(30) for tab in tabs]
    assert len({answer.refresh_token for answer in answers}) == 1
    t = tables.refresh_tokens
    with gates[0].database.read() as connection:
        rows = connection.execute(select(t)).all()
    assert (len(rows), sum(row.spent_at is None for row in rows)) == (2, 1)
    gates[1].memory.catch_up()
    for gate in gates:
        for answer in answers:
            by_bearer(gate, answer.access_token)


def test_the_grace_survives_a_new_encryption_key(open_gate: OpenGate, gate_url: str) -> None:
    """The successor is derived, and between the two tabs the server may have been restarted with a new first key."""
    old = open_gate(gate_url)
    make_user(old)
    pair = pair_for(old)
    first = refresh(old, pair.refresh_token)
    keys = KeysSettings(encryption_keys=(Secret("n" * 40), Secret(ENCRYPTION_KEY)))
    new = open_gate(replace(settings_for(gate_url), keys=keys))
    assert refresh(new, pair.refresh_token).refresh_token == first.refresh_token
    assert refresh(new, first.refresh_token).refresh_token != first.refresh_token


def test_the_scope_can_be_narrowed_for_one_access_token_and_never_widened(gate: Gatepost, pair: TokenPair) -> None:
    """RFC 6749 section 6.  A refusal spends nothing."""
    narrow = refresh(gate, pair.refresh_token, scope=Scope.parse("dataset:view"))
    assert part(narrow.access_token, 1)["scope"] == narrow.scope == "dataset:view"
    assert part(refresh(gate, narrow.refresh_token).access_token, 1)["scope"] == "*:*"


def test_a_narrow_grant_stays_narrow(gate: Gatepost) -> None:
    make_user(gate)
    with gate.change_unasked() as tx:
        alice = person("alice").subject
        session = open_session(gate, tx, alice, Arrival(method="password", address=""), cookie=False).record.id
        pair = first_pair(gate, tx, alice, session, scope=Scope.parse("dataset:*"), client_id="gatepost-cli")
    for wider in ("*:*", "dataset:view user:view", "*:view"):
        with pytest.raises((InvalidField, InvalidToken)):
            refresh(gate, pair.refresh_token, scope=Scope.parse(wider))
    with pytest.raises(InvalidToken):
        refresh(gate, pair.refresh_token, client_id="another-client")
    after = refresh(gate, pair.refresh_token, client_id="gatepost-cli")
    assert (part(after.access_token, 1)["scope"], part(after.access_token, 1)["client_id"]) == (
        "dataset:*",
        "gatepost-cli",
    )


@pytest.mark.parametrize("how", ["disable", "delete", "re-create"])
def test_it_dies_with_its_owner(gate: Gatepost, pair: TokenPair, how: str) -> None:
    if how == "disable":
        change_user(gate, ADMIN, "alice", UserChange(disabled=True))
        change_user(gate, ADMIN, "alice", UserChange(disabled=False))
    else:
        delete_user(gate, ADMIN, "alice")
    if how == "re-create":
        make_user(gate)
    assert is_dead(gate, pair.refresh_token)


@pytest.mark.parametrize(
    "secret", ["", "gpr_", "gpr_" + "a" * 43, "gp_" + "a" * 38, "gpr_\0", "gpr_\ud800", "x" * 9999]
)
def test_rubbish_is_refused_without_making_the_writers_wait(
    gate: Gatepost, pair: TokenPair, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can send it, without any credential: it must not take the one lock that all changes need."""

    def no_lock() -> None:
        pytest.fail("it took the head lock")

    monkeypatch.setattr(gate, "change_unasked", no_lock)
    with pytest.raises(InvalidToken):
        refresh(gate, secret)


def test_only_digests_are_kept_and_old_ones_go(gate: Gatepost, pair: TokenPair, dice: FakeDice) -> None:
    after = refresh(gate, pair.refresh_token)
    t = tables.refresh_tokens
    with gate.database.read() as connection:
        rows = repr(connection.execute(select(t)).all())
    for secret in (pair.refresh_token, after.refresh_token):
        assert secret[4:] not in rows
    dice.advance(timedelta(days=9))
    with gate.change_unasked() as tx:
        forget_expired(tx, dice.now())
    with gate.database.read() as connection:
        assert connection.execute(select(t)).all() == []


def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(gate: Gatepost, pair: TokenPair) -> None:
    assert is_dead(gate, pair.access_token)
    with pytest.raises(GatepostError):
        by_bearer(gate, pair.refresh_token)
