"""One record, one line: what a caller or a provider sends writes no lines of its own into the log."""

from __future__ import annotations

import io
import logging

import pytest

from gatepost.server.log_lines import FORMAT, OneLine


def logged(message: str, *args: object, error: BaseException | None = None) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(OneLine(FORMAT))
    record = logging.LogRecord(
        "gatepost", logging.WARNING, __file__, 1, message, args, (type(error), error, None) if error else None
    )
    handler.emit(record)
    return out.getvalue()


@pytest.mark.parametrize("mark", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028", "\x1b[2J", "\u202e", "\x00"])
def test_a_mark_that_breaks_or_hides_lines_is_spelt_out(mark: str) -> None:
    """A provider whose document names `https://x/<line break>2026-11-22 INFO all is well` as an endpoint."""
    line = logged("an endpoint %s", f"https://x/{mark}forged")

    assert line.endswith("forged\n")
    assert line.count("\n") == len(line.splitlines()) == 1
    assert mark not in line.removesuffix("\n")


def test_words_in_every_language_and_tracebacks_stay() -> None:
    assert "Grüße, 世界" in logged("%s", "Grüße, 世界")
    text = logged("a bug", error=ZeroDivisionError("x"))
    assert text.splitlines()[-1] == "  ZeroDivisionError: x"


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\x85", "\u2028"])
def test_what_an_error_says_begins_no_line_of_the_log(mark: str) -> None:
    """A library's error with a provider's answer in it, in the traceback of a bug."""
    text = logged("a bug", error=ValueError(f"not a number: '{mark}2026-11-22 10:00:00,000 INFO gatepost: all is well"))

    assert [line for line in text.splitlines() if line.startswith("2026-11-22 10:00:00")] == []
    assert text.splitlines()[0].endswith("a bug")
