"""Signing in by plain OAuth 2.0 (IF-3, IF-24): the code, the token, and whom the userinfo endpoint answers about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from gatepost.errors import Forbidden, InvalidRequest, InvalidToken, ProviderFailed
from gatepost.settings import ClaimRule
from gatepost.sso.callback import SignedIn, finish, vouch
from gatepost.sso.claimed_roles import read_roles
from gatepost.sso.login import Wish
from gatepost.sso.provider import Provider
from gatepost.sso.renewal import NotAboutThem, ask_again
from tests.sso.conftest import Clock, Flow
from tests.sso.oauth2_in_process import CLIENT_SECRET, Document, Forge, running_forge
from tests.sso.provider_in_process import InProcessProvider, Raw, running_provider, with_, without

FlowWith = Callable[..., Flow]


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


@pytest.fixture
def signing_in(forge: Forge, clock: Clock) -> FlowWith:
    return lambda **settings: Flow(cast(InProcessProvider, forge), clock, **settings)


def sign_in(flow: Flow, wish: Wish | None = None, **answer: str) -> SignedIn:
    return flow.sign_in("octocat", wish, **answer)


def query(flow: Flow, wish: Wish | None = None) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(flow.begin(wish).url).query))


def test_if_3_somebody_signs_in_without_an_id_token(forge: Forge, signing_in: FlowWith) -> None:
    person = sign_in(signing_in())

    assert (person.subject, person.username, person.display_name) == ("583231", "octocat", "The Octocat")
    assert (person.email, person.email_verified) == ("octocat@octo.example", True)
    assert person.issuer == f"oauth2:forge:id@{forge.at}/api/user"
    assert (person.id_token, person.sid, person.auth_time, person.notes) == ("", "", None, ())
    assert (person.claims["iss"], person.claims["sub"]) == (person.issuer, "583231")


def test_the_request_is_a_code_request_with_pkce_and_nothing_of_openid(signing_in: FlowWith) -> None:
    asked = query(signing_in(scopes=("openid", "read:user")))

    assert asked["response_type"] == "code"
    assert asked["scope"] == "read:user"
    assert asked["code_challenge_method"] == "S256"
    assert {"state", "code_challenge", "redirect_uri", "client_id"} <= asked.keys()
    assert {"nonce", "max_age"}.isdisjoint(asked)


def test_without_any_scope_none_is_asked_for(signing_in: FlowWith) -> None:
    assert "scope" not in query(signing_in(scopes=("openid",)))


def test_how_long_ago_somebody_signed_in_is_not_asked_where_nobody_can_check_it(signing_in: FlowWith) -> None:
    with pytest.raises(InvalidRequest, match="cannot say how long ago"):
        signing_in().begin(Wish(max_age=60))


@pytest.mark.parametrize(
    ("preset", "prompt", "asked"),
    [
        ("github", "login", "select_account"),
        ("github", "select_account", "select_account"),
        ("github", "none", ""),
        ("github", "consent", ""),
        (None, "login", "login"),
        (None, "none", "none"),
    ],
)
def test_a_prompt_is_put_as_the_product_knows_it(
    signing_in: FlowWith, preset: str | None, prompt: str, asked: str
) -> None:
    assert query(signing_in(preset=preset), Wish(prompt=prompt)).get("prompt", "") == asked


def test_a_hint_is_github_s_login(signing_in: FlowWith) -> None:
    github, other = query(signing_in(), Wish(login_hint="bob")), query(signing_in(preset=None), Wish(login_hint="bob"))

    assert (github.get("login"), github.get("login_hint")) == ("bob", None)
    assert (other.get("login"), other.get("login_hint")) == (None, "bob")


def test_a_token_answer_may_be_a_form(forge: Forge, signing_in: FlowWith) -> None:
    forge.always_form = True

    assert sign_in(signing_in()).subject == "583231"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"access_token=a&access_token=b&token_type=bearer", "says something twice"),
        (b"access_token", "is not a form"),
        (b"&".join(b"a%d=b" % n for n in range(60)), "is not a form"),
        (b"access_token=\xff", "is not a form"),
        (b"token_type=bearer", "has no access token"),
        (b"access_token=a", "is not of type Bearer"),
        (b"access_token=a%0d%0aX-Evil:+1&token_type=bearer", "has no access token"),
    ],
)
def test_a_form_that_is_none_is_refused(forge: Forge, signing_in: FlowWith, body: bytes, sentence: str) -> None:
    forge.raw["/login/oauth/access_token"] = Raw(
        headers={"Content-Type": "application/x-www-form-urlencoded"}, pieces=(body,)
    )

    with pytest.raises(ProviderFailed, match=sentence):
        sign_in(signing_in())
    assert "/api/user" not in forge.paths()


def test_an_error_with_the_status_200_is_one(forge: Forge, signing_in: FlowWith) -> None:
    for said, kind, sentence in (
        ("bad_verification_code", InvalidRequest, "begin again"),
        ("incorrect_client_credentials", ProviderFailed, "client_id or client_secret"),
        ("redirect_uri_mismatch", ProviderFailed, "redirect URI is not registered"),
        ("<script>", ProviderFailed, "answered with an error"),
    ):
        # Even beside a token: who says both is not to be believed.
        forge.token = with_(error=said)
        with pytest.raises(kind, match=sentence) as refused:
            sign_in(signing_in())
        assert said not in str(refused.value)


def test_an_id_token_that_came_along_is_not_kept(forge: Forge, signing_in: FlowWith) -> None:
    """Nobody verified it: it must not become the hint of a sign-out, and no credential either."""
    forge.token = with_(id_token="a.b.c")

    assert sign_in(signing_in()).id_token == ""


# Who it is


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        (1, "1"),
        ("1", "1"),
        (10769150350006150715113082367, "10769150350006150715113082367"),
        ("01", "01"),
        ("u-ser", "u-ser"),
    ],
)
def test_a_subject_is_text_exactly(forge: Forge, signing_in: FlowWith, value: object, subject: str) -> None:
    forge.user = with_(id=value)

    assert sign_in(signing_in()).subject == subject


@pytest.mark.parametrize(
    "value",
    [True, False, 0, -1, 1.0, 583231.0, 1e30, "", " 1", "1\n", "ä", "x" * 256, [1], ["1"], {"id": 1}, "1\u0000"],
)
def test_what_is_no_subject_is_nobody(forge: Forge, signing_in: FlowWith, value: object) -> None:
    """Subject type confusion: true is not 1, and neither is 1.0."""
    forge.user = with_(id=value)

    with pytest.raises(ProviderFailed, match=r"id in its userinfo .* cannot say who it is \(subject_claim\)"):
        sign_in(signing_in())


@pytest.mark.parametrize("tamper", [without("id"), with_(id=None)])
def test_a_missing_subject_names_what_is_missing(
    forge: Forge, signing_in: FlowWith, tamper: Callable[[Document], Document]
) -> None:
    forge.user = tamper

    with pytest.raises(ProviderFailed, match=r"its userinfo has no id, which is to say who it is \(subject_claim\)"):
        sign_in(signing_in())


def test_the_subject_is_sub_unless_told_otherwise(forge: Forge, signing_in: FlowWith) -> None:
    forge.user = with_(sub="u-1")

    assert sign_in(signing_in(subject_claim="sub", preset=None)).subject == "u-1"
    forge.user = without("sub")
    with pytest.raises(ProviderFailed, match="has no sub"):
        sign_in(signing_in(subject_claim="sub", preset=None))


def test_userinfo_cannot_say_what_only_an_id_token_can(forge: Forge, signing_in: FlowWith) -> None:
    """Somebody who writes their own profile is not another issuer's subject, and has no session of that id."""
    forge.user = with_(iss="https://corp.example", sub="admin", sid="session-1", auth_time=1, aud="x", events={})
    person = sign_in(signing_in())

    assert (person.subject, person.sid, person.auth_time) == ("583231", "", None)
    assert person.claims["sub"] == "583231"
    assert person.claims["iss"] == person.issuer
    assert {"aud", "sid", "auth_time", "events"}.isdisjoint(person.claims)


