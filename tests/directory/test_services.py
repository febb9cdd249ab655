"""Services: machines with one role, and what goes when they go (DH-16, trap 24)."""

from __future__ import annotations

import pytest

from gatepost.directory.pages import Wanted
from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.services import change_service, create_service, delete_service, get_service, list_services
from gatepost.errors import AlreadyExists, Conflict, Forbidden, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token, list_service_tokens
from tests.directory.people import (
    ADMIN,
    NOBODY,
    machine,
    make_collection,
    make_people,
    may,
    person,
    share,
    tuples_naming,
)


def test_a_deleted_service_takes_its_tokens_and_tuples_along(gate: Gatepost) -> None:
    make_people(gate, "alice")
    for _ in range(2):
        issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user"))
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "editor", "service:etl")
    assert delete_service(gate, ADMIN, "etl") == 2
    assert tuples_naming(gate, "service:etl") == []
    assert list_service_tokens(gate, ADMIN, Wanted()).items == []
    create_service(gate, ADMIN, "etl")
    assert not may(gate, "service:etl", "edit", "collection:c")
    assert not may(gate, "service:etl", "dataset:create")


def test_a_service_that_alone_owns_something_stays(gate: Gatepost) -> None:
    make_people(gate, "alice")
    issue_service_token(gate, ADMIN, WantedServiceToken(name="etl", role="user"))
    create_resource(gate, machine("etl"), NewResource(type="dataset", id="d"))
    with pytest.raises(Conflict) as refused:
        delete_service(gate, ADMIN, "etl")
    assert refused.value.items == ("dataset:d",)


def test_names_of_services(gate: Gatepost) -> None:
    create_service(gate, ADMIN, "etl", "nightly")
    with pytest.raises(AlreadyExists):
        create_service(gate, ADMIN, "etl")
    for name in ("", "*", "a b", "a#b"):
        with pytest.raises(InvalidField, match="name"):
            create_service(gate, ADMIN, name)
    assert change_service(gate, ADMIN, "etl", "hourly").description == "hourly"
    with pytest.raises(InvalidField, match="description"):
        change_service(gate, ADMIN, "etl", "x" * 501)


def test_who_may_what_with_services(gate: Gatepost) -> None:
    make_people(gate, "alice")
    create_service(gate, ADMIN, "etl")
    alice = person("alice")
    for missing in (
        lambda who: get_service(gate, who, "etl"),
        lambda who: delete_service(gate, who, "etl"),
        lambda who: change_service(gate, who, "etl", "x"),
    ):
        with pytest.raises(NotFound):
            missing(alice)
        with pytest.raises(Unauthenticated):
            missing(NOBODY)
    for forbidden in (lambda who: create_service(gate, who, "new"), lambda who: list_services(gate, who, Wanted())):
        with pytest.raises(Forbidden):
            forbidden(alice)
        with pytest.raises(Unauthenticated):
            forbidden(NOBODY)
    assert [s.name for s in list_services(gate, ADMIN, Wanted()).items] == ["etl"]
