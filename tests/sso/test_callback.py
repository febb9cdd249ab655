"""The whole way through a provider, and every answer that must not sign anybody in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatepost.errors import Forbidden, GatepostError, InvalidRequest, ProviderFailed
from gatepost.sso.callback import finish, read_params
from gatepost.sso.provider import Provider
from tests.sso.conftest import Clock, Flow
from tests.sso.provider_in_process import (
    PEOPLE,
    Document,
    InProcessProvider,
    Person,
    running_provider,
    with_,
    without,
)


def test_a_person_signs_in(flow: Flow, op: InProcessProvider) -> None:
    person = flow.sign_in()

    assert (person.provider, person.issuer, person.subject) == ("op", op.issuer, PEOPLE["bob"].sub)
    assert (person.username, person.display_name, person.groups) == ("bob", "Bob Ross", ("analysts",))
    assert (person.email, person.email_verified, person.sid) == ("bob@example.org", True, "session-1")
    assert person.auth_time == datetime(2026, 11, 22, 11, 59, 55, tzinfo=UTC)
    assert person.id_token.count(".") == 2
    assert person.notes == ()


def test_nothing_secret_is_printed(flow: Flow) -> None:
    """Trap 17: token answers never reach a log."""
    request = flow.begin()
    printed = repr(request) + repr(request.attempt)
    person = finish(flow.provider, request.attempt, flow.op.answer_to(request.url), flow.clock())

    for secret in (request.attempt.state, request.attempt.nonce, request.attempt.code_verifier):
        assert secret not in printed
    assert person.id_token not in repr(person)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_confidential_client_signs_in(flow_with: Callable[..., Flow], method: str) -> None:
    """The secret has a colon, a plus and a percent sign, which RFC 6749 section 2.3.1 form-encodes in Basic."""
    assert flow_with(token_endpoint_auth_method=method).sign_in().username == "bob"


@pytest.mark.parametrize("pkce", [True, False])
def test_a_public_client_signs_in(op: InProcessProvider, flow_with: Callable[..., Flow], *, pkce: bool) -> None:
    op.client_secret = None

    assert flow_with(pkce=pkce).sign_in().username == "bob"


def test_an_ec_provider_signs_people_in(flow: Flow, op: InProcessProvider) -> None:
    op.rotate("ec", "EC")

    assert flow.sign_in().username == "bob"


# --- the answer in the browser ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "wrong", "ÿ"])
def test_a_wrong_state_signs_nobody_in(flow: Flow, op: InProcessProvider, state: str) -> None:
    """Trap 16."""
    with pytest.raises(InvalidRequest, match="begin again"):
        flow.sign_in(state=state)
    assert op.requests["/token"] == 0


def test_the_answer_to_another_browsers_attempt_signs_nobody_in(flow: Flow) -> None:
    """Trap 16, login CSRF: the attacker's own answer, followed by the victim."""
    attackers, victims = flow.begin(), flow.begin()
    answer = flow.op.answer_to(attackers.url)

    with pytest.raises(InvalidRequest, match="begun in this browser"):
        finish(flow.provider, victims.attempt, answer, flow.clock())


def test_a_stolen_code_is_worth_nothing_in_another_attempt(flow: Flow) -> None:
    """Code injection: the code of the victim, with the state of the attacker, fails at PKCE."""
    victims, attackers = flow.begin(), flow.begin()
    answer = {**flow.op.answer_to(victims.url), "state": attackers.attempt.state}

    with pytest.raises(InvalidRequest, match="does not take this code"):
        finish(flow.provider, attackers.attempt, answer, flow.clock())


def test_without_pkce_the_nonce_still_stops_a_stolen_code(flow_with: Callable[..., Flow]) -> None:
    flow = flow_with(pkce=False)
    victims, attackers = flow.begin(), flow.begin()
    answer = {**flow.op.answer_to(victims.url), "state": attackers.attempt.state}

    with pytest.raises(ProviderFailed, match="its ID token is not valid") as failure:
        finish(flow.provider, attackers.attempt, answer, flow.clock())
    assert failure.value.detail.startswith("nonce")


