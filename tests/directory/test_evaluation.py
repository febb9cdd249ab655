"""Asking: about oneself anybody may, about others it takes `decision:ask`; and a no gives nothing away."""

from __future__ import annotations

import pytest

from gatepost.directory.evaluation import Asked, evaluate, explain
from gatepost.directory.rights import rights_of
from gatepost.directory.roles import assign_role
from gatepost.directory.subjects import find_subjects
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.errors import Forbidden, InvalidField, NotFound, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from tests.directory.people import (
    ADMIN,
    NOBODY,
    machine,
    make_collection,
    make_dataset,
    make_group,
    make_officer,
    make_people,
    narrowed,
    person,
    share,
)


@pytest.fixture
def company(gate: Gatepost) -> Gatepost:
    make_people(gate, "alice", "bob", "eve", "gateway")
    make_group(gate, "secret-merger", "user:bob")
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "viewer", "group:secret-merger")
    assign_role(gate, ADMIN, "decider", "user:gateway")
    return gate


def asks(gate: Gatepost, who: Principal, subject: str | None = None, resource: str = "collection:c") -> bool:
    return evaluate(gate, who, Asked(action="view", resource=resource, subject=subject)).allowed


def test_about_oneself_anybody_asks(company: Gatepost) -> None:
    for who, allowed in ((person("bob"), True), (person("eve"), False), (NOBODY, False), (machine("etl"), False)):
        assert asks(company, who) is allowed
        assert asks(company, who, str(who.subject)) is allowed
    assert asks(company, person("bob"), "user:BOB") is True


@pytest.mark.parametrize(
    "subject", ["user:alice", "user:*", "group:secret-merger#member", "service:etl", "anonymous:*", "user:nobody"]
)
def test_about_others_it_takes_the_permission(company: Gatepost, subject: str) -> None:
    """Rule 9: else anybody maps out who has what, one question at a time."""
    for caller in (person("bob"), person("gateway", scope="collection:view"), narrowed(person("gateway"), "user")):
        with pytest.raises(Forbidden, match="decision:ask"):
            asks(company, caller, subject)
    if subject != "anonymous:*":
        with pytest.raises(Unauthenticated):
            asks(company, NOBODY, subject)
    assert asks(company, person("gateway"), subject) is (subject in ("user:alice", "group:secret-merger#member"))


def test_the_answer_about_oneself_is_within_ones_scope_and_about_others_is_not(company: Gatepost) -> None:
    assert asks(company, person("bob", scope="dataset:view")) is False
    assert asks(company, person("gateway", scope="decision:ask"), "user:bob") is True


def test_a_disabled_person_may_nothing_and_the_reason_says_so(company: Gatepost) -> None:
    change_user(company, ADMIN, "bob", UserChange(disabled=True))
    decision, why = explain(
        company, person("gateway"), Asked(action="view", resource="collection:c", subject="user:bob")
    )
    assert (decision.allowed, why.allowed, why.path) == (False, False, ())
    assert "disabled" in why.sentence


@pytest.mark.parametrize("caller", [person("eve"), NOBODY, person("bob", scope="dataset:*")])
def test_a_no_does_not_tell_whether_it_is_there_or_who_has_it(company: Gatepost, caller: Principal) -> None:
    """What one cannot view is not there: the explanation must not say `add eve to secret-merger`."""
    there = explain(company, caller, Asked(action="view", resource="collection:c"))[1]
    nowhere = explain(company, caller, Asked(action="view", resource="collection:x"))[1]
    assert "secret" not in repr(there)
    assert repr(there).replace("collection:c", "") == repr(nowhere).replace("collection:x", "")


def test_a_no_explains_itself_to_who_sees_the_resource_or_may_ask(company: Gatepost) -> None:
    viewer = explain(company, person("bob"), Asked(action="edit", resource="collection:c"))[1]
    asker = explain(company, person("gateway"), Asked(action="view", resource="collection:c", subject="user:eve"))[1]
    assert viewer.tried
    assert viewer.would_allow
    assert "add eve to secret-merger" in asker.would_allow


def test_a_yes_names_the_path(company: Gatepost) -> None:
    path = explain(company, person("bob"), Asked(action="view", resource="collection:c"))[1].path
    assert [(s.object, s.relation, s.subject) for s in path] == [
        ("group:secret-merger", "member", "user:bob"),
        ("collection:c", "viewer", "group:secret-merger#member"),
    ]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Asked(action="view", resource="sales"), "resource"),
        (Asked(action="view", resource=""), "resource"),
        (Asked(action="view", resource="collection:*"), "resource"),
        (Asked(action="view", resource="collection:a#viewer"), "resource"),
        (Asked(action="view", resource="warehouse:a"), "resource"),
        (Asked(action="", resource="collection:a"), "action"),
        (Asked(action="explode", resource="collection:a"), "action"),
        (Asked(action="view", resource="collection:a", subject="bob"), "subject"),
        (Asked(action="view", resource="collection:a", subject="robot:bob"), "subject"),
        (Asked(action="view", resource="collection:a", subject="group:g#boss"), "subject"),
    ],
)
def test_a_question_that_means_nothing_is_an_error_and_not_a_no(company: Gatepost, asked: Asked, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        evaluate(company, person("gateway"), asked)
    assert set(refused.value.fields) == {field}


# -- rights with their sources ------------------------------------------------------------------------------------------


def test_rights_come_with_their_sources(company: Gatepost) -> None:
    make_dataset(company, "bob", "own")
    assign_role(company, ADMIN, "reader", "group:secret-merger")
    share(company, "alice", "collection:c", "viewer", "user:*")
    found = rights_of(company, person("bob"), "BOB")
    assert found.groups == ("secret-merger",)
    assert found.roles == ("reader", "user")
    assert [(r.right, r.source) for r in found.permissions] == [("*:view", "role:reader"), ("*:create", "role:user")]
    assert [(r.right, r.resource, r.source) for r in found.relations] == [
        ("viewer", "collection:c", "group:secret-merger#member"),
        ("viewer", "collection:c", "user:*"),
        ("owner", "dataset:own", "user:bob"),
    ]


def test_whose_rights_one_may_read(company: Gatepost) -> None:
    with pytest.raises(NotFound):
        rights_of(company, person("eve"), "bob")
    with pytest.raises(Unauthenticated):
        rights_of(company, NOBODY, "bob")
    with pytest.raises(Forbidden, match="scope"):
        rights_of(company, person("bob", scope="dataset:view"), "bob")
    helper = make_officer(company, "helper", ["user:view"])
    assert rights_of(company, helper, "bob").groups == ("secret-merger",)


# -- finding somebody to share with ---------------------------------------------------------------------------------------


def test_whoever_is_anonymous_finds_nobody(company: Gatepost) -> None:
    with pytest.raises(Unauthenticated):
        find_subjects(company, NOBODY, "")


def test_finding_takes_letters_and_no_wildcards_and_shows_no_address(company: Gatepost) -> None:
    """`%` and `_` would list everybody; an e-mail, and whoever is disabled, are not shown."""
    create_user(company, ADMIN, NewUser(username="zoe_1", display_name="100% Zoe", email="private@example.org"))
    create_user(company, ADMIN, NewUser(username="gone"))
    change_user(company, ADMIN, "gone", UserChange(disabled=True))

    def found(query: str) -> list[str]:
        return [f.subject for f in find_subjects(company, person("eve"), query)]

    assert found("_1") == found("0%") == found("ZOE") == ["user:zoe_1"]
    for nothing in ("%b%", "b_b", "!", "\\", "private", "gone", "\0", "\ud800", "o'brien"):
        assert found(nothing) == []
    assert found("secret") == ["group:secret-merger#member"]
    assert len(found("")) <= 60
