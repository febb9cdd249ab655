"""Conditions: compiled with a place for each error, decided by typed values, never kept for another context."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.access import (
    AuthorizationModel,
    ConditionUndecided,
    Contextual,
    Decision,
    Graph,
    RelationTuple,
    TupleChange,
    TupleCondition,
    UserFilter,
    actions,
    allows,
    check,
    conditions,
    explain,
    list_users,
    objects,
    parse_model,
    read_model,
    read_model_json,
    subjects,
    validate,
    write_model_json,
)
from gatepost.access.conditions import KEPT_AT_LEAST, CompiledCondition, ExpressionError, compile_condition, kept
from gatepost.access.model import Condition
from gatepost.access.parameters import convert
from gatepost.errors import InvalidField, InvalidModel
from gatepost.principal import Entity, Question, Subject
from tests.access.worlds import read_tuple

HEAD = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user with fits]\n"
MODEL = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, user with working, group#member with working]
type doc
  relations
    define parent: [doc, doc with working]
    define owner: [user]
    define blocked: [user with near]
    define viewer: [user with near, user:* with near, user, group#member] or owner or viewer from parent
    define guest: viewer but not blocked
    define both: viewer and owner
condition working(hour: int) {
  hour >= 8 && hour < 18
}
condition near(address: ipaddress, network: string) {
  address.in_cidr(network)
}
"""
DAY, NIGHT = {"hour": 12}, {"hour": 3}


def change(line: str, *, removed: bool = False) -> TupleChange:
    t = read_tuple(line)
    stored = t.condition.stored() if t.condition else None
    return TupleChange(str(t.object), t.relation, str(t.subject), removed, None, stored)


def graph_of(lines: Iterable[str], text: str = MODEL) -> Graph:
    graph = Graph(read_model(text), lambda: 0.0, roles=False)
    graph.apply([change(line) for line in lines], "1.1")
    return graph


def ask(graph: Graph, line: str, context: Mapping[str, object] | None = None) -> Decision:
    """Ask `user:a viewer doc:1`."""
    subject, action, entity = line.split()
    asked = Question(
        subject=Subject.parse(subject), action=action, resource=Entity.parse(entity), context=context or {}
    )
    return check(asked, graph)


def may(graph: Graph, line: str, context: Mapping[str, object] | None = None) -> bool:
    first, second = ask(graph, line, context), ask(graph, line, context)
    assert first.allowed == second.allowed
    return first.allowed


# -- models -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line", "column", "sentence"),
    [
        ("(x: int) {\n  x > 'a'\n}", 8, 5, "condition fits: found no matching overload for '_>_'"),
        ("(x: int) {\n  x > 1 &&\n    y\n}", 9, 5, "condition fits: undeclared reference to 'y'"),
        ("(x: int) { x > 1 && y }", 7, 35, "undeclared reference to 'y'"),
        ("(x: int) {\n\n  x >\n}", 9, 6, "Syntax error"),
        ("(x: int) {\n  x + 1\n}", 8, 3, "expected an expression that is true or false, found int"),
        ("(x: any) {\n  x\n}", 8, 3, "expected an expression that is true or false, found dyn"),
        ("(x: string) {\n  x.in_cidr(1)\n}", 8, 12, "found no matching overload for 'in_cidr'"),
        ("(x: list<string>) {\n  x.exists(y, y == 1)\n}", 8, 17, "found no matching overload"),
        ("(x: ipaddress) {\n  x == '::1'\n}", 8, 5, "found no matching overload for '_==_'"),
        ("(x: ipaddress) {\n  x.startsWith('10.')\n}", 8, 15, "found no matching overload for 'startsWith'"),
        ("(x: duration) {\n  x.getMilliseconds() > 1\n}", 8, 20, "no matching overload for 'getMilliseconds'"),
        ("(x: list<string>) {\n  x.map(y, y+y+y+y+y+y+y+y+y+y) == x\n}", 8, 3, "no more than 8 '+'"),
        ("(x: int) {\n  " + "(" * 200 + "true" + ")" * 200 + "\n}", 8, 3, "recursion limit"),
        ("(x: int) {\n  {1.5: x}\n}", 8, 3, "Unsupported map key type"),
        ("(type: int) {\n  type > 1\n}", 8, 3, "variable 'type' declared multiple times"),
    ],
)
def test_an_expression_that_does_not_fit_is_refused_with_its_place(
    body: str, line: int, column: int, sentence: str
) -> None:
    with pytest.raises(InvalidModel) as caught:
        read_model(f"{HEAD}condition fits{body}")
    assert sentence in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_in_json_too() -> None:
    document: dict[str, Any] = write_model_json(read_model(f"{HEAD}condition fits(x: int) {{ x > 1 }}"))
    document["conditions"]["fits"]["expression"] = "x > 'a'"
    with pytest.raises(InvalidModel, match="condition fits: found no matching overload"):
        validate(read_model_json(document))
    document["conditions"]["fits"]["expression"] = "\ud800"
    with pytest.raises(InvalidModel, match="expected an expression that is text"):
        validate(read_model_json(document))


