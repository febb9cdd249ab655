"""Asking a provider again without the person: the refresh grant (RFC 6749 section 6, OpenID Connect Core 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from gatepost.errors import Conflict, InvalidToken, ProviderFailed
from gatepost.sso.http import Answer
from gatepost.sso.id_token import validate_id_token
from gatepost.sso.keys import VerifiedClaims
from gatepost.sso.oauth2 import read_identity
from gatepost.sso.token_request import MAX_TOKEN, Tokens, client_proof, error_code, token_document
from gatepost.sso.userinfo import complete

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

MAX_REFRESH_TOKEN = 16 * 1024
_WHAT = "token"


class GrantOver(Conflict):
    """The provider does not take this refresh token any more (RFC 6749 section 5.2, `invalid_grant`)."""


class NotAboutThem(ProviderFailed):
    """The answer is about somebody else, or not validly the provider's: nothing of it is kept, no refresh token either."""


def refresh_grant(provider: Provider, refresh_token: str) -> Tokens:
    """Swap a refresh token for new tokens; `refresh_token` of the answer is empty if the old one stays good.

    Raises `GrantOver` for one that the provider does not take, `ProviderFailed` for any other failure.
    """
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    proof = client_proof(provider)
    endpoint = provider.metadata().token_endpoint
    answer = provider.http.post(endpoint, _WHAT, {**form, **proof.form}, proof.headers)
    document = _document(provider, answer)
    id_token, access_token = document.get("id_token", ""), document.get("access_token")
    fresh = document.get("refresh_token", "")
    if not isinstance(access_token, str) or not _fits_a_header(access_token):
        raise ProviderFailed(f"{provider.name}: the {_WHAT} answer has no access token")
    if not isinstance(id_token, str) or len(id_token) > MAX_TOKEN or not isinstance(fresh, str):
        raise ProviderFailed(f"{provider.name}: the {_WHAT} answer is malformed")
    if len(fresh) > MAX_REFRESH_TOKEN:
        raise ProviderFailed(f"{provider.name}: its refresh token is too long to be kept")
    return Tokens(id_token=id_token, access_token=access_token, refresh_token=fresh)


def ask_again(provider: Provider, tokens: Tokens, subject: str, now: datetime) -> VerifiedClaims:
    """Return what the provider says of `subject` now, from the tokens of a refresh grant.

    An ID token may be left out of that answer (section 12.2): then userinfo alone speaks.  Where there is one, it is of
    the same issuer and subject as at the sign-in, or nothing of it counts.  A nonce need not be there: nobody was sent
    with one.  Raises `ProviderFailed`, for a userinfo that does not answer too: half an answer takes nothing away.
    """
    if provider.settings.protocol == "oauth2":
        return _asked_userinfo(provider, tokens, subject)
    said = VerifiedClaims({"iss": provider.issuer, "sub": subject})
    if tokens.id_token:
        said = _validated(provider, tokens, now)
    if said["sub"] != subject:
        raise NotAboutThem(f"{provider.name}: the refreshed ID token is of somebody else", detail="sub differs")
    claims, notes = complete(provider, said, tokens)
    if notes:
        raise ProviderFailed(notes[0])
    return claims


def _asked_userinfo(provider: Provider, tokens: Tokens, subject: str) -> VerifiedClaims:
    """What plain OAuth 2.0 says of them: an ID token that came along is not looked at, as at the sign-in."""
    claims, notes = read_identity(provider, tokens)
    if claims["sub"] != subject:
        raise NotAboutThem(f"{provider.name}: the userinfo is about somebody else", detail="the subject differs")
    if notes:
        raise ProviderFailed(notes[0])
    return claims


def _validated(provider: Provider, tokens: Tokens, now: datetime) -> VerifiedClaims:
    expected = replace(provider.expected(), now=now, access_token=tokens.access_token)
    try:
        return validate_id_token(tokens.id_token, provider.keys, expected)
    except InvalidToken as error:
        raise NotAboutThem(f"{provider.name}: its refreshed ID token is not valid", detail=error.detail) from error


def _document(provider: Provider, answer: Answer) -> Mapping[str, object]:
    """Read the answer.  It is not repeated in an error: a provider may put anything into it."""
    try:
        document = token_document(provider, answer)
    except ProviderFailed:
        if answer.status == 200:
            raise
        document = {}
    error = document.get("error")
    if error in ("invalid_grant", "bad_refresh_token"):
        raise GrantOver(f"{provider.name} does not take the refresh token any more", detail=str(error))
    if error in ("invalid_client", "unauthorized_client"):
        raise ProviderFailed(f"{provider.name}: it does not accept Gatepost's client_id or client_secret")
    if answer.status != 200 or error is not None:
        raise ProviderFailed(
            f"{provider.name}: the {_WHAT} request answered {answer.status}", detail=f"error {error_code(error)}"
        )
    if str(document.get("token_type", "")).lower() != "bearer":
        raise ProviderFailed(f"{provider.name}: the {_WHAT} answer is not of type Bearer")
    return document


def _fits_a_header(token: str) -> bool:
    return 0 < len(token) <= MAX_TOKEN and token.isascii() and token.isprintable() and " " not in token
