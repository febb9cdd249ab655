"""Claims by JSONPath: what each step leads to, and that nothing else is taken for a path."""

from __future__ import annotations

import pytest

from gatepost.sso.json_path import find

CLAIMS = {
    "groups": ["a", "b", "c"],
    "realm_access": {"roles": ["r1", "r2"]},
    "https://x.example/claims": {"role": "deep"},
    "clients": {"one": {"roles": ["x"]}, "two": {"roles": ["y"]}},
}


@pytest.mark.parametrize(
    ("path", "values", "one"),
    [
        ("$", (CLAIMS,), True),
        ("$.groups", (["a", "b", "c"],), True),
        ("$.groups[0]", ("a",), True),
        ("$.groups[-1]", ("c",), True),
        ("$.groups[3]", (), True),
        ("$.groups[-4]", (), True),
        ("$.groups[*]", ("a", "b", "c"), False),
        ("$.groups[1:]", ("b", "c"), False),
        ("$.groups[:2]", ("a", "b"), False),
        ("$.realm_access.roles", (["r1", "r2"],), True),
        ("$['realm_access'][\"roles\"][1]", ("r2",), True),
        ("$['https://x.example/claims'].role", ("deep",), True),
        ("$.clients.*.roles", (["x"], ["y"]), False),
        ("$.clients..roles", (["x"], ["y"]), False),
        ("$..role", ("deep",), False),
        ("$.absent.roles", (), True),
        ("$.groups.name", (), True),
        ("$.realm_access[0]", (), True),
        ("$['*']", (), True),
    ],
)
def test_a_path_leads_where_it_says(path: str, values: tuple[object, ...], one: bool) -> None:
    found = find(path, CLAIMS)

    assert found.values == values
    assert found.one is one


@pytest.mark.parametrize("path", ["", "groups", "$groups", "$.", "$.groups[", "$.groups[?@.x]", "$.groups[x]", "$.a b"])
def test_what_is_no_path_is_an_error(path: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        find(path, CLAIMS)