def test_without_the_library_a_model_with_conditions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    kept.clear()
    with pytest.raises(InvalidModel, match="need the package cel-expr-python"):
        read_model(MODEL)
    read_model("model\n schema 1.1\ntype user\n")
    graph = Graph(validated(), lambda: 0.0)
    graph.apply([change('doc:1#viewer@user:a ? near {"network": "10.0.0.0/8"}')], "1.1")
    with pytest.raises(ConditionUndecided, match="need the package cel-expr-python"):
        ask(graph, "user:a viewer doc:1", {"address": "10.0.0.1"})


def validated() -> AuthorizationModel:
    return parse_model(MODEL)


def test_what_is_kept_compiled_is_bounded_by_how_much_text_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand long ones of one store's owner would fill gigabytes; the last ones asked for stay."""
    compiled, work = list[str](), conditions.compile_condition

    def counting(condition: Condition) -> CompiledCondition:
        compiled.append(condition.name)
        return work(condition)

    monkeypatch.setattr(conditions, "compile_condition", counting)
    monkeypatch.setattr(conditions, "MOST_KEPT", 10 * KEPT_AT_LEAST)
    kept.clear()
    short = [Condition(f"c{n}", (("x", "int"),), f"x > {n}") for n in range(10)]
    for each in (*short, *short):
        assert kept.get(each).decide({}, {"x": 10})
    assert len(compiled) == 10
    kept.get(short[0])
    long = Condition("long", (("x", "int"),), " || ".join(f"x == {n}" for n in range(100)))
    kept.get(long)  # takes the place of several, but not of the last one
    assert len(long.expression) > KEPT_AT_LEAST
    kept.get(short[0])
    assert len(compiled) == 11
    kept.get(short[1])
    assert len(compiled) == 12
    kept.clear()


# -- values -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("duration", "1h30m1.5s", timedelta(hours=1, minutes=30, seconds=1.5)),
        ("duration", "-250ms", timedelta(milliseconds=-250)),
        ("duration", "0", timedelta()),
        ("timestamp", "2030-01-31t12:00:00.25z", datetime(2030, 1, 31, 12, 0, 0, 250_000, UTC)),
        ("timestamp", "2030-01-31T12:00:00.123456789Z", datetime(2030, 1, 31, 12, 0, 0, 123_456, UTC)),
        ("map<list<int>>", {"a": ["1", 2.0]}, {"a": [1, 2]}),
        ("uint", 2**64 - 1, 2**64 - 1),
        ("double", "1e3", 1000.0),
        ("ipaddress", "::ffff:a00:1", b"10.0.0.1"),
        ("ipaddress", "2001:DB8:0::1", b"2001:db8::1"),
    ],
)
def test_values_are_read_into_types(kind: str, value: object, read: object) -> None:
    assert convert(value, kind) == read


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("duration", "1 h"),
        ("duration", "h"),
        ("duration", "1ns"),
        ("duration", "9" * 39 + "h"),
        ("duration", "99999999999h"),
        ("timestamp", "2030-01-31T12:00:00"),
        ("timestamp", "2030-13-31T12:00:00Z"),
        ("int", 2**63),
        ("int", "1" * 50),
        ("int", "\u0661"),
        ("int", float("inf")),
        ("int", float("nan")),
        ("any", 10**400),
        ("uint", -1),
        ("double", "1e309"),
        ("double", float("-inf")),
        ("bool", 1),
        ("string", None),
        ("ipaddress", "10.0.0.1/8"),
        ("map<int>", {1: 1}),
        ("map<int>", [1]),
        ("list<int>", "12"),
        ("list<list<int>>", [[1], ["x"]]),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"expected|appear|month"):
        convert(value, kind)


