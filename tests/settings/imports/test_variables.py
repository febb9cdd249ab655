"""Variables as the tools that read them do."""

from __future__ import annotations

import pytest

from gatepost.errors import ConfigurationError
from gatepost.settings.imports.variables import read_variables


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("A=b", "b", id="bare"),
        pytest.param("export A = b c ", "b c", id="export and spaces"),
        pytest.param("A=b # c", "b", id="comment"),
        pytest.param("A=b#c", "b#c", id="no comment"),
        pytest.param("A=", "", id="empty"),
        pytest.param("A='b # \"c\" \\n'  # d", 'b # "c" \\n', id="single quotes"),
        pytest.param('A="b \\"c\\" \\\\ \\n\\d"', 'b "c" \\ \n\\d', id="double quotes"),
        pytest.param("A='b\n# c\n'", "b\n# c\n", id="several lines"),
        pytest.param('{"A": ["b"]}', '["b"]', id="JSON in JSON"),
        pytest.param('{"A": "[1]"}', "[1]", id="JSON text in JSON"),
        pytest.param("A: 'b'", "b", id="YAML"),
        pytest.param("A: 007", "007", id="YAML keeps texts"),
        pytest.param("A='b\r\nc'\r\nB=2", "b\nc", id="lines of Windows"),
        pytest.param("services:\n  x:\n    environment: {A: $$.b}", "$.b", id="Compose's dollar"),
        pytest.param("services:\n  x:\n    environment: [A=b=c]", "b=c", id="Compose"),
    ],
)
def test_a_value_is_what_the_tools_make_of_it(line: str, value: str) -> None:
    assert read_variables(line)["A"].value == value


def test_lines_are_counted_as_an_editor_does() -> None:
    found = read_variables("# one\n\nA=1\nB='x\u2028\ny'\nC=3\n")

    assert {name: leaf.line for name, leaf in found.items()} == {"A": 3, "B": 4, "C": 6}


def test_a_quote_that_is_never_closed_is_seen_at_once() -> None:
    with pytest.raises(ConfigurationError, match="line 1: A begins with a quote that is not closed"):
        read_variables("A='" + "x\n" * 400_000)
