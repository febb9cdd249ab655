"""What somebody effectively may, as `GET /api/v1/users/{username}/rights` answers it."""

from __future__ import annotations

from datetime import datetime

from gatepost.server.rest.shapes import Answer


class RightAnswer(Answer):
    kind: str
    right: str
    resource: str
    source: str
    sentence: str
    expires_at: datetime | None
    condition: str


class VouchedRoleAnswer(Answer):
    """A role that a provider vouches for until a session ends."""

    role: str
    provider: str
    session: str
    expires_at: datetime | None


class RightsAnswer(Answer):
    username: str
    groups: list[str]
    roles: list[str]
    permissions: list[RightAnswer]
    relations: list[RightAnswer]
    vouched: list[VouchedRoleAnswer]
