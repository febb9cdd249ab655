"""JSON that two parsers could read differently is not read at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.sso.strict_json import strict_json


class Pairs(list[tuple[str, object]]):
    """An object's members, of which two may have one name."""


def written(document: object, space: str, *, escaped: bool) -> str:
    """JSON with these members, whatever they mean together."""

    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=escaped).replace("a", "\\u0061" if escaped else "a")

    if isinstance(document, Pairs):
        members = (f"{text(n)}{space}:{space}{written(v, space, escaped=escaped)}" for n, v in document)
        return "{" + f"{space},".join(members) + "}"
    if isinstance(document, list):
        return "[" + f",{space}".join(written(each, space, escaped=escaped) for each in document) + "]"
    return text(document) if isinstance(document, str) else json.dumps(document)


def is_ambiguous(document: object) -> bool:
    if isinstance(document, Pairs):
        names = [name for name, _ in document]
        return len(set(names)) < len(names) or any(is_ambiguous(value) for _, value in document)
    return isinstance(document, list) and any(is_ambiguous(each) for each in document)


@pytest.mark.parametrize(
    "text",
    [
        b'{"iss":"a","iss":"b"}',
        b'{"a":{"b":1,"b":1}}',
        b'[{"a":1,"\\u0061":2}]',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b"[" * 65 + b"]" * 65,
        b"{} x",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"groups": ["\\ud800"]}',
        b'{"\\udc00\\ud800": 1}',
        b'"\xed\xa0\x80"',
        b"",
    ],
)
def test_it_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        strict_json(text)


def test_what_is_plain_is_read() -> None:
    assert strict_json('{"a": [1, 2.5, null, true, "\\u00e9", "\\ud83d\\ude00"]}') == {
        "a": [1, 2.5, None, True, "é", "\U0001f600"]
    }


TEXTS = st.text('ab"\\:é', max_size=3)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(TEXTS, inner), max_size=4).map(Pairs),
    max_leaves=12,
)


@given(DOCUMENTS, st.sampled_from(["", " ", "\n"]), st.booleans())
def test_a_member_twice_is_seen_wherever_it_stands(document: object, space: str, escaped: bool) -> None:
    text = written(document, space, escaped=escaped)
    if is_ambiguous(document):
        with pytest.raises(ValueError, match="twice"):
            strict_json(text)
    else:
        assert strict_json(text) == json.loads(text)
