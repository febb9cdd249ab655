"""A value that must not be seen: every way of printing it prints dots."""

from __future__ import annotations


class Secret:
    """A password, token or key.  Only `reveal` gives it; `repr`, `str` and formatting never do."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself.  Whoever calls this answers for where it goes."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))