def decided(expression: str, kind: str, value: object) -> bool:
    return compile_condition(Condition("fits", (("x", kind),), expression)).decide({}, {"x": value})


def test_an_address_is_the_same_however_it_is_spelled() -> None:
    """As in OpenFGA: else a rule against 10.0.0.0/8 would let by whoever comes as `::ffff:10.0.0.1`."""
    for spelling in ("10.0.0.1", "::ffff:10.0.0.1", "::FFFF:a00:1"):
        for network in ("10.0.0.0/8", "10.1.2.3/8", "::ffff:0:0/96", "::ffff:10.0.0.0/104"):
            assert decided(f"x.in_cidr('{network}')", "ipaddress", spelling)
        assert not decided("x.in_cidr('::/0')", "ipaddress", spelling)
        assert decided("x == ipaddress('10.0.0.1') && x in [ipaddress('::ffff:10.0.0.1')]", "ipaddress", spelling)
    assert not decided("x != ipaddress('2001:DB8::1')", "ipaddress", "2001:db8:0:0::1")
    assert not decided("x.in_cidr('fe80::/10')", "ipaddress", "fe80::1%eth0")  # the link is not said there
    for network in ("10.0.0.0", "10.0.0.0/08", "10.0.0.0/255.0.0.0", "fe80::%eth0/10", "10.0.0.0/33"):
        with pytest.raises(ConditionUndecided):
            decided(f"x.in_cidr('{network}')", "ipaddress", "10.0.0.1")


@pytest.mark.parametrize("written", ["timestamp('{}')", '  timestamp ( "{}" )', "timestamp('{}') + duration('0s')"])
def test_a_moment_of_nine_digits_is_the_same_given_and_written(written: str) -> None:
    """Go writes nine (RFC 3339 with nanoseconds), and each question of its users was an error."""
    now, next_one = "2030-01-31T12:00:00.123456789Z", "2030-01-31T12:00:00.123457Z"
    assert decided(f"x == {written.format(now)}", "timestamp", now)
    assert decided(f"x < {written.format(next_one)}", "timestamp", now)
    assert not decided(f"x < {written.format(now)}", "timestamp", next_one)
    assert decided(f"x == '{now}'", "string", now), "text is text"
    wrong = f"x < {written.format(now)} && y"
    with pytest.raises(ExpressionError) as refused:
        compile_condition(Condition("c", (("x", "timestamp"),), wrong))
    assert refused.value.offset == len(wrong), "the place is that of what was written"


def test_a_number_of_any_type_is_a_double() -> None:
    for value in (1, 1.0):
        assert decided("type(x) == double && x == 1 && x + 1.0 == 2.0", "any", value)
        assert decided("x[0] / 2.0 == 0.5", "any", [value])
        assert decided("x.y / 2.0 == 0.5", "any", {"y": value})
        with pytest.raises(ConditionUndecided):
            decided("x / 2 == 0", "any", value)
    assert decided("x && type(x) == bool", "any", True)  # noqa: FBT003


