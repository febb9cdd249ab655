"""What a provider says of itself is checked, kept for a while, and missing for nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from gatepost.errors import ProviderFailed
from gatepost.settings import DelegatedIssuer
from gatepost.sso.discovery import WELL_KNOWN, read_key_address, read_metadata
from tests.sso.conftest import Clock, Flow
from tests.sso.provider_in_process import Document, InProcessProvider, Raw, with_


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (with_(issuer="https://evil.example"), "names another issuer"),
        (lambda document: {**document, "issuer": document["issuer"] + "/"}, "names another issuer"),
        (lambda document: {**document, "issuer": document["issuer"].upper()}, "names another issuer"),
        (with_(issuer=None), "names another issuer"),
        (with_(authorization_endpoint=None), "has no authorization_endpoint"),
        (with_(token_endpoint=""), "has no token_endpoint"),
        (with_(jwks_uri=None), "has no jwks_uri"),
        (with_(token_endpoint=["x"]), "token_endpoint in the discovery document is not text"),
        (with_(token_endpoint="http://op.example/token"), "token_endpoint is not https"),
        (with_(authorization_endpoint="javascript:alert(1)"), "authorization_endpoint is not an http address"),
        (with_(userinfo_endpoint="https://user@op.example/"), "userinfo_endpoint has a user name"),
        (with_(end_session_endpoint="ftp://op.example/"), "end_session_endpoint is not an http address"),
    ],
)
def test_a_wrong_document_is_refused(
    flow: Flow, op: InProcessProvider, tamper: Callable[[Document], Document], sentence: str
) -> None:
    """P-12: issuer mismatch in discovery; and no endpoint in the clear."""
    op.tamper.discovery = tamper

    with pytest.raises(ProviderFailed, match=sentence):
        flow.begin()
    assert flow.provider.state().up is False
    assert sentence in flow.provider.state().last_error


ELSEWHERE = "https://op.example"
LISTED = {
    "issuer": ELSEWHERE,
    "authorization_endpoint": f"{ELSEWHERE}/authorize",
    "token_endpoint": f"{ELSEWHERE}/token",
    "jwks_uri": f"{ELSEWHERE}/jwks",
}


@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9200/_search",
        "http://localhost:8500/",
        "http://[::1]/",
        "https://127.0.0.9/",
        "http://a.localhost/",
    ],
)
def test_a_provider_elsewhere_names_nothing_on_this_machine(op: InProcessProvider, endpoint: str, address: str) -> None:
    """It would have us ask whatever listens here, and a dry run would show it what came of that."""
    elsewhere = op.settings(issuer=ELSEWHERE)
    with pytest.raises(ProviderFailed, match=f"{endpoint} is on this machine"):
        read_metadata({**LISTED, endpoint: address}, elsewhere)

    assert read_metadata({**LISTED, "revocation_endpoint": address}, elsewhere).revocation_endpoint == ""
    own = op.settings(issuer=ELSEWHERE, **{endpoint: address})
    assert getattr(read_metadata(LISTED, own), endpoint) == address  # the operator may


def test_an_issuer_elsewhere_has_no_keys_on_this_machine() -> None:
    issuer = DelegatedIssuer(name="gateway", issuer=ELSEWHERE, audience=("gatepost",))
    with pytest.raises(ProviderFailed, match="jwks_uri is on this machine"):
        read_key_address({**LISTED, "jwks_uri": "http://127.0.0.1/jwks"}, issuer)


def test_configured_endpoints_override_the_document(op: InProcessProvider, flow_with: Callable[..., Flow]) -> None:
    flow = flow_with(authorization_endpoint="https://front.example/authorize")

    assert flow.begin().url.startswith("https://front.example/authorize?")


def test_with_every_endpoint_configured_nothing_is_fetched(
    op: InProcessProvider, flow_with: Callable[..., Flow]
) -> None:
    at = op.issuer
    flow = flow_with(authorization_endpoint=f"{at}/authorize", token_endpoint=f"{at}/token", jwks_uri=f"{at}/jwks")

    assert flow.sign_in().username == "bob"
    assert op.requests[WELL_KNOWN] == 0


def test_the_document_is_fetched_once_an_hour(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    for _ in range(3):
        flow.begin()
    assert op.requests[WELL_KNOWN] == 1
    clock.forward(minutes=61)
    flow.begin()
    assert op.requests[WELL_KNOWN] == 2


def test_a_provider_that_fails_serves_from_what_is_known_for_a_day(
    flow: Flow, op: InProcessProvider, clock: Clock
) -> None:
    flow.begin()
    op.tamper.raw[WELL_KNOWN] = Raw(status=500)
    clock.forward(hours=23)
    flow.begin()
    clock.forward(hours=2)
    with pytest.raises(ProviderFailed, match="the discovery document answered 500"):
        flow.begin()


def test_a_provider_that_is_down_is_asked_again_in_a_moment(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    """ "Also test" d: down at boot is not fatal, and not for ever; nor does everybody wait for it."""
    op.tamper.raw[WELL_KNOWN] = Raw(status=503)
    for _ in range(20):
        with pytest.raises(ProviderFailed):
            flow.begin()
    assert op.requests[WELL_KNOWN] == 1
    op.tamper.raw.clear()
    clock.forward(seconds=6)

    assert flow.sign_in().username == "bob"


def test_a_document_that_goes_bad_does_not_replace_a_good_one(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    flow.begin()
    op.tamper.discovery = with_(token_endpoint="https://evil.example/token", issuer="https://evil.example")
    clock.forward(hours=2)

    assert flow.sign_in().username == "bob"


def test_the_state_is_there_for_people(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    unknown = flow.provider.state()
    assert (unknown.name, unknown.display_name, unknown.issuer) == ("op", "Example", op.issuer)
    assert (unknown.up, unknown.last_error, unknown.last_success_at) == (None, "", None)

    assert flow.provider.look().up is True
    worked_at = clock()
    assert flow.provider.state().last_success_at == worked_at

    op.tamper.raw["/jwks"] = Raw(status=500)
    clock.forward(hours=2)
    state = flow.provider.look()
    assert (state.up, state.last_error) == (False, "op: the key set answered 500")
    assert (state.last_error_at, state.last_success_at) == (clock(), clock())


def test_making_a_provider_asks_it_nothing(flow: Flow, op: InProcessProvider) -> None:
    assert op.requests.total() == 0


def test_nobody_waits_for_a_document_who_has_one(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    flow.begin()
    clock.forward(hours=2)
    asked, answer = threading.Event(), threading.Event()

    def slowly(document: Document) -> Document:
        asked.set()
        answer.wait(5)
        return document

    op.tamper.discovery = slowly
    refresher = threading.Thread(target=flow.begin)
    refresher.start()
    assert asked.wait(5)

    flow.begin()
    assert refresher.is_alive()

    answer.set()
    refresher.join()
    assert op.requests[WELL_KNOWN] == 2


def test_a_look_at_a_provider_that_is_down_never_raises(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.raw[WELL_KNOWN] = Raw(status=404)
    state = flow.provider.look()

    assert (state.up, state.last_error) == (False, "op: the discovery document answered 404")
