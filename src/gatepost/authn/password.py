"""Basic with a username and a password: any secret that has not the shape of a token."""

from __future__ import annotations

from datetime import datetime

from gatepost.authn.pending import Authenticator, Pending
from gatepost.errors import InvalidCredentials, InvalidToken
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, Credential, Method, Principal
from gatepost.tokens.compact import is_jws
from gatepost.tokens.secrets import API_PREFIX
from gatepost.tokens.sign_in import PasswordTry, prove_by_password


def recogniser(gate: Gatepost, address: str) -> Authenticator:
    def recognise(credential: Credential, _now: datetime) -> Principal | Pending | None:
        if not isinstance(credential, BasicCredential):
            return None
        if credential.secret.startswith(API_PREFIX) or is_jws(credential.secret):
            return None
        return Pending("passwords", lambda: _prove(gate, credential, address))

    return recognise


def _prove(gate: Gatepost, credential: BasicCredential, address: str) -> Principal:
    try:
        attempt = PasswordTry(username=credential.username, password=credential.secret, address=address)
        proved = prove_by_password(gate, attempt)
    except InvalidCredentials as error:
        raise InvalidToken(detail=error.detail) from error
    return Principal(subject=proved.entity, method=Method.PASSWORD, scope=None, address=address)
