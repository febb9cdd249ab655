"""What is written can be read back, whatever it is."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from gatepost.settings.imports.toml import comment, key, written

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)


@given(TEXTS, VALUES)
def test_a_value_is_read_back_as_it_was(name: str, value: object) -> None:
    assert tomllib.loads(f"{key(name)} = {written(value)}\n") == {name: value}


@given(TEXTS, st.sampled_from(["", "  "]))
def test_a_comment_stays_a_comment(sentence: str, indent: str) -> None:
    text = "\n".join(comment(sentence, indent))

    assert tomllib.loads(text) == {}
    assert all(line.startswith("# ") for line in text.split("\n") if text)
