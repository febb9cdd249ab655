"""Answers as a form (OAuth 2.0 Form Post Response Mode, design rule 7): parked without a cookie, judged with one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from httpx2 import Response
from sqlalchemy import func, select
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.store import tables
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.server.conftest import InProcess
from tests.server.elsewhere import HERE, is_signed_in, settings_with
from tests.sso.provider_in_process import InProcessProvider, running_provider

CALLBACK = "/oauth/op/callback"


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        yield provider


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> Gatepost:
    other = op.settings(name="other", response_mode="form_post", client_id="other")
    return open_gate(settings_with(gate_url, op.settings(response_mode="form_post"), other))


@pytest.fixture
def browser(gate: Gatepost, in_process: InProcess) -> TestClient:
    return in_process(gate)


def begin(browser: TestClient, path: str = "/oauth/op/login") -> str:
    answer = browser.get(path)
    assert answer.status_code == 303, answer.text
    assert "response_mode=form_post" in answer.headers["location"]
    return answer.headers["location"]


def post(browser: TestClient, fields: object, **headers: str) -> Response:
    """Post as the provider's page does: from another site, and so without a cookie that is Lax."""
    kept = dict(browser.cookies.items())
    browser.cookies.clear()
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()  # type: ignore[arg-type]
    foreign = {"Origin": "http://localhost:1", "Sec-Fetch-Site": "cross-site"}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = browser.post(CALLBACK, content=body, headers={**foreign, **kind, **headers})
    browser.cookies.update(kept)
    return answer


def parked(browser: TestClient, op: InProcessProvider, path: str = "/oauth/op/login") -> str:
    """Begin, approve, and return the address where the browser is sent after the post."""
    answer = post(browser, op.answer_to(begin(browser, path)))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_the_answer_is_parked_and_then_judged(browser: TestClient, op: InProcessProvider) -> None:
    params = op.answer_to(begin(browser, "/oauth/op/login?next=/collections"))

    taken = post(browser, params)

    assert taken.status_code == 303
    assert "set-cookie" not in taken.headers
    assert taken.headers["cache-control"] == "no-store"
    address = taken.headers["location"]
    assert address.startswith(f"{CALLBACK}?parked=")
    assert op.requests["/token"] == 0, "nothing is asked of the provider before the state is checked"
    for secret in (params["code"], params["state"]):
        assert secret not in address + taken.text
    back = browser.get(address)
    assert (back.status_code, back.headers["location"]) == (303, "/collections")
    assert is_signed_in(browser)


def test_a_handle_serves_once(browser: TestClient, op: InProcessProvider) -> None:
    """Also in a browser that kept the attempt's cookie."""
    address = parked(browser, op)
    kept = dict(browser.cookies.items())
    assert browser.get(address).status_code == 303
    browser.cookies.clear()
    browser.cookies.update(kept)

    again = browser.get(address)

    assert again.status_code == 400
    assert "finished already" in again.text
    assert op.requests["/token"] == 1


def test_a_handle_in_another_browser_opens_nothing(
    gate: Gatepost, browser: TestClient, op: InProcessProvider, in_process: InProcess
) -> None:
    """Login fixation: an attacker's answer, finished in the victim's browser; and it stays good for its own."""
    address, victim = parked(browser, op), in_process(gate)
    begin(victim)

    refused = victim.get(address)

    assert refused.status_code == 400
    assert "set-cookie" not in refused.headers
    assert not is_signed_in(victim)
    assert op.requests["/token"] == 0
    assert browser.get(address).status_code == 303


def test_a_handle_is_good_for_a_minute(browser: TestClient, op: InProcessProvider, dice: FakeDice) -> None:
    early, late = parked(browser, op), parked(browser, op)
    dice.advance(timedelta(seconds=59))
    assert browser.get(early).status_code == 303
    dice.advance(timedelta(seconds=1))
    assert browser.get(late).status_code == 400


def test_no_other_handle_is_taken(gate: Gatepost, browser: TestClient, op: InProcessProvider) -> None:
    address = parked(browser, op)
    handle = address.partition("parked=")[2]
    attempt = next(value for name, value in browser.cookies.items() if name.startswith("gp_login_"))
    for bad in (
        f"{CALLBACK}?parked={handle[:-4]}AAAA",
        f"{CALLBACK}?parked={handle}&parked={handle}",
        f"{CALLBACK}?parked=",
        f"{CALLBACK}?parked=nokey.AAAA",
        f"{CALLBACK}?parked={attempt}",
        f"/oauth/other/callback?parked={handle}",
        CALLBACK,
    ):
        answer = browser.get(bad)
        assert answer.status_code == 400, bad
        assert not is_signed_in(browser)
    assert browser.get(address).status_code == 303


def test_nothing_is_kept_of_answers_that_nobody_collects(gate: Gatepost, browser: TestClient) -> None:
    """Whoever posts and posts fills neither the memory nor the database."""
    before = [_rows(gate, name) for name in sorted(tables.metadata.tables)]

    for n in range(200):
        assert post(browser, {"code": f"code-{n}", "state": "x" * 43}).status_code == 303
    gate.journal.flush()

    assert [_rows(gate, name) for name in sorted(tables.metadata.tables)] == before


