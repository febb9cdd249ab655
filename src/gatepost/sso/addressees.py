"""For whom a token says it is, before anybody verified it: by `iss` and `aud`, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gatepost.errors import InvalidToken
from gatepost.settings import ProviderSettings, Settings
from gatepost.settings.issuers import DelegatedIssuer
from gatepost.settings.tenants import speaks_for
from gatepost.sso.delegated import audiences_of, is_meant
from gatepost.sso.keys import VerifiedClaims, read_unverified

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Addressees:
    """The tables of the configuration that a token speaks to.  Nothing it says is believed yet."""

    providers: tuple[ProviderSettings, ...] = ()
    issuers: tuple[DelegatedIssuer, ...] = ()

    @property
    def are_both(self) -> bool:
        """Whether it could be an ID token of ours and a delegated token at once, which is refused."""
        return bool(self.providers and self.issuers)


def addressees_of(settings: Settings, token: str) -> Addressees:
    """Return whom a token is for; nobody if it cannot be read."""
    try:
        claims = read_unverified(token).claims
    except InvalidToken:
        return Addressees()
    issuer, audiences = claims.get("iss"), audiences_of(claims)
    if not isinstance(issuer, str) or not issuer or audiences is None:
        return Addressees()
    return Addressees(
        tuple(
            p
            for p in settings.sso.providers
            if p.protocol == "oidc" and speaks_for(p, issuer) and p.client_id in audiences
        ),
        tuple(d for d in settings.delegated.issuers if d.issuer == issuer and is_meant(d, audiences)),
    )


def only_one(candidates: Sequence[T], verify: Callable[[T], VerifiedClaims]) -> tuple[T, VerifiedClaims]:
    """Return the one candidate for which the token holds, with its claims.

    Raises `InvalidToken` if it holds for none or for several, which nobody could tell apart.
    """
    held: list[tuple[T, VerifiedClaims]] = []
    failure: InvalidToken | None = None
    for candidate in candidates:
        try:
            held.append((candidate, verify(candidate)))
        except InvalidToken as error:
            failure = failure or error
    if len(held) > 1:
        raise InvalidToken(detail="it holds for more than one table of the configuration")
    if not held:
        raise failure or InvalidToken(detail="it is for nobody here")
    return held[0]
