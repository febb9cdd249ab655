"""Signing out at the provider: OpenID Connect RP-Initiated Logout 1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepost.errors import ProviderFailed
from gatepost.sso.login import with_query

if TYPE_CHECKING:
    from gatepost.sso.provider import Provider


def end_session_url(provider: Provider, *, id_token: str, return_to: str, state: str) -> str | None:
    """Return where to send the browser to end the session at the provider, or None where that cannot be done.

    The local session has ended before, whatever comes of this.

    Args:
        provider: where the session came from.
        id_token: the one of the sign-in, as `id_token_hint`, which may have expired; empty if it is not known.
        return_to: the registered post-logout address.
        state: comes back with the browser, to be compared.
    """
    try:
        endpoint = provider.metadata().end_session_endpoint
    except ProviderFailed:
        return None
    if not endpoint:
        return None
    wanted = {
        "id_token_hint": id_token,
        # Some providers know the client by the hint, some by this, and a hint alone can be too old for either.
        "client_id": provider.settings.client_id,
        "post_logout_redirect_uri": return_to,
        "state": state,
    }
    return with_query(endpoint, {name: value for name, value in wanted.items() if value})
