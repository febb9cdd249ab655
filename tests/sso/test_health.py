"""What operators see of a provider or a delegated issuer: up, down or unknown, why, and since when."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from gatepost.errors import ProviderFailed
from gatepost.settings import DelegatedIssuer
from gatepost.sso.delegated import Issuer
from gatepost.sso.health import clock_difference
from tests.sso.conftest import Clock, Flow
from tests.sso.provider_in_process import InProcessProvider, Raw, with_

WELL_KNOWN = "/.well-known/openid-configuration"


def delegated(op: InProcessProvider, clock: Clock, **changes: object) -> Issuer:
    given: dict[str, object] = {"name": "gateway", "issuer": op.issuer, "audience": ("gatepost",)}
    return Issuer(DelegatedIssuer(**{**given, **changes}), clock)  # type: ignore[arg-type]


def test_an_issuer_has_a_state_as_a_provider_has(op: InProcessProvider, clock: Clock) -> None:
    issuer = delegated(op, clock)
    assert (issuer.state().up, issuer.state().keys_known) == (None, 0)

    state = issuer.look()

    assert (state.name, state.issuer, state.up, state.keys_known) == ("gateway", op.issuer, True, 1)
    assert (state.key_fetches, state.failures, state.last_success_at) == (1, 0, clock())


def test_an_issuer_that_is_down_says_which_part(op: InProcessProvider, clock: Clock) -> None:
    issuer = delegated(op, clock)
    op.tamper.raw["/jwks"] = Raw(status=503)

    state = issuer.look()

    assert (state.up, state.last_error, state.failures) == (False, "gateway: the key set answered 503", 1)
    assert (state.last_error_at, state.keys_known) == (clock(), 0)


def test_an_issuer_with_keys_of_the_configuration_is_asked_nothing(op: InProcessProvider, clock: Clock) -> None:
    issuer = delegated(op, clock, public_keys=(json.dumps(op.jwks()),))

    assert (issuer.look().up, issuer.look().keys_known) == (None, 1)
    assert op.requests.total() == 0


def test_a_look_asks_again_and_not_all_the_time(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    """Whoever presses "Look now" wants to know how it is now, and may not flood the provider."""
    flow.sign_in()
    asked = op.requests["/jwks"], op.requests[WELL_KNOWN]
    clock.forward(seconds=10)
    for _ in range(20):
        flow.provider.look()

    assert (op.requests["/jwks"], op.requests[WELL_KNOWN]) == (asked[0] + 1, asked[1] + 1)


def test_looking_does_not_use_up_what_a_rotation_needs(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    for _ in range(10):
        flow.provider.look()
        clock.forward(seconds=6)
    op.rotate("second")

    assert flow.sign_in().username == "bob"


def test_a_token_that_was_issued_does_not_mend_the_key_set(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    """Trap: the state said up whenever anything at all had been answered."""
    flow.sign_in()
    op.tamper.raw["/jwks"] = Raw(status=500)
    clock.forward(hours=2)
    flow.sign_in()  # with the keys that are known

    state = flow.provider.state()
    assert (state.up, state.last_error) == (False, "op: the key set answered 500")

    op.tamper.raw.clear()
    clock.forward(minutes=1)
    assert flow.provider.look().up is True


def test_one_failure_is_counted_once(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.raw["/token"] = Raw(status=500)
    with pytest.raises(ProviderFailed):
        flow.sign_in()
    assert flow.provider.state().failures == 1

    op.tamper.raw.clear()
    op.tamper.discovery = with_(issuer="https://other.example")
    flow.provider.look()
    flow.provider.look()
    assert flow.provider.state().failures == 1, "the document is known for five seconds yet"


def test_what_is_wrong_with_a_document_is_no_success(op: InProcessProvider, clock: Clock) -> None:
    op.tamper.raw[WELL_KNOWN] = Raw(status=404)

    assert delegated(op, clock).look().last_success_at is None


def test_a_plain_oauth_provider_is_looked_at_where_it_has_something(
    op: InProcessProvider, flow_with: Callable[..., Flow]
) -> None:
    """GitHub has no discovery document and no keys: that somebody answers is all there is to know."""
    at = op.issuer
    flow = flow_with(
        protocol="oauth2",
        issuer=None,
        authorization_endpoint=f"{at}/authorize",
        token_endpoint=f"{at}/token",
        userinfo_endpoint=f"{at}/userinfo",
    )

    assert flow.provider.look().up is True
    assert (op.requests["/userinfo"], op.requests["/jwks"]) == (1, 0)

    op.tamper.raw["/userinfo"] = Raw(status=502)
    state = flow.provider.look()
    assert (state.up, state.last_error) == (False, "op: the userinfo endpoint answered 502")


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Sun, 22 Nov 2026 12:01:30 GMT", timedelta(seconds=90)),
        ("Sun, 22 Nov 2026 11:59:00 GMT", timedelta(seconds=-60)),
        ("", None),
        ("yesterday", None),
        ("Sun, 22 Nov 2026 12:00:00 -0000", None),
        ("Sun, 99 Nov 99999 12:00:00 GMT", None),
    ],
)
def test_the_clock_of_a_provider_is_read_from_its_answers(clock: Clock, date: str, ahead: timedelta | None) -> None:
    assert clock_difference(date, clock()) == ahead
