"""Signing in at a certified OpenID provider that is not ours: node's oidc-provider."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from gatepost.errors import InvalidRequest
from gatepost.settings import ProviderSettings, Secret
from gatepost.sso.callback import finish, read_params
from gatepost.sso.login import Attempt, Wish, begin
from gatepost.sso.provider import Provider
from tests.peers.conftest import REDIRECT_URI

pytestmark = pytest.mark.peer


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def provider(issuer: str) -> Provider:
    settings = ProviderSettings(
        name="peer",
        issuer=issuer,
        client_id="gatepost",
        client_secret=Secret("a-secret-of-the-test-client-only"),
        groups_claim="groups",
    )
    return Provider(settings, now)


@pytest.fixture
def browser() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


def form(page: str) -> tuple[str, dict[str, str]]:
    """Read the address and the hidden fields of the form on a page of the provider."""
    action = re.search(r'<form[^>]*action="([^"]+)"', page)
    assert action, page[:500]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return action[1], dict(hidden)


def sign_in(browser: httpx2.Client, url: str, username: str) -> dict[str, str]:
    """Walk through the provider's pages as a person would, and return the parameters that come back to us."""
    response = browser.get(url)
    for _ in range(20):
        if response.is_redirect:
            target = urljoin(str(response.url), response.headers["location"])
            if target.startswith(REDIRECT_URI):
                return read_params(parse_qsl(urlsplit(target).query))
            response = browser.get(target)
        else:
            action, fields = form(response.text)
            filled = {**fields, "login": username, "password": "any"} if "password" in response.text else fields
            response = browser.post(urljoin(str(response.url), action), data=filled)
    raise AssertionError("the provider went round in circles")


def begun(provider: Provider) -> tuple[str, Attempt]:
    request = begin(provider, Wish(), redirect_uri=REDIRECT_URI, now=now(), random=os.urandom)
    return request.url, request.attempt


def test_a_person_signs_in_and_brings_name_email_and_groups(provider: Provider, browser: httpx2.Client) -> None:
    url, attempt = begun(provider)

    person = finish(provider, attempt, sign_in(browser, url, "alice"), now())

    assert (person.issuer, person.subject, person.username) == (provider.issuer, "alice", "alice")
    assert (person.email, person.email_verified, person.display_name) == ("alice@people.example", True, "Alice Example")
    assert person.groups == ("data-team", "staff")


def test_an_empty_groups_claim_is_not_an_absent_one(provider: Provider, browser: httpx2.Client) -> None:
    url, attempt = begun(provider)

    person = finish(provider, attempt, sign_in(browser, url, "bob"), now())

    assert person.groups == ()
    assert not person.email_verified


def test_a_code_is_good_for_one_sign_in(provider: Provider, browser: httpx2.Client) -> None:
    url, attempt = begun(provider)
    answer = sign_in(browser, url, "alice")
    finish(provider, attempt, answer, now())

    with pytest.raises(InvalidRequest):
        finish(provider, attempt, answer, now())


def test_an_answer_to_another_attempt_is_refused(provider: Provider, browser: httpx2.Client) -> None:
    """OpenID Connect Core 3.1.2.1: somebody else's answer signs nobody in, whichever part of it was exchanged."""
    url, _ = begun(provider)
    answer = sign_in(browser, url, "alice")
    _, other = begun(provider)

    with pytest.raises(InvalidRequest):
        finish(provider, other, answer, now())
    with pytest.raises(InvalidRequest):  # PKCE: the verifier of the other attempt does not redeem this code
        finish(provider, other, {**answer, "state": other.state}, now())


def test_an_answer_in_the_name_of_another_issuer_is_refused(provider: Provider, browser: httpx2.Client) -> None:
    """RFC 9207: the provider says that it sends `iss`, so an answer without it is refused too."""
    url, attempt = begun(provider)
    answer = sign_in(browser, url, "alice")

    with pytest.raises(InvalidRequest):
        finish(provider, attempt, {**answer, "iss": "https://evil.example"}, now())
    with pytest.raises(InvalidRequest):
        finish(provider, attempt, {name: value for name, value in answer.items() if name != "iss"}, now())
