"""Cookies that a sibling host tossed: beside the session's own, none of ours is read under a name that is not ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.server.cookies import sent
from tests.conftest import OpenGate, settings_for
from tests.server.conftest import InProcess
from tests.sso.provider_in_process import InProcessProvider

URL = "https://gatepost.example"


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    base = settings_for(gate_url)
    main = replace(base.main, public_url=URL, public_url_configured=True)
    return open_gate(replace(base, main=main, sso=replace(base.sso, providers=(op.settings(),))))


def begun(browser: TestClient) -> tuple[str, str]:
    """The address at the provider, and the cookie of the attempt."""
    answer = browser.get("/oauth/op/login")
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name.startswith("__Host-gp_login_")
    browser.cookies.clear()
    return answer.headers["location"], f"{name}={value}"


@pytest.mark.parametrize("mark", [b"", b"\xa0", b"\x85", b"\xe2\x80\x80"])
def test_an_attackers_attempt_signs_nobody_in(
    in_process: InProcess, gate: Gatepost, op: InProcessProvider, mark: bytes
) -> None:
    """The attacker's own sign-in, finished in the victim's browser: what they do there, the attacker sees."""
    browser = in_process(gate)
    away, cookie = begun(browser)

    answer = browser.get("/oauth/op/callback", params=op.answer_to(away), headers=[(b"cookie", mark + cookie.encode())])

    assert answer.status_code == (400 if mark else 303)
    assert ("__Host-gp_session" in answer.headers.get("set-cookie", "")) is not bool(mark)


def test_names_are_read_as_browsers_have_them() -> None:
    headers = [(b"cookie", b"a=1; \xa0b=2;\tc=3 ;d=4=5; e"), (b"cookie", b"f=6"), (b"x", b"g=7")]
    request = Request({"type": "http", "headers": headers})

    assert sent(request) == {"a": "1", "\xa0b": "2", "c": "3", "d": "4=5", "e": "", "f": "6"}
