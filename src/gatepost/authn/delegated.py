"""Tokens that other issuers made and that are accepted as they are: `[[delegated.issuers]]`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.authn.api_token import ANY_OWNER, principal_of, read_principal
from gatepost.authn.pending import PROVIDER, Authenticator, Pending
from gatepost.authn.vouched import principal_vouched_for
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BearerToken, Credential, Method, Principal
from gatepost.settings.issuers import DelegatedIssuer
from gatepost.sso.addressees import addressees_of, only_one
from gatepost.sso.keys import VerifiedClaims
from gatepost.sso.states import providers_of
from gatepost.sso.vouching import vouch_delegated, vouch_key
from gatepost.tokens.compact import is_jws
from gatepost.vouched import Vouched


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, now: datetime) -> Principal | Pending | None:
        issuers = gate.settings.delegated.issuers
        if not issuers or not isinstance(credential, BearerToken) or not is_jws(credential.token):
            return None
        call = _Call(gate, credential.token, address, now)
        known = gate.memory.vouched.delegated.get(call.key)
        if known is not None and (caller := call.answer(known)) is not None:
            return caller
        found = addressees_of(gate.settings, credential.token)
        if not found.issuers:
            return None
        if found.are_both:
            raise InvalidToken(detail="its audiences are those of a provider and of a delegated issuer at once")
        return Pending(f"{PROVIDER}{found.issuers[0].name}", lambda: call.work(found.issuers))

    return recognise


class _Call:
    """One call with one token, which was perhaps verified before."""

    def __init__(self, gate: Gatepost, token: str, address: str, now: datetime) -> None:
        self._gate = gate
        self._token = token
        self._address = address
        self._now = now
        self.key = hashlib.sha256(token.encode()).digest()
        self._user_key = hashlib.sha256(b"user\0" + self.key).digest()

    def answer(self, known: Vouched) -> Principal | None:
        """Answer from memory, or None where something has to be read first."""
        if known.api_key is None:
            return principal_vouched_for(self._gate, known, Method.DELEGATED, self._address, self._now)
        token = self._gate.memory.tokens.get(known.api_key)
        if token is None:
            return None
        try:
            caller = principal_of(self._gate, token, ANY_OWNER, self._now, self._address)
        except InvalidToken:
            return None
        return self._with_key(caller, known)

    def work(self, candidates: tuple[DelegatedIssuer, ...]) -> Principal:
        """Verify, and work out whom the token speaks for: the owner of the API key in it, else its user."""
        vouched = self._gate.memory.vouched.delegated
        issuer: DelegatedIssuer | None = None
        claims: VerifiedClaims | None = None

        def verify() -> tuple[DelegatedIssuer, VerifiedClaims]:
            nonlocal issuer, claims
            if issuer is None or claims is None:
                runtimes = [providers_of(self._gate).issuer(candidate.name) for candidate in candidates]
                found, claims = only_one(runtimes, lambda runtime: runtime.verify(self._token))
                issuer = found.settings
            return issuer, claims

        known = vouched.get_or_read(self.key, lambda _: vouch_key(*verify()))
        user_key = self.key
        if known is not None and known.api_key is not None:
            caller = self._by_key(known, strict=self._is_strict(known.provider))
            if caller is not None:
                return caller
            user_key = self._user_key
        known = vouched.get_or_read(user_key, lambda _: vouch_delegated(self._gate, *verify(), address=self._address))
        if known is None:
            raise InvalidToken(detail="it speaks for nobody")
        return principal_vouched_for(self._gate, known, Method.DELEGATED, self._address, self._now)

    def _by_key(self, known: Vouched, *, strict: bool) -> Principal | None:
        """The owner of the API key in the claim, with that key's scope.  None for a bad key, which is on record."""
        if known.expires <= self._now.timestamp():
            raise InvalidToken(detail="expired")
        try:
            caller = read_principal(self._gate, known.api_key or b"", ANY_OWNER, self._now, self._address)
        except InvalidToken as error:
            self._note_bad_key(known, error.detail, strict=strict)
            if strict:
                raise
            return None
        return self._with_key(caller, known)

    def _is_strict(self, name: str) -> bool:
        return any(d.api_key_strict for d in self._gate.settings.delegated.issuers if d.name == name)

    def _with_key(self, caller: Principal, known: Vouched) -> Principal:
        if known.expires <= self._now.timestamp():
            raise InvalidToken(detail="expired")
        if self._gate.memory.vouched.has_ended(known):
            raise InvalidToken(detail="its session was ended at the issuer")
        return replace(caller, actor=known.actor, provider=known.provider)

    def _note_bad_key(self, known: Vouched, reason: str, *, strict: bool) -> None:
        record = AuditRecord(
            event="api_key.refused",
            target=f"issuer:{known.provider}",
            subject="anonymous:*",
            method=Method.DELEGATED,
            at=self._now,
            outcome=Outcome.REFUSED,
            actor=str(known.actor) if known.actor else None,
            credential_id=known.credential_id,
            reason=reason if strict else f"{reason}: went on as the user of the token",
            address=self._address,
            detail={"issuer": known.issuer, "sub": known.provider_subject},
        )
        self._gate.journal.note(record)
