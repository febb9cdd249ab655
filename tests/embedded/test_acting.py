"""Acting as somebody: what they may, and no more; and only as long as they are there and let in."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from gatepost.embedded.acting import Acting
from gatepost.embedded.gatepost import Gatepost
from gatepost.embedded.people import _reread
from gatepost.errors import (
    Forbidden,
    InvalidField,
    InvalidRequest,
    InvalidToken,
    NotFound,
    Unauthenticated,
)
from gatepost.principal import Entity, Method
from gatepost.sso.reread import Reread
from tests.dice import FakeDice

PASSWORD = "quay-seven-lantern-and-more"


@pytest.fixture
def gate(embedded: Gatepost) -> Gatepost:
    """Alice owns a collection, bob sees it, carol knows nothing of it."""
    for name in ("alice", "bob", "carol"):
        embedded.create_user(name, password=PASSWORD)
    embedded.assign_role("user", "user:alice")
    embedded.acting_as("user:alice").create_resource("collection:sales")
    embedded.grant("collection:sales", "viewer", "user:bob")
    return embedded


Ask = Callable[[Acting], Any]
WRITES: tuple[Ask, ...] = (
    lambda acting: acting.create_user("dora"),
    lambda acting: acting.create_group("team"),
    lambda acting: acting.create_role("r", permissions=["dataset:view"]),
    lambda acting: acting.create_service("etl"),
    lambda acting: acting.assign_role("admin", "user:bob"),
    lambda acting: acting.create_store("a store"),
    lambda acting: acting.rotate_keys(),
    lambda acting: acting.set_password("alice", PASSWORD + "!"),
)


@pytest.mark.parametrize("write", WRITES)
def test_without_the_right_it_is_refused_as_over_rest(gate: Gatepost, write: Ask) -> None:
    with pytest.raises((Forbidden, NotFound)):
        write(gate.acting_as("user:bob"))
    with pytest.raises(Unauthenticated):
        write(gate.acting_as("anonymous:*"))


def test_what_one_cannot_see_is_not_there_and_what_one_sees_is_forbidden(gate: Gatepost) -> None:
    with pytest.raises(Forbidden):
        gate.acting_as("user:bob").delete_resource("collection:sales")
    with pytest.raises(NotFound):
        gate.acting_as("user:carol").delete_resource("collection:sales")
    assert [str(each) for each in gate.acting_as("user:bob").resources()] == ["collection:sales"]
    assert list(gate.acting_as("user:carol").resources()) == []


def test_about_others_it_takes_the_permission_to_ask(gate: Gatepost) -> None:
    bob = gate.acting_as("user:bob")

    assert bob.check(None, "view", "collection:sales").allowed
    assert bob.check("user:bob", "view", "collection:sales").allowed
    with pytest.raises(Forbidden):
        bob.check("user:alice", "view", "collection:sales")
    with pytest.raises(Forbidden):
        bob.check_batch([("user:alice", "view", "collection:sales")])


def test_refusals_and_changes_stand_in_the_trail_under_their_name(gate: Gatepost) -> None:
    with pytest.raises(Forbidden):
        gate.acting_as("user:bob").create_user("dora")

    (refused,) = gate.audit(filters={"event": "refused.user:create"})
    assert (refused.subject, refused.method, refused.outcome) == ("user:bob", "embedded", "refused")
    (made,) = gate.audit(filters={"event": "resource.created"})
    assert (made.subject, made.method) == ("user:alice", "embedded")


# -- narrowed ---------------------------------------------------------------------------------------------------------


def test_a_scope_narrows(gate: Gatepost) -> None:
    alice = gate.acting_as("user:alice", scope=["collection:view"])

    assert alice.resource("collection:sales").id == "sales"
    with pytest.raises(Forbidden):
        alice.delete_resource("collection:sales")
    with pytest.raises(InvalidField) as wrong:
        gate.acting_as("user:alice", scope=["nothing:at-all"])
    assert set(wrong.value.fields) == {"scope"}
    with pytest.raises(InvalidField):
        gate.acting_as("user:alice", scope="collection:view")


def test_a_scope_does_not_widen_what_a_token_carries(gate: Gatepost) -> None:
    token = gate.acting_as("user:alice").create_token("reads", scopes=["collection:view"])
    reader = gate.authenticate(f"Bearer {token.token}")

    assert gate.acting_as(reader, scope=["collection:view"]).resource("collection:sales").id == "sales"
    with pytest.raises(Forbidden):
        gate.acting_as(reader, scope=["collection:delete"])
    with pytest.raises(Forbidden):
        gate.acting_as(reader).delete_resource("collection:sales")
    with pytest.raises(Forbidden):  # no token mints another one
        gate.acting_as(reader).create_token("another")


def test_a_role_narrows_while_it_is_theirs(gate: Gatepost) -> None:
    gate.create_role("looks", permissions=["user:view"])
    with pytest.raises(Forbidden):
        gate.acting_as("user:carol", role="looks")

    gate.assign_role("looks", "user:alice")
    looking = gate.acting_as("user:alice", role="looks")
    assert gate.acting_as(looking.principal, role="looks").principal.role == "looks"
    with pytest.raises(Forbidden, match="role narrows"):
        gate.acting_as(looking.principal, role="user")  # another one of hers, and not what she came with
    assert len(list(looking.users())) == 4
    with pytest.raises(Forbidden):  # her other roles do not count now
        looking.create_resource("collection:other")

    gate.unassign_role("looks", "user:alice")
    with pytest.raises(Forbidden):
        list(looking.users())


# -- there, and let in ------------------------------------------------------------------------------------------------

READS: tuple[Ask, ...] = (
    lambda acting: acting.me(),
    lambda acting: acting.rights("alice"),
    lambda acting: list(acting.resources()),
    lambda acting: list(acting.tokens()),
    lambda acting: acting.check(None, "view", "collection:sales"),
    lambda acting: acting.change_user("alice", display_name="A"),
)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_whoever_is_disabled_or_gone_acts_no_more(gate: Gatepost, read: Ask, end: str) -> None:
    """Attack: to go on with what was made before the account ended."""
    alice = gate.acting_as("user:alice")
    read(alice)

    if end == "disabled":
        gate.change_user("alice", disabled=True)
    else:
        gate.delete_user("alice", transfer_to="bob")

    with pytest.raises(InvalidToken):
        read(alice)
    with pytest.raises(InvalidToken):
        gate.acting_as("user:alice")


def test_whoever_gets_the_name_later_is_somebody_else(gate: Gatepost) -> None:
    alice = gate.acting_as("user:alice")
    gate.delete_user("alice", transfer_to="bob")
    gate.create_user("alice")

    with pytest.raises(InvalidToken):
        alice.me()
    assert gate.acting_as("user:alice").me().username == "alice"


def test_the_next_page_is_read_by_whoever_may_read_it_then(gate: Gatepost) -> None:
    gate.assign_role("admin", "user:alice")
    pages: Iterator[Any] = gate.acting_as("user:alice").users(limit=1)
    next(pages)

    gate.unassign_role("admin", "user:alice")

    with pytest.raises(Forbidden):
        next(pages)


@pytest.mark.parametrize("subject", ["user:nobody", "service:nobody"])
def test_nobody_acts_as_who_was_never_made(gate: Gatepost, subject: str) -> None:
    with pytest.raises(InvalidToken):
        gate.acting_as(subject)


@pytest.mark.parametrize(
    "subject", ["alice", "user:*", "group:analysts", "role:admin", "platform:main", "", 5, "user:a#b"]
)
def test_only_people_and_services_act(gate: Gatepost, subject: Any) -> None:
    with pytest.raises(InvalidField) as wrong:
        gate.acting_as(subject)
    assert set(wrong.value.fields) == {"subject"}


def test_a_service_acts(gate: Gatepost) -> None:
    gate.create_service_token("etl", role="user")

    etl = gate.acting_as(Entity("service", "etl"))

    assert str(etl.create_resource("collection:nightly")) == "collection:nightly"
    gate.delete_resource("collection:nightly")
    gate.delete_service("etl")
    with pytest.raises(InvalidToken):
        etl.me()


def test_a_service_made_anew_under_the_name_is_another_one(gate: Gatepost, dice: FakeDice) -> None:
    """Attack: to go on as the service that has this name now, and whatever it was given."""
    gate.create_service("etl")
    etl = gate.acting_as("service:etl")
    etl.me()

    gate.delete_service("etl")
    dice.advance(timedelta(microseconds=1))
    gate.create_service("etl")

    with pytest.raises(InvalidToken):
        etl.me()
    gate.acting_as("service:etl").me()


# -- who is it? -------------------------------------------------------------------------------------------------------


def basic(username: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()


def test_a_header_says_who_it_is(gate: Gatepost) -> None:
    token = gate.acting_as("user:alice").create_token("mine")
    service = gate.create_service_token("etl", role="user")

    assert gate.authenticate(f"Bearer {token.token}").subject == Entity("user", "alice")
    assert gate.authenticate(basic("alice", PASSWORD)).method is Method.PASSWORD
    assert gate.authenticate(None).is_anonymous
    assert gate.authenticate("").is_anonymous
    assert gate.authenticate(f"Bearer {service.token}").issuer == Entity("platform", "application")
    assert [entry.subject for entry in gate.audit(filters={"event": "service.called"})] == ["service:etl"]
    assert gate.acting_as(gate.authenticate(basic("alice", PASSWORD))).me().method == "password"


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("Bearer gp_nothing", InvalidToken),
        ("Bearer x.y.z", InvalidToken),
        (basic("alice", "wrong"), InvalidToken),
        (basic("nobody", "wrong"), InvalidToken),
        ("Digest x", InvalidRequest),
        ("Bearer", InvalidRequest),
        ("Bearer \u00e9", InvalidRequest),
        ("Basic !", InvalidRequest),
        (5, InvalidRequest),
    ],
)
def test_a_bad_header_is_nobody(gate: Gatepost, header: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        gate.authenticate(header)


def test_what_a_principal_came_with_ends_for_it(gate: Gatepost) -> None:
    token = gate.acting_as("user:alice").create_token("mine")
    alice = gate.acting_as(gate.authenticate(f"Bearer {token.token}"))
    assert alice.me().method == "api_token"

    gate.revoke_token(token.id)

    with pytest.raises(InvalidToken):
        alice.me()


def test_an_expired_token_is_nobodys(gate: Gatepost, dice: FakeDice) -> None:
    until = gate.now() + timedelta(hours=1)
    token = gate.acting_as("user:alice").create_token("mine", expires_at=until)
    dice.advance(timedelta(hours=2))

    with pytest.raises(InvalidToken):
        gate.authenticate(f"Bearer {token.token}")


@pytest.mark.parametrize(
    "header", ["Bearer gp_s\u00e9cret\u2603", "Basic " + base64.b64encode(b"alice:s\xe9cret").decode()]
)
def test_what_an_application_logs_of_a_malformed_header_has_nothing_of_it(gate: Gatepost, header: str) -> None:
    """Its handler writes the whole chain of errors, and a tracker their members: a decoder's has all it was given."""
    with pytest.raises(InvalidRequest) as refused:
        gate.authenticate(header)

    text = "".join(traceback.format_exception(refused.value))
    assert "InvalidRequest" in text
    assert "UnicodeEncodeError" not in text
    assert "UnicodeDecodeError" not in text
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_what_a_provider_said_is_told_whole() -> None:
    """What could not be read at one is no "nothing has changed": whoever was sent away there keeps what it gave."""
    said = Reread(provider="op", sessions_narrowed=1, sessions_ended=2, refused="no more", failed="it does not answer")

    told = _reread(said)

    assert {
        field.name: getattr(told, field.name) for field in fields(told) if field.name not in ("groups", "roles")
    } == {field.name: getattr(said, field.name) for field in fields(said) if field.name not in ("groups", "roles")}
