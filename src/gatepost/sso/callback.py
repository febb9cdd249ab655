"""The way back: from the provider's answer to a person whose identity holds (OpenID Connect Core 3.1.2.5 to 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gatepost.sso.login import Attempt

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who came back.  (issuer, subject) is the identity; everything else is an attribute that may change."""

    provider: str
    issuer: str
    subject: str
    claims: Mapping[str, object] = field(repr=False)
    username: str
    email: str
    email_verified: bool
    display_name: str
    groups: tuple[str, ...] | None  # the provider's names; None when it did not say, which is not the same as none
    id_token: str = field(repr=False)
    sid: str
    auth_time: datetime | None
    notes: tuple[str, ...] = ()  # what was odd, for the record of this sign-in


def finish(provider: Provider, attempt: Attempt, params: Mapping[str, str], now: datetime) -> SignedIn:
    """Finish a sign-in."""
    raise NotImplementedError
