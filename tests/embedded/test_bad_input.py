"""What is given in the process is judged as what is sent over HTTP: refused, with the name of the argument."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest

from gatepost.audit.trail import Filter
from gatepost.client.plans import Plan
from gatepost.embedded.acting import Acting
from gatepost.errors import GatepostError, InvalidField, InvalidRequest
from gatepost.testing import TestGatepost
from tests.embedded.test_names import TABLE

SECRETS = {"password", "current_password"}
TEXTS = ("str", "str | None")
VALID: Mapping[str, Any] = {
    "str": "user:nobody",
    "str | None": None,
    "bool": False,
    "Iterable[str]": (),
    "Iterable[tuple[str | None, str, str]]": [(None, "view", "collection:x")],
    "Json": {},
    "Mapping[str, object]": {},
    "Plan": Plan("0.0", ""),
}
BAD = {"a NUL": "a\0b", "half a pair": "a\ud800", "too long": "a" * 5000, "no text": 5}


def given(of: str) -> list[tuple[str, str]]:
    """Every argument of these kinds: the call, and its name."""
    kinds = of.split("; ")
    return [
        (name, each.name)
        for name in sorted(TABLE)
        for each in inspect.signature(getattr(Acting, name)).parameters.values()
        if str(each.annotation) in kinds
    ]


def made(acting: Acting, name: str, /, **wrong: Any) -> Any:
    """Make a call whose other arguments are harmless, and read what it answers."""
    function = getattr(acting, name)
    needed = {
        each.name: VALID[str(each.annotation)]
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.name not in wrong
    }
    answer = function(**needed, **wrong)
    return list(answer) if isinstance(answer, Iterator) else answer


@pytest.fixture(scope="module")
def acting() -> Iterator[Acting]:
    """One for all: nothing that is refused changes anything."""
    with TestGatepost() as double:
        yield double.gate.acting_as("user:admin")


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize(("name", "argument"), given("; ".join(TEXTS)))
def test_a_text_that_is_none(acting: Acting, name: str, argument: str, kind: str) -> None:
    if argument in SECRETS and kind == "a NUL":
        return  # it is hashed, and no database sees it
    with pytest.raises(InvalidField) as wrong:
        made(acting, name, **{argument: BAD[kind]})
    assert list(wrong.value.fields) == [argument]


@pytest.mark.parametrize(("name", "argument"), given("datetime | None"))
@pytest.mark.parametrize("moment", [datetime(2030, 1, 1), datetime.min, "2030-01-01T00:00:00Z"])  # noqa: DTZ001, DTZ901
def test_a_time_that_is_none(acting: Acting, name: str, argument: str, moment: Any) -> None:
    with pytest.raises(InvalidField) as wrong:
        made(acting, name, **{argument: moment})
    assert list(wrong.value.fields) == [argument]


@pytest.mark.parametrize(("name", "argument"), given("bool; bool | None"))
def test_a_flag_that_is_none(acting: Acting, name: str, argument: str) -> None:
    with pytest.raises(InvalidField) as wrong:
        made(acting, name, **{argument: "false"})
    assert list(wrong.value.fields) == [argument]


@pytest.mark.parametrize(("name", "argument"), given("int | None"))
@pytest.mark.parametrize("limit", ["5", True, 0, -1, 1000])
def test_a_limit_that_is_none(acting: Acting, name: str, argument: str, limit: Any) -> None:
    with pytest.raises((InvalidField, InvalidRequest)):
        made(acting, name, **{argument: limit})


@pytest.mark.parametrize(("name", "argument"), given("Iterable[str]; Iterable[str] | None"))
@pytest.mark.parametrize(
    ("texts", "place"), [("dataset:view", ""), (5, ""), (["dataset:view", "a\0b"], "[1]"), ([5], "[0]")]
)
def test_a_list_that_is_none(acting: Acting, name: str, argument: str, texts: Any, place: str) -> None:
    with pytest.raises(InvalidField) as wrong:
        made(acting, name, **{argument: texts})
    assert list(wrong.value.fields) == [argument + place]


@pytest.mark.parametrize(("name", "argument"), given("Context | None"))
def test_a_context_that_is_none(acting: Acting, name: str, argument: str) -> None:
    with pytest.raises(InvalidField) as wrong:
        made(acting, name, resource="collection:x", subject=None, action="view", **{argument: "x"})
    assert list(wrong.value.fields) == [argument]


@pytest.mark.parametrize(
    ("desired", "place"),
    [
        ([], "desired"),
        ({"group": []}, "desired.group"),
        ({"groups": {}}, "desired.groups"),
        ({"groups": [{"description": "x"}]}, "desired.groups[0].name"),
        ({"groups": [{"name": "a\0b"}]}, "desired.groups[0].name"),
        ({"groups": [{"name": "g", "nick": "x"}]}, "desired.groups[0].nick"),
        ({"groups": [{"name": "g", "members": [{"subject": "user:a", "expires_at": "soon"}]}]},
         "desired.groups[0].members[0].expires_at"),
        ({"users": [{"username": "a", "disabled": "no"}]}, "desired.users[0].disabled"),
        ({"users": ["a"]}, "desired.users[0]"),
        ({"roles": [{"name": "r", "permissions": "a:b"}]}, "desired.roles[0].permissions"),
        ({"users": [{"username": "a"}] * 20_001}, "desired.users"),
        ({"model": "m" * 262_145}, "desired.model"),
    ],
)  # fmt: skip
def test_desired_state_that_does_not_read(acting: Acting, desired: Any, place: str) -> None:
    with pytest.raises(InvalidField) as wrong:
        acting.make_plan(desired)
    assert list(wrong.value.fields) == [place]
    with pytest.raises(InvalidField):
        acting.apply_plan(desired, Plan("0.0", ""))


def test_filters_of_the_trail(acting: Acting) -> None:
    for filters in (
        {"events": "x"},
        {"event": "a\0b"},
        {"outcome": "x"},
        {"since": "yesterday"},
        {"until": "2030-01-01"},
    ):
        (name,) = filters
        for read in (lambda f: acting.audit(filters=f), lambda f: acting.audit_export("text/csv", filters=f)):
            with pytest.raises(InvalidField) as wrong:
                read(filters)
            assert list(wrong.value.fields) == [name]
    of_nothing = dict.fromkeys(set(Filter.__dataclass_fields__) - {"outcome", "since", "until"}, "x")
    assert list(acting.audit(filters=of_nothing | {"outcome": "failed"})) == []
    with pytest.raises(InvalidField):
        acting.audit(filters="event")  # type: ignore[arg-type]
    with pytest.raises(InvalidField):
        acting.audit_export("text/html")


@pytest.mark.parametrize("questions", [[], [(None, "view", "collection:x")] * 101, ["x"], 5, [(None, "a\0b", "c:d")]])
def test_a_batch_that_is_none(acting: Acting, questions: Any) -> None:
    with pytest.raises(InvalidField):
        acting.check_batch(questions)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"logout", "examine", "rotate_keys"}))
def test_no_harmless_call_is_a_bug(acting: Acting, name: str) -> None:
    """Every call, of things that are not there: answered, or refused as errors are, and never anything else."""
    try:
        made(acting, name)
    except GatepostError as error:
        assert str(error)  # noqa: PT017 - either is fine


@pytest.mark.parametrize(
    ("writes", "field"), [({"user": "x"}, "writes"), ("x", "writes"), (["x"], "writes[0]"), (5, "writes")]
)
def test_tuples_that_are_none(acting: Acting, writes: Any, field: str) -> None:
    with pytest.raises(InvalidField) as wrong:
        acting.write_tuples(writes)
    assert list(wrong.value.fields) == [field]
    with pytest.raises(InvalidField):
        acting.write_model([])  # type: ignore[arg-type]
    with pytest.raises(InvalidField):
        acting.apply_plan({}, {"revision": "0.0"})  # type: ignore[arg-type]
