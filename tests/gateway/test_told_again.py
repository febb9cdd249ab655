"""What `/forward-auth` keeps of an answer is told again only while nothing has changed that it was made of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gatepost.access import TupleChange
from tests.conftest import OpenGate, settings_for
from tests.dice import FakeDice
from tests.gateway.conftest import Ask, Gateway, behind_a_gateway
from tests.gateway.test_forward_auth import cookie, part, told
from tests.server.calling import Headers, ok
from tests.server.conftest import InProcess
from tests.waiting import A_BUSY_SECOND, eventually


@pytest.fixture
def ben(gateway: Gateway) -> Headers:
    """Ben's session, with what is kept of his answer warm."""
    return {"Cookie": cookie(gateway, "ben")}


def put_into(gateway: Gateway, group: str, member: str, **more: object) -> None:
    path = f"/api/v1/groups/{group}/members/{member}"
    ok(gateway.client.put(path, json=more or None, headers=gateway.people.admin), 204)


def make_group(gateway: Gateway, name: str) -> None:
    ok(gateway.client.post("/api/v1/groups", json={"name": name}, headers=gateway.people.admin), 201)


def test_the_same_answer_is_told_again(ask: Ask, ben: Headers) -> None:
    first = told(ask(**ben))

    assert told(ask(**ben)) == first, "signed once"


def test_a_membership_whose_time_is_over_is_not_told(gateway: Gateway, ask: Ask, dice: FakeDice, ben: Headers) -> None:
    """Nothing is written when it ends."""
    make_group(gateway, "guests")
    put_into(gateway, "guests", "user:ben", expires_at=(dice.now() + timedelta(seconds=20)).isoformat())
    before = told(ask(**ben))
    assert told(ask(**ben)) == before
    dice.advance(timedelta(seconds=19))
    assert told(ask(**ben)) == before
    dice.advance(timedelta(seconds=1))
    after = told(ask(**ben))

    assert (before["groups"], after["groups"]) == ("data-team,guests", "data-team")
    assert part(after["identity"], 1)["groups"] == ["data-team"]


def test_a_group_high_above_is_told_with_the_next_request(gateway: Gateway, ask: Ask, ben: Headers) -> None:
    for name in ("company", "floor"):
        make_group(gateway, name)
    put_into(gateway, "floor", "group:data-team")
    assert told(ask(**ben))["groups"] == "data-team,floor"
    put_into(gateway, "company", "group:floor")
    assert told(ask(**ben))["groups"] == "company,data-team,floor"
    gone = "/api/v1/groups/floor/members/group:data-team"
    ok(gateway.client.delete(gone, headers=gateway.people.admin), 204)
    assert told(ask(**ben))["groups"] == "data-team"


def test_a_role_given_and_taken_is_told_with_the_next_request(gateway: Gateway, ask: Ask, ben: Headers) -> None:
    admin, path = gateway.people.admin, "/api/v1/roles/admin/assignees/user:ben"
    assert told(ask(**ben))["roles"] == "user"
    ok(gateway.client.put(path, headers=admin), 204)
    assert told(ask(**ben))["roles"] == "admin,user"
    ok(gateway.client.delete(path, headers=admin), 204)
    found = told(ask(**ben))
    assert found["roles"] == "user"
    assert part(found["identity"], 1)["roles"] == ["user"]


def test_an_email_is_told_as_it_is_now(gateway: Gateway, ask: Ask, ben: Headers) -> None:
    admin, path = gateway.people.admin, "/api/v1/users/ben"
    told(ask(**ben))
    ok(gateway.client.patch(path, json={"email": "ben@corp.example"}, headers=admin))
    assert told(ask(**ben))["email"] == ""
    ok(gateway.client.patch(path, json={"email_verified": True}, headers=admin))
    assert told(ask(**ben))["email"] == "ben@corp.example"
    ok(gateway.client.patch(path, json={"email": "ben@other.example"}, headers=admin))
    found = told(ask(**ben))
    assert "ben@corp.example" not in (found["email"], part(found["identity"], 1).get("email"))


def test_a_new_key_signs_from_then_on(gateway: Gateway, ask: Ask, ben: Headers) -> None:
    before = part(told(ask(**ben))["identity"], 0)["kid"]
    ok(gateway.client.post("/api/v1/keys/rotate", headers=gateway.people.admin))

    assert part(told(ask(**ben))["identity"], 0)["kid"] == gateway.gate.memory.keys.active.kid != before


def test_a_graph_loaded_anew_is_looked_at(gateway: Gateway, ask: Ask, ben: Headers) -> None:
    first = told(ask(**ben))
    graph = gateway.gate.memory.graph
    graph.load([], graph.revision)
    assert told(ask(**ben))["groups"] == ""
    change = TupleChange("group:data-team", "member", "user:ben", removed=False, expires_at=None)
    graph.apply([change], graph.revision)

    assert told(ask(**ben))["groups"] == first["groups"]


def test_two_sessions_of_one_person_are_told_the_same_and_end_apart(gateway: Gateway, ask: Ask, ben: Headers) -> None:
    other = {"Cookie": cookie(gateway, "ben")}
    assert told(ask(**ben)) == told(ask(**other))
    left = gateway.client.post("/logout", headers={**other, "Origin": "https://gate.example"})

    assert left.status_code == 303
    assert ask(**other).status_code == 401
    assert told(ask(**ben))["user"] == "ben"


def test_applications_are_told_apart(gateway: Gateway, ask: Ask) -> None:
    """The signed identity of one application is none at another."""
    found = [told(ask(X_Forwarded_Host=host, **gateway.people.ben)) for host in ("gate.example", "app.example")]

    assert [part(each["identity"], 1)["aud"] for each in found] == [
        "https://gate.example/forward-auth",
        "https://app.example",
    ]


def test_another_process_tells_what_was_changed_here(
    open_gate: OpenGate, gate_url: str, in_process: InProcess, gateway: Gateway
) -> None:
    client = in_process(open_gate(behind_a_gateway(settings_for(gate_url))))
    sent = {"Cookie": cookie(gateway, "ben")}
    assert told(client.get("/forward-auth", headers=sent))["groups"] == "data-team"
    make_group(gateway, "later")
    put_into(gateway, "later", "user:ben")

    def is_told() -> bool:
        return told(client.get("/forward-auth", headers=sent))["groups"] == "data-team,later"

    eventually(is_told, A_BUSY_SECOND, "the other process tells of it")
