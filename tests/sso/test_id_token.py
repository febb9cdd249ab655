"""ID token validation through a real sign-in: one claim spoiled at a time (P-12, traps 3 and 17)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gatepost.errors import ProviderFailed
from gatepost.sso.login import Wish
from tests.sso.conftest import Clock, Flow
from tests.sso.provider_in_process import CLIENT_ID, Document, InProcessProvider, with_, without

NOW = int(Clock().time.timestamp())

BAD_CLAIMS = {
    "another issuer": (with_(iss="https://evil.example"), "iss"),
    "the issuer with a slash": (lambda claims: {**claims, "iss": claims["iss"] + "/"}, "iss"),
    "no issuer": (without("iss"), "iss"),
    "another audience": (with_(aud="somebody-else"), "aud"),
    "another audience, our azp": (with_(aud=["other"], azp=CLIENT_ID), "aud"),
    "no audience": (without("aud"), "aud"),
    "an empty audience": (with_(aud=[]), "aud"),
    "an audience of objects": (with_(aud=[{"gatepost": 1}, CLIENT_ID]), "aud"),
    "several audiences and no azp": (with_(aud=[CLIENT_ID, "other"]), "azp"),
    "another azp": (with_(azp="other"), "azp"),
    "expired": (with_(exp=NOW - 60), "exp"),
    "no expiry": (without("exp"), "exp"),
    "expiry as text": (with_(exp=str(NOW + 300)), "exp"),
    "expiry as boolean": (with_(exp=True), "exp"),
    "expiry beyond the calendar": (with_(exp=10**400), "exp"),
    "no iat": (without("iat"), "iat"),
    "issued in the future": (with_(iat=NOW + 61), "iat"),
    "not yet valid": (with_(nbf=NOW + 61), "nbf"),
    "not before as text": (with_(nbf="soon"), "nbf"),
    "another nonce": (with_(nonce="other"), "nonce"),
    "no nonce": (without("nonce"), "nonce"),
    "a nonce that is a list": (with_(nonce=["n"]), "nonce"),
    "no subject": (without("sub"), "sub"),
    "an empty subject": (with_(sub=""), "sub"),
    "a subject that is a number": (with_(sub=7), "sub"),
    "a subject of 256 characters": (with_(sub="s" * 256), "sub"),
    "a subject beyond ASCII": (with_(sub="bøb"), "sub"),
    "a subject with a NUL": (with_(sub="bob\0"), "sub"),
    "another at_hash": (with_(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), "at_hash"),
    "at_hash that is a list": (with_(at_hash=[]), "at_hash"),
    "auth_time in the future": (with_(auth_time=NOW + 61), "auth_time"),
}


@pytest.mark.parametrize(("tamper", "claim"), BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_an_id_token_with_a_bad_claim_signs_nobody_in(
    flow: Flow, op: InProcessProvider, tamper: Callable[[Document], Document], claim: str
) -> None:
    """P-12 and traps 3 and 17: each claim missing, wrong, and of another type."""
    op.tamper.claims = tamper

    with pytest.raises(ProviderFailed, match="its ID token is not valid") as failure:
        flow.sign_in()
    assert failure.value.detail.startswith(f"{claim}: ")


GOOD_CLAIMS = {
    "several audiences with our azp": with_(aud=[CLIENT_ID, "other"], azp=CLIENT_ID),
    "one audience in a list": with_(aud=[CLIENT_ID]),
    "no at_hash": without("at_hash"),
    "expired within the leeway": with_(exp=NOW - 59),
    "issued by a clock ahead of ours": with_(iat=NOW + 60, nbf=NOW + 60, auth_time=NOW + 60),
    "fractions of a second": with_(exp=NOW + 1.5, iat=NOW - 0.5),
    "a subject of 255 characters": with_(sub="s" * 255),
}


@pytest.mark.parametrize("tamper", GOOD_CLAIMS.values(), ids=GOOD_CLAIMS)
def test_an_id_token_within_the_rules_signs_in(
    flow: Flow, op: InProcessProvider, tamper: Callable[[Document], Document]
) -> None:
    """Clock skew both ways, bounded (behaviours, "also test" a)."""
    op.tamper.claims = tamper

    assert flow.sign_in().username == "bob"


def test_max_age_asks_when_the_person_last_signed_in(flow: Flow, op: InProcessProvider) -> None:
    assert flow.sign_in(wish=Wish(max_age=10)).username == "bob"

    op.tamper.claims = with_(auth_time=NOW - 3600)
    with pytest.raises(ProviderFailed) as failure:
        flow.sign_in(wish=Wish(max_age=10))
    assert failure.value.detail == "auth_time: longer ago than max_age allows"

    op.tamper.claims = without("auth_time")
    with pytest.raises(ProviderFailed) as failure:
        flow.sign_in(wish=Wish(max_age=10))
    assert failure.value.detail.startswith("auth_time: missing")


def test_duplicate_claims_are_refused(flow: Flow, op: InProcessProvider) -> None:
    """Two `iss` members: which of them was checked?"""
    op.tamper.payload = lambda payload: b'{"iss": "https://evil.example", ' + payload[1:]

    with pytest.raises(ProviderFailed) as failure:
        flow.sign_in()
    assert "payload" in failure.value.detail


@pytest.mark.parametrize("claims", [b"[]", b"null", b"{", b"\xff", b"[" * 5000 + b"]" * 5000, b'{"exp": NaN}'])
def test_claims_that_are_no_object_are_refused(flow: Flow, op: InProcessProvider, claims: bytes) -> None:
    op.tamper.payload = lambda _: claims

    with pytest.raises(ProviderFailed, match="its ID token is not valid"):
        flow.sign_in()


def test_a_provider_may_not_sign_with_an_algorithm_that_is_not_configured(flow_with: Callable[..., Flow]) -> None:
    with pytest.raises(ProviderFailed, match="not valid") as failure:
        flow_with(algorithms=("ES256",)).sign_in()
    assert "'RS256' is not allowed" in failure.value.detail
