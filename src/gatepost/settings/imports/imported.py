"""What an import makes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Imported:
    """A configuration of Gatepost, as TOML with comments.

    `notes` are the sentences among the comments that ask for attention, `secrets` the environment variables that have
    to be set: no secret stands in the text itself.
    """

    toml: str
    notes: tuple[str, ...]
    secrets: tuple[str, ...]