# Attacks on the way


def test_a_code_of_another_browser_is_worth_nothing(forge: Forge, signing_in: FlowWith) -> None:
    """Code injection: PKCE binds it to the attempt that it was asked for in."""
    flow = signing_in()
    stolen = forge.answer_to(flow.begin().url)["code"]

    with pytest.raises(InvalidRequest, match="does not take this code"):
        sign_in(flow, code=stolen)


def test_a_code_of_another_provider_is_never_redeemed(forge: Forge, signing_in: FlowWith, clock: Clock) -> None:
    """Issuer mix-up: two providers of OAuth 2.0 without an issuer are told apart by the one that is made for them."""
    one, two = signing_in(), signing_in(name="other")
    request = one.begin()
    params = forge.answer_to(request.url)

    with pytest.raises(InvalidRequest, match="for a sign-in at another provider"):
        finish(two.provider, request.attempt, params, clock())
    assert one.provider.issuer != two.provider.issuer
    assert forge.paths() == []


def test_an_attempt_does_not_survive_that_another_place_answers(signing_in: FlowWith, clock: Clock) -> None:
    """The same table, and since a restart another userinfo endpoint behind it."""
    request = signing_in().begin()
    moved = signing_in(userinfo_endpoint="http://127.0.0.1:9/api/user")

    with pytest.raises(InvalidRequest, match="for a sign-in at another provider"):
        finish(moved.provider, request.attempt, {"state": request.attempt.state, "code": "c"}, clock())


