"""Times as people read them.  The exact one, in UTC, is always a hover or a screen reader away."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400


def stamp(at: datetime) -> str:
    """The exact time."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def exact(text: str) -> str:
    """A time as records keep it, to be read: `2026-12-01 00:00:00 UTC`.  What is no time is left as it is."""
    try:
        return stamp(datetime.fromisoformat(text))
    except ValueError:
        return text


def date_text(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


def moment(at: datetime, now: datetime) -> str:
    """`5 minutes ago`, `in 3 days`, or a date where that says more."""
    seconds = (at - now).total_seconds()
    size = abs(seconds)
    if size < MINUTE:
        return "in less than a minute" if seconds > 0 else "just now"
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if size >= unit:
            count = round(size / unit)
            if name == "day" and count > 30:
                return date_text(at)
            text = f"{count} {name}{'s' if count != 1 else ''}"
            return f"in {text}" if seconds > 0 else f"{text} ago"
    return date_text(at)


def end_of_day(text: str) -> datetime | None:
    """Read a date field; the moment at which that day is over, in UTC.  Raises `ValueError`."""
    if not text:
        return None
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