NASTY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
KINDS = (
    "any",
    "bool",
    "string",
    "int",
    "uint",
    "double",
    "duration",
    "timestamp",
    "ipaddress",
    "list<any>",
    "map<any>",
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), NASTY)
def test_any_value_gives_an_answer_or_is_undecided(kind: str, value: object) -> None:
    compiled = compile_condition(Condition("fits", (("x", kind),), "x == x"))
    assert isinstance(compiled, CompiledCondition)
    problem = ConditionUndecided(condition="fits")
    try:
        compiled.decide({}, {"x": value})
    except ConditionUndecided as error:
        problem = error
    assert problem.condition == "fits"
    assert str(problem).isascii()


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="x.()[]{}?:&|!=<>+'\"1 \n", max_size=40)))
def test_any_expression_compiles_or_is_refused(expression: str) -> None:
    sentence = ""
    try:
        compile_condition(Condition("fits", (("x", "int"),), expression))
    except InvalidModel as error:
        sentence = str(error)
    assert sentence.isascii()


# -- questions ----------------------------------------------------------------------------------------------------------


def test_a_membership_holds_by_the_context_of_each_question() -> None:
    """CVE-2026-33729 of OpenFGA: what a condition had a part in is kept for no other context."""
    graph = graph_of(["group:g#member@user:a ? working", "doc:1#viewer@group:g#member"])
    for _ in range(2):
        assert may(graph, "user:a viewer doc:1", DAY)
        assert not may(graph, "user:a viewer doc:1", NIGHT)
        with pytest.raises(ConditionUndecided) as caught:
            ask(graph, "user:a viewer doc:1")
        assert (caught.value.condition, caught.value.missing) == ("working", ("hour",))
        assert str(caught.value) == "condition working cannot be evaluated: the context is missing hour"
    graph.apply([change("group:g#member@user:a")], "1.2")
    assert may(graph, "user:a viewer doc:1")
    graph.apply([change("group:g#member@user:a ? working")], "1.3")
    assert not may(graph, "user:a viewer doc:1", NIGHT)


def test_what_was_worked_out_within_a_cycle_is_not_kept_for_what_lies_outside() -> None:
    """CVE-2025-46331 of OpenFGA: groups that contain each other, asked from every side, cold and warm."""
    names = ("x", "y", "z")
    lines = [f"group:{a}#member@group:{b}#member ? working" for a, b in zip(names, (*names[1:], names[0]), strict=True)]
    lines += ["group:y#member@user:a", *(f"doc:{name}#viewer@group:{name}#member" for name in names)]
    for start in range(3):
        graph = graph_of(lines)
        for name in (*names[start:], *names[:start]):
            assert may(graph, f"user:a viewer doc:{name}", DAY)
            assert not may(graph, f"user:b viewer doc:{name}", DAY)
            assert may(graph, f"user:a viewer doc:{name}", NIGHT) == (name == "y")


def test_questions_asked_one_after_another_do_not_mix() -> None:
    """CVE-2026-34972 of OpenFGA: the same question with other contexts and tuples keeps its own answer."""
    graph = graph_of(["group:g#member@user:a ? working", "doc:1#viewer@group:g#member"])
    view = Contextual(graph, [RelationTuple.parse("group:g#member@user:b")])
    decisions = [
        (ask(asked, f"user:{name} viewer doc:1", context), wanted)
        for context, at_work in ((DAY, True), (NIGHT, False))
        for name, asked, wanted in (("a", graph, at_work), ("b", graph, False), ("b", view, True), ("a", view, at_work))
    ]
    for decision, wanted in (*decisions, *reversed(decisions)):
        assert decision.allowed == wanted
        assert decision.explanation.allowed == wanted  # worked out when asked for, with the question's own tuples


def test_conditions_hold_however_deep() -> None:
    graph = graph_of(
        [
            "group:top#member@group:mid#member ? working",
            "group:mid#member@group:low#member ? working",
            "group:low#member@user:a",
            "doc:top#viewer@group:top#member",
            "doc:mid#parent@doc:top ? working",
            "doc:low#parent@doc:mid",
        ]
    )
    for entity in ("doc:top", "doc:mid", "doc:low"):
        assert may(graph, f"user:a viewer {entity}", DAY)
        assert not may(graph, f"user:a viewer {entity}", NIGHT)
        with pytest.raises(ConditionUndecided):
            ask(graph, f"user:a viewer {entity}")


