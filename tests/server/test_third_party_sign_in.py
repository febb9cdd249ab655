"""A sign-in that another site asks for (OpenID Connect Core 4), several tabs, and what reaches the provider."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.sso.attempts import MOST_AT_ONCE, MOST_CHARACTERS
from tests.conftest import ADMIN_PASSWORD, OpenGate
from tests.dice import FakeDice
from tests.server.conftest import InProcess
from tests.server.elsewhere import HERE, OURS, is_signed_in, query_of, settings_with
from tests.sso.provider_in_process import InProcessProvider, running_provider, with_, without

LOGIN = "/oauth/op/login"
FOREIGN = {"Origin": "https://portal.example", "Sec-Fetch-Site": "cross-site"}
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    f"{HERE}.evil.example/",
    f"{HERE}@evil.example/",
    f"{HERE}:8421/",
    f"{HERE}\\@evil.example/",
    f"{HERE}//evil.example/",
    f"{HERE}/\\evil.example/",
    f"{HERE}/%2f/evil.example",
    f"{HERE}/%5cevil.example",
    f"{HERE}/\t/evil.example",
    f"{HERE}/..//evil.example",
    f"{HERE}/@evil.example",
    f" {HERE}/tokens",
    f"\t{HERE}/tokens",
    HERE.upper() + "/tokens",
    "http://127.1:8420/tokens",
    "http://localhost:8420/tokens",
    "https://127.0.0.1:8420/tokens",
    "http://user@127.0.0.1:8420/tokens",
    "/tokens",
    "tokens",
    "javascript:alert(1)",
    "data:text/html,x",
    f"{HERE}/{'a' * 3000}",
    "",
)


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    return open_gate(settings_with(gate_url, op.settings()))


@pytest.fixture
def browser(gate: Gatepost, in_process: InProcess) -> TestClient:
    return in_process(gate)


def lands(browser: TestClient, op: InProcessProvider, started: str) -> str:
    """Finish the sign-in that was started, and return where the browser ends."""
    back = browser.get("/oauth/op/callback", params=op.answer_to(started))
    assert back.status_code == 303, back.text
    return back.headers["location"]


def test_by_get(browser: TestClient, op: InProcessProvider) -> None:
    asked = {"iss": op.issuer, "login_hint": "bob@example.org", "target_link_uri": f"{HERE}/collections?type=dataset"}

    started = browser.get(LOGIN, params=asked, headers={"Sec-Fetch-Site": "cross-site"})

    assert started.status_code == 303
    assert query_of(started.headers["location"])["login_hint"] == "bob@example.org"
    assert lands(browser, op, started.headers["location"]) == "/collections?type=dataset"
    assert is_signed_in(browser)


def test_by_post(browser: TestClient, op: InProcessProvider) -> None:
    """It goes on with GET, to which the browser sends its cookies: that it was signed out of before still counts."""
    browser.cookies.set("gp_ask_again", "1")
    asked = {"iss": op.issuer, "login_hint": "bob", "target_link_uri": f"{HERE}/tokens", "link": "true", "try": "true"}

    taken = browser.post(LOGIN, data=asked, headers=FOREIGN)

    assert taken.status_code == 303
    assert "set-cookie" not in taken.headers
    address = taken.headers["location"]
    assert address.startswith(f"{HERE}{LOGIN}?")
    assert query_of(address) == {"iss": op.issuer, "login_hint": "bob", "target_link_uri": f"{HERE}/tokens"}
    started = browser.get(address)
    assert query_of(started.headers["location"])["prompt"] == "login"
    assert lands(browser, op, started.headers["location"]) == "/tokens"


def test_the_issuer_has_to_be_this_providers(browser: TestClient, op: InProcessProvider) -> None:
    """Section 4: an identifier that the relying party knows; else any site could choose where people are sent."""
    for issuer in ("https://evil.example", f"{op.issuer}/", op.issuer.upper(), "", f"{op.issuer}@evil.example"):
        by_get = browser.get(LOGIN, params={"iss": issuer, "target_link_uri": f"{HERE}/tokens"})
        assert by_get.status_code == 400, issuer
        assert "set-cookie" not in by_get.headers
    for asked in (f"iss={op.issuer}&iss={op.issuer}", f"target_link_uri={HERE}/tokens"):
        assert browser.get(f"{LOGIN}?{asked}").status_code == 400, asked
    form = {"Content-Type": "application/x-www-form-urlencoded", **FOREIGN}
    for body in (b"", b"login_hint=bob", f"iss={op.issuer}&iss=x".encode(), b"iss=" + b"x" * (40 << 10)):
        assert browser.post(LOGIN, content=body, headers=form).status_code in (400, 413)
    assert browser.post(LOGIN, json={"iss": op.issuer}, headers=FOREIGN).status_code == 400
    assert browser.post("/oauth/nobody/login", data={"iss": op.issuer}, headers=FOREIGN).status_code == 404


def test_the_target_is_on_this_server(browser: TestClient, op: InProcessProvider) -> None:
    """Section 4: `target_link_uri` is verified, to prevent being used as an open redirector."""
    for target in ELSEWHERE:
        started = browser.get(LOGIN, params={"iss": op.issuer, "target_link_uri": target, "next": "/users"})
        assert started.status_code == 303, target
        assert lands(browser, op, started.headers["location"]) == "/", target


@pytest.mark.parametrize(
    "of_our_own", [{"link": "true"}, {"try": "true"}, {"link": ""}, {"try": "true", "terminal": "1"}]
)
def test_another_site_asks_for_nothing_but_a_sign_in(
    browser: TestClient, op: InProcessProvider, of_our_own: dict[str, str]
) -> None:
    answer = browser.get(LOGIN, params={"iss": op.issuer, **of_our_own})
    if "" in of_our_own.values():
        assert answer.status_code == 303, "a parameter without a value is not there"
    else:
        assert answer.status_code == 400


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_linking_is_not_begun_by_another_site(browser: TestClient, op: InProcessProvider, site: str) -> None:
    """Signed in at the provider as the attacker, a link there would give the attacker a way into the account."""
    browser.post("/login", data={"username": "admin", "password": ADMIN_PASSWORD}, headers=OURS)

    assert browser.get(f"{LOGIN}?link=true", headers={"Sec-Fetch-Site": site}).status_code == 403

    for own in ("same-origin", "none"):
        assert browser.get(f"{LOGIN}?link=true", headers={"Sec-Fetch-Site": own}).status_code == 303


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ("", 403),
        ("https://evil.example/", 403),
        ("http://127.0.0.1:8420.evil.example/", 403),
        ("http://127.0.0.1:8420@evil.example/", 403),
        ("http://127.0.0.1:8420", 403),
        ("http://127.0.0.1:8420/account", 303),
    ],
)
def test_a_browser_that_does_not_say_whose_site_it_was_says_which_page(
    browser: TestClient, page: str, status: int
) -> None:
    """Old browsers do not say it, and none does over plain http: there a link on any site began it."""
    browser.post("/login", data={"username": "admin", "password": ADMIN_PASSWORD}, headers=OURS)

    headers = {"Referer": page} if page else {}
    assert browser.get(f"{LOGIN}?link=true", headers=headers).status_code == status


def test_what_is_wished_reaches_the_provider(browser: TestClient, op: InProcessProvider) -> None:
    started = browser.get(LOGIN, params={"prompt": "consent", "login_hint": "bob", "max_age": "60"})
    asked = query_of(started.headers["location"])
    assert (asked["prompt"], asked["login_hint"], asked["max_age"]) == ("consent", "bob", "60")
    for bad in ("-1", "x", "1.5", "1e3", "\u0661", "9" * 11):
        assert browser.get(LOGIN, params={"max_age": bad}).status_code == 400, bad
    for twice in ("max_age=1&max_age=2", "next=/a&next=/b", "prompt=none&prompt=login"):
        assert browser.get(f"{LOGIN}?{twice}").status_code == 400, twice


def test_max_age_holds_on_return(browser: TestClient, op: InProcessProvider, dice: FakeDice) -> None:
    """OpenID Connect Core 3.1.2.1: the provider may ignore it, or strip it from the address on the way."""
    for claims, status in (
        (with_(auth_time=int(dice.clock()) - 100), 303),
        (with_(auth_time=int(dice.clock()) - 200), 502),
        (without("auth_time"), 502),
    ):
        started = browser.get(LOGIN, params={"max_age": "100"}).headers["location"]
        op.tamper.claims = claims
        assert browser.get("/oauth/op/callback", params=op.answer_to(started)).status_code == status


def test_a_silent_sign_in_that_is_refused_offers_to_begin_again(browser: TestClient, op: InProcessProvider) -> None:
    started = browser.get(LOGIN, params={"prompt": "none", "next": "/collections"}).headers["location"]
    assert query_of(started)["prompt"] == "none"
    op.tamper.redirect = lambda answer: {"error": "login_required", "state": answer["state"], "iss": op.issuer}

    answer = browser.get("/oauth/op/callback", params=op.answer_to(started))

    assert answer.status_code == 403
    assert "You are not signed in" in answer.text
    assert "it wants you to sign in there first" in answer.text
    assert 'href="/oauth/op/login?next=%2Fcollections"' in answer.text


def test_tabs_at_once_end_where_each_began(browser: TestClient, op: InProcessProvider) -> None:
    tabs = {f"/tab/{n}": browser.get(LOGIN, params={"next": f"/tab/{n}"}).headers["location"] for n in range(6)}
    with ThreadPoolExecutor(3) as pool:
        landed = dict(zip(tabs, pool.map(lambda started: lands(browser, op, started), tabs.values()), strict=True))
    assert landed == {path: path for path in tabs}


def test_old_attempts_do_not_pile_up(browser: TestClient, op: InProcessProvider, dice: FakeDice) -> None:
    """Nobody fills a browser with cookies until a proxy refuses what it sends; the newest tabs go on."""
    tabs = []
    for n in range(3 * MOST_AT_ONCE):
        dice.advance(timedelta(seconds=1))
        tabs.append(browser.get(LOGIN, params={"next": f"/tab/{n}"}).headers["location"])
    assert len(attempts(browser)) <= MOST_AT_ONCE
    assert sum(map(len, attempts(browser).values())) <= MOST_CHARACTERS
    assert browser.get("/oauth/op/callback", params=op.answer_to(tabs[0])).status_code == 400
    assert lands(browser, op, tabs[-1]) == f"/tab/{len(tabs) - 1}"

    for _ in range(6):
        dice.advance(timedelta(seconds=1))
        browser.get(LOGIN, params={"next": "/" + "a" * 2000})
    assert sum(map(len, attempts(browser).values())) <= MOST_CHARACTERS
    assert len(attempts(browser)) >= 1

    browser.cookies.set("gp_login_planted", "nokey.AAAA")
    dice.advance(timedelta(minutes=10))
    over = set(attempts(browser)) | {"gp_login_planted"}
    gone = {line.partition("=")[0] for line in browser.get(LOGIN).headers.get_list("set-cookie") if "Max-Age=0" in line}
    assert gone == over, "what is over, and what was never ours, goes with the next one"


def attempts(browser: TestClient) -> dict[str, str]:
    return {name: value for name, value in browser.cookies.items() if name.startswith("gp_login_")}
