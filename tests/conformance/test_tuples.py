"""Relation tuples: several origins, expiry, and what holds in sum."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.gate import Gatepost
from gatepost.store.relations import forget, held_by, holding, relate, unrelate
from tests.dice import NOON, FakeDice

HOUR = timedelta(hours=1)
AUTHOR = "user:admin"
ORIGINS = ("manual", "sso:keycloak", "scim", "config")


def may_view(gate: Gatepost, subject: str = "user:ann") -> bool:
    return gate.check(subject, "view", "collection:sales").allowed


def share(gate: Gatepost, origin: str = "manual", until: datetime | None = None, subject: str = "user:ann") -> bool:
    with gate.change_unasked() as tx:
        return relate(tx, "collection:sales", "viewer", subject, author=AUTHOR, origin=origin, expires_at=until)


def unshare(gate: Gatepost, origin: str | None = None, subject: str = "user:ann") -> bool:
    with gate.change_unasked() as tx:
        return unrelate(tx, "collection:sales", "viewer", subject, origin=origin)


def test_a_tuple_holds_until_its_last_origin_is_gone(gate: Gatepost) -> None:
    for origin in ORIGINS:
        assert share(gate, origin)
    for origin in ORIGINS:
        assert may_view(gate)
        assert unshare(gate, origin)

    assert not may_view(gate)
    assert not unshare(gate, "manual"), "there was none"


def test_each_origin_removes_only_its_own(gate: Gatepost) -> None:
    share(gate, "manual")
    share(gate, "sso:keycloak")

    assert not unshare(gate, "scim")
    unshare(gate, "sso:keycloak")

    with gate.database.read() as connection:
        assert [row.origin for row in held_by(connection, "collection:sales")] == ["manual"]


def test_without_an_origin_all_of_them_go(gate: Gatepost) -> None:
    for origin in ORIGINS:
        share(gate, origin)

    assert unshare(gate)
    assert not may_view(gate)


@pytest.mark.parametrize("reload", [False, True], ids=["as applied", "as loaded"])
def test_the_latest_expiry_of_all_origins_counts(gate: Gatepost, dice: FakeDice, reload: bool) -> None:
    share(gate, "manual", NOON + HOUR)
    share(gate, "sso:keycloak", NOON + 3 * HOUR)
    share(gate, "scim", NOON + 2 * HOUR)
    if reload:
        gate.memory._reload()

    dice.advance(3 * HOUR - timedelta(microseconds=1))
    assert may_view(gate)
    dice.advance(timedelta(microseconds=1))
    assert not may_view(gate)


@pytest.mark.parametrize("reload", [False, True], ids=["as applied", "as loaded"])
def test_no_expiry_beats_any(gate: Gatepost, dice: FakeDice, reload: bool) -> None:
    share(gate, "sso:keycloak", NOON + HOUR)
    share(gate, "manual")
    if reload:
        gate.memory._reload()

    dice.advance(100 * HOUR)
    assert may_view(gate)
    unshare(gate, "manual")
    assert not may_view(gate)


def test_an_expiry_can_be_changed_both_ways(gate: Gatepost, dice: FakeDice) -> None:
    assert share(gate, until=NOON + HOUR)
    assert not share(gate, until=NOON + HOUR), "nothing changed"
    assert share(gate, until=NOON + 2 * HOUR)
    dice.advance(HOUR + HOUR / 2)
    assert may_view(gate)

    share(gate, until=NOON + HOUR)
    assert not may_view(gate)


def test_what_has_not_changed_takes_no_revision(gate: Gatepost) -> None:
    share(gate)
    before = gate.database.head()
    share(gate)

    assert gate.database.head() == before


def test_forgetting_a_thing_leaves_no_tuple_of_it(gate: Gatepost) -> None:
    with gate.change_unasked() as tx:
        relate(tx, "group:team", "member", "user:ann", author=AUTHOR)
        relate(tx, "group:above", "member", "group:team#member", author=AUTHOR, origin="scim")
        relate(tx, "collection:sales", "viewer", "group:team#member", author=AUTHOR)
        relate(tx, "collection:sales", "viewer", "group:team2#member", author=AUTHOR)
        relate(tx, "collection:sales", "viewer", "group:teal#member", author=AUTHOR)
        relate(tx, "group:team2", "member", "user:ben", author=AUTHOR)
    with gate.change_unasked() as tx:
        assert forget(tx, "group:team") == 3

    with gate.database.read() as connection:
        left = [row.subject for row in held_by(connection, "collection:sales")]
        assert left == ["group:teal#member", "group:team2#member"]
        assert not held_by(connection, "group:team")
        assert not held_by(connection, "group:above")
    assert may_view(gate, "user:ben")
    assert not may_view(gate, "user:ann")


BYTES = [
    ("user:Alice", "user:alice"),
    ("user:ann", "user:ann\N{COMBINING ACUTE ACCENT}"),
    ("user:\N{LATIN SMALL LETTER E WITH ACUTE}", "user:e\N{COMBINING ACUTE ACCENT}"),
    ("user:stra\N{LATIN SMALL LETTER SHARP S}e", "user:strasse"),
    ("user:a", "user:\N{FULLWIDTH LATIN SMALL LETTER A}"),
    ("user:i", "user:\N{LATIN SMALL LETTER DOTLESS I}"),
    ("user:x", "user:x\N{ZERO WIDTH JOINER}"),
    ("user:x%", "user:x_"),
]


@pytest.mark.parametrize("reload", [False, True], ids=["as applied", "as loaded"])
@pytest.mark.parametrize(("one", "other"), BYTES)
def test_identifiers_compare_byte_by_byte(gate: Gatepost, one: str, other: str, reload: bool) -> None:
    """CVE-2026-55170: a collation made `user:Alice` and `user:alice` the same."""
    share(gate, subject=one)
    if reload:
        gate.memory._reload()
    assert (may_view(gate, one), may_view(gate, other)) == (True, False)

    share(gate, subject=other)
    unshare(gate, subject=one)
    assert (may_view(gate, one), may_view(gate, other)) == (False, True)
    with gate.database.read() as connection:
        assert holding(connection, one, "viewer") == []
        assert len(holding(connection, other, "viewer")) == 1


def test_trailing_spaces_count(gate: Gatepost) -> None:
    """No operation lets them in; the database would have to tell them apart all the same."""
    share(gate, subject="user:ann")
    share(gate, subject="user:ann ")

    with gate.database.read() as connection:
        subjects = [row.subject for row in held_by(connection, "collection:sales")]
        assert len(holding(connection, "user:ann ")) == 1
    assert subjects == ["user:ann", "user:ann "]


def test_rows_come_in_the_order_of_their_bytes(gate: Gatepost) -> None:
    names = ["user:a", "user:B", "user:_", "user:Z", "user:\N{LATIN SMALL LETTER E WITH ACUTE}", "user:b", "user:1"]
    for name in names:
        share(gate, subject=name)

    with gate.database.read() as connection:
        found = [row.subject for row in held_by(connection, "collection:sales")]
    assert found == sorted(names, key=lambda name: name.encode())


STEPS = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(("user:ann", "user:ben")),
        st.sampled_from(ORIGINS),
        st.sampled_from((None, 1, 2, 3)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_what_was_applied_is_what_would_be_loaded(
    gate: Gatepost, dice: FakeDice, steps: list[tuple[bool, str, str, int | None]]
) -> None:
    """The graph that followed the changelog answers as one that is loaded from the tables, at every hour."""
    dice.time = NOON
    with gate.change_unasked() as tx:
        forget(tx, "collection:sales")
    for adds, subject, origin, hours in steps:
        until = None if hours is None else NOON + hours * HOUR
        _ = share(gate, origin, until, subject) if adds else unshare(gate, origin, subject)

    followed = answers(gate, dice)
    gate.memory._reload()
    assert answers(gate, dice) == followed


def answers(gate: Gatepost, dice: FakeDice) -> list[tuple[bool, bool]]:
    found = []
    for hours in (0, 1, 2, 3, 4):
        dice.time = NOON + hours * HOUR
        found.append((may_view(gate, "user:ann"), may_view(gate, "user:ben")))
    dice.time = NOON
    return found
