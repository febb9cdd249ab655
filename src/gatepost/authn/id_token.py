"""ID tokens of the configured providers: as Bearer, or as the password in Basic, where the username has to fit."""

from __future__ import annotations

import hashlib
from datetime import datetime

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.authn.pending import PROVIDER, Authenticator, Pending
from gatepost.authn.vouched import principal_vouched_for
from gatepost.errors import InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, BearerToken, Credential, Method, Principal
from gatepost.settings import ProviderSettings
from gatepost.sso.addressees import addressees_of, only_one
from gatepost.sso.states import providers_of
from gatepost.sso.vouching import vouch_id_token
from gatepost.tokens.compact import is_jws
from gatepost.vouched import LONGEST_LIFE, Vouched


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, now: datetime) -> Principal | Pending | None:
        if not gate.settings.sso.providers:
            return None
        match credential:
            case BearerToken(token) if is_jws(token):
                username = None
            case BasicCredential(username, token) if is_jws(token):
                pass
            case _:
                return None
        call = _Call(gate, token, username, address, now)
        known = gate.memory.vouched.id_tokens.get(call.key)
        if known is not None:
            return call.answer(known)
        found = addressees_of(gate.settings, token)
        if not found.providers or (found.are_both and username is None):
            return None  # what fits a delegated issuer too is refused there
        if found.are_both:
            raise InvalidToken(detail="its audiences are those of a provider and of a delegated issuer at once")
        return Pending(f"{PROVIDER}{found.providers[0].name}", lambda: call.work(found.providers))

    return recognise


class _Call:
    """One call with one ID token.  `username` is what came with it in Basic, None for a bearer."""

    def __init__(self, gate: Gatepost, token: str, username: str | None, address: str, now: datetime) -> None:
        self._gate = gate
        self._token = token
        self._username = username
        self._address = address
        self._now = now
        self._provider = ""
        self.key = hashlib.sha256(token.encode()).digest()

    def answer(self, known: Vouched) -> Principal:
        self._provider = known.provider
        self._require_young(known)
        caller = principal_vouched_for(self._gate, known, Method.ID_TOKEN, self._address, self._now)
        self._require_name(caller.subject.id)
        return caller

    def work(self, candidates: tuple[ProviderSettings, ...]) -> Principal:
        """Verify by OpenID Connect Core 3.1.3.7, without a nonce: nobody here asked for this token."""

        def vouch(_key: bytes) -> Vouched:
            runtimes = [providers_of(self._gate).get(candidate.name) for candidate in candidates]
            provider, claims = only_one(runtimes, lambda runtime: runtime.verify_id_token(self._token))
            self._provider = provider.name
            return vouch_id_token(self._gate, provider.settings, claims, self._address, self._require_name)

        known = self._gate.memory.vouched.id_tokens.get_or_read(self.key, vouch)
        if known is None:
            raise InvalidToken(detail="it is of nobody")
        return self.answer(known)

    def _require_young(self, known: Vouched) -> None:
        """The provider is asked again after `session_max_age`, whatever `exp` says: as for a session."""
        settings = next((p for p in self._gate.settings.sso.providers if p.name == known.provider), None)
        longest = LONGEST_LIFE if settings is None else min(LONGEST_LIFE, settings.session_max_age)
        if known.issued is None or self._now.timestamp() - known.issued >= longest.total_seconds():
            raise InvalidToken(detail="the ID token is older than session_max_age")

    def _require_name(self, inferred: str) -> None:
        """AG-15: in Basic the username has to be the token's own, by the same normalisation: lower case."""
        if self._username is None or self._username.lower() == inferred:
            return
        record = AuditRecord(
            event="sign_in.failed",
            target=f"user:{inferred}",
            subject="anonymous:*",
            method=Method.ID_TOKEN,
            at=self._now,
            outcome=Outcome.REFUSED,
            reason="the username that came with the ID token is another one",
            address=self._address,
            detail={"provider": self._provider},
        )
        self._gate.journal.note(record)
        raise InvalidToken(detail=record.reason)
