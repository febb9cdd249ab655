"""Who somebody is by plain OAuth 2.0, which has no ID token: whom the userinfo endpoint answers about (IF-3, IF-24).

The access token came straight from the provider's token endpoint for a code that this browser's attempt is bound to, and
goes straight to its userinfo endpoint.  Nothing here is signed: TLS vouches for it, and the configuration for the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gatepost.errors import ProviderFailed
from gatepost.sso import github
from gatepost.sso.http import json_object
from gatepost.sso.id_token import MAX_SUBJECT
from gatepost.sso.keys import VerifiedClaims
from gatepost.sso.token_request import Tokens
from gatepost.sso.userinfo import OF_THE_ID_TOKEN

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider

_WHAT = "userinfo"
# What would tell of a sign-in that nobody signed a statement about.  That there are more groups than are listed is no such.
_NOT_SAID_HERE = OF_THE_ID_TOKEN - {"_claim_names", "_claim_sources", "hasgroups"} | {"events"}


def read_identity(provider: Provider, tokens: Tokens) -> tuple[VerifiedClaims, tuple[str, ...]]:
    """Return the claims of whoever the access token is of, `iss` and `sub` among them, with notes for the record.

    Raises `ProviderFailed` where the provider does not say who that is.
    """
    endpoint = provider.metadata().userinfo_endpoint
    if not endpoint:
        raise ProviderFailed(f"{provider.name}: userinfo_endpoint is not known, so nobody can be signed in")
    answer = provider.http.get(endpoint, _WHAT, headers(tokens))
    if answer.status != 200:
        raise ProviderFailed(f"{provider.name}: the {_WHAT} answered {answer.status}")
    if answer.content_type == "application/jwt":
        raise ProviderFailed(f'{provider.name}: the {_WHAT} is signed, which takes protocol = "oidc"')
    document = json_object(answer, provider.name, _WHAT)
    subject = read_subject(provider, document)
    said: dict[str, object] = {name: value for name, value in document.items() if name not in _NOT_SAID_HERE}
    notes: tuple[str, ...] = ()
    if provider.settings.preset == "github":
        said, notes = github.complete(provider, said, endpoint, headers(tokens))
    return VerifiedClaims({**said, "iss": provider.issuer, "sub": subject}), notes


def read_subject(provider: Provider, document: Mapping[str, object]) -> str:
    """Return who it is, as text.  A number becomes its digits; nothing else becomes a text, and zero is nobody.

    Raises `ProviderFailed`.
    """
    claim = provider.settings.subject_claim
    value = document.get(claim)
    if value is None:
        raise ProviderFailed(f"{provider.name}: its {_WHAT} has no {claim}, which is to say who it is (subject_claim)")
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        value = str(value)
    fits = isinstance(value, str) and 0 < len(value) <= MAX_SUBJECT and value.isascii() and value.isprintable()
    if not isinstance(value, str) or not fits or value != value.strip():
        raise ProviderFailed(
            f"{provider.name}: {claim} in its {_WHAT} is neither a whole number nor a text of {MAX_SUBJECT} characters "
            "at most, so it cannot say who it is (subject_claim)"
        )
    return value


def headers(tokens: Tokens) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"}
