"""The schema in the repository is the one that is served, so that other people's tools can be generated from it."""

from __future__ import annotations

from graphql import build_schema

from gatepost.server.graphql import schema
from tests.house.source import ROOT

FILE = ROOT / "docs/reference/schema.graphql"


def test_the_file_is_current() -> None:
    """If this fails: `make reference`."""
    head, _, rest = FILE.read_text(encoding="utf-8").partition("\n\n")

    assert head.startswith("# Made by tools/reference.py")
    assert rest == schema.text()


def test_everything_in_it_says_what_it_is() -> None:
    made = build_schema(FILE.read_text(encoding="utf-8"))
    for root in (made.query_type, made.mutation_type):
        assert root is not None
        assert [name for name, field in root.fields.items() if not field.description] == []
    assert [name for name, kind in made.type_map.items() if not name.startswith("__") and not kind.description] == []
