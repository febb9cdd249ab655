"""What callers give, judged before anything is made of it: by the APIs as their bodies are read, by the embedded calls too.

A name, a text for people or a password has further rules, which the operation knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from gatepost.errors import InvalidField

MOST_TEXT = 4096
# What is looked for, and where a list goes on, is shorter.
SHORTER: Mapping[str, int] = {
    "q": 200,
    "owner": 200,
    "transfer_to": 200,
    "type": 100,
    "cursor": 1000,
    "event": 300,
    "outcome": 300,
    "target": 300,
    "issuer": 300,
}

A_MOMENT = "this has to be a time with a zone, such as 2030-01-31T12:00:00Z"


def clean(text: str) -> str:
    """Raises `ValueError` for what a database or a header cannot hold."""
    if "\0" in text:
        raise ValueError("there is a NUL character in it")
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("it is not valid Unicode")
    return text


def in_utc(at: datetime) -> datetime:
    """A moment near the ends of the calendar may have no name in UTC."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of range") from error


def no_such_field(allowed: Iterable[str]) -> str:
    """What is said of a field that nobody knows; `allowed` are those that are known."""
    names = ", ".join(allowed)
    return f"there is no such field; allowed are {names}" if names else "there is no such field: nothing is taken here"


def no_number(value: object) -> object:
    """Raises `ValueError` for a moment that is a number: of seconds to some who send one, of milliseconds to others."""
    if isinstance(value, int | float) or (isinstance(value, str) and not value.strip("0123456789.+- ")):
        raise ValueError(A_MOMENT)
    return value


def why_no_text(value: object, most: int = MOST_TEXT) -> str:
    """Say in a sentence what is wrong with a text; empty if nothing is."""
    if not isinstance(value, str):
        return "this has to be a text"
    if len(value) > most:
        return f"too long: {most} characters at most"
    try:
        clean(value)
    except ValueError as error:
        return str(error)
    return ""


def require_texts(**given: str | None) -> None:
    """Raise `InvalidField` for all of these that are no text that can be stored; None is not given."""
    wrong = {
        name: why_no_text(value, SHORTER.get(name, MOST_TEXT)) for name, value in given.items() if value is not None
    }
    if any(wrong.values()):
        raise InvalidField({name: sentence for name, sentence in wrong.items() if sentence})


def require_secret(value: str | None, field: str) -> None:
    """Raise `InvalidField` for what is no secret: it is never stored, so only its length counts."""
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidField({field: "this has to be a text"})
    if len(value) > MOST_TEXT:
        raise InvalidField({field: f"too long: {MOST_TEXT} characters at most"})
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidField({field: "it is not valid Unicode"})


def require_flag(value: bool | None, field: str) -> None:
    if not isinstance(value, bool | None):
        raise InvalidField({field: "this has to be true or false"})


def require_whole(value: int | None, field: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | None):
        raise InvalidField({field: "this has to be a whole number"})


def list_of_texts(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Return the texts.  Raises `InvalidField` for what is no list of texts, such as a single one."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidField({field: "this has to be a list of texts"})
    found = tuple(values)
    for index, value in enumerate(found):
        if sentence := why_no_text(value):
            raise InvalidField({f"{field}[{index}]": sentence})
    return found


def moment(at: object, field: str) -> datetime | None:
    """Return a time in UTC.  Raises `InvalidField` for one without a zone: nobody knows when it is."""
    if at is None:
        return None
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise InvalidField({field: "this has to be a time with a zone"})
    try:
        return in_utc(at)
    except ValueError as error:
        raise InvalidField({field: str(error)}) from error