def _rows(gate: Gatepost, name: str) -> int:
    with gate.database.read() as connection:
        count: int = connection.execute(select(func.count()).select_from(tables.metadata.tables[name])).scalar_one()
        return count


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"state=a&code=" + b"x" * (33 << 10), "", 413),
        (b"state=a&code=" + b"x" * (1 << 20), "", 413),
        (b"state=a&code=" + b"x" * 7000, "", 400),
        (b"state=a&code=" + b"x" * 9000, "", 400),
        (b"state=a&code=b&code=c", "", 400),
        (b"state=a&state=a&code=b", "", 400),
        (b"state=a", "", 400),
        (b"code=a", "", 400),
        (b"", "", 400),
        (b"&".join(b"a%d=b" % n for n in range(40)), "", 400),
        (b"state=a&code=%ff", "", 400),
        (b"state=a&code=\xff", "", 400),
        (b'{"state": "a", "code": "b"}', "application/json", 400),
        (b"state=a&code=b", "text/plain", 400),
        (b"state=a&code=b", "multipart/form-data; boundary=x", 400),
        (b"state=a&code=b", "application/x-www-form-urlencodedx", 400),
        (b"state=a&code=b", "Application/X-WWW-Form-Urlencoded; charset=UTF-8", 303),
    ],
)
def test_what_is_no_answer_is_refused_at_once(browser: TestClient, body: bytes, kind: str, status: int) -> None:
    answer = post(browser, body, **({"Content-Type": kind} if kind else {}))
    assert answer.status_code == status, answer.text


def test_nothing_of_the_answer_is_reflected(
    browser: TestClient, op: InProcessProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gatepost")
    begin(browser)
    marked = {"state": "m4rked-state", "code": "m4rked-code", "iss": "https://m4rked.example", "error_uri": "m4rked"}
    taken = post(browser, marked)
    refused = browser.get(taken.headers["location"])
    assert refused.status_code == 400
    twice = post(browser, b"state=m4rked-state&code=m4rked-code&code=m4rked-code")
    assert twice.status_code == 400
    said = taken.headers["location"] + taken.text + refused.text + twice.text + caplog.text
    assert "m4rked" not in said


def test_an_error_comes_as_a_form_too(browser: TestClient, op: InProcessProvider) -> None:
    op.tamper.redirect = lambda answer: {
        "error": "access_denied",
        "error_description": "<script>alert(1)</script>" * 40,
        "state": answer["state"],
        "iss": op.issuer,
    }
    answer = browser.get(parked(browser, op, "/oauth/op/login?next=/tokens"))

    assert answer.status_code == 403
    assert "refused or cancelled" in answer.text
    assert "alert(1)" not in answer.text
    assert 'href="/oauth/op/login?next=%2Ftokens"' in answer.text


def test_the_provider_answers_as_it_was_asked_to(
    open_gate: OpenGate, sqlite_url: str, in_process: InProcess, browser: TestClient, op: InProcessProvider
) -> None:
    """What was to be kept out of addresses is not taken from one; and what was asked for in one comes in no form."""
    params = op.answer_to(begin(browser))
    refused = browser.get(CALLBACK, params=params)
    assert refused.status_code == 400
    assert "form_post" in refused.text
    assert params["code"] not in refused.text

    by_address = in_process(open_gate(settings_with(f"{sqlite_url}-2", op.settings())))
    params = op.answer_to(by_address.get("/oauth/op/login").headers["location"])
    assert post(by_address, params).status_code == 400
    assert op.requests["/token"] == 0
    assert by_address.get(CALLBACK, params=params).status_code == 303, "the attempt is not spent by that"


@pytest.mark.parametrize("origin", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {}])
def test_the_guard_lets_these_two_posts_through_and_nothing_more(browser: TestClient, origin: dict[str, str]) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", **origin}
    let_through = {CALLBACK: "state=a&code=b", "/oauth/op/login": "iss=x"}
    for path, body in let_through.items():
        assert browser.post(path, content=body, headers=form).status_code in (303, 400), path
    for path in (
        "/login",
        "/login/local",
        "/oauth/op",
        "/oauth/op/",
        "/oauth/op/callback/",
        "/oauth/op/callback/x",
        "/oauth//op/callback",
        "/oauth/callback",
        "/oauth/op/signed-out",
        "/oauth/op/x/login",
    ):
        assert browser.post(path, content="state=a&code=b", headers=form).status_code == 403, path
    for method in ("PUT", "PATCH", "DELETE", "post", "Post"):
        assert browser.request(method, CALLBACK, content="state=a&code=b", headers=form).status_code in (303, 400, 403)
    for method in ("PUT", "PATCH", "DELETE"):
        assert browser.request(method, CALLBACK, content="state=a&code=b", headers=form).status_code == 403, method


def test_the_post_reads_no_cookie(browser: TestClient, op: InProcessProvider) -> None:
    """A bad session does not stop an answer, and a good one gives it nothing."""
    params = op.answer_to(begin(browser))
    answer = browser.post(CALLBACK, data=params, headers={"Cookie": "gp_session=gps_bad", "Origin": HERE})
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers
