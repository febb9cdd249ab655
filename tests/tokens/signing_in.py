"""Signing in as a test needs it, and asking who a credential is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher

from gatepost.authn import authenticate_now, chain
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.principal import BasicCredential, BearerToken, Credential, Principal, SessionCookie
from gatepost.tokens.refresh_tokens import TokenPair
from gatepost.tokens.sessions import NewSession
from gatepost.tokens.sign_in import PasswordTry, prove_by_password, sign_in_for_cookie, sign_in_for_tokens
from tests.directory.people import ADMIN, GOOD_PASSWORD

HOME = "192.0.2.7"


def make_user(gate: Gatepost, name: str = "alice", password: str = GOOD_PASSWORD) -> None:
    create_user(gate, ADMIN, NewUser(username=name, password=password))


def tries(name: str = "alice", password: str = GOOD_PASSWORD, address: str = HOME) -> PasswordTry:
    return PasswordTry(username=name, password=password, address=address)


def pair_for(gate: Gatepost, name: str = "alice", password: str = GOOD_PASSWORD) -> TokenPair:
    attempt = tries(name, password)
    return sign_in_for_tokens(gate, prove_by_password(gate, attempt), attempt)


def cookie_for(gate: Gatepost, name: str = "alice", password: str = GOOD_PASSWORD) -> NewSession:
    attempt = tries(name, password)
    return sign_in_for_cookie(gate, prove_by_password(gate, attempt), attempt)


def who(gate: Gatepost, credential: Credential) -> Principal:
    return authenticate_now(credential, chain(gate, HOME), gate.now())


def by_cookie(gate: Gatepost, session: NewSession) -> Principal:
    return who(gate, SessionCookie(session.secret))


def by_bearer(gate: Gatepost, token: str) -> Principal:
    return who(gate, BearerToken(token))


def by_basic(gate: Gatepost, name: str, secret: str) -> Principal:
    return who(gate, BasicCredential(name, secret))


def part(token: str, number: int) -> dict[str, Any]:
    """The header (0) or the claims (1) of a JWS, unverified."""
    text = token.split(".")[number]
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return value


class Watched:
    """An Argon2 hasher that tells of each verification before it does it."""

    def __init__(self, hasher: PasswordHasher, told: Callable[[str], object]) -> None:
        self._hasher = hasher
        self._told = told
        self.hash = hasher.hash
        self.check_needs_rehash = hasher.check_needs_rehash

    def verify(self, stored: str, password: bytes) -> bool:
        self._told(stored)
        return self._hasher.verify(stored, password)