def test_a_code_serves_once(flow: Flow) -> None:
    request = flow.begin()
    answer = flow.op.answer_to(request.url)
    finish(flow.provider, request.attempt, answer, flow.clock())

    with pytest.raises(InvalidRequest, match="does not take this code"):
        finish(flow.provider, request.attempt, answer, flow.clock())


@pytest.mark.parametrize("minutes", [10, 60, -2])
def test_an_attempt_lives_ten_minutes(flow: Flow, clock: Clock, minutes: int) -> None:
    """Trap 16: Infrahub keeps it for two hours."""
    request = flow.begin()
    answer = flow.op.answer_to(request.url)
    clock.forward(minutes=minutes)

    with pytest.raises(InvalidRequest, match="longer than ten minutes"):
        finish(flow.provider, request.attempt, answer, clock())


def test_an_attempt_may_take_nearly_ten_minutes(flow: Flow, clock: Clock) -> None:
    request = flow.begin()
    clock.forward(minutes=9, seconds=59)

    assert finish(flow.provider, request.attempt, flow.op.answer_to(request.url), clock()).username == "bob"


def test_the_issuer_in_the_answer_has_to_be_the_one_asked(flow: Flow, op: InProcessProvider) -> None:
    """RFC 9207, trap 16: mix-up."""
    with pytest.raises(InvalidRequest, match="not from Example"):
        flow.sign_in(iss="https://evil.example")
    assert op.requests["/token"] == 0


def test_the_issuer_is_judged_in_an_error_answer_too(flow: Flow) -> None:
    with pytest.raises(InvalidRequest, match="not from Example"):
        flow.sign_in(iss="https://evil.example", error="access_denied")


def test_a_promised_issuer_may_not_be_left_out(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.redirect = without("iss")

    with pytest.raises(InvalidRequest, match="not from Example"):
        flow.sign_in()


def test_an_issuer_that_is_not_promised_may_be_left_out(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.discovery = without("authorization_response_iss_parameter_supported")
    op.tamper.redirect = without("iss")

    assert flow.sign_in().username == "bob"


def test_an_issuer_that_is_not_promised_is_judged_when_it_comes(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.discovery = without("authorization_response_iss_parameter_supported")

    with pytest.raises(InvalidRequest, match="not from Example"):
        flow.sign_in(iss="https://evil.example")


def test_an_answer_at_another_providers_callback_is_refused(flow: Flow, clock: Clock) -> None:
    """Mix-up: each provider has a callback of its own."""
    with running_provider() as other:
        elsewhere = Provider(other.settings(name="other"), clock)
        request = flow.begin()

        with pytest.raises(InvalidRequest, match="another provider"):
            finish(elsewhere, request.attempt, flow.op.answer_to(request.url), clock())


def test_an_attempt_from_before_the_issuer_changed_is_refused(flow: Flow) -> None:
    request = flow.begin()
    stale = replace(request.attempt, issuer="https://old.example")

    with pytest.raises(InvalidRequest, match="another provider"):
        finish(flow.provider, stale, flow.op.answer_to(request.url), flow.clock())


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        ("access_denied", Forbidden, "refused or cancelled"),
        ("login_required", Forbidden, "sign in there first"),
        ("server_error", ProviderFailed, "a problem of its own"),
        ("temporarily_unavailable", ProviderFailed, "not available"),
        ("<script>alert(1)</script>", ProviderFailed, "answered with an error"),
    ],
)
def test_an_error_is_told_in_our_words(flow: Flow, error: str, kind: type[GatepostError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence) as failure:
        flow.sign_in(error=error, error_description="call +1 555 0100 for help")
    assert "script" not in str(failure.value)
    assert "555" not in str(failure.value)
    assert "555" in failure.value.detail


def test_an_answer_without_a_code_is_refused(flow: Flow) -> None:
    with pytest.raises(InvalidRequest, match="no code"):
        flow.sign_in(code="")


@pytest.mark.parametrize("code", ["c\nX-Forged: 1", "c\x00", "c\u00e9", "c\u2028", "\ud800", "c\x7f"])
def test_a_code_that_no_provider_gave_is_not_asked_about(flow: Flow, op: InProcessProvider, code: str) -> None:
    """Anybody comes back with one of their own making (RFC 6749 appendix A.11): the provider is spared, and its log."""
    with pytest.raises(InvalidRequest, match="malformed code"):
        flow.sign_in(code=code)
    assert op.requests["/token"] == 0


def test_a_parameter_may_not_come_twice() -> None:
    with pytest.raises(InvalidRequest, match="state twice"):
        read_params([("state", "a"), ("code", "c"), ("state", "b")])


def test_unknown_parameters_are_ignored() -> None:
    assert read_params([("code", "c"), ("utm", "1"), ("utm", "2")]) == {"code": "c"}


def test_a_parameter_is_bounded() -> None:
    with pytest.raises(InvalidRequest, match="too long"):
        read_params([("code", "c" * 8193)])


# --- the token answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (without("id_token"), "no ID token"),
        (with_(id_token=7), "no ID token"),
        (with_(id_token=""), "no ID token"),
        (with_(id_token="e" * 200_000), "no ID token"),
        (without("access_token"), "no access token"),
        (with_(access_token="a\r\nX: y"), "no access token"),
        (with_(access_token="a b"), "no access token"),
        (without("token_type"), "not of type Bearer"),
        (with_(token_type="mac"), "not of type Bearer"),
    ],
)
def test_a_token_answer_has_to_be_one(
    flow: Flow, op: InProcessProvider, tamper: Callable[[Document], Document], sentence: str
) -> None:
    op.tamper.token = tamper

    with pytest.raises(ProviderFailed, match=sentence):
        flow.sign_in()


