"""The SDK's calls and the embedded ones are the same: names, parameters, and what they answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

import gatepost
from gatepost import gate
from gatepost.client.call import Call
from gatepost.client.operations import Listing, Operation, Operations
from gatepost.client.reading import Page
from gatepost.directory import desired as wishes
from gatepost.embedded.acting import Acting
from gatepost.embedded.calls import Calls
from gatepost.embedded.gatepost import Gatepost
from gatepost.server.rest import plan_shapes

TABLE = {name: call for name, call in vars(Operations).items() if isinstance(call, Operation | Listing)}


def parameters(function: Callable[..., Any]) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults, without `self`."""
    found = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default) for each in found if each.name != "self"]


def answered_by_the_sdk(call: Operation[..., Any] | Listing[..., Any]) -> object:
    answer = get_type_hints(call.build)["return"]
    assert get_origin(answer) is Call
    (inner,) = get_args(answer)
    return Iterator[get_args(inner)[0]] if get_origin(inner) is Page else inner  # type: ignore[misc]


def test_the_table_is_there() -> None:
    assert len(TABLE) >= 74


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_call_has_its_twin(name: str) -> None:
    call, twin = TABLE[name], getattr(Acting, name)

    assert parameters(twin) == parameters(call.build)
    hints = get_type_hints(twin)
    assert hints["return"] == answered_by_the_sdk(call)
    assert hints == {**get_type_hints(call.build), "return": hints["return"]}


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"check"}))
def test_the_gate_has_the_very_same(name: str) -> None:
    assert getattr(Gatepost, name) is getattr(Acting, name)


def test_the_gates_own_check_takes_what_the_sdks_takes() -> None:
    """The contract's fast path takes more, and answers more."""
    own = parameters(Gatepost.check)

    assert [each for each in own if each[0] != "at_least"] == parameters(TABLE["check"].build)


def test_nothing_else_is_offered_under_a_name_that_the_sdk_does_not_have() -> None:
    offered = {name for name in dir(Calls) if not name.startswith("_")}

    assert offered == set(TABLE) - {"check"}


def test_no_call_hides_what_the_gate_has_itself() -> None:
    inner = {name for name in dir(gate.Gatepost) if not name.startswith("_")}
    held = set(gate.Gatepost.__init__.__code__.co_names)

    assert (inner | held) & set(TABLE) == {"check"}


def test_this_is_what_an_application_imports() -> None:
    assert gatepost.Gatepost is Gatepost


def test_files_say_the_same_in_the_process_and_over_http() -> None:
    """Desired state is read from what plans are made of, and REST's shapes say it once more."""
    shapes = {
        name.removesuffix("Body"): each
        for name, each in vars(plan_shapes).items()
        if isinstance(each, type) and issubclass(each, BaseModel)
    }
    desired = {each.__name__: each for each in vars(wishes).values() if is_dataclass(each) and isinstance(each, type)}
    spoken_of = {name for name in desired if name.startswith("Desired") or name == "Holder"}

    assert spoken_of <= set(shapes)
    for name in spoken_of:
        assert {each.name for each in fields(desired[name])} == set(shapes[name].model_fields), name
