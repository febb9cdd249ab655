"""`gatepost provider try`: the result comes as a form to this computer's own port, and decides how the command ends."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gatepost.cli import dry_run
from gatepost.cli.loopback import Loopback
from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn

STATE = "s" * 43
PASSED = {
    "provider": "keycloak",
    "failed": None,
    "steps": [{"name": "answer", "about": "Its answer", "came": "passed", "said": ""}],
    "claims": [{"name": "sub", "value": '"123"', "source": "ID token"}],
    "username": "bob",
    "display_name": "Bob\u001b[2J",
    "account": "user:bob, which would be made",
    "groups": {"names": ["analysts"], "added": ["analysts"], "removed": [], "left_out": ["unknown"], "beyond_limit": 0},
    "roles": {"names": ["user"]},
    "notes": [],
}
FAILED = {**PASSED, "failed": "admission", "steps": [{"name": "admission", "came": "failed", "said": "no group"}]}

Press = Callable[[str], None]
OPTIONS = [{"name": name, "display_name": name, "login_url": "/"} for name in ("key cloak", "keycloak")]


@pytest.fixture(autouse=True)
def _two_providers(server: StandIn) -> None:
    server.answers["GET /auth/providers"] = (200, OPTIONS)


def send(port: int, target: str, body: str, method: str = "POST", host: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Host": host or f"127.0.0.1:{port}"}
    connection.request(method, target, body, kind)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[str]]:
    """Play the browser and the person: open the page, and send `result` to the terminal."""

    def prepare(result: object) -> list[str]:
        opened: list[str] = []

        def open_page(url: str) -> None:
            opened.append(url)
            asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
            body = urlencode({"result": result if isinstance(result, str) else json.dumps(result)})
            target = f"/callback?state={asked['terminal_state']}"
            Thread(target=send, args=(int(asked["terminal"]), target, body)).start()

        monkeypatch.setattr(dry_run, "open_in_browser", open_page)
        return opened

    return prepare


def test_the_result_is_shown(run: Run, server: StandIn, press: Callable[[object], list[str]]) -> None:
    opened = press(PASSED)

    result = run("provider", "try", "key cloak", "--browser", "--server", server.url)

    assert result.exit_code == 0, result.output
    assert opened[0].startswith(f"{server.url}/oauth/key%20cloak/login?try=true&terminal=")
    for shown in ("answer", "passed", "bob", "analysts", "unknown", "which would be made", "ID token"):
        assert shown in result.stdout
    assert "\x1b[2J" not in result.stdout, "what a provider says does not steer the terminal"
    assert opened[0] in result.stderr


def test_a_check_that_failed_is_a_finding(run: Run, server: StandIn, press: Callable[[object], list[str]]) -> None:
    press(FAILED)
    result = run("provider", "try", "keycloak", "--browser", "--server", server.url)
    assert result.exit_code == 1
    assert "no group" in result.stdout


@pytest.mark.parametrize(("sent", "code"), [(PASSED, 0), (FAILED, 1)])
def test_for_scripts_it_is_what_the_page_sent(
    run: Run, server: StandIn, press: Callable[[object], list[str]], sent: dict[str, Any], code: int
) -> None:
    press(sent)
    result = run("provider", "try", "keycloak", "--browser", "--json", "--server", server.url)
    assert json.loads(result.stdout) == sent
    assert result.exit_code == code


@pytest.mark.parametrize("sent", ["", "nonsense", "[]", "{}", '{"steps": 1}'])
def test_what_is_no_result_is_not_a_pass(
    run: Run, server: StandIn, press: Callable[[object], list[str]], sent: str
) -> None:
    press(sent)
    result = run("provider", "try", "keycloak", "--browser", "--server", server.url)
    assert result.exit_code == 2
    assert "no result of a dry run" in result.stderr


@pytest.mark.parametrize("browser", ["--browser", "--no-browser"])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(OPTIONS, "there is no provider keycloack: there are key cloak, keycloak", id="another name"),
        pytest.param([], "there is no provider keycloack: none is configured", id="none"),
    ],
)
def test_a_provider_that_is_not_there_is_one_sentence(
    run: Run, server: StandIn, press: Callable[[object], list[str]], options: object, says: str, browser: str
) -> None:
    """No address is printed that leads nowhere, and no browser opened at it."""
    opened = press(PASSED)
    server.answers["GET /auth/providers"] = (200, options)
    result = run("provider", "try", "keycloack", browser, "--server", server.url)
    assert (result.exit_code, result.stdout, opened) == (2, "", [])
    assert result.stderr == f"gatepost: {says}\n"


def test_a_server_that_is_not_gatepost_is_one_sentence(run: Run, server: StandIn) -> None:
    server.media_type = "text/html"
    server.answers["GET /auth/providers"] = (200, "<h1>It works!</h1>")
    for answers in (server.answers, {}):
        server.answers = dict(answers)
        result = run("provider", "try", "keycloak", "--no-browser", "--server", server.url)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert "Gatepost" in result.stderr


def test_other_pages_send_nothing_there() -> None:
    """Any page may post to a loopback port: it neither ends the dry run nor makes up its result."""
    body = urlencode({"result": json.dumps(FAILED)})
    with Loopback(STATE, method="POST") as loopback:
        port = int(loopback.netloc.rpartition(":")[2])
        for target, method, host, status in (
            ("/callback?state=wrong", "POST", "", 400),
            ("/callback", "POST", "", 400),
            (f"/callback?state={STATE}&state=x", "POST", "", 400),
            (f"/callback?state={STATE}", "POST", "evil.example", 404),
            (f"/other?state={STATE}", "POST", "", 404),
            (f"/callback?state={STATE}&result=x", "GET", "", 501),
        ):
            assert send(port, target, body, method, host) == status, target

        assert send(port, f"/callback?state={STATE}", urlencode({"result": json.dumps(PASSED)})) == 200

        assert dry_run.read_result(loopback.wait(5)) == PASSED
