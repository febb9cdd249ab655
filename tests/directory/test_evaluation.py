"""Answers from memory alone are those of careful evaluation, for whoever may ask for them."""

from __future__ import annotations

import itertools

import pytest

from gatepost.directory import evaluation
from gatepost.directory.evaluation import Asked, evaluate, evaluate_from_memo
from gatepost.directory.users import UserChange, change_user
from gatepost.errors import Forbidden, InvalidField, Unauthenticated
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from tests.directory.people import NOBODY, make_collection, make_dataset, make_group, make_people, person, share

SUBJECTS = (
    "user:ann",
    "user:ben",
    "user:Ben",
    "user:cy",
    "user:nobody",
    "user:admin",
    "service:etl",
    "group:team#member",
)
ACTIONS = ("view", "edit", "owner", "decision:ask", "user:create")
RESOURCES = ("collection:sales", "dataset:q3", "collection:none", "platform:main")


@pytest.fixture
def company(gate: Gatepost, admin: Principal) -> Gatepost:
    make_people(gate, "ann", "ben", "cy")
    make_group(gate, "team", "user:ben")
    make_collection(gate, "ann", "sales")
    make_dataset(gate, "ann", "q3", "collection:sales")
    share(gate, "ann", "collection:sales", "editor", "group:team#member")
    change_user(gate, admin, "cy", UserChange(disabled=True))
    return gate


def test_they_are_the_same(company: Gatepost, admin: Principal) -> None:
    known = 0
    for subject, action, resource in itertools.product(SUBJECTS, ACTIONS, RESOURCES):
        asked = Asked(subject=subject, action=action, resource=resource)
        try:
            careful = evaluate(company, admin, asked)
        except InvalidField:
            assert evaluate_from_memo(company, admin, asked) is None
            continue
        found = evaluate_from_memo(company, admin, asked)
        if found is not None:
            known += 1
            assert (found.allowed, found.revision) == ([careful.allowed], careful.revision), asked
    assert known > len(SUBJECTS), "or this says nothing"


@pytest.mark.parametrize("asked", [None, "user:ann", "user:ANN"])
def test_about_oneself_it_is_left_to_whoever_knows_scope_and_role(company: Gatepost, asked: str | None) -> None:
    evaluate(company, person("ann"), Asked(subject=None, action="view", resource="collection:sales"))
    assert (
        evaluate_from_memo(company, person("ann"), Asked(subject=asked, action="view", resource="dataset:q3")) is None
    )


def test_a_context_is_left_to_whoever_judges_conditions(company: Gatepost, admin: Principal) -> None:
    asked = Asked(subject="user:ann", action="view", resource="dataset:q3", context={"now": 1})
    assert evaluate_from_memo(company, admin, asked) is None


def test_it_takes_the_same_right(company: Gatepost, admin: Principal) -> None:
    asked = Asked(subject="user:ann", action="view", resource="collection:sales")
    evaluate(company, admin, asked)
    with pytest.raises(Forbidden):
        evaluate_from_memo(company, person("ben"), asked)
    with pytest.raises(Unauthenticated):
        evaluate_from_memo(company, NOBODY, asked)


def test_what_is_long_is_not_remembered(company: Gatepost, admin: Principal) -> None:
    """Thousands of questions about names of thousands of characters, each another: memory is for those that come again."""
    remembered = evaluation._plain_name.cache_info().currsize
    for n in range(10):
        long = f"dataset:{n}{'x' * 1000}"
        assert (
            evaluate_from_memo(company, admin, Asked(subject=f"user:{long[8:]}", action="view", resource=long)) is None
        )
    assert evaluation._plain_name.cache_info().currsize == remembered
