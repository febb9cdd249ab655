"""What the command line checks of a sign-in through the browser, against servers and pages that mean it ill."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from gatepost.cli import through_browser
from gatepost.cli.loopback import Loopback, _handler, answer_in
from gatepost.cli.through_browser import is_browser_likely, on_a_device
from gatepost.client import Client, Tokens, oauth2
from gatepost.client.errors import Misconfigured, Refused, SignInRefused
from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn

STATE = "s" * 43
TOKENS = {"access_token": "a1", "refresh_token": "r1", "token_type": "Bearer", "expires_in": 1800, "scope": "*:*"}


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback(STATE) as listening:
        yield listening


def ask(loopback: Loopback, target: str, *, host: str = "", method: str = "GET") -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(loopback.netloc, timeout=10)
    connection.request(method, target, headers={"Host": host or loopback.netloc})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, dict(answer.getheaders())


# --- the loopback address --------------------------------------------------------------------------------------------


def test_the_answer_of_this_sign_in_is_taken(loopback: Loopback) -> None:
    status, page, headers = ask(loopback, f"/callback?code=c%2B1&state={STATE}&iss=http%3A%2F%2Fx")

    assert status == 200
    assert "close this window" in page
    assert "c+1" not in page
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert loopback.wait(5) == {"code": "c+1", "state": STATE, "iss": "http://x"}


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        pytest.param("/callback?code=x&state=wrong", "", 400, id="another state"),
        pytest.param("/callback?code=x", "", 400, id="no state"),
        pytest.param(f"/callback?code=x&state={STATE}&state=other", "", 400, id="two states"),
        pytest.param(f"/callback?error=access_denied&state={STATE}x", "", 400, id="somebody else's no"),
        pytest.param(f"/callback?code=x&state={STATE}", "evil.example", 404, id="a name that was rebound to here"),
        pytest.param(f"/callback?code=x&state={STATE}", "localhost:1", 404, id="another name"),
        pytest.param(f"/?code=x&state={STATE}", "", 404, id="another path"),
        pytest.param("/favicon.ico", "", 404, id="what browsers ask for by themselves"),
    ],
)
def test_what_some_page_sends_is_ignored(target: str, host: str, expected: int, loopback: Loopback) -> None:
    """Any page may send something to a loopback port: it neither ends the sign-in nor changes it."""
    status, page, _ = ask(loopback, target, host=host)
    assert status == expected
    assert "<script" not in page

    ask(loopback, f"/callback?code=good&state={STATE}")

    assert loopback.wait(5)["code"] == "good"


def test_only_get_is_answered(loopback: Loopback) -> None:
    assert ask(loopback, f"/callback?code=x&state={STATE}", method="POST")[0] == 501


def test_connections_that_say_nothing_hold_up_nobody(loopback: Loopback) -> None:
    """Browsers open connections that they never use."""
    host, _, port = loopback.netloc.rpartition(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(20)]

    assert ask(loopback, f"/callback?code=x&state={STATE}")[0] == 200

    for connection in idle:
        connection.close()


def test_it_listens_on_this_computer_alone(loopback: Loopback) -> None:
    assert loopback.netloc.startswith("127.0.0.1:")
    assert loopback.redirect_uri == f"http://{loopback.netloc}/callback"


def test_a_pasted_address_counts_if_it_is_this_sign_ins(loopback: Loopback) -> None:
    lines = iter(
        ["", "nonsense", "http://[", "http://127.0.0.1:1/callback?code=x&state=no", f" ?code=y&state={STATE} "]
    )

    assert loopback.wait(10, lambda: next(lines))["code"] == "y"


def test_nobody_is_waited_for_forever(loopback: Loopback) -> None:
    with pytest.raises(SignInRefused, match="nobody signed in"):
        loopback.wait(0.3)


# --- the answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param({"code": "x", "state": "wrong", "iss": "http://a"}, "another sign-in", id="state"),
        pytest.param({"code": "x", "state": STATE, "iss": "http://b"}, "server that was asked", id="mix-up"),
        pytest.param({"code": "x", "state": STATE}, "server that was asked", id="mix-up without iss"),
        pytest.param({"error": "access_denied", "state": STATE, "iss": "http://a"}, "refused in the browser", id="no"),
        pytest.param(
            {"error": "invalid_scope", "error_description": "no such", "code": "x", "state": STATE, "iss": "http://b"},
            "server that was asked",
            id="an error of somebody else's",
        ),
        pytest.param({"error": "invalid_scope", "state": STATE, "iss": "http://a"}, "invalid_scope", id="error"),
        pytest.param({"state": STATE, "iss": "http://a"}, "no code", id="nothing"),
    ],
)
def test_an_answer_that_is_not_ours_is_refused(answer: dict[str, str], said: str) -> None:
    """RFC 9207 section 2.4."""
    with pytest.raises(SignInRefused, match=said):
        oauth2.code_of(answer, state=STATE, issuer="http://a")


@pytest.mark.parametrize(
    ("issuer", "url", "same"),
    [
        ("http://127.0.0.1:8420", "http://localhost:8420", True),
        ("http://[::1]:8420", "http://127.0.0.1:8420", True),
        ("https://gate.example", "https://GATE.example:443/", True),
        ("https://gate.example/base", "https://gate.example/base/", True),
        ("https://other.example", "https://gate.example", False),
        ("http://gate.example", "https://gate.example", False),
        ("https://gate.example:8443", "https://gate.example", False),
        ("https://gate.example/other", "https://gate.example", False),
        ("https://gate.example.evil.example", "https://gate.example", False),
        ("https://gate.example@evil.example", "https://gate.example", False),
        ("http://127.0.0.1:8421", "http://127.0.0.1:8420", False),
        ("http://[", "http://127.0.0.1:8420", False),
        ("", "http://127.0.0.1:8420", False),
    ],
)
def test_a_server_that_speaks_in_anothers_name_is_left(issuer: str, url: str, same: bool) -> None:
    """RFC 8414 section 3.3: else it could have a sign-in at that other one brought to itself."""
    if same:
        oauth2.require_same_server(issuer, url)
    else:
        with pytest.raises(Misconfigured):
            oauth2.require_same_server(issuer, url)


def test_a_server_in_anothers_name_is_never_opened(run: Run, server: StandIn) -> None:
    server.answers["GET /.well-known/oauth-authorization-server"] = (200, {"issuer": "https://bank.example"})
    for way in ("--no-browser", "--device"):
        result = run("login", way, "--server", server.url)

        assert result.exit_code == 2
        assert "https://bank.example" in result.stderr
        assert "authorize" not in result.stderr
    assert set(server.lines) == {"GET /.well-known/oauth-authorization-server"}


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert oauth2.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_no_secret_is_in_a_repr() -> None:
    call = oauth2.exchange_code("the-code", "http://127.0.0.1:1/callback", "the-verifier")
    codes = oauth2.DeviceCodes("the-device-code", "BCDF-GHJK", "http://x/device", 600)

    assert "the-" not in repr(call) + repr(codes) + repr(oauth2.revoke_token("the-token"))
    assert not call.repeatable


def test_answers_are_read_from_addresses() -> None:
    assert answer_in("http://127.0.0.1:1/callback?a=1&b=2&b=3&c=") == {"a": "1"}
    assert answer_in("http://[") == {}


# --- the device ------------------------------------------------------------------------------------------------------


class Script:
    """A token endpoint that answers one thing after another; `pauses` are what the command line waited."""

    def __init__(self, server: StandIn, *answers: tuple[int, object]) -> None:
        self.server, self.answers, self.pauses = server, list(answers), list[float]()
        server.answers["GET /.well-known/oauth-authorization-server"] = (200, {"issuer": server.url})
        server.answers["POST /oauth2/device_authorization"] = (200, self.codes())

    def codes(self, **other: object) -> dict[str, object]:
        page = f"{self.server.url}/device"
        return {
            "device_code": "gpd_x",
            "user_code": "BCDF-GHJK",
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code=BCDF-GHJK",
            "expires_in": 600,
            "interval": 5,
            **other,
        }

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.server.answers["POST /oauth2/token"] = self.answers.pop(0)

    def run(self) -> object:
        with Client(self.server.url) as client:
            return on_a_device(client, scope="", sleep=self.sleep)


def told(code: str) -> tuple[int, object]:
    return (400, {"error": code, "error_description": "it is so"})


def test_a_device_asks_as_often_as_it_may(server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """RFC 8628 section 3.5: `slow_down` counts for good; a server that fails is asked ever more seldom."""
    script = Script(
        server,
        told("authorization_pending"),
        told("slow_down"),
        told("authorization_pending"),
        told("slow_down"),
        (503, {"title": "temporarily_unavailable"}),
        (429, {"title": "too_many_requests"}),
        (200, TOKENS),
    )

    assert script.run() == Tokens("a1", "r1", 1800)

    assert script.pauses == [5, 5, 10, 10, 15, 30, 30]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "BCDF-GHJK" in shown.err
    assert f"{server.url}/device\n" in shown.err
    assert "gpd_x" not in shown.err


@pytest.mark.parametrize(
    ("code", "said"),
    [("access_denied", "refused in the browser"), ("expired_token", "nobody typed the code")],
)
def test_a_no_ends_it(code: str, said: str, server: StandIn) -> None:
    with pytest.raises(SignInRefused, match=said):
        Script(server, told("authorization_pending"), told(code)).run()


def test_any_other_refusal_is_told_as_it_is(server: StandIn) -> None:
    with pytest.raises(Refused, match="it is so"):
        Script(server, told("invalid_grant")).run()


def test_a_code_that_nobody_types_in_time_is_given_up(server: StandIn) -> None:
    script = Script(server)
    server.answers["POST /oauth2/device_authorization"] = (200, script.codes(expires_in=0))

    with pytest.raises(SignInRefused, match="nobody typed the code"):
        script.run()


def test_the_page_to_type_at_is_the_servers_own(server: StandIn) -> None:
    """Else a server could show the code of a sign-in that it has begun at another one."""
    script = Script(server)
    for page in ("https://bank.example/device", f"{server.url}.evil.example/device"):
        server.answers["POST /oauth2/device_authorization"] = (200, script.codes(verification_uri=page))
        with pytest.raises(Misconfigured, match="another one"):
            script.run()


def test_what_a_server_says_does_not_steer_the_terminal(server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    script = Script(server, (200, TOKENS))
    server.answers["POST /oauth2/device_authorization"] = (200, script.codes(user_code="\x1b[2J\nevil"))

    script.run()

    assert "\x1b" not in capsys.readouterr().err


# --- which way -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "platform", "likely"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "a b c d"}, "linux", False),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", False),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"BROWSER": "firefox", "SSH_TTY": "/dev/pts/1"}, "linux", True),
    ],
)
def test_a_browser_is_likely_where_somebody_would_see_it(environ: dict[str, str], platform: str, likely: bool) -> None:
    assert is_browser_likely(environ, platform) is likely


def test_a_sign_in_through_the_browser_is_kept(run: Run, server: StandIn, environ: Path) -> None:
    """The whole of it, with a stand-in for the server and a thread for the browser."""
    server.answers["GET /.well-known/oauth-authorization-server"] = (200, {"issuer": server.url})
    server.answers["POST /oauth2/token"] = (200, TOKENS)
    server.answers["GET /me"] = (200, {"kind": "user", "id": "1", "username": "alice", "display_name": "", "email": ""})
    opened: list[str] = []

    def open_page(url: str) -> bool:
        opened.append(url)
        asked = answer_in(url)
        where = asked["redirect_uri"].removeprefix("http://").removesuffix("/callback")

        def visit() -> None:
            connection = http.client.HTTPConnection(where, timeout=10)
            connection.request("GET", f"/callback?code=c1&state={asked['state']}&iss={server.url}")
            connection.getresponse().read()
            connection.close()

        Thread(target=visit).start()
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(through_browser, "open_in_browser", open_page)
        result = run("login", "--browser", "--scope", "dataset:view", "--server", server.url)

    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"signed in to {server.url} as alice\n"
    assert opened[0] in result.stderr
    asked = answer_in(opened[0])
    assert (asked["scope"], asked["code_challenge_method"]) == ("dataset:view", "S256")
    sent = next(seen.body for seen in server.seen if seen.line == "POST /oauth2/token")
    assert oauth2.challenge_of(sent["code_verifier"]) == asked["code_challenge"]
    assert sent["redirect_uri"] == asked["redirect_uri"]
    assert (environ / "sign-ins.json").exists()
    assert sent["code_verifier"] not in result.stderr


class Wire:
    """A connection that keeps what is sent, in order with what else happens."""

    def __init__(self, request: bytes, events: list[str]) -> None:
        self._request, self._events = request, events

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._request)

    def sendall(self, data: bytes) -> None:
        self._events.append("page" if b"</html>" in data else "head")

    def settimeout(self, seconds: float) -> None:
        """A wire has no clock."""


def test_the_answer_is_taken_when_the_page_is_out_and_not_before() -> None:
    """Whoever waits for a no ends the program at once: the page would go with it, and the browser show a broken one."""
    events: list[str] = []
    handler = _handler(
        lambda *_: (200, "<p>done</p></html>", {"error": "access_denied"}), lambda _: events.append("answer")
    )

    handler(Wire(b"GET /callback HTTP/1.1\r\nHost: x\r\n\r\n", events), ("127.0.0.1", 1), None)  # type: ignore[arg-type]

    assert events[-2:] == ["page", "answer"]
