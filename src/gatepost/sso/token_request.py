"""Redeeming the code at the provider's token endpoint (RFC 6749 section 4.1.3), as the client that we are."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote_plus

from gatepost.errors import InvalidRequest, ProviderFailed
from gatepost.sso.http import Answer, json_object
from gatepost.sso.login import Attempt

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

MAX_TOKEN = 128 * 1024
_CODE = re.compile(r"[a-z_]{1,60}")
MOST_FIELDS = 50
FORM = "application/x-www-form-urlencoded"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
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
    return _read(provider, _document(provider, answer))


def client_proof(provider: Provider, endpoint: str = "") -> _Proof:
    """Return what proves our client at `endpoint`, which is the token endpoint unless another one is named.

    Raises `ProviderFailed` for a method we cannot do.
    """
    method = provider.settings.token_endpoint_auth_method
    is_public = provider.settings.client_secret is None and method != "private_key_jwt"
    prove = METHODS.get("none" if is_public else method)
    if prove is None:
        raise ProviderFailed(f"{provider.name}: token_endpoint_auth_method {method} is not available")
    return prove(provider, endpoint)


def _basic(provider: Provider, _endpoint: str) -> _Proof:
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined, or a colon in the id would cut it in two.
    pair = f"{quote_plus(provider.settings.client_id)}:{quote_plus(_secret(provider))}"
    return _Proof(headers={"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()})


def _post(provider: Provider, _endpoint: str) -> _Proof:
    return _Proof(form={"client_id": provider.settings.client_id, "client_secret": _secret(provider)})


def _none(provider: Provider, _endpoint: str) -> _Proof:
    return _Proof(form={"client_id": provider.settings.client_id})


def _private_key_jwt(provider: Provider, endpoint: str) -> _Proof:
    """OpenID Connect Core 9: an assertion that is good for this one request.

    It is sent to the very address that it names, and nowhere else, so it is of no use to whoever gets it (the attacks of
    2025 on its audience need a second endpoint that it is sent to).  Servers that want the issuer there say so.
    """
    if provider.sign is None:
        raise ProviderFailed(f"{provider.name}: there is no key to sign with here, as private_key_jwt needs it")
    settings, metadata = provider.settings, provider.metadata()
    to_issuer = settings.client_assertion_audience == "issuer"
    audience = metadata.issuer if to_issuer else endpoint or metadata.token_endpoint
    assertion = provider.sign(settings.client_id, audience)
    return _Proof(
        form={"client_id": settings.client_id, "client_assertion_type": ASSERTION, "client_assertion": assertion}
    )


def _secret(provider: Provider) -> str:
    secret = provider.settings.client_secret
    return "" if secret is None else secret.reveal()


METHODS: Mapping[str, Callable[[Provider, str], _Proof]] = {
    "client_secret_basic": _basic,
    "client_secret_post": _post,
    "none": _none,
    "private_key_jwt": _private_key_jwt,
}


def _document(provider: Provider, answer: Answer) -> Mapping[str, object]:
    """Read the answer.  GitHub's errors have the status 200."""
    try:
        document = token_document(provider, answer)
    except ProviderFailed:
        if answer.status == 200:
            raise
        document = {}
    if answer.status != 200 or document.get("error") is not None:
        raise _refused(provider, answer.status, document.get("error"))
    return document


def token_document(provider: Provider, answer: Answer) -> Mapping[str, object]:
    """Return what the token endpoint says: JSON, or from plain OAuth 2.0 a form, which is how GitHub began.

    Raises `ProviderFailed` for anything else.
    """
    is_form = provider.settings.protocol == "oauth2" and answer.content_type == FORM
    return _form(answer, provider.name) if is_form else json_object(answer, provider.name, _WHAT)


def _form(answer: Answer, name: str) -> Mapping[str, object]:
    try:
        pairs = parse_qsl(answer.body.decode("ascii"), strict_parsing=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise ProviderFailed(f"{name}: the {_WHAT} is not a form") from error
    if len(dict(pairs)) != len(pairs):
        raise ProviderFailed(f"{name}: the {_WHAT} says something twice")
    return dict(pairs)


def error_code(error: object) -> str:
    """The provider's error for our log, if it looks like a code (RFC 6749 section 5.2).

    Anything else is not repeated: a provider that echoes what it was sent would put a secret there.
    """
    return error if isinstance(error, str) and _CODE.fullmatch(error) else "of no known form"


def _refused(provider: Provider, status: int, error: object) -> InvalidRequest | ProviderFailed:
    """Say why there are no tokens.  The answer itself is not repeated: a provider may put anything into it."""
    name = provider.name
    keyed = METHODS.get(provider.settings.token_endpoint_auth_method) is _private_key_jwt
    proof = "signature (is the address of our key set registered there?)" if keyed else "client_secret"
    if error in ("invalid_grant", "bad_verification_code"):
        # Spent, expired, or stolen and injected with another verifier: the person can only begin again.
        return InvalidRequest(f"{provider.settings.called} does not take this code: begin again", detail=str(error))
    if error in ("invalid_client", "unauthorized_client", "incorrect_client_credentials"):
        return ProviderFailed(f"{name}: it does not accept Gatepost's client_id or {proof}", detail=str(error))
    if error == "redirect_uri_mismatch":
        return ProviderFailed(f"{name}: Gatepost's redirect URI is not registered there", detail=error)
    said = "with an error" if status == 200 else str(status)
    return ProviderFailed(f"{name}: the token request answered {said}", detail=f"error {error_code(error)}")


def _fits_a_header(token: str) -> bool:
    """Tell whether a token can be sent as Bearer.  One that cannot would come back in an error's text, and be logged."""
    return 0 < len(token) <= MAX_TOKEN and token.isascii() and token.isprintable() and " " not in token


def _read(provider: Provider, document: Mapping[str, object]) -> Tokens:
    name, wants_id_token = provider.name, provider.settings.protocol == "oidc"
    # One that plain OAuth 2.0 brings along is looked at by nobody, so it is not kept either.
    id_token, access_token = document.get("id_token") if wants_id_token else "", document.get("access_token")
    refresh_token = document.get("refresh_token")
    if not isinstance(id_token, str) or not wants_id_token <= len(id_token) <= MAX_TOKEN:
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
