"""Signing in elsewhere through the server, with the browser played by the test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.testclient import TestClient

from gatepost.settings import ProviderSettings, Settings, SsoSettings
from tests.conftest import settings_for
from tests.sso.provider_in_process import InProcessProvider, with_

HERE = "http://127.0.0.1:8420"
OURS = {"Origin": HERE}


def settings_with(url: str, *providers: ProviderSettings) -> Settings:
    return replace(settings_for(url), sso=SsoSettings(providers=providers))


def sign_in(browser: TestClient, op: InProcessProvider, name: str = "bob", **claims: Any) -> dict[str, str]:
    """Sign in at the provider `op`, and answer what the browser was sent there with.  `claims` go into the ID token."""
    begun = browser.get("/oauth/op/login")
    assert begun.status_code == 303, begun.text
    asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
    op.tamper.claims = with_(**claims)
    answer = browser.get("/oauth/op/callback", params=op.answer_to(begun.headers["location"], name))
    op.tamper.claims = with_()
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/"
    return asked


def is_signed_in(browser: TestClient) -> bool:
    answer = browser.get("/api/v1/me")
    return answer.status_code == 200 and answer.json()["kind"] == "user"


def query_of(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))
