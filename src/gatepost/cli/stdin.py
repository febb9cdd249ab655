"""Files that come over standard input: UTF-8 whatever the locale, as files on the disk are."""

from __future__ import annotations

import sys

from gatepost.errors import ConfigurationError

NAME = "standard input"


def text_from_stdin(most: int) -> str:
    """Read at most `most` bytes.  Raises `ConfigurationError` for more, and for what is no text."""
    content = sys.stdin.buffer.read(most + 1)
    if len(content) > most:
        raise ConfigurationError([f"{NAME}: is longer than {most >> 20} MiB"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError([f"{NAME}: is not UTF-8 text"]) from None
