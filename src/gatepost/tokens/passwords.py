"""Passwords: Argon2id (RFC 9106), a policy, and a bound on how many are hashed at a time."""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Iterable

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import CHEAPEST
from zxcvbn_rs_py import zxcvbn

from gatepost.errors import InvalidField

LEAST_CHARACTERS = 8
MOST_CHARACTERS = 1000
COMMON_BELOW = 4.0  # log10 of the guesses needed: what ten thousand tries find is a common password
_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")

# RFC 9106 section 4 recommends 64 MiB and three passes.  One lane instead of four: this runs beside everything else
# that the server does, and a single sign-in must not take every core.
PASSES = 3
KIBIBYTES = 64 * 1024
LANES = 1
DECOY = "a password that nobody has"


class Passwords:
    """Hashing and verifying.  Both are slow on purpose, and at most `at_once` go on at the same time."""

    def __init__(self, *, cheap: bool = False, at_once: int | None = None) -> None:
        if cheap:  # for tests: the same code, at the least cost that Argon2 allows
            self._hasher = PasswordHasher.from_parameters(CHEAPEST)
        else:
            self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=KIBIBYTES, parallelism=LANES, type=Type.ID)
        self.at_once = at_once or max(1, (os.cpu_count() or 2) - 1)
        self._slots = threading.BoundedSemaphore(self.at_once)
        self._decoy: str | None = None

    def hash(self, password: str) -> str:
        with self._slots:
            return self._hasher.hash(_normal(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Compare.  Where nothing is stored (no such user, no password), the same work is done on a decoy."""
        if stored is None:
            if self._decoy is None:
                self._decoy = self.hash(DECOY)
            self._verify(self._decoy, password)
            return False
        return self._verify(stored, password)

    def _verify(self, stored: str, password: str) -> bool:
        with self._slots:
            try:
                return self._hasher.verify(stored, _normal(password))
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, stored: str) -> bool:
        """Tell whether `stored` was made with another profile, so that the next sign-in can renew it."""
        return self._hasher.check_needs_rehash(stored)

    def warm(self) -> None:
        """Make the decoy ahead of time, so that the first unknown user does not take longer than the second."""
        if self._decoy is None:
            self._decoy = self.hash(DECOY)


def _normal(password: str) -> bytes:
    """RFC 8265 section 4.2.2: the same characters, however a keyboard composed them."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def require_good_password(password: str, about: Iterable[str] = ()) -> None:
    """Raise `InvalidField` if `password` is one that people guess.  `about`: the username, the e-mail address."""
    sentence = ""
    if len(password) < LEAST_CHARACTERS:
        sentence = f"it is too short: {LEAST_CHARACTERS} characters or more"
    elif len(password) > MOST_CHARACTERS:
        sentence = f"it is too long: {MOST_CHARACTERS} characters at most"
    elif password.startswith("gp_") or _JWS.fullmatch(password):
        sentence = "it looks like a token: a password cannot start with gp_ or have the shape of a JWT"
    elif not password.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in password):
        sentence = "it has a control character"
    elif zxcvbn(password[:72], [word for word in about if word]).guesses_log10 < COMMON_BELOW:
        sentence = "it is a common password, or close to one: choose something longer or less usual"
    if sentence:
        raise InvalidField({"password": sentence})
