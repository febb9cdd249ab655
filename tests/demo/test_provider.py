"""The demo's provider is a real one: its pages, its password, its session, its end."""

from __future__ import annotations

import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from gatepost.demo.provider import DemoClient, DemoProvider, ProviderAccount, start_provider
from gatepost.errors import Unavailable
from gatepost.settings import ProviderSettings, Secret
from gatepost.sso.callback import SignedIn, finish
from gatepost.sso.login import Wish, begin
from gatepost.sso.logout import end_session_url
from gatepost.sso.provider import Provider

pytest.importorskip("canaille", reason="the extra `demo` is not installed")

PUBLIC_URL = "http://127.0.0.1:8420"
CALLBACK = f"{PUBLIC_URL}/oauth/demo/callback"
SIGNED_OUT = f"{PUBLIC_URL}/oauth/demo/signed-out"
PASSWORD = "a good long password"
CLIENT = DemoClient(
    client_id="gatepost",
    client_secret="a:b/c",
    public_url=PUBLIC_URL,
    redirect_uris=(CALLBACK,),
    post_logout_redirect_uris=(SIGNED_OUT,),
)
ACCOUNTS = (
    ProviderAccount(
        username="bob",
        password=PASSWORD,
        given_name="Bob",
        family_name="Ross",
        email="bob@example.org",
        groups=("analysts",),
    ),
    ProviderAccount(username="zoe", password=PASSWORD, given_name="Zoë", family_name="Q", email="zoe@example.org"),
)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoProvider]:
    with start_provider(ACCOUNTS, client=CLIENT) as provider:
        yield provider


@pytest.fixture
def provider(demo: DemoProvider) -> Provider:
    settings = ProviderSettings(
        name="demo",
        issuer=demo.issuer,
        client_id=CLIENT.client_id,
        client_secret=Secret(CLIENT.client_secret),
        groups_claim="groups",
    )
    return Provider(settings, now)


@pytest.fixture
def browser() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False) as client:
        yield client


def follow(browser: httpx2.Client, url: str, fill: Callable[[httpx2.Response], dict[str, str]]) -> str:
    """Go on until Gatepost is reached, filling in each form on the way, and return the address there."""
    answer = browser.get(url)
    for _ in range(10):
        if answer.is_redirect:
            url = urljoin(str(answer.url), answer.headers["location"])
            if url.startswith(PUBLIC_URL):
                return url
            answer = browser.get(url)
        else:
            answer = browser.post(str(answer.url), data=fill(answer))
    raise AssertionError("the provider goes round in circles")


def fill_password(page: httpx2.Response) -> dict[str, str]:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    assert 'type="password"' in page.text
    return {"csrf_token": token[1], "password": PASSWORD}


def sign_in(provider: Provider, browser: httpx2.Client, name: str) -> SignedIn:
    request = begin(provider, Wish(login_hint=name), redirect_uri=CALLBACK, now=now(), random=secrets.token_bytes)
    url = follow(browser, request.url, fill_password)
    return finish(provider, request.attempt, dict(parse_qsl(urlsplit(url).query)), now())


def test_it_is_another_site_than_gatepost(demo: DemoProvider) -> None:
    assert urlsplit(demo.issuer).hostname == "localhost"


def test_a_person_of_the_demo_signs_in_with_the_password(provider: Provider, browser: httpx2.Client) -> None:
    """The name is filled in from `login_hint`; nothing but the password is asked."""
    person = sign_in(provider, browser, "bob")

    assert (person.username, person.display_name, person.groups) == ("bob", "Bob Ross", ("analysts",))
    assert (person.email, person.email_verified) == ("bob@example.org", True)


def test_somebody_without_groups_has_an_empty_list(provider: Provider, browser: httpx2.Client) -> None:
    """Trap 8: or the last membership would never end."""
    assert sign_in(provider, browser, "zoe").groups == ()


def test_one_browser_plays_several_people(provider: Provider, browser: httpx2.Client) -> None:
    assert sign_in(provider, browser, "bob").username == "bob"
    assert sign_in(provider, browser, "zoe").username == "zoe"


def test_signing_out_there_comes_back(provider: Provider, browser: httpx2.Client) -> None:
    person = sign_in(provider, browser, "bob")
    url = end_session_url(provider, id_token=person.id_token, return_to=SIGNED_OUT, state="abc")
    assert url is not None

    answer = browser.get(url)

    assert answer.headers["location"] == f"{SIGNED_OUT}?state=abc"


def test_a_wrong_password_signs_nobody_in(provider: Provider, browser: httpx2.Client) -> None:
    request = begin(provider, Wish(login_hint="bob"), redirect_uri=CALLBACK, now=now(), random=secrets.token_bytes)

    with pytest.raises(AssertionError, match="round in circles"):
        follow(browser, request.url, lambda page: {**fill_password(page), "password": "wrong"})


def test_it_stops_cleanly_and_frees_its_port() -> None:
    provider = start_provider(ACCOUNTS, client=CLIENT)
    port = urlsplit(provider.issuer).port
    assert port is not None
    assert provider.running

    provider.stop()
    provider.stop()

    assert not provider.running
    socket.create_server(("127.0.0.1", port)).close()


def test_it_ends_with_the_demo_however_that_ends() -> None:
    """Even `kill -9` leaves no provider behind."""
    script = (
        "from gatepost.demo.provider import *; import time\n"
        "client = DemoClient(client_id='a', client_secret='b', public_url='http://127.0.0.1', redirect_uris=())\n"
        "print(start_provider((), client=client).issuer, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    issuer = parent.stdout.readline().strip()
    assert httpx2.get(f"{issuer}/.well-known/openid-configuration").status_code == 200

    parent.kill()
    parent.wait()
    parent.stdout.close()

    for _ in range(100):
        try:
            httpx2.get(issuer)
        except httpx2.TransportError:
            return
        time.sleep(0.05)
    raise AssertionError("the provider outlived the demo")


def test_a_port_that_is_taken_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unavailable, match="what it printed"):
        start_provider(ACCOUNTS, client=CLIENT, port=taken.getsockname()[1])
    assert "Address already in use" in capfd.readouterr().err
