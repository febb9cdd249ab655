"""Claims by JSONPath: what each step leads to, and that nothing else is taken for a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.settings.formats import JSON_PATH
from gatepost.settings.place import Place, Refused
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


HERE = Place(source="", key="", environ={}, folder=Path(), problems=[])
STEPS = st.one_of(
    st.from_regex(r"\.{1,2}[A-Za-z_*][A-Za-z0-9_*-]{0,3}", fullmatch=True),
    st.from_regex(
        r"\[(\*|-?[0-9]{0,10}|'[^']{0,3}'|\"[^\"]{0,3}\"|[0-9]{0,12}:[0-9]{0,12}|\?.{0,4})\]", fullmatch=True
    ),
)


def is_taken(path: str) -> bool:
    """Tell whether the configuration takes a path."""
    try:
        JSON_PATH.read(path, HERE)
    except Refused:
        return False
    return True


@given(st.lists(STEPS, max_size=4).map(lambda steps: "$" + "".join(steps)))
def test_whatever_the_configuration_takes_for_a_path_is_understood_here(path: str) -> None:
    """Or the mistake would show with the first person who signs in, and not at the start."""
    if is_taken(path):
        find(path, CLAIMS)


@pytest.mark.parametrize("path", ["$.groups[?@.x]", "$[?(@.role=='admin')]", "$.a[?true]"])
def test_a_filter_is_refused_by_the_configuration(path: str) -> None:
    assert not is_taken(path)
