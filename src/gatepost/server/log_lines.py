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
    """A traceback keeps its lines: they come after the record's own, and are ours."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], super().formatMessage(record))


def log_to_standard_error() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