def test_the_state_shows_what_the_provider_did_and_not_what_a_browser_said(flow: Flow, op: InProcessProvider) -> None:
    with pytest.raises(ProviderFailed):
        flow.sign_in(error="server_error")
    assert flow.provider.state().last_error == ""

    op.tamper.claims = without("nonce")
    with pytest.raises(ProviderFailed):
        flow.sign_in()
    assert flow.provider.state().last_error == "op: its ID token is not valid"
    assert flow.provider.state().up is False

    op.tamper.claims = dict
    flow.sign_in()
    assert flow.provider.state().up is True


def test_a_wrong_secret_is_said_without_saying_it(flow: Flow, op: InProcessProvider) -> None:
    op.client_secret = "another"

    with pytest.raises(ProviderFailed, match="does not accept Gatepost's client_id or client_secret") as failure:
        flow.sign_in()
    assert "s3cret" not in str(failure.value) + failure.value.detail


def test_a_token_type_is_read_in_any_case(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.token = with_(token_type="bEaReR")

    assert flow.sign_in().username == "bob"


# --- the person ------------------------------------------------------------------------------------------------------


def test_an_unverified_email_is_said_to_be_unverified(flow: Flow) -> None:
    """Trap 1."""
    assert flow.sign_in("carol").email_verified is False


def test_an_empty_list_of_groups_is_not_an_absent_one(flow: Flow, op: InProcessProvider) -> None:
    """Trap 8."""
    assert flow.sign_in("carol").groups == ()

    op.people["dora"] = Person("dora-sub", {"preferred_username": "dora"})
    absent = flow.sign_in("dora")
    assert absent.groups is None
    assert "the known groups stay" in absent.notes[0]


def test_who_is_not_let_in_is_told(flow_with: Callable[..., Flow]) -> None:
    assert flow_with(allowed_groups=("analysts",)).sign_in("bob").username == "bob"
    with pytest.raises(Forbidden, match="no group that may enter"):
        flow_with(allowed_groups=("analysts",)).sign_in("carol")
    with pytest.raises(Forbidden, match="no verified e-mail domain"):
        flow_with(allowed_domains=("example.org",)).sign_in("carol")
    with pytest.raises(Forbidden, match="no tenant"):
        flow_with(allowed_tenants=("t-1",)).sign_in("bob")


def test_claims_are_json_all_the_way(flow: Flow) -> None:
    json.dumps(dict(flow.sign_in().claims))