def test_a_wildcard_is_as_conditional_as_it_was_written() -> None:
    """CVE-2025-64751 of OpenFGA: a wildcard without a condition does not stand in for a conditional one."""
    graph = graph_of(['doc:1#viewer@user:* ? near {"network": "10.0.0.0/8"}'])
    assert may(graph, "user:a viewer doc:1", {"address": "10.1.1.1"})
    assert not may(graph, "user:a viewer doc:1", {"address": "11.1.1.1"})
    with pytest.raises(InvalidField, match=r"user:\* cannot be viewer of a doc"):
        allows(read_model(MODEL), RelationTuple.parse("doc:1#viewer@user:*"))
    graph.apply([change("doc:2#viewer@user:*")], "1.2")  # got into the store under another model
    assert not may(graph, "user:a viewer doc:2", {"address": "10.1.1.1"})


def test_the_tuple_s_own_values_win() -> None:
    graph = graph_of(['doc:1#viewer@user:a ? near {"network": "10.0.0.0/8"}'])
    assert not may(graph, "user:a viewer doc:1", {"address": "11.1.1.1", "network": "11.0.0.0/8"})


@pytest.mark.parametrize(
    "context",
    [{}, {"address": 7}, {"address": "nowhere"}, {"address": None}, {"address": ["10.0.0.1"]}, {"Address": "10.0.0.1"}],
)
def test_a_wrong_or_missing_value_is_an_error_and_never_a_no(context: dict[str, object]) -> None:
    graph = graph_of(
        [
            'doc:1#viewer@user:a ? near {"network": "10.0.0.0/8"}',
            "doc:2#owner@user:a",
            'doc:2#blocked@user:a ? near {"network": "10.0.0.0/8"}',
        ]
    )
    for line in ("user:a viewer doc:1", "user:a guest doc:1", "user:a guest doc:2"):
        with pytest.raises(ConditionUndecided, match="condition near cannot be evaluated"):
            ask(graph, line, context)
    assert may(graph, "user:a viewer doc:2", context)  # another way allows
    assert not may(graph, "user:a both doc:1", context)  # and here nothing could
    assert not may(graph, "user:b viewer doc:1", context)  # the tuple is not about them


def test_lists_and_explanations_know_the_context() -> None:
    graph = graph_of(
        [
            "group:g#member@user:a ? working",
            "doc:1#viewer@group:g#member",
            'doc:2#viewer@user:a ? near {"network": "10.0.0.0/8"}',
            'doc:2#viewer@user:b ? near {"network": "11.0.0.0/8"}',
            "doc:3#owner@user:a",
        ]
    )
    here = {"address": "10.0.0.1", **DAY}
    away = {"address": "11.0.0.1", **NIGHT}

    def question(context: Mapping[str, object], entity: str = "doc:x") -> Question:
        return Question(subject=Subject("user", "a"), action="viewer", resource=Entity.parse(entity), context=context)

    assert objects(question(here), graph).ids == ("doc:1", "doc:2", "doc:3")
    assert objects(question(away), graph).ids == ("doc:3",)
    with pytest.raises(ConditionUndecided):
        objects(question({}), graph)
    for context, who in ((here, "a"), (away, "b")):
        assert subjects(Entity("doc", "2"), "viewer", graph, context) == (f"user:{who}",)
        assert list_users(Entity("doc", "2"), "viewer", [UserFilter("user")], graph, context) == (Subject("user", who),)
    with pytest.raises(ConditionUndecided):
        list_users(Entity("doc", "2"), "viewer", [UserFilter("user")], graph)
    assert explain(question(here, "doc:1"), graph).sentence == "a is a member of g, which is viewer of doc:1"
    assert not explain(question(away, "doc:1"), graph).allowed
    tried = explain(question(away, "doc:2"), graph).tried
    assert "a is viewer of doc:2 under the condition near, which does not hold here" in tried
    assert actions(question(here, "doc:2"), graph).allowed == ("viewer", "guest")
    undecided = actions(question({}, "doc:2"), graph)
    assert undecided.allowed == ()
    assert set(undecided.undecided) == {"viewer", "guest"}


