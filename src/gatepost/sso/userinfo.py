"""Claims that the ID token leaves out (OpenID Connect Core 5.3), for the same subject or not at all."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gatepost.errors import InvalidToken, ProviderFailed
from gatepost.sso.http import Answer, json_object
from gatepost.sso.keys import VerifiedClaims, verify_jws
from gatepost.sso.token_request import Tokens

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

_WHAT = "userinfo"
# These tell about the sign-in itself; userinfo knows nothing of it, and must not stand in for the ID token.
OF_THE_ID_TOKEN = frozenset(
    {"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "auth_time", "acr", "amr"}
    | {"sid", "_claim_names", "_claim_sources", "hasgroups"}
)

log = logging.getLogger(__name__)


def complete(provider: Provider, claims: VerifiedClaims, tokens: Tokens) -> tuple[VerifiedClaims, tuple[str, ...]]:
    """Add from userinfo what the ID token does not say, and return the claims with notes for the record.

    The ID token comes first: what it says, userinfo never changes.  A userinfo that fails leaves the claims as they
    are, so that groups count as "not said"; one for another subject raises `ProviderFailed`.
    """
    missing = [claim for claim in _wanted(provider) if claim not in claims]
    endpoint = provider.metadata().userinfo_endpoint
    if not missing or not endpoint:
        return claims, ()
    try:
        answer = provider.http.get(endpoint, _WHAT, _headers(tokens))
        document = _read(provider, answer)
    except ProviderFailed as failure:
        log.warning("%s (%s)", failure, failure.detail)
        return claims, (f"{failure}: went on with the ID token alone",)
    if document.get("sub") != claims["sub"]:
        raise ProviderFailed(f"{provider.name}: the userinfo is about somebody else", detail="userinfo sub differs")
    return _joined(claims, document), ()


def _joined(claims: VerifiedClaims, document: Mapping[str, object]) -> VerifiedClaims:
    joined = {**{name: value for name, value in document.items() if name not in OF_THE_ID_TOKEN}, **claims}
    # An e-mail and its verification are one statement: a flag from one source must not vouch for the other's address.
    source = document if "email" not in claims or claims["email"] == document.get("email") else {}
    own = claims if "email" in claims else {}
    joined["email_verified"] = own.get("email_verified", source.get("email_verified"))
    return VerifiedClaims(joined)


def _wanted(provider: Provider) -> tuple[str, ...]:
    settings = provider.settings
    groups = () if settings.groups_claim is None else (settings.groups_claim,)
    return (settings.username_claim, "name", "email", "email_verified", *groups)


def _headers(tokens: Tokens) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json, application/jwt"}


def _read(provider: Provider, answer: Answer) -> Mapping[str, object]:
    if answer.status != 200:
        raise ProviderFailed(f"{provider.name}: the {_WHAT} answered {answer.status}")
    if answer.content_type != "application/jwt":
        return json_object(answer, provider.name, _WHAT)
    return _signed(provider, answer)


def _signed(provider: Provider, answer: Answer) -> Mapping[str, object]:
    """Read a signed userinfo (section 5.3.2): of this issuer, for this client."""
    settings = provider.settings
    try:
        token = answer.body.decode("ascii").strip()
        claims = verify_jws(token, provider.keys, settings.algorithms, ("", "jwt")).claims
    except (InvalidToken, UnicodeDecodeError) as error:
        raise ProviderFailed(f"{provider.name}: the {_WHAT} is not validly signed", detail=str(error)) from error
    audience = claims.get("aud", settings.client_id)
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss", provider.issuer) != provider.issuer or settings.client_id not in audiences:
        raise ProviderFailed(f"{provider.name}: the {_WHAT} is of another issuer or for another client")
    return claims