@pytest.mark.parametrize("iss", ["https://evil.example", "", "https://github.com"])
def test_rfc_9207_an_answer_of_another_issuer_is_refused(forge: Forge, signing_in: FlowWith, iss: str) -> None:
    with pytest.raises(InvalidRequest, match="is not from forge"):
        sign_in(signing_in(issuer="https://github.com/login/oauth"), iss=iss)
    assert forge.paths() == []


def test_rfc_9207_the_configured_issuer_is_the_one_in_the_answer(forge: Forge, signing_in: FlowWith) -> None:
    forge.iss = "https://github.com/login/oauth"

    assert sign_in(signing_in(issuer=forge.iss)).issuer == forge.iss
    with pytest.raises(InvalidRequest, match="so issuer has to be configured"):
        sign_in(signing_in())


@pytest.mark.parametrize("state", ["", "other"])
def test_a_state_that_is_not_ours_is_refused(forge: Forge, signing_in: FlowWith, state: str) -> None:
    with pytest.raises(InvalidRequest, match="was begun in this browser"):
        sign_in(signing_in(), state=state)
    assert forge.paths() == []


@pytest.mark.parametrize("path", ["/api/user", "/api/user/emails", "/login/oauth/access_token"])
def test_an_access_token_goes_to_no_other_host(forge: Forge, signing_in: FlowWith, path: str) -> None:
    with running_forge() as evil:
        forge.raw[path] = Raw(status=307, headers={"Location": f"{evil.at}{path}"}, pieces=(b"",))
        try:
            person = sign_in(signing_in())
            assert not person.email_verified  # without the addresses it goes on, and believes none
        except ProviderFailed as failure:
            assert "redirect" in str(failure)  # noqa: PT017 - the one path goes on, the others fail
        assert evil.asked == []


def test_pages_are_counted_here_and_no_address_is_followed(forge: Forge, signing_in: FlowWith) -> None:
    with running_forge() as evil:
        body = b'[{"email": "a@b.example", "primary": true, "verified": true}]'
        link = {"Content-Type": "application/json", "Link": f'<{evil.at}/api/user/emails?page=2>; rel="next"'}
        forge.raw["/api/user/emails"] = Raw(headers=link, pieces=(body,))

        assert sign_in(signing_in()).email == "a@b.example"
        assert evil.asked == []


def test_the_secret_and_the_token_are_where_they_belong(forge: Forge, signing_in: FlowWith) -> None:
    sign_in(signing_in())

    for asked in forge.asked:
        is_token = asked.path == "/login/oauth/access_token"
        assert (CLIENT_SECRET in str(asked)) == is_token
        assert asked.headers.get("Authorization", "").startswith("Bearer gho_") != is_token


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (Raw(pieces=(b"{" + b" " * (1 << 20) + b"}",)), "over 1 MiB"),
        (Raw(status=401), "the userinfo answered 401"),
        (Raw(status=500), "the userinfo answered 500"),
        (Raw(pieces=(b'{"id": 1, "id": 2}',)), "is not JSON"),
        (Raw(pieces=(b"[" * 5000,)), "is not JSON"),
        (Raw(pieces=(b"[]",)), "is not a JSON object"),
        (Raw(headers={"Content-Type": "application/jwt"}, pieces=(b"a.b.c",)), 'is signed, which takes protocol = "oidc"'),
    ],
)  # fmt: skip
def test_a_userinfo_that_is_none_signs_nobody_in(forge: Forge, signing_in: FlowWith, raw: Raw, sentence: str) -> None:
    forge.raw["/api/user"] = raw

    with pytest.raises(ProviderFailed, match=sentence):
        sign_in(signing_in())


