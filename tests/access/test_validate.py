"""Which models are sound, which definitions of protected types pass, and which tuples a model allows."""

from __future__ import annotations

import pytest

from gatepost.access import (
    PROTECTED,
    RelationTuple,
    allows,
    builtin_model,
    parse_model,
    read_model,
    validate,
    with_protected_types,
)
from gatepost.access.plan import relations_given_by
from gatepost.errors import InvalidField, InvalidModel

HEAD = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n"


@pytest.mark.parametrize(
    ("definitions", "sentence"),
    [
        ("define a: [robot]", "line 6, column 9: doc#a: robot is not a type"),
        ("define a: [user#x]", "x is not a relation of user"),
        ("define a: [user, user]", "user is given twice"),
        ("define a: [user with w]", "w is not a condition"),
        ("define a: b", "b is not a relation of doc"),
        ("define a: [user]\n define b: a from c", "c is not a relation of doc"),
        ("define a: [user]\n define b: a from a", "a is not a relation of any type that a names"),
        ("define p: [doc, doc#p]\n define b: p from p", "p must name types only"),
        ("define p: [doc:*]\n define b: p from p", "p must name types only"),
        ("define q: [doc]\n define p: q\n define b: q from p", "p must be direct types only"),
        ("define a: b\n define b: a", "doc#a is computed from itself"),
        ("define a: [user] or a", "doc#a is computed from itself"),
        ("define a: [doc#a]", "doc#a is impossible"),
        ("define p: [doc]\n define a: a from p", "doc#a is impossible"),
        ("define p: [doc]\n define b: [user]\n define a: b and a from p", "doc#a is impossible"),
        ("define p: [doc]\n define a: [user] but not a from p", "doc#a is impossible"),
        ("define self: [user]", "self is a reserved name"),
        ("define this: [user]", "this is a reserved name"),
    ],
)
def test_an_unsound_model_is_refused(definitions: str, sentence: str) -> None:
    with pytest.raises(InvalidModel) as caught:
        read_model(HEAD + " " + definitions)
    assert sentence in str(caught.value)


def test_a_reserved_type_name_is_refused() -> None:
    with pytest.raises(InvalidModel, match="self is a reserved name"):
        read_model("model\n schema 1.1\ntype self")


def test_the_size_of_a_model_is_bounded() -> None:
    with pytest.raises(InvalidModel, match="more than 100 types"):
        read_model("model\n schema 1.1\n" + "".join(f"type t{n}\n" for n in range(101)))


def test_recursion_with_an_entry_is_sound() -> None:
    read_model(HEAD + " define p: [doc]\n define a: [user, doc#a] or a from p")


def test_the_built_in_model_is_sound_and_as_documented() -> None:
    model = validate(builtin_model())
    assert model.types.keys() >= PROTECTED
    assert model.resource_types == ("collection", "dataset", "knowledge")
    for kind in model.resource_types:
        assert {"owner", "editor", "viewer", "view", "edit", "delete", "manage_access"} <= model.types[
            kind
        ].relations.keys()
        assert relations_given_by(model, kind, "viewer") == ("viewer", "view")
        assert relations_given_by(model, kind, "editor") == ("editor", "viewer", "view", "edit")
        assert "manage_access" in relations_given_by(model, kind, "owner")
    assert relations_given_by(model, "planet", "owner") == ()


@pytest.mark.parametrize(
    "declared",
    [
        "",
        "type user\n",
        "type user\ntype group\ntype role\ntype platform\n",
        "type user\ntype service\ntype group\n relations\n  define member: [user, service, group#member]\n",
    ],
)
def test_a_posted_model_may_declare_a_protected_type_bare_or_as_it_stands(declared: str) -> None:
    text = f"model\n schema 1.1\n{declared}type doc\n relations\n  define reader: [user, group#member]\n"
    model = with_protected_types(parse_model(text))
    assert model.types.keys() >= PROTECTED
    assert model.resource_types == ("doc",)
    assert model.types["group"] == builtin_model().types["group"]


@pytest.mark.parametrize(
    "declared",
    [
        "type user\n relations\n  define friend: [user]\n",
        "type user\ntype group\n relations\n  define member: [user]\n",
        "type user\ntype role\n relations\n  define assignee: [user:*]\n  define permission: [platform]\ntype platform\n",
    ],
)
def test_another_definition_of_a_protected_type_is_refused(declared: str) -> None:
    """Design rule 9: the store is not a back door."""
    with pytest.raises(InvalidModel, match="is protected"):
        with_protected_types(parse_model(f"model\n schema 1.1\n{declared}"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("planet:x#owner@user:a", "object: unknown type planet"),
        ("collection:x#boss@user:a", "relation: boss cannot be written on collection: one of owner, editor, viewer"),
        ("collection:x#view@user:a", "relation: view cannot be written"),
        ("platform:x#view@user:a", "the type takes no tuples"),
        ("collection:*#owner@user:a", "* is not an id"),
        (
            "collection:x#owner@user:*",
            "subject: user:* cannot be owner of a collection: one of user, service, group#member",
        ),
        ("collection:x#owner@group:g", "subject: group cannot be owner"),
        ("group:g#member@role:r#assignee", "subject: role#assignee cannot be member"),
        ("group:g#member@group:g#member", "group:g#member has that relation by being what it is"),
        ("dataset:d#parent@collection:c#owner", "one of collection"),
    ],
)
def test_a_tuple_that_the_model_does_not_allow_is_refused(line: str, sentence: str) -> None:
    """Trap 23, CVE-2025-48371 of OpenFGA: type limits hold for every tuple."""
    with pytest.raises(InvalidField) as caught:
        allows(builtin_model(), RelationTuple.parse(line))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["collection:sales#editor@group:x#member", "role:r#permission@platform:*.*", "collection:c#viewer@anonymous:*"],
)
def test_a_tuple_is_read_and_written_alike(line: str) -> None:
    allows(builtin_model(), RelationTuple.parse(line))
    assert str(RelationTuple.parse(line)) == line


@pytest.mark.parametrize("line", ["", "a:b", "a:b#c", "a#b@c:d", "a:b#@c:d", "a:b#c@d", "a:b#c d@e:f", "a:b#c@d:*#e"])
def test_a_malformed_tuple_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has a char|names no|both"):
        RelationTuple.parse(line)
