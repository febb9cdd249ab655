"""One line of the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from gatepost.principal import Principal


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Who (`subject`, by which `method` and credential, wielded by `actor`) did what to whom, and how it ended.

    `issuer` is who issued the service token that was used (DH-17).  `detail` never holds a secret.
    `count` is above one where repeated refusals were added up.
    """

    event: str
    target: str
    subject: str
    method: str
    at: datetime
    outcome: Outcome = Outcome.DONE
    actor: str | None = None
    issuer: str | None = None
    credential_id: str = ""
    reason: str = ""
    address: str = ""
    count: int = 1
    detail: Mapping[str, object] = field(default_factory=dict)
    id: str = ""
    revision: str | None = None

    @classmethod
    def of(
        cls,
        caller: Principal,
        event: str,
        target: object,
        *,
        at: datetime,
        outcome: Outcome = Outcome.DONE,
        reason: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> Self:
        return cls(
            event=event,
            target=str(target),
            subject=str(caller.subject),
            method=caller.method,
            at=at,
            outcome=outcome,
            actor=str(caller.actor) if caller.actor else None,
            issuer=str(caller.issuer) if caller.issuer else None,
            credential_id=caller.credential_id,
            reason=reason,
            address=caller.address,
            detail={**(detail or {}), **_vouched(caller)},
        )


def _vouched(caller: Principal) -> Mapping[str, object]:
    """The roles that are vouched for, for a session or a call: to be told from the rest when neither is there any more."""
    return {"vouched_roles": sorted(caller.roles)} if caller.roles and not caller.is_application else {}
