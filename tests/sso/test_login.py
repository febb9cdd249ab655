"""The way out: what goes into the request, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.errors import InvalidRequest
from gatepost.sso.addresses import safe_next, safe_path
from gatepost.sso.login import Attempt, Wish, code_challenge, with_query
from gatepost.sso.logout import end_session_url
from tests.sso.conftest import CALLBACK, Flow
from tests.sso.provider_in_process import CLIENT_ID, InProcessProvider, Raw


def query(url: str) -> dict[str, str]:
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def test_a_request_has_what_the_flow_needs(flow: Flow, op: InProcessProvider) -> None:
    request = flow.begin(Wish(next="/datasets?page=2"))
    attempt, sent = request.attempt, query(request.url)

    assert request.url.startswith(f"{op.issuer}/authorize?")
    assert sent == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "openid profile email groups",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": code_challenge(attempt.code_verifier),
        "code_challenge_method": "S256",
    }
    assert attempt.next == "/datasets?page=2"
    assert len({attempt.state, attempt.nonce, attempt.code_verifier}) == 3
    assert min(len(attempt.state), len(attempt.nonce), len(attempt.code_verifier)) == 43


def test_two_attempts_share_nothing(flow: Flow) -> None:
    """Parallel tabs: each has an attempt of its own, and each ends on its own."""
    one, two = flow.begin().attempt, flow.begin().attempt

    assert {one.state, one.nonce, one.code_verifier}.isdisjoint({two.state, two.nonce, two.code_verifier})


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636 appendix B."""
    assert (
        code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_an_attempt_survives_its_cookie(flow: Flow) -> None:
    attempt = flow.begin(Wish(next="/ü", max_age=0, link=True, trial=True)).attempt

    assert Attempt.from_bytes(attempt.to_bytes()) == attempt


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"{}", b'{"begun_at":"2026-01-01"}', b'{"begun_at":7}', b"\xff"])
def test_a_broken_attempt_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidRequest, match="begin again"):
        Attempt.from_bytes(text)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(prompt="login"), {"prompt": "login"}),
        (Wish(prompt="select_account consent"), {"prompt": "select_account consent"}),
        (Wish(prompt="none login"), {}),
        (Wish(prompt="evil"), {}),
        (Wish(login_hint="bob@example.org"), {"login_hint": "bob@example.org"}),
        (Wish(login_hint="bob\r\nX: y"), {}),
        (Wish(login_hint="b" * 321), {}),
        (Wish(login_hint="a&state=mine"), {"login_hint": "a&state=mine"}),
        (Wish(max_age=0), {"max_age": "0"}),
        (Wish(max_age=-1), {}),
    ],
)
def test_a_wish_goes_on_only_where_it_is_one(flow: Flow, wish: Wish, expected: dict[str, str]) -> None:
    sent = query(flow.begin(wish).url)

    assert {name: sent[name] for name in ("prompt", "login_hint", "max_age") if name in sent} == expected


def test_settings_shape_the_request(flow_with: Callable[..., Flow]) -> None:
    sent = query(flow_with(prompt="login", response_mode="form_post", pkce=False).begin().url)

    assert (sent["prompt"], sent["response_mode"]) == ("login", "form_post")
    assert not {"code_challenge", "code_challenge_method"} & sent.keys()


def test_only_scopes_that_were_configured_are_asked_for_unsupported(
    op: InProcessProvider, flow_with: Callable[..., Flow]
) -> None:
    op.tamper.discovery = lambda document: {**document, "scopes_supported": ["openid", "email"]}

    assert query(flow_with().begin().url)["scope"] == "openid email"
    asked = flow_with(scopes=("openid", "groups"), scopes_configured=True).begin()
    assert query(asked.url)["scope"] == "openid groups"


def test_an_endpoint_keeps_its_own_query() -> None:
    """RFC 6749 section 3.1; but it cannot smuggle in a parameter of ours."""
    assert with_query("https://op/a?tenant=x&state=theirs", {"state": "ours"}) == "https://op/a?tenant=x&state=ours"


SAFE = [
    "/",
    "/datasets",
    "/datasets/a-b?x=1&next=https://example.org/#top",
    "/users/bob@example.org",
    "/a%20b",
    "/a?q=100%25",
]
OPEN = [
    None,
    "",
    "datasets",
    "https://evil.example",
    "HTTPS:evil.example",
    "javascript:alert(1)",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%2f/evil.example",
    "/%2F%2Fevil.example",
    "/%252f/evil.example",
    "/%25252f/evil.example",
    "/%2525252525252f/evil.example",
    "/%5cevil.example",
    "/%255cevil.example",
    "/%09/evil.example",
    "/%0d%0aSet-Cookie:x=y",
    "/a\r\nSet-Cookie: x=y",
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "/a/../b",
    "/%2e%2e//evil.example",
    "/@evil.example",
    "@evil.example",
    "/\x00/evil.example",
    "/\x7f",
    "/\u2028/evil.example",
    "/\uff0fevil.example",
    "/" + "a" * 2048,
]


@pytest.mark.parametrize("wanted", SAFE)
def test_a_path_of_ours_is_gone_on_to(wanted: str) -> None:
    assert safe_next(wanted) == wanted


@pytest.mark.parametrize("wanted", OPEN)
def test_nothing_leads_elsewhere(wanted: str | None) -> None:
    """Trap 16: open redirect in `next`, in all its spellings."""
    assert safe_next(wanted) == "/"


@pytest.mark.parametrize(
    "step",
    [
        "/oauth/op/callback",
        "/oauth/op/login?link=true",
        "/oauth/",
        "/%6fauth/op/login?link=true",
        "/%256fauth/op/login?link=true",
        "/oauth%2fop/login?link=true",
        "/oauth%252Fop/login?link=true",
    ],
)
def test_a_sign_in_ends_in_no_step_of_a_sign_in(step: str) -> None:
    """An answer's address is used up; and what begins a link, a page of ours begins, and no `next` of somebody else's.

    A redirect after our own form counts as of our own site, so linking could be begun by whoever gave the link to it.
    """
    assert safe_next(step) == "/"
    assert safe_path(step) == step  # an application behind a gateway may have places of these names


def test_the_attempt_keeps_the_safe_path_only(flow: Flow) -> None:
    assert flow.begin(Wish(next="//evil.example")).attempt.next == "/"


def test_signing_out_there_names_the_session_and_the_way_back(flow: Flow, op: InProcessProvider) -> None:
    """Trap 15: Okta answers 400 without the hint."""
    url = end_session_url(flow.provider, id_token="x.y.z", return_to="https://us.example/signed-out", state="s")

    assert url is not None
    assert url.startswith(f"{op.issuer}/end-session?")
    assert query(url) == {
        "id_token_hint": "x.y.z",
        "client_id": CLIENT_ID,
        "post_logout_redirect_uri": "https://us.example/signed-out",
        "state": "s",
    }


def test_signing_out_there_is_left_out_where_it_cannot_be(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.raw["/.well-known/openid-configuration"] = Raw(status=503)

    assert end_session_url(flow.provider, id_token="", return_to="https://us.example/", state="s") is None


def test_a_provider_without_an_end_of_sessions_is_left_alone(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.discovery = lambda document: {**document, "end_session_endpoint": None}

    assert end_session_url(flow.provider, id_token="x", return_to="https://us.example/", state="s") is None