# -- tuples -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("doc:1#owner@user:a ? near", "user with near cannot be owner of a doc: one of user"),
        ("doc:1#viewer@user:a ? gone", "user with gone cannot be viewer"),
        ('doc:1#viewer@user:a ? near {"height": 3}', "height is not a parameter of condition near: one of address"),
        ('doc:1#viewer@user:a ? near {"network": 3}', "network of condition near is no string: expected text"),
        ('doc:1#viewer@user:a ? near {"address": "x"}', "address of condition near is no ipaddress"),
        (f'doc:1#viewer@user:a ? near {{"network": "{"x" * 33000}"}}', "the context is larger than 32 KiB"),
    ],
)
def test_a_tuple_s_condition_is_held_to_the_model(line: str, sentence: str) -> None:
    """CVE-2025-48371 of OpenFGA: contextual tuples are held to it as well."""
    with pytest.raises(InvalidField) as caught:
        allows(read_model(MODEL), read_tuple(line))
    assert sentence in str(caught.value)
    with pytest.raises(InvalidField):
        Contextual(graph_of([]), [read_tuple(line)])


@pytest.mark.parametrize("line", ["doc:1#viewer@doc:2", "doc:1#flies@user:a", "planet:1#viewer@user:a"])
def test_a_contextual_tuple_that_the_model_does_not_allow_is_refused(line: str) -> None:
    """CVE-2025-48371 of OpenFGA."""
    with pytest.raises(InvalidField):
        Contextual(graph_of([]), [RelationTuple.parse(line)])


def test_a_tuple_whose_condition_another_model_has_changed_is_undecided() -> None:
    """CVE-2022-23542 of OpenFGA: what was written under an old model is judged by the current one."""
    rows = [("doc:1", "viewer", "user:a", None, '{"name": "near", "context": {"network": "10.0.0.0/8"}}')]
    graph = Graph(read_model(MODEL), lambda: 0.0)
    graph.load(rows, "1.1")
    assert may(graph, "user:a viewer doc:1", {"address": "10.0.0.1"})
    narrower = MODEL.replace("address: ipaddress, network: string", "address: ipaddress, network: bool").replace(
        "address.in_cidr(network)", "network"
    )
    graph.load(rows, "1.2", read_model(narrower))
    with pytest.raises(ConditionUndecided, match="network is no bool"):
        ask(graph, "user:a viewer doc:1", {"address": "10.0.0.1"})
    graph.load(rows, "1.3", read_model(MODEL.replace("user with near, ", "")))
    assert not may(graph, "user:a viewer doc:1", {"address": "10.0.0.1"})


@pytest.mark.parametrize(
    "stored", ["near", {"name": "near"}, '{"name":"near","context":null}', {"name": "near", "context": {}}]
)
def test_what_the_store_keeps_of_a_condition_is_read(stored: str | dict[str, object]) -> None:
    assert TupleCondition.read(stored) == TupleCondition("near")
    assert TupleCondition.read(TupleCondition("near", {"a": 1}).stored()) == TupleCondition("near", {"a": 1})
    assert TupleCondition("near", {"a": 1}) != TupleCondition("near", {"a": True})
    assert hash(TupleCondition("near", {"a": 1, "b": 2})) == hash(TupleCondition("near", {"b": 2, "a": 1}))


@pytest.mark.parametrize("stored", [{}, {"name": 1}, "{", '{"context": {}}', {"name": "near", "context": []}])
def test_what_is_no_condition_is_refused(stored: str | dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is not a condition|Expecting"):
        TupleCondition.read(stored)
