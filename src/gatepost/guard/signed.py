"""Access tokens of a server (RFC 9068), verified here: with its published keys, for one audience."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from gatepost.cache import Cache
from gatepost.errors import InvalidToken, ProviderFailed, Unavailable
from gatepost.gate import Dice
from gatepost.principal import Entity, Method, Principal, Scope
from gatepost.sso.addresses import hosts_of
from gatepost.sso.http import ProviderHttp
from gatepost.sso.jwks import ProviderKeys
from gatepost.sso.keys import read_unverified, verify_jws
from gatepost.tokens.access_tokens import TYPE

ALGORITHMS = ("ES256",)
KEPT = 20_000
LEEWAY_SECONDS = 60  # on `iat` alone: the server's clock may be ahead of ours


@dataclass(frozen=True, slots=True)
class Verified:
    """Whom a token speaks for, and until when, in seconds of the clock."""

    principal: Principal
    expires: float


class Signed:
    """Verifies and remembers.  `issuer` is what the tokens say of where they come from."""

    def __init__(self, url: str, issuer: str, audience: str, dice: Dice) -> None:
        self._issuer = issuer
        self.audience = audience
        self._dice = dice
        http = ProviderHttp("Gatepost", timeout=timedelta(seconds=5), configured=hosts_of(url))
        self._keys = ProviderKeys("Gatepost", lambda: f"{url}/.well-known/jwks.json", http, dice.now)
        self._known: Cache[bytes, Verified] = Cache(KEPT)
        self._keys.tell_withdrawn(self._known.clear)

    def is_ours(self, token: str) -> bool:
        """Tell by what it says of itself whether a token is for us to judge.  Nothing of it is believed yet."""
        try:
            unverified = read_unverified(token)
        except InvalidToken:
            return False
        return unverified.header.get("typ") == TYPE and unverified.claims.get("iss") == self._issuer

    def known(self, token: str) -> Principal | None:
        """The principal of a token that was verified before.  Raises `InvalidToken` once it is expired."""
        verified = self._known.get(_digest(token))
        return None if verified is None else self._in_time(verified)

    def verify(self, token: str) -> Principal:
        """Verify a token; it may fetch keys.  Raises `InvalidToken`, or `Unavailable` without keys."""
        verified = self._known.get_or_read(_digest(token), lambda _: self._verified(token))
        if verified is None:
            raise InvalidToken
        return self._in_time(verified)

    def keys_changed(self) -> bool:
        """Fetch the keys now.  Answers False if they were fetched a moment ago, and so have to be asked for again."""
        before = self._keys.fetches
        self._keys.look()
        return self._keys.fetches > before

    def _in_time(self, verified: Verified) -> Principal:
        if verified.expires <= self._dice.clock():
            raise InvalidToken(detail="expired")
        return verified.principal

    def _verified(self, token: str) -> Verified:
        try:
            claims = verify_jws(token, self._keys, ALGORITHMS, (TYPE,)).claims
        except ProviderFailed as error:
            raise Unavailable("Gatepost's keys are not known now", detail=f"{error} {error.detail}") from error
        expires, issued, scope = claims.get("exp"), claims.get("iat"), claims.get("scope", "")
        for wrong, detail in (
            (claims.get("iss") != self._issuer, "of another issuer"),
            (claims.get("aud") != self.audience, "an access token for another audience"),
            (not isinstance(expires, int) or isinstance(expires, bool), "without an expiry"),
            (not isinstance(issued, int) or issued > self._dice.clock() + LEEWAY_SECONDS, "issued in the future"),
            (not isinstance(claims.get("sid"), str) or not claims["sid"], "it belongs to no session"),
            (not isinstance(scope, str), "its scope is no text"),
        ):
            if wrong:
                raise InvalidToken(detail=detail)
        return Verified(_principal(claims), float(str(expires)))


def _principal(claims: dict[str, object]) -> Principal:
    try:
        issued_by = str(claims.get("issued_by", ""))
        return Principal(
            subject=Entity.parse(str(claims["sub"])),
            method=Method.ACCESS_TOKEN,
            scope=Scope.parse(str(claims.get("scope", ""))),  # a missing scope is an empty one, never "no ceiling"
            credential_id=str(claims["sid"]),
            issuer=Entity.parse(issued_by) if issued_by else None,
            provider=str(claims.get("idp", "")),
        )
    except (KeyError, ValueError) as error:
        raise InvalidToken(detail="an access token without a needed claim") from error


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
