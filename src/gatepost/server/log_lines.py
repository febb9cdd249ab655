"""Where the server's log goes, and that one record begins one line.

What is logged may hold what a caller or a provider sent: with a line break in it, they would write lines of their own.
"""

from __future__ import annotations

import logging
import re

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# Control characters of ASCII and Latin-1, what Unicode breaks lines with, and the marks that turn text round.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class OneLine(logging.Formatter):
    """A traceback keeps its lines, each set in: the error's own text is among them, and may be a caller's too."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return _spelt_out(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        first, *more = super().format(record).split("\n")
        return "\n".join([first, *(f"  {_spelt_out(line)}" for line in more)])


def _spelt_out(text: str) -> str:
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def log_to_standard_error() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
