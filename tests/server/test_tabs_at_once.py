"""Several tabs of one browser that come back from the provider at the same moment: one browser, one session.

The attack: nobody ends a session that no browser has the cookie of, so it is there to be taken for as long as sessions
last.  And the attacks on the remedy: whatever another person plants in a browser must not give them its session.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from gatepost.audit.trail import Filter, export_audit
from gatepost.gate import Gatepost
from gatepost.store import tables
from gatepost.tokens.secrets import SESSION_PREFIX
from tests.conftest import ADMIN, OpenGate
from tests.dice import FakeDice
from tests.server.calling import ok
from tests.server.conftest import InProcess
from tests.server.elsewhere import OURS, settings_with
from tests.sso.provider_in_process import InProcessProvider

s = tables.sessions


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    return open_gate(settings_with(gate_url, op.settings(scopes=("openid", "offline_access"), scopes_configured=True)))


def begun(browser: TestClient, count: int = 2) -> list[str]:
    """So many tabs, each at the provider; the browser holds the cookie of each."""
    return [browser.get("/oauth/op/login").headers["location"] for _ in range(count)]


def cookies_of(browser: TestClient) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


def back(client: TestClient, op: InProcessProvider, tab: str, cookies: dict[str, str], name: str = "bob") -> str:
    """Come back in one tab with the cookies that the browser had then; the session's cookie that it is given."""
    client.cookies.clear()
    answer: httpx2.Response = client.get("/oauth/op/callback", params=op.answer_to(tab, name), headers=cookies)
    assert answer.status_code == 303, answer.text
    return str(answer.cookies["gp_session"])


def open_sessions(gate: Gatepost) -> int:
    with gate.database.read() as connection:
        return len(connection.execute(select(s.c.id).where(s.c.ended_at.is_(None))).all())


def who(client: TestClient, secret: str) -> Any:
    client.cookies.clear()
    answer = client.get("/api/v1/me", headers={"Cookie": f"gp_session={secret}"})
    return answer.json()["username"] if answer.status_code == 200 else answer.status_code


def all_there_is(gate: Gatepost) -> str:
    gate.journal.flush()
    with gate.database.read() as connection:
        return "".join(repr(connection.execute(select(table)).all()) for table in tables.metadata.sorted_tables)


def test_tabs_that_come_back_at_once_share_a_session(
    gate: Gatepost, in_process: InProcess, op: InProcessProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = in_process(gate)
    tabs = begun(browser, 3)
    cookies = cookies_of(browser)

    clients = [in_process(gate) for _ in tabs]
    for client in clients:
        ok(client.get("/healthz"))  # the framework makes itself ready with the first request, and not on two threads

    with ThreadPoolExecutor(3) as pool:
        given = list(pool.map(lambda client, tab: back(client, op, tab, cookies), clients, tabs))

    assert len(set(given)) == 1
    assert open_sessions(gate) == 1
    assert who(browser, given[0]) == "bob"
    kept = repr(list(export_audit(gate, ADMIN, Filter()))) + all_there_is(gate) + caplog.text
    assert given[0] not in kept
    assert given[0].removeprefix(SESSION_PREFIX) not in kept
    # Signing out ends all there is.
    ok(browser.post("/api/v1/auth/logout", headers={**OURS, "Cookie": f"gp_session={given[0]}"}), 204)
    assert open_sessions(gate) == 0


def test_the_one_after_the_other_is_a_new_session_each_time(
    gate: Gatepost, in_process: InProcess, op: InProcessProvider
) -> None:
    """With the first one's cookie a sign-in is one of its own: a session's secret changes with who proves who they are."""
    browser = in_process(gate)
    first, second = begun(browser)
    cookies = cookies_of(browser)

    one = back(browser, op, first, cookies)
    two = back(browser, op, second, {"Cookie": f"{cookies['Cookie']}; gp_session={one}"})

    assert one != two
    assert (who(browser, one), who(browser, two)) == (401, "bob")
    assert open_sessions(gate) == 1


def test_somebody_else_in_the_same_browser_gets_a_session_of_their_own_and_ends_the_other(
    gate: Gatepost, in_process: InProcess, op: InProcessProvider
) -> None:
    browser = in_process(gate)
    first, second = begun(browser)
    cookies = cookies_of(browser)

    bobs = back(browser, op, first, cookies)
    carols = back(browser, op, second, cookies, "carol")

    assert (who(browser, bobs), who(browser, carols)) == (401, "carol")
    assert open_sessions(gate) == 1


@pytest.mark.parametrize("victim_first", [True, False])
def test_an_attempt_that_somebody_planted_gives_nobody_anothers_session(
    gate: Gatepost, in_process: InProcess, op: InProcessProvider, dice: FakeDice, victim_first: bool
) -> None:
    """Cookie tossing: carol puts an attempt of her own, older than any, beside bob's, and comes back with it herself."""
    hers, his = in_process(gate), in_process(gate)
    [planted] = begun(hers, 1)
    stolen = cookies_of(hers)
    dice.advance(timedelta(seconds=1))
    [tab] = begun(his, 1)
    his_cookies = {"Cookie": f"{cookies_of(his)['Cookie']}; {stolen['Cookie']}"}

    def bob() -> str:
        return back(his, op, tab, his_cookies)

    def carol() -> str:
        return back(hers, op, planted, stolen, "carol")

    bobs, carols = (bob(), carol()) if victim_first else (carol(), bob())[::-1]

    assert bobs != carols
    assert who(hers, carols) in ("carol", 401)
    assert who(his, bobs) in ("bob", 401)


def test_a_session_that_is_over_is_not_opened_again(
    gate: Gatepost, in_process: InProcess, op: InProcessProvider
) -> None:
    """An attempt that was never finished is there for ten minutes: signing in twice beside it makes two sessions."""
    browser = in_process(gate)
    _, first, second = begun(browser, 3)
    cookies = cookies_of(browser)

    one = back(browser, op, first, cookies)
    ok(browser.post("/api/v1/auth/logout", headers={**OURS, "Cookie": f"gp_session={one}"}), 204)
    two = back(browser, op, second, cookies)

    assert one != two
    assert (who(browser, one), who(browser, two)) == (401, "bob")


def test_a_later_sign_in_beside_an_old_attempt_is_its_own(
    gate: Gatepost, in_process: InProcess, op: InProcessProvider, dice: FakeDice
) -> None:
    browser = in_process(gate)
    _, first, second = begun(browser, 3)
    cookies = cookies_of(browser)

    one = back(browser, op, first, cookies)
    dice.advance(timedelta(minutes=2))
    two = back(browser, op, second, cookies)

    assert one != two
    assert (who(browser, one), who(browser, two)) == (401, "bob")
