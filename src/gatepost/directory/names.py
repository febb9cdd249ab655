"""What a name may be.  Names stand in tuples, in URLs and in headers, so what has a meaning there is refused."""

from __future__ import annotations

import re
import unicodedata

from gatepost.errors import InvalidField

FORBIDDEN = set(" :#*/\\\"'`<>%")
MOST_CHARACTERS = 128
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
_JOINER = re.compile("(?<=\\S)[\u200c\u200d](?=\\S)")
RULE = "1 to 128 printable ASCII characters without space, : # * / \\ quotes < > %"


def is_name(text: str) -> bool:
    return (
        1 <= len(text) <= MOST_CHARACTERS
        and text.isascii()
        and text.isprintable()
        and FORBIDDEN.isdisjoint(text)
        and text not in (".", "..")  # a URL's path would swallow them
    )


def require_name(text: str, field: str = "name") -> str:
    if not is_name(text):
        raise InvalidField({field: f"allowed are {RULE}"})
    return text


def require_username(text: str) -> str:
    """Usernames are lower-cased on the way in, so that `Alice` and `alice` cannot be two people."""
    return require_name(text, "username").lower()


def require_email(text: str | None) -> str | None:
    if text is None:
        return None
    if not _EMAIL.fullmatch(text) or not text.isprintable():
        raise InvalidField({"email": "this is not an e-mail address"})
    return text


def is_for_people(text: str) -> bool:
    """Whether a text is of what people write: printable characters, the spaces of any script, joiners between letters.

    Japanese names have a wide space in them, Persian ones and emoji a joiner.  What turns round or hides what stands
    beside it is none, nor is a joiner that joins nothing.
    """
    return all(c.isprintable() or unicodedata.category(c) == "Zs" for c in _JOINER.sub("", text))


def require_text(text: str, field: str, most: int = 500) -> str:
    """A text for people: printable, and of bounded length."""
    if len(text) > most:
        raise InvalidField({field: f"too long: {most} characters at most"})
    if not is_for_people(text):
        raise InvalidField({field: "it has a character that cannot be printed"})
    return text
