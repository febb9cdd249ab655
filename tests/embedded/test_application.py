"""The embedding application itself: it may do everything, the trail names it, and nobody from outside becomes it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.directory.roles import assign_role
from gatepost.embedded.gatepost import Gatepost
from gatepost.errors import Conflict, Forbidden, InvalidField, NotFound
from gatepost.principal import APPLICATION, EMBEDDER, Entity, Method, Principal
from tests.embedded.story import everything, furnish
from tests.waiting import A_BUSY_SECOND, eventually

REFUSALS = ("Forbidden", "Unauthenticated", "InvalidToken")


@pytest.fixture
def gate_url(database_url: str) -> str:
    """On both databases."""
    return database_url


def test_it_may_do_everything_and_the_trail_says_who_did(embedded: Gatepost) -> None:
    @contextmanager
    def spoken_for(username: str, password: str) -> Iterator[Any]:
        yield embedded if username == "admin" else embedded.acting_as(f"user:{username}")

    furnish(embedded)
    told = everything(spoken_for, datetime.now(UTC), sessions=False)

    refused = [(name, line) for name, line in told.lines if isinstance(line, tuple) and line[0] in REFUSALS]
    assert {name for name, _ in refused} == {"create_token"}  # it is nobody who could have one
    trail = list(embedded.audit(filters={"outcome": "done"}))
    assert {(entry.subject, entry.method) for entry in trail} == {
        ("platform:main", "start"),
        ("platform:application", "embedded"),
        ("user:alice", "embedded"),
    }
    assert [entry for entry in trail if isinstance(entry.detail, dict) and "vouched_roles" in entry.detail] == []


def test_it_says_who_it_is(embedded: Gatepost) -> None:
    me = embedded.me()

    assert (me.kind, me.method, me.roles) == ("application", "embedded", ("admin",))
    with pytest.raises(Conflict):
        embedded.logout()
    with pytest.raises(Forbidden):
        embedded.create_token("mine")
    assert not any((*embedded.tokens(), *embedded.sessions(), *embedded.identities()))


def test_what_it_makes_belongs_to_whom_it_says(embedded: Gatepost) -> None:
    embedded.create_user("alice")
    embedded.create_resource("collection:sales")
    assert list(embedded.access("collection:sales")) == []
    assert embedded.resource("collection:sales").created_by == "platform:application"

    embedded.grant("collection:sales", "owner", "user:alice")

    assert [grant.subject for grant in embedded.acting_as("user:alice").access("collection:sales")] == ["user:alice"]
    with pytest.raises(Conflict):  # the last owner stays, whoever asks
        embedded.revoke("collection:sales", "owner", "user:alice")


def test_none_is_the_application(embedded: Gatepost) -> None:
    embedded.create_resource("collection:sales")

    assert embedded.check(None, "delete", "collection:sales").allowed
    assert embedded.explain(None, "delete", "collection:sales").allowed
    (answer,) = embedded.check_batch([(None, "delete", "collection:sales")]).results
    assert answer.allowed is True


def test_nobody_becomes_the_application_by_its_name(embedded: Gatepost) -> None:
    """Attack: to be named as it is named, in a question, as a subject, or with another method."""
    assert not embedded.check(str(APPLICATION), "user:create", "platform:main").allowed
    with pytest.raises(InvalidField):
        embedded.acting_as(str(APPLICATION))
    with pytest.raises(InvalidField):
        embedded.assign_role("admin", str(APPLICATION))
    assert not replace(EMBEDDER, method=Method.SESSION).is_application


def test_roles_that_are_merely_vouched_for_are_not_handed_out_in_the_process_either(embedded: Gatepost) -> None:
    embedded.create_user("alice")
    embedded.create_user("bob")
    alice = Entity("user", "alice")
    vouched = Principal(subject=alice, method=Method.EMBEDDED, scope=None, roles=frozenset({"admin"}))

    with pytest.raises(Forbidden):
        assign_role(embedded, vouched, "admin", "user:bob")


def test_what_is_not_there_is_not_found(embedded: Gatepost) -> None:
    for call in (embedded.user, embedded.group, embedded.role, embedded.service, embedded.delete_user):
        with pytest.raises(NotFound):
            call("nobody")


def test_many_threads_make_calls_at_once(embedded: Gatepost) -> None:
    def work(number: int) -> list[str]:
        embedded.create_group(f"group-{number}")
        embedded.create_user(f"user-{number}")
        embedded.add_member(f"group-{number}", f"user:user-{number}")
        acting = embedded.acting_as(f"user:user-{number}")
        return [*acting.me().groups, *(member.subject for member in embedded.members(f"group-{number}"))]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(24)))

    assert found == [[f"group-{number}", f"user:user-{number}"] for number in range(24)]
    assert len(list(embedded.groups(limit=5))) == 24


def test_another_process_hears_of_it(embedded: Gatepost, second_gate: Any) -> None:
    embedded.create_user("alice")
    embedded.assign_role("admin", "user:alice")

    asked = ("user:alice", "user:create", "platform:main")
    assert eventually(lambda: second_gate.check(*asked).allowed, within=A_BUSY_SECOND)
