"""Whoever sends a request chooses the parameters of its path, and must not choose more than the id with them."""

from __future__ import annotations

import uuid

import pytest

from gatepost.errors import ConfigurationError, NotFound
from gatepost.guard import Template
from gatepost.principal import Entity

ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("text", "parameters", "expected"),
    [
        ("dataset:{id}", {"id": "sales"}, "dataset:sales"),
        ("dataset:{id}", {"id": 42}, "dataset:42"),
        ("dataset:{id}", {"id": ID}, f"dataset:{ID}"),
        ("dataset:{team}.{id}", {"team": "a", "id": "b"}, "dataset:a.b"),
        ("dataset:team-{id}", {"id": "b"}, "dataset:team-b"),
        ("platform:main", {}, "platform:main"),
        ("dataset:{path}", {"path": "a/b.csv"}, "dataset:a/b.csv"),
    ],
)
def test_parameters_fill_the_id(text: str, parameters: dict[str, object], expected: str) -> None:
    assert Template(text).fill(parameters) == Entity.parse(expected)


@pytest.mark.parametrize(
    "value",
    [
        "", "x:y", "collection:sales", "x#owner", "x#owner@user:eve", "*", "a b", "a\nb", "a\0b", "a\u2028b", "a\u00a0b",
        "\u202eb", "x" * 2_000, "user@x",
    ],
)  # fmt: skip
def test_a_value_that_no_id_can_have_names_nothing(value: str) -> None:
    with pytest.raises(NotFound):
        Template("dataset:{id}").fill({"id": value})


def test_no_value_of_one_parameter_reads_as_two() -> None:
    """Or `a.b` of team `c` and `b.c` of team `a` would be one resource to us and two to the application."""
    with pytest.raises(NotFound):
        Template("dataset:{team}.{id}").fill({"team": "a.b", "id": "c"})


@pytest.mark.parametrize("value", ["{other}", "{0}", "{id.__class__}", "%7bother%7d"])
def test_a_value_is_no_template(value: str) -> None:
    filled = Template("dataset:{id}").fill({"id": value, "other": "secret"})

    assert filled == Entity("dataset", value)


@pytest.mark.parametrize(
    "text",
    [
        "dataset", "dataset:", ":x", "{kind}:{id}", "dataset:{id.__class__}", "dataset:{id[0]}", "dataset:{id!r}",
        "dataset:{id:>9}", "dataset:{}", "dataset:{0}", "dataset:{a}{b}", "dataset:{id", "dataset:a b", "dataset:a#b",
    ],
)  # fmt: skip
def test_what_is_no_template_fails_where_it_is_written(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Template(text)


def test_a_parameter_that_the_path_does_not_have_is_the_applications_mistake() -> None:
    with pytest.raises(ConfigurationError, match="no parameter id"):
        Template("dataset:{id}").fill({"ident": "x"})
