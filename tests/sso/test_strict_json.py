"""JSON that two parsers could read differently is not read at all."""

from __future__ import annotations

import pytest

from gatepost.sso.strict_json import strict_json


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
