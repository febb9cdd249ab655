"""Text to model and back; errors say where and what was expected."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.access import builtin_model, format_model, parse_model, read_model
from gatepost.access.model import (
    AuthorizationModel,
    Computed,
    Condition,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Restriction,
    Union,
)
from gatepost.errors import InvalidModel
from tests.access.strategies import models

HEAD = "model\n  schema 1.1\ntype user\n"

EVERYTHING = """
# a comment before anything
model
  schema 1.1   # and behind something

type user
type group
  relations
    define member: [user, group#member] # group#member is no comment

type model
  relations
    define type: [user]
    define from: [user, user:*, group#member with in_time,
                  user with in_time] or type
    define parent: [model]
    define both: (type and from) but not (from from parent or both from parent)

condition in_time(at: timestamp, days: list<string>, limits: map<int>) {
  // a comment with a } brace
  at < timestamp("2030-01-01T00:00:00Z") && "}" in days && {"a": 1}.a == limits["a"]
}
"""


def test_the_whole_language_is_read() -> None:
    model = read_model(EVERYTHING)
    relations = model.types["model"].relations
    assert relations["type"] == Direct((Restriction("user"),))
    assert relations["from"] == Union(
        (
            Direct(
                (
                    Restriction("user"),
                    Restriction("user", wildcard=True),
                    Restriction("group", "member", condition="in_time"),
                    Restriction("user", condition="in_time"),
                )
            ),
            Computed("type"),
        )
    )
    assert relations["both"] == Exclusion(
        Intersection((Computed("type"), Computed("from"))),
        Union((FromParent("from", "parent"), FromParent("both", "parent"))),
    )
    condition = model.conditions["in_time"]
    assert isinstance(condition, Condition)
    assert condition.parameters == (("at", "timestamp"), ("days", "list<string>"), ("limits", "map<int>"))
    assert condition.expression.endswith('limits["a"]')


@pytest.mark.parametrize("model", [read_model(EVERYTHING), builtin_model()], ids=["everything", "built in"])
def test_a_written_model_reads_the_same(model: AuthorizationModel) -> None:
    assert parse_model(format_model(model)) == model


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(models(conditions=True))
def test_any_written_model_reads_the_same(model: AuthorizationModel) -> None:
    assert parse_model(format_model(model)) == model


@pytest.mark.parametrize(
    ("text", "line", "column", "sentence"),
    [
        ("", 1, 1, "expected 'model', found the end of the text"),
        ("type user", 1, 1, "expected 'model', found 'type'"),
        ("model\n  schema 1.0\n", 2, 10, "schema 1.0 is not supported: expected 1.1 or 1.2"),
        ("module wiki\n", 1, 1, "modules are put together before they come here: expected 'model'"),
        (HEAD + "extend type user", 4, 1, "'extend' is for modules: expected 'type' or 'condition'"),
        (HEAD + "condition c(x: list<" + "list<" * 40, 4, 181, "parameter types are nested deeper than 32"),
        ("model schema 1.1\ntyp user", 2, 1, "expected 'type' or 'condition', found 'typ'"),
        (HEAD + "type user", 4, 1, "type user is defined twice"),
        (HEAD + "type doc\n  relations\n", 6, 1, "expected 'define', found the end of the text"),
        (HEAD + "type doc\n relations\n  define a [user]", 6, 12, "expected ':', found '['"),
        (HEAD + "type doc\n relations\n  define a: [user", 6, 18, "expected ',' or ']', found the end of the text"),
        (HEAD + "type doc\n relations\n  define a: [user:x]", 6, 19, "expected '*', found 'x'"),
        (HEAD + "type doc\n relations\n  define a: [user] or", 6, 22, "expected a relation name or '(', found the end"),
        (HEAD + "type doc\n relations\n  define a: [user] or [user]", 6, 23, "direct types stand first"),
        (HEAD + "type doc\n relations\n  define a: [user] or b and c", 6, 25, "operators are mixed"),
        (HEAD + "type doc\n relations\n  define a: [user] but b", 6, 24, "expected 'not', found 'b'"),
        (
            HEAD + "type doc\n relations\n  define a: [user]\n  define a: [user]",
            7,
            10,
            "relation a of type doc is defined twice",
        ),
        (HEAD + "type d\u00f6c", 4, 7, "unexpected character '\\xf6'"),
        (HEAD + "condition c(x: text) {\n x\n}", 4, 16, "unknown parameter type text"),
        (HEAD + "condition c(x: list<map>) {\n x\n}", 4, 24, "expected '<', found '>'"),
        (HEAD + "condition c(x: int) {\n x", 4, 21, "expected '}' to close this '{'"),
        (HEAD + "condition c(x: int) {\n}", 4, 21, "expected an expression between the braces"),
        (HEAD + "condition c(x: int, x: int) {\n 1\n}", 4, 21, "parameter x is declared twice"),
        (HEAD + "condition c(x: int)\n x\n}", 5, 2, "expected '{', found 'x'"),  # and not the brace that is left over
        (HEAD + f"type {'x' * 255}", 4, 6, "a type name is longer than 254 characters"),
    ],
)
def test_an_error_says_where_and_what_was_expected(text: str, line: int, column: int, sentence: str) -> None:
    with pytest.raises(InvalidModel) as caught:
        parse_model(text)
    assert sentence in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_size_and_nesting_are_bounded() -> None:
    nested = HEAD + f"type d\n relations\n  define a: {'(' * 5000}[user]{')' * 5000}"
    with pytest.raises(InvalidModel, match="nested deeper than 32"):
        parse_model(nested)
    with pytest.raises(InvalidModel, match="larger than 256 KiB"):
        parse_model("#" * (256 * 1024 + 1))
    chain = "".join(f"    define r{n}: r{n + 1} from parent\n" for n in range(900))
    model = read_model(f"{HEAD}type d\n  relations\n    define parent: [d]\n{chain}    define r900: [user]\n")
    assert len(model.types["d"].relations) == 902


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    "model",
                    "schema",
                    "1.1",
                    "type",
                    "relations",
                    "define",
                    "condition",
                    "or",
                    "and",
                    "but",
                    "not",
                    "from",
                    "with",
                    "user",
                    "x",
                    ":",
                    ",",
                    "[",
                    "]",
                    "(",
                    ")",
                    "#",
                    "*",
                    "{",
                    "}",
                    "<",
                    ">",
                    "\n",
                    '"',
                ]
            ),
            max_size=60,
        ).map(" ".join),
    )
)
def test_no_text_does_anything_but_parse_or_raise(text: str) -> None:
    for attempt in (text, HEAD + text):
        try:
            model = parse_model(attempt)
        except InvalidModel:
            continue
        assert parse_model(format_model(model)) == model
