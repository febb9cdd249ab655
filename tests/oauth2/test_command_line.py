"""`gatepost login` as people run it: a real server with two workers, the real command, a real browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import gatepost
from gatepost.cli.kept import Kept
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOURCE = str(Path(gatepost.__file__).parent.parent)
GATEPOST = (sys.executable, "-m", "gatepost.cli")
PASSWORD = "correct horse battery staple"
START = 40.0  # seconds until the server must be ready
SOON = 30_000  # milliseconds


@dataclass
class Terminal:
    """One person's terminal: a folder for sign-ins, and the server in the environment."""

    folder: Path
    url: str
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        environ = {
            "PYTHONPATH": SOURCE,
            "PATH": os.environ["PATH"],
            "XDG_CONFIG_HOME": str(self.folder),
            "GATEPOST_URL": self.url,
        }
        process = subprocess.Popen(
            (*GATEPOST, *arguments),
            env={**environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def __call__(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def kept(self) -> Kept:
        return Kept(self.folder / "gatepost", self.url)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    port = free_port()
    environ = {
        "PYTHONPATH": SOURCE,
        "PATH": os.environ["PATH"],
        "GATEPOST_DATABASE__URL": f"sqlite:///{folder / 'gatepost.db'}",
        "GATEPOST_INITIAL_ADMIN_PASSWORD": PASSWORD,
    }
    with (folder / "server.log").open("wb") as log:
        command = (*GATEPOST, "serve", "--port", str(port), "--workers", "2")
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _await_ready(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=30)


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    pytest.fail("the server did not start")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def terminal(server: str, tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, server)
    yield terminal
    for process in terminal.started:
        if process.poll() is None:  # a test that failed half way
            process.kill()
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """A page in a fresh browser.  What its Content-Security-Policy blocks is said on its console, and fails the test."""
    complaints: list[str] = []
    contexts = []

    def make() -> Page:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SOON)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert [text for text in complaints if "Content Security Policy" in text or "content security policy" in text] == []


SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


def address_in(process: subprocess.Popen[str], path: str) -> str:
    """The address that the command prints."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(rf"http://\S+{re.escape(path)}\S*", line):
            return found[0]
    pytest.fail("the command printed no address")


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_sign_in_in_the_browser_and_out_again(terminal: Terminal, open_page: OpenPage) -> None:
    process = terminal.start("login", "--no-browser", "--json")
    page = open_page()
    page.goto(address_in(process, "/oauth2/authorize"))
    sign_in(page)
    page.get_by_role("heading", name="Let the command line sign in?").wait_for()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert faults(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.get_by_role("button", name="Allow").click()

    page.get_by_role("heading", name="The terminal has the answer").wait_for()
    code, out, _ = ended(process)
    assert code == 0
    assert json.loads(out)["username"] == "admin"
    assert json.loads(terminal("whoami", "--json")[1])["method"] == "access_token"
    tokens = terminal.kept.read()
    assert tokens is not None
    # The browser signs out; the terminal goes on (P-2), and is listed where the person can end it.
    page.goto(f"{terminal.url}/sessions")
    page.get_by_text("holds tokens of a program").wait_for()
    page.goto(f"{terminal.url}/logout")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login?*")
    assert terminal("whoami")[0] == 0

    assert terminal("logout")[0] == 0

    assert terminal.kept.read() is None
    me = httpx2.get(
        f"{terminal.url}/api/v1/me",
        headers={"Authorization": f"Bearer {tokens.access_token}", "Gatepost-Consistency": "higher"},
        trust_env=False,
    )
    assert me.status_code == 401


def test_a_no_in_the_browser_is_a_no_in_the_terminal(terminal: Terminal, open_page: OpenPage) -> None:
    process = terminal.start("login", "--no-browser")
    page = open_page()
    page.goto(address_in(process, "/oauth2/authorize"))
    sign_in(page)

    page.get_by_role("button", name="No, do not").click()

    page.get_by_role("heading", name="The terminal was told no").wait_for()
    code, out, err = ended(process)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "gatepost: the sign-in was refused in the browser"
    assert terminal.kept.read() is None


def last_address(url: str, server: str) -> str:
    """Say yes in a browser from which the terminal's loopback address cannot be reached; return where it was sent."""
    with httpx2.Client(trust_env=False, headers={"Origin": server}) as browser:
        browser.post(f"{server}/login", data={"username": "admin", "password": PASSWORD})
        page = browser.get(url)
        sealed = re.search(r'name="request" value="([^"]*)"', page.text)
        assert sealed
        answer = browser.post(f"{server}/oauth2/authorize", data={"request": sealed[1], "decision": "allow"})
        return str(answer.headers["location"])


def test_the_last_address_can_be_pasted(terminal: Terminal) -> None:
    """The browser is on another computer, where the loopback address leads nowhere."""
    process = terminal.start("login", "--no-browser")
    address = last_address(address_in(process, "/oauth2/authorize"), terminal.url)
    assert process.stdin is not None
    process.stdin.write(f"http://127.0.0.1:1/callback?code=x&state=wrong\nnonsense\n{address}\n")
    process.stdin.flush()
    process.wait(timeout=60)  # with the pipe still open, as a terminal's is

    code, out, _ = ended(process)

    assert (code, out) == (0, f"signed in to {terminal.url} as admin\n")


def test_a_browser_is_opened_where_there_is_one(terminal: Terminal, open_page: OpenPage, tmp_path: Path) -> None:
    """Without an option, and without a terminal: BROWSER is what Python's `webbrowser` opens."""
    opened = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}.new" && mv "{opened}.new" "{opened}"\n')
    script.chmod(0o755)
    process = terminal.start("login", BROWSER=f"{script} %s")
    printed = address_in(process, "/oauth2/authorize")
    end = time.monotonic() + START
    while not opened.exists() and time.monotonic() < end:
        time.sleep(0.05)

    assert opened.read_text() == printed

    page = open_page()
    page.goto(printed)
    sign_in(page)
    page.get_by_role("button", name="Allow").click()
    assert ended(process)[0] == 0


def test_an_ipv6_loopback_address_is_not_blocked_by_the_pages_own_policy(server: str, open_page: OpenPage) -> None:
    """A policy cannot name an IPv6 address, so that page's allows the scheme."""
    page = open_page()
    query = (
        "response_type=code&client_id=gatepost-cli&redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A43123%2Fcallback"
        f"&code_challenge={'A' * 43}&code_challenge_method=S256"
    )
    page.goto(f"{server}/oauth2/authorize?{query}")
    sign_in(page)

    # A policy that forbids the address keeps the browser from asking there at all.
    with page.expect_request(lambda request: request.url.startswith("http://[::1]:43123/callback?")) as request:
        page.get_by_role("button", name="Allow").click()
    assert "code=gpc_" in request.value.url


def test_sign_in_on_a_device(terminal: Terminal, open_page: OpenPage) -> None:
    process = terminal.start("login", "--device", "--scope", "dataset:view collection:view")
    page = open_page()
    page.goto(address_in(process, "/device?user_code="))
    sign_in(page)
    page.get_by_role("heading", name="Let a device sign in").wait_for()
    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", page.get_by_label("Code").input_value())
    assert faults(page) == []
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Is this your device?").wait_for()
    page.get_by_text("Whoever holds that device will be you here.").wait_for()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert faults(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.get_by_role("button", name="Yes, let it sign in").click()

    page.get_by_role("heading", name="The device may sign in").wait_for()
    assert faults(page) == []
    code, out, _ = ended(process)
    assert (code, out) == (0, f"signed in to {terminal.url} as admin\n")
    assert terminal("whoami")[0] == 0
    assert terminal("user", "list")[0] == 2  # narrowed to what was asked for


def test_a_device_is_turned_away(terminal: Terminal, open_page: OpenPage) -> None:
    process = terminal.start("login", "--device")
    page = open_page()
    page.goto(address_in(process, "/device?user_code="))
    sign_in(page)
    page.get_by_role("button", name="Continue").click()

    page.get_by_role("button", name="No, this is not mine").click()

    page.get_by_role("heading", name="The device was turned away").wait_for()
    code, out, err = ended(process)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "gatepost: the sign-in was refused in the browser"


def test_a_mistyped_code_keeps_the_keyboard_at_the_reason(server: str, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(f"{server}/device?user_code=BBBB-BBBB")
    sign_in(page)

    page.get_by_role("button", name="Continue").click()

    page.get_by_text("no device waits with this code").wait_for()  # beside the field, and once
    page.locator("input[name=user_code]:focus").wait_for()
    assert faults(page) == []


def test_the_password_still_does(terminal: Terminal) -> None:
    process = terminal.start("login", "--username", "admin", "--password", "-")

    out, _ = process.communicate(f"{PASSWORD}\n", timeout=60)

    assert (process.returncode, out) == (0, f"signed in to {terminal.url} as admin\n")
    assert terminal("logout")[0] == 0
    assert terminal("whoami")[0] in (0, 2)  # anonymous callers may ask who they are, or may not


@pytest.mark.parametrize(
    "arguments",
    [("--device", "--browser"), ("--device", "--username", "a"), ("--browser", "--password"), ()],
    ids=["device and browser", "device and password", "browser and password", "nobody to ask"],
)
def test_what_makes_no_sense_is_one_sentence(arguments: tuple[str, ...], terminal: Terminal) -> None:
    code, out, err = terminal("login", *arguments)

    assert (code, out) == (2, "")
    assert err.startswith("gatepost: ")
    assert err.count("\n") == 1
