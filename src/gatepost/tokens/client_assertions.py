"""Proof to a provider that we are the client we say (`private_key_jwt`; RFC 7523 section 2.2, OpenID Connect Core 9).

It is signed with the key of our own tokens, whose public half providers read at `/.well-known/jwks.json`.  So its type is
its own (draft-ietf-oauth-rfc7523bis): whoever gets hold of one has no access token of ours in hand.
"""

from __future__ import annotations

from datetime import timedelta

from gatepost.gate import Gatepost
from gatepost.tokens.access_tokens import sign

TYPE = "client-authentication+jwt"
# It is sent at once.  What is left is for a provider whose clock is a little ahead of ours.
LIFE = timedelta(minutes=2)


def sign_client_assertion(gate: Gatepost, client_id: str, audience: str) -> str:
    """Return an assertion for one request to `audience`, which is one text, so that nobody can be slipped in beside it."""
    now = int(gate.dice.clock())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + int(LIFE.total_seconds()),
        "jti": gate.new_id(),
    }
    return sign(gate, claims, TYPE)
