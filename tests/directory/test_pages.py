"""Cursors: nothing but what was handed out for this list is taken."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.directory.pages import Wanted, decode_cursor, encode_cursor, slice_page
from gatepost.directory.resources import list_resources
from gatepost.directory.users import list_users
from gatepost.errors import InvalidField
from gatepost.gate import Gatepost
from tests.directory.people import ADMIN


def crafted(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


BAD = [
    *("x", "====", "\0", "ä", "[]", crafted([]), crafted({}), crafted("a"), crafted([1]), crafted([None])),
    *(crafted(["a", "b", "c"]), crafted([["a"]]), crafted([True]), crafted(["\ud800"]), crafted(["a\0"])),
    *(crafted([1 << 70]), base64.b64encode(b"\xff\xfe").decode(), base64.b64encode(b"[" * 100_000).decode()),
]


@pytest.mark.parametrize("cursor", BAD, ids=range(len(BAD)))
def test_a_cursor_that_nobody_handed_out_is_a_wrong_field(gate: Gatepost, cursor: str) -> None:
    """Half a character and a NUL would be a 500 of the database's driver."""
    for listing in (
        lambda: list_users(gate, ADMIN, Wanted(cursor=cursor)),
        lambda: list_resources(gate, ADMIN, Wanted(cursor=cursor)),
    ):
        with pytest.raises(InvalidField, match="cursor"):
            listing()


@pytest.mark.parametrize("limit", [0, -1, 501, 10**9])
def test_a_limit_has_limits(limit: int) -> None:
    with pytest.raises(InvalidField, match="limit"):
        Wanted(limit=limit)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_cursor_comes_back_as_it_was(key: str) -> None:
    assert decode_cursor(encode_cursor(key), str) == (key,)


@given(st.sets(st.text("abc", max_size=3)), st.integers(1, 5))
def test_slices_are_complete_and_do_not_overlap(items: set[str], limit: int) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = slice_page(sorted(items), lambda item: item, Wanted(limit=limit, cursor=cursor))
        seen += page.items
        if not (cursor := page.next_cursor):
            break
    assert seen == sorted(items)