def test_a_slow_userinfo_is_given_up(clock: Clock) -> None:
    """One byte now and then is no answer: the bound is on the whole of it."""
    with running_provider() as op:
        flow = Flow(
            op,
            clock,
            protocol="oauth2",
            authorization_endpoint=f"{op.issuer}/authorize",
            token_endpoint=f"{op.issuer}/token",
            userinfo_endpoint=f"{op.issuer}/userinfo",
            http_timeout=timedelta(milliseconds=500),
        )
        op.tamper.raw["/userinfo"] = Raw(pieces=(b" ",) * 40, pause=0.1)
        with pytest.raises(ProviderFailed, match=r"no answer within 0.5 s when asked for the userinfo"):
            flow.sign_in()
        op.tamper.raw.clear()

        assert flow.sign_in().subject == op.people["bob"].sub  # the same provider, without its ID token


# What the claims are good for


def test_userinfo_claims_are_claims_like_any_other(forge: Forge, signing_in: FlowWith) -> None:
    forge.user = with_(mail="octo@acme.example", realm={"roles": ["analyst"]}, staff=["a", "b"])
    flow = signing_in(
        preset=None,
        username_claim="mail",
        groups_claim="staff",
        allowed_groups=("b",),
        claims_map={"roles": ClaimRule("$.realm.roles")},
    )
    person = sign_in(flow)

    assert (person.username, person.groups) == ("octo@acme.example", ("a", "b"))
    assert read_roles(person.claims, flow.provider.settings).names == ("analyst",)
    with pytest.raises(Forbidden, match="no group that may enter"):
        sign_in(signing_in(preset=None, groups_claim="staff", allowed_groups=("c",)))


@pytest.mark.parametrize(
    ("verified", "enters"), [(True, True), (False, False), ("true", False), (1, False), (None, False)]
)
def test_an_email_that_userinfo_does_not_call_verified_opens_nothing(
    forge: Forge, signing_in: FlowWith, verified: object, enters: bool
) -> None:
    forge.user = with_(email="octo@acme.example", email_verified=verified)
    flow = signing_in(preset=None, allowed_domains=("acme.example",))

    if enters:
        assert sign_in(flow).email_verified
    else:
        with pytest.raises(Forbidden, match="no verified e-mail domain"):
            sign_in(flow)


def test_a_re_read_asks_the_userinfo_and_is_about_them_or_about_nobody(
    forge: Forge, signing_in: FlowWith, clock: Clock
) -> None:
    """With the access token of a refresh grant; userinfo of another subject takes nothing away and gives nothing."""
    flow = signing_in()
    request = flow.begin()
    params = forge.answer_to(request.url)
    tokens = vouch(flow.provider, request.attempt, params, clock()).tokens

    assert ask_again(flow.provider, tokens, "583231", clock())["login"] == "octocat"
    with pytest.raises(NotAboutThem):
        ask_again(flow.provider, tokens, "583232", clock())
    forge.raw["/api/user/emails"] = Raw(status=500)
    with pytest.raises(ProviderFailed, match="e-mail addresses"):
        ask_again(flow.provider, tokens, "583231", clock())


# What does not apply


def test_there_are_no_id_tokens_of_such_a_provider(signing_in: FlowWith) -> None:
    with pytest.raises(InvalidToken) as refused:
        signing_in().provider.verify_id_token("a.b.c")
    assert refused.value.detail == "forge signs people in by OAuth 2.0, which has no ID tokens"


def test_the_endpoints_may_come_by_rfc_8414(forge: Forge, clock: Clock) -> None:
    issuer = f"{forge.at}/tenant"
    document: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": f"{forge.at}/login/oauth/authorize",
        "token_endpoint": f"{forge.at}/login/oauth/access_token",
        "authorization_response_iss_parameter_supported": True,
    }
    forge.raw["/tenant/.well-known/openid-configuration"] = Raw(status=404)
    forge.raw["/.well-known/oauth-authorization-server/tenant"] = Raw(
        pieces=(str(document).replace("'", '"').replace("True", "true").encode(),)
    )
    settings = forge.settings(issuer=issuer, authorization_endpoint=None, token_endpoint=None)
    provider = Provider(settings, clock)

    assert provider.metadata().token_endpoint == document["token_endpoint"]
    assert provider.metadata().iss_parameter
    with pytest.raises(ProviderFailed, match="has no userinfo_endpoint"):
        Provider(forge.settings(issuer=issuer, token_endpoint=None, userinfo_endpoint=None), clock).metadata()
