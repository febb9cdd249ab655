"""What `POST /api/v1/users/{username}/sync` answers."""

from __future__ import annotations

from gatepost.server.rest.shapes import Answer


class SyncedAnswer(Answer):
    """What became of memberships or roles, and why."""

    added: list[str]
    removed: list[str]
    kept: list[str]
    left_out: list[str]
    beyond_limit: int
    why: dict[str, str]
    notes: list[str]


class RereadAnswer(Answer):
    """What one provider said when it was asked again.  `refused` says why the person may not enter any more, `failed` why
    nothing could be read there.
    """

    provider: str
    groups: SyncedAnswer
    roles: SyncedAnswer
    sessions_narrowed: int
    sessions_ended: int
    refused: str
    failed: str
