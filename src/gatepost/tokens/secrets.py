"""The shapes of the secrets we issue, and their digests.

    gp_…    API and service tokens: 32 random characters (190 bits) and a checksum that a secret scanner can verify
    gps_…   the console's session cookie
    gpr_…   refresh tokens
    gpc_…   authorization codes
    gpd_…   device codes

A secret is shown once and kept as a SHA-256 digest: it is random and long, so a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import zlib

from gatepost.gate import Dice

API_PREFIX = "gp_"
SESSION_PREFIX = "gps_"
REFRESH_PREFIX = "gpr_"
CODE_PREFIX = "gpc_"
DEVICE_PREFIX = "gpd_"
# RFC 8628 section 6.1: no vowels, so that no word comes out, and nothing that is read as something else.
USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8
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


def new_code(dice: Dice) -> str:
    return CODE_PREFIX + dice.secret(43)


def new_device_secret(dice: Dice) -> str:
    return DEVICE_PREFIX + dice.secret(43)


def new_user_code(dice: Dice) -> str:
    """Eight letters for people to type: 34.6 bits, which is enough for ten minutes of throttled guessing."""
    letters: list[str] = []
    while len(letters) < USER_CODE_LENGTH:
        letters += [USER_CODE_LETTERS[byte % 20] for byte in dice.urandom(USER_CODE_LENGTH) if byte < 240]
    return "".join(letters[:USER_CODE_LENGTH])


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
