"""What the tests of foreign tokens share: two issuers in the process, and a Gatepost that is configured for them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gatepost import authn
from gatepost.audit.trail import Filter, export_audit
from gatepost.authn.credential import read_credential
from gatepost.gate import Gatepost
from gatepost.principal import BearerToken, Credential, Principal
from gatepost.settings import DelegatedIssuer, DelegatedSettings, ProviderSettings, SsoSettings
from tests.conftest import ADMIN, OpenGate, settings_for
from tests.dice import FakeDice
from tests.sso.provider_in_process import InProcessProvider, running_provider

OpenWith = Callable[..., Gatepost]


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def other_op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider(host="localhost") as provider:
        provider.now = dice.clock
        yield provider


def delegated(op: InProcessProvider, **changes: Any) -> DelegatedIssuer:
    """One table of `[[delegated.issuers]]` for a provider in the process."""
    given: dict[str, Any] = {
        "name": "gateway",
        "issuer": op.issuer,
        "audience": ("gatepost",),
        "http_timeout": timedelta(seconds=10),
    }
    return DelegatedIssuer(**{**given, **changes})


@pytest.fixture
def open_with(open_gate: OpenGate, gate_url: str) -> OpenWith:
    """Open a Gatepost with delegated issuers and providers."""

    def open_one(*tables: DelegatedIssuer | ProviderSettings, follow: bool = True) -> Gatepost:
        settings = replace(
            settings_for(gate_url),
            delegated=DelegatedSettings(issuers=tuple(t for t in tables if isinstance(t, DelegatedIssuer))),
            sso=SsoSettings(providers=tuple(t for t in tables if isinstance(t, ProviderSettings))),
        )
        return open_gate(settings, follow=follow)

    return open_one


def who(gate: Gatepost, credential: str | Credential) -> Principal:
    """Authenticate a bearer token, or any other credential."""
    if isinstance(credential, str):
        credential = BearerToken(credential)
    return authn.authenticate_now(credential, authn.chain(gate, "203.0.113.7"), gate.now())


def is_at_hand(gate: Gatepost, token: str) -> bool:
    """Tell whether a token is answered from memory."""
    return isinstance(authn.authenticate(BearerToken(token), authn.chain(gate, ""), gate.now()), Principal)


def basic(username: str, secret: str) -> Credential:
    header = b"Basic " + base64.b64encode(f"{username}:{secret}".encode())
    return read_credential([(b"authorization", header)], secure=False)


def events(gate: Gatepost, event: str) -> list[dict[str, Any]]:
    """The audit records of one event, as the admin reads them."""
    gate.journal.flush()
    found = export_audit(gate, ADMIN, Filter(event=event))
    return [
        {"target": r.target, "subject": r.subject, "outcome": str(r.outcome), "reason": r.reason, "count": r.count}
        for r in found
    ]
