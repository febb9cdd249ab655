"""The shapes of the secrets we issue, and their digests.

    gp_…    API and service tokens: 32 random characters (190 bits) and a checksum that a secret scanner can verify
    gps_…   the console's session cookie
    gpr_…   refresh tokens

A secret is shown once and kept as a SHA-256 digest: it is random and long, so a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import zlib

from gatepost.gate import Dice

API_PREFIX = "gp_"
SESSION_PREFIX = "gps_"
REFRESH_PREFIX = "gpr_"
RANDOM_CHARACTERS = 32
CHECKSUM_CHARACTERS = 6
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_api_secret(dice: Dice) -> str:
    body = dice.secret(RANDOM_CHARACTERS)
    return f"{API_PREFIX}{body}{checksum(body)}"


def checksum(body: str) -> str:
    """CRC-32 of the random part in base 62, six characters.

    It is for scanners, to tell a leaked token from a look-alike.  It is never a condition of acceptance.
    """
    value = zlib.crc32(body.encode())
    letters = []
    for _ in range(CHECKSUM_CHARACTERS):
        value, rest = divmod(value, 62)
        letters.append(_BASE62[rest])
    return "".join(reversed(letters))


def new_session_secret(dice: Dice) -> str:
    return SESSION_PREFIX + dice.secret(43)


def new_refresh_secret(dice: Dice) -> str:
    return REFRESH_PREFIX + dice.secret(43)


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
