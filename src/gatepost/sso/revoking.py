"""Telling a provider that its refresh token is needed no more (RFC 7009), once the session that held it is over here.

One for `offline_access` would stay good there for weeks, whatever happens here.  Nobody waits for this, and nothing hangs
on it: our own copy is gone already.
"""

from __future__ import annotations

import logging

from gatepost.errors import GatepostError, ProviderFailed
from gatepost.gate import Gatepost
from gatepost.sso.health import REVOCATION
from gatepost.sso.provider import Provider
from gatepost.sso.states import providers_of
from gatepost.sso.token_request import client_proof

log = logging.getLogger(__name__)


def give_back(gate: Gatepost, provider: str, refresh_token: str) -> None:
    """Revoke a refresh token at its provider, as far as that can be done.  Slow, and raises nothing."""
    try:
        _revoke(providers_of(gate).get(provider), refresh_token)
    except GatepostError as failure:  # what a provider answers may hold anything, and is not in these
        log.info("a refresh token was not revoked: %s (%s)", failure, failure.detail)


def _revoke(provider: Provider, refresh_token: str) -> None:
    endpoint = provider.metadata().revocation_endpoint
    if not endpoint:
        return
    proof = client_proof(provider, endpoint)
    form = {"token": refresh_token, "token_type_hint": "refresh_token", **proof.form}
    answer = provider.http.post(endpoint, REVOCATION, form, proof.headers)
    if answer.status != 200:
        raise ProviderFailed(f"{provider.name}: the {REVOCATION} answered {answer.status}")
