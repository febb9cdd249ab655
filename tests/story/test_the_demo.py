"""The main job, whole: `gatepost demo` as a process, a browser, two ways of signing in, a share, and a script.

IF-6, IF-9, IF-11, IF-14, DH-23, DH-24, DH-25: a person signs in with a password, another with the company's OpenID
provider; the first makes a collection and shares it with a group; the colleague in that group, who has it from the
provider, sees it; a script does the same with an API token.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from gatepost.demo.platform import COMPANY, PROVIDER_DISPLAY_NAME
from tests.ports import free_port
from tests.waiting import A_BUSY_SECOND, eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs, and what it printed."""

    process: subprocess.Popen[str]
    url: str
    password: str
    token: str
    printed: str


def read_until(process: subprocess.Popen[str], last: str) -> str:
    """What the process prints up to the line with `last` in it."""
    lines: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
            if last in line:
                return
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    printed = ""
    while last not in printed:
        try:
            line = lines.get(timeout=START_SECONDS)
        except Empty:
            break
        if not line:
            break
        printed += line
    assert last in printed, printed
    return printed


def start(port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gatepost.cli", "demo", "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def stop(process: subprocess.Popen[str]) -> int:
    """Press Ctrl-C and answer the exit code."""
    process.send_signal(signal.SIGINT)
    code = process.wait(timeout=20)
    if process.stdout is not None:
        process.stdout.close()
    return code


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    port = free_port()
    process = start(port)
    try:
        printed = read_until(process, "Ctrl-C stops it")
        password = re.search(r"password is (\S+)", printed)
        token = re.search(r"Bearer (gp_\w+)", printed)
        assert password is not None
        assert token is not None
        yield Demo(process, f"http://127.0.0.1:{port}", password[1], token[1], printed)
    finally:
        stop(process)


@pytest.fixture
def ines(browser: Browser, demo: Demo) -> Iterator[Page]:
    """Ines, who has a password here."""
    context = browser.new_context(base_url=demo.url)
    page = context.new_page()
    page.goto("/login")
    page.get_by_role("button", name="as Ines, platform lead").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ines Carvalho")
    yield page
    context.close()


@pytest.fixture
def bob(browser: Browser, demo: Demo) -> Iterator[Page]:
    """Bob, who signs in at the company's provider."""
    context = browser.new_context(base_url=demo.url)
    page = context.new_page()
    page.goto("/login")
    page.get_by_role("link", name="as Bob, analyst").click()
    page.locator("input[type=password]").fill(demo.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bob Okafor")
    yield page
    context.close()


def test_it_says_where_it_is_and_who_is_who(demo: Demo) -> None:
    assert COMPANY in demo.printed
    assert demo.url in demo.printed
    assert re.search(rf"{PROVIDER_DISPLAY_NAME}\s+http://localhost:\d+", demo.printed), "the provider is another site"
    for line in ("curl -H 'Authorization: Bearer gp_", "check user:bob view dataset:invoices --explain"):
        assert line in demo.printed


def test_the_provider_was_asked_before_anybody_signs_in(demo: Demo) -> None:
    """As any server does at its start: the page Sign-in shows a provider that is up."""

    def asked() -> bool:
        return (
            'gatepost_provider_up{kind="provider",provider="tidewater"} 1.0' in httpx2.get(f"{demo.url}/metrics").text
        )

    eventually(asked, within=A_BUSY_SECOND)


def test_a_share_reaches_a_colleague_through_a_group_from_the_provider(demo: Demo, ines: Page, bob: Page) -> None:
    ines.goto("/resources/new")
    ines.get_by_role("textbox", name="Name").fill("Harbour dues")
    ines.get_by_role("textbox", name="Id").fill("harbour-dues")
    ines.get_by_role("button", name="Create").click()
    expect(ines.get_by_role("heading", level=1)).to_have_text("Harbour dues")
    answer = bob.goto("/resources/collection/harbour-dues")
    assert answer is not None
    assert answer.status == 404, "what one cannot view is not there"

    ines.goto("/resources/collection/harbour-dues/access/add?q=analysts")
    ines.get_by_role("radio", name="analysts").check()
    ines.get_by_role("radio", name="editor").check()
    ines.get_by_role("button", name="Add Permission").click()
    expect(ines.get_by_role("row", name="analysts")).to_contain_text("Every member of analysts may view and edit")

    bob.goto("/")
    bob.get_by_role("link", name="Harbour dues").click()
    expect(bob.get_by_role("main")).to_contain_text("analysts")
    expect(bob.get_by_role("link", name="Add Permission")).to_have_count(0)


def test_a_script_does_the_same_with_an_api_token(demo: Demo) -> None:
    with httpx2.Client(base_url=demo.url, headers={"Authorization": f"Bearer {demo.token}"}) as client:
        assert client.get("/api/v1/me").json()["username"] == "ines"
        made = client.post("/api/v1/resources", json={"type": "collection", "id": "tugboats"})
        assert made.status_code == 201
        shared = client.post(
            "/api/v1/resources/collection/tugboats/access", json={"subject": "group:sales-team", "relation": "viewer"}
        )
        assert shared.status_code == 201
        question = {"subject": "user:tomasz", "action": "view", "resource": "collection:tugboats"}
        at_least = {"Gatepost-At-Least": shared.headers["Gatepost-Revision"]}
        assert client.post("/api/v1/check", json=question, headers=at_least).json()["allowed"] is True
        question["action"] = "edit"
        assert client.post("/api/v1/check", json=question).json()["allowed"] is False


def test_the_lines_to_paste_work(demo: Demo) -> None:
    lines = [line.strip() for line in demo.printed.splitlines() if "gp_" in line]
    assert len(lines) == 3
    listing, check, share = lines
    run = ["bash", "-c"]
    assert '"items"' in subprocess.run([*run, listing], capture_output=True, text=True, check=True).stdout
    asked = check.replace(check.split()[2], f"{sys.executable} -m gatepost.cli")
    answer = subprocess.run([*run, asked], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "bob is viewer of dataset:invoices" in answer.stdout
    assert '"relation":"viewer"' in subprocess.run([*run, share], capture_output=True, text=True, check=True).stdout


@pytest.mark.usefixtures("bob")
def test_an_administrator_reads_the_groups_of_somebody_again(browser: Browser, demo: Demo) -> None:
    """The button is on their page, so the demo's provider gives what it takes: a refresh token."""
    context = browser.new_context(base_url=demo.url)
    page = context.new_page()
    page.goto("/login?next=/users/bob")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Read groups again").click()
    expect(page.get_by_role("status")).to_contain_text("Tidewater ID was asked")
    context.close()


def test_whoever_looks_in_without_signing_in_sees_what_is_public(demo: Demo) -> None:
    with httpx2.Client(base_url=demo.url) as client:
        items = client.get("/api/v1/resources").json()["items"]
        assert {"collection:open-data", "knowledge:glossary"} <= {f"{i['type']}:{i['id']}" for i in items}
        assert "collection:finance" not in {f"{i['type']}:{i['id']}" for i in items}
        assert client.post("/api/v1/resources", json={"type": "collection", "id": "mine"}).status_code == 401


def test_a_port_that_is_taken_is_said_and_another_one_offered(demo: Demo) -> None:
    second = start(int(demo.url.rpartition(":")[2]))
    output, _ = second.communicate(timeout=START_SECONDS)
    assert second.returncode == 2
    assert re.fullmatch(r"gatepost: port \d+ on 127\.0\.0\.1 .* gatepost demo --port \d+\n", output), output


def test_ctrl_c_stops_it_cleanly_with_its_provider() -> None:
    process = start(free_port())
    printed = read_until(process, "Ctrl-C stops it")
    issuer = re.search(r"http://localhost:\d+", printed)
    assert issuer is not None

    assert stop(process) == 0

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(issuer[0])
