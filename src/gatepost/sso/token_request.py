"""Redeeming the code at the provider's token endpoint (RFC 6749 section 4.1.3), as the client that we are."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from gatepost.errors import InvalidRequest, ProviderFailed
from gatepost.sso.http import Answer, json_object
from gatepost.sso.login import Attempt

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

MAX_TOKEN = 128 * 1024
_WHAT = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the code was worth.  All of it is secret."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """How a request shows which client it is from: members of the form, or a header."""

    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def redeem(provider: Provider, attempt: Attempt, code: str) -> Tokens:
    """Exchange the code for tokens.

    Raises `InvalidRequest` for a code that the provider does not take, `ProviderFailed` for any other failure.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": attempt.redirect_uri}
    if attempt.code_verifier:
        form["code_verifier"] = attempt.code_verifier
    proof = client_proof(provider)
    endpoint = provider.metadata().token_endpoint
    answer = provider.http.post(endpoint, _WHAT, {**form, **proof.form}, proof.headers)
    if answer.status != 200:
        raise _refused(provider.name, answer)
    return _read(provider.name, json_object(answer, provider.name, _WHAT))


def client_proof(provider: Provider) -> _Proof:
    """Return what proves our client at the token endpoint.  Raises `ProviderFailed` for a method we cannot do."""
    method = provider.settings.token_endpoint_auth_method
    prove = METHODS.get(method if provider.settings.client_secret is not None else "none")
    if prove is None or method == "private_key_jwt":
        raise ProviderFailed(f"{provider.name}: token_endpoint_auth_method {method} is not available")
    return prove(provider)


def _basic(provider: Provider) -> _Proof:
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined, or a colon in the id would cut it in two.
    pair = f"{quote_plus(provider.settings.client_id)}:{quote_plus(_secret(provider))}"
    return _Proof(headers={"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()})


def _post(provider: Provider) -> _Proof:
    return _Proof(form={"client_id": provider.settings.client_id, "client_secret": _secret(provider)})


def _none(provider: Provider) -> _Proof:
    return _Proof(form={"client_id": provider.settings.client_id})


def _secret(provider: Provider) -> str:
    secret = provider.settings.client_secret
    return "" if secret is None else secret.reveal()


METHODS: Mapping[str, Callable[[Provider], _Proof]] = {
    "client_secret_basic": _basic,
    "client_secret_post": _post,
    "none": _none,
}


def _refused(name: str, answer: Answer) -> InvalidRequest | ProviderFailed:
    """Say why there are no tokens.  The answer itself is not repeated: a provider may put anything into it."""
    try:
        error = json_object(answer, name, _WHAT).get("error")
    except ProviderFailed:
        error = None
    if error == "invalid_grant":
        # Spent, expired, or stolen and injected with another verifier: the person can only begin again.
        return InvalidRequest(f"{name} does not take this code: begin again", detail=error)
    if error in ("invalid_client", "unauthorized_client"):
        return ProviderFailed(f"{name}: it does not accept Gatepost's client_id or client_secret", detail=str(error))
    return ProviderFailed(f"{name}: the token request answered {answer.status}", detail=f"error {str(error)[:100]!r}")


def _fits_a_header(token: str) -> bool:
    """Tell whether a token can be sent as Bearer.  One that cannot would come back in an error's text, and be logged."""
    return 0 < len(token) <= MAX_TOKEN and token.isascii() and token.isprintable() and " " not in token


def _read(name: str, document: Mapping[str, object]) -> Tokens:
    id_token, access_token = document.get("id_token"), document.get("access_token")
    refresh_token = document.get("refresh_token")
    if not isinstance(id_token, str) or not 0 < len(id_token) <= MAX_TOKEN:
        raise ProviderFailed(f"{name}: the token answer has no ID token")
    if not isinstance(access_token, str) or not _fits_a_header(access_token):
        raise ProviderFailed(f"{name}: the token answer has no access token")
    # RFC 6749 section 5.1 wants a type, and RFC 6750 gives the only one that we can use.
    if str(document.get("token_type", "")).lower() != "bearer":
        raise ProviderFailed(f"{name}: the token answer is not of type Bearer")
    return Tokens(
        id_token=id_token,
        access_token=access_token,
        refresh_token=refresh_token if isinstance(refresh_token, str) else "",
    )
