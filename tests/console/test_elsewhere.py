"""Signing in elsewhere, as its pages show it: to whoever signs in, to the owner of an account, and to administrators."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.groups import create_group
from gatepost.directory.pages import Wanted
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.settings import DelegatedIssuer, DelegatedSettings, MainSettings, SsoSettings
from gatepost.sso.identities import list_conflicts, list_identities
from gatepost.sso.states import providers_of
from tests.conftest import ADMIN, ADMIN_PASSWORD, OpenGate, settings_for
from tests.console.conftest import sign_in
from tests.console.serving import served
from tests.sso.provider_in_process import InProcessProvider, Raw

pytestmark = pytest.mark.browser

PASSWORD = "quay-seven-lantern"
Open = Callable[..., Gatepost]


@pytest.fixture
def start(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str], op: InProcessProvider
) -> Iterator[Open]:
    """Serve a Gatepost with so many providers (all of them `op` by other names) and these settings of `main`."""
    with ExitStack() as running:

        def serve(providers: int = 1, **main: object) -> Gatepost:
            settings = settings_for(sqlite_url)
            names = ("op", "second")[:providers]
            changed: MainSettings = replace(settings.main, public_url=listener[1], **main)  # type: ignore[arg-type]
            tables = tuple(op.settings(name=name, display_name=name.title()) for name in names)
            issuer = DelegatedIssuer(name="gateway", issuer=op.issuer, audience=("elsewhere",))
            gate = open_gate(
                replace(
                    settings,
                    main=changed,
                    sso=SsoSettings(providers=tables),
                    delegated=DelegatedSettings(issuers=(issuer,)),
                )
            )
            running.enter_context(served(gate, listener[0]))
            return gate

        yield serve


@pytest.fixture
def browse(browser: Browser, url: str) -> Iterator[Callable[..., Page]]:
    complaints: list[str] = []
    with ExitStack() as contexts:

        def open_page(**context: object) -> Page:
            page = contexts.enter_context(browser.new_context(base_url=url, **context)).new_page()  # type: ignore[arg-type]
            page.set_default_timeout(10_000)
            page.on("console", lambda it: complaints.append(it.text) if it.type == "error" else None)
            return page

        yield open_page
    assert [text for text in complaints if "the server responded with a status of" not in text] == []


Browse = Callable[..., Page]


# -- the sign-in page ------------------------------------------------------------------------------------------------


def test_one_button_a_provider_beside_the_password(start: Open, browse: Browse) -> None:
    """IF-9, HA-3, AG-6."""
    start(providers=2)
    page = browse()
    page.goto("/login")
    expect(page.get_by_role("link", name="Op", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Second", exact=True)).to_be_visible()
    expect(page.get_by_label("Password")).to_be_visible()


def test_without_passwords_there_is_no_form_and_several_providers_are_a_choice(start: Open, browse: Browse) -> None:
    start(providers=2, password_sign_in=False)
    page = browse()
    page.goto("/login")
    expect(page.get_by_role("link", name="Second", exact=True)).to_be_visible()
    assert page.get_by_label("Password").count() == 0


def test_the_only_way_in_is_taken_at_once(start: Open, browse: Browse) -> None:
    """behaviours 2, 11: a link into the console ends where it leads, without a page in between."""
    start(password_sign_in=False, allow_anonymous_access=False)
    page = browse()
    page.goto("/account")
    page.wait_for_url("**/account")
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    expect(
        page.get_by_text("Passwords are switched off").or_(page.get_by_text("have no password here"))
    ).to_be_visible()


def test_after_a_sign_out_nobody_is_signed_in_again(start: Open, browse: Browse, op: InProcessProvider) -> None:
    """AG-9: the provider's own session would sign the same person in without a word."""
    start(password_sign_in=False)
    page = browse()
    page.goto("/oauth/op/login")
    page.wait_for_url("**/")
    page.goto("/logout")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.get_by_role("link", name="Sign in").first.click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    asked = op.requests["/authorize"]
    page.get_by_role("link", name="Op", exact=True).click()
    page.wait_for_url("**/")
    assert op.requests["/authorize"] == asked + 1


def test_a_sign_in_that_fails_does_not_go_round_in_circles(start: Open, browse: Browse, op: InProcessProvider) -> None:
    start(password_sign_in=False)
    op.tamper.raw["/token"] = Raw(status=500)
    page = browse()
    page.goto("/login")
    expect(page.get_by_role("heading", name="The identity provider did not answer as it should")).to_be_visible()
    page.goto("/login")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_text("Op did not answer as it should")).to_be_visible()
    expect(page.get_by_role("link", name="Op", exact=True)).to_be_visible()
    assert op.requests["/authorize"] == 1


def test_nobody_is_sent_on_twice_within_a_minute(start: Open, browse: Browse) -> None:
    """A browser that keeps no session of ours would go back and forth for ever."""
    start(password_sign_in=False)
    page = browse()
    first, second = (page.request.get("/login?next=/tokens", max_redirects=0) for _ in range(2))
    assert (first.status, first.headers["location"]) == (303, "/oauth/op/login?next=%2Ftokens")
    assert (second.status, "/oauth/op/login?next=%2Ftokens" in second.text()) == (200, True)


def test_whoever_is_signed_in_is_not_sent_on(start: Open, browse: Browse) -> None:
    start(password_sign_in=False)
    page = browse()
    page.goto("/oauth/op/login")
    page.wait_for_url("**/")
    page.goto("/login")
    expect(page.get_by_text("You are signed in as")).to_be_visible()


def test_a_provider_that_is_down_says_so_and_blocks_nobody(start: Open, browse: Browse, op: InProcessProvider) -> None:
    gate = start(providers=2)
    op.tamper.raw["/jwks"] = Raw(status=503)
    providers_of(gate).get("op").look()
    page = browse()
    page.goto("/login")
    expect(page.get_by_text("Op did not answer as it should")).to_be_visible()
    assert page.get_by_text("Second did not answer").count() == 0
    assert Axe().run(page).response["violations"] == []


def test_the_local_door_stays_for_admins_and_is_on_record(start: Open, browse: Browse) -> None:
    gate = start(password_sign_in=False)
    create_user(gate, ADMIN, NewUser(username="ann", password=PASSWORD))
    page = browse()
    for username, password in (("ann", PASSWORD), ("admin", ADMIN_PASSWORD)):
        page.goto("/login/local")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        if username == "ann":
            expect(page.get_by_role("alert")).to_be_visible()
    page.wait_for_url("**/")
    gate.journal.flush()
    assert read_audit(gate, ADMIN, Wanted(), Filter(event="sign_in.failed")).items[0].reason == "passwords are off"
    [opened] = read_audit(gate, ADMIN, Wanted(), Filter(event="session.opened")).items
    assert (opened.subject, opened.method, opened.detail) == ("user:admin", "password", {"local_door": True})


# -- for administrators ------------------------------------------------------------------------------------------------


def test_an_admin_sees_how_each_is_doing_and_looks_now(start: Open, browse: Browse, op: InProcessProvider) -> None:
    start()
    op.tamper.raw["/jwks"] = Raw(status=503)
    page = browse()
    sign_in(page, "admin")
    page.get_by_role("link", name="Sign-in", exact=True).click()
    provider = page.get_by_role("region", name="Op")
    expect(provider.get_by_text("not asked yet")).to_be_visible()
    expect(provider.get_by_text(re.compile(r"/oauth/op/callback$"))).to_be_visible()

    provider.get_by_role("button", name="Look now").click()

    expect(page.get_by_role("status")).to_contain_text("Asked just now: it does not answer as it should.")
    expect(page.get_by_text(f"this process ({os.getpid()} on ")).to_be_visible()
    expect(page.get_by_role("region", name="Op").get_by_text("down", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Op").get_by_text("The key set answered 503.")).to_be_visible()
    expect(page.get_by_role("region", name="gateway").get_by_text("not asked yet")).to_be_visible()
    assert page.get_by_role("link", name="Try a sign-in with Op").get_attribute("href") == "/oauth/op/login?try=true"


def test_an_admin_is_told_what_should_not_go_into_production(start: Open, browse: Browse) -> None:
    """IF-17, IF-20: that anonymous access is on, and how it is switched off; that passwords can be left to admins."""
    start()
    page = browse()
    sign_in(page, "admin")
    page.goto("/providers")
    told = page.get_by_role("region", name="Before this goes into production")
    expect(told).to_contain_text("turn it off with allow_anonymous_access = false or GATEPOST_ALLOW_ANONYMOUS_ACCESS")
    expect(page.get_by_text("password_sign_in = false")).to_be_visible()
    assert Axe().run(page).response["violations"] == []


def test_a_provider_that_does_not_answer_does_not_hold_the_page(
    start: Open, browse: Browse, op: InProcessProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.server.console.providers.WAIT_SECONDS", 0.05)
    start()
    answer = threading.Event()
    op.tamper.discovery = lambda document: (answer.wait(5), document)[1]
    page = browse()
    sign_in(page, "admin")
    page.goto("/providers")
    page.get_by_role("region", name="Op").get_by_role("button", name="Look now").click()
    expect(page.get_by_role("status")).to_contain_text("Still asking")
    answer.set()


def test_looking_from_another_site_or_without_the_permission_is_refused(start: Open, browse: Browse) -> None:
    gate = start()
    create_user(gate, ADMIN, NewUser(username="ann", password=PASSWORD))
    page = browse()
    sign_in(page, "ann", PASSWORD)
    ours = {"Origin": gate.settings.main.public_url}
    assert page.get_by_role("link", name="Sign-in", exact=True).count() == 0
    for path in ("/providers", "/conflicts"):
        assert page.request.get(path).status == 403
    assert page.request.post("/providers/look", form={"name": "op"}, headers=ours).status == 403
    sign_in(page, "admin")
    evil = {"Origin": "https://evil.example"}
    assert page.request.post("/providers/look", form={"name": "op"}, headers=evil).status == 403
    assert page.request.post("/providers/look", form={"name": "nobody"}, headers=ours).status == 404
    assert providers_of(gate).get("op").state().up is None


def test_a_clash_is_shown_with_what_to_do_and_dismissed(start: Open, browse: Browse, op: InProcessProvider) -> None:
    gate = start()
    create_user(gate, ADMIN, NewUser(username="bob", password=PASSWORD))
    visitor = browse()
    visitor.goto("/oauth/op/login")
    expect(visitor.get_by_role("heading", name="You are not signed in")).to_be_visible()
    page = browse()
    sign_in(page, "admin")
    page.get_by_role("link", name="Refused sign-ins").click()
    row = page.get_by_role("row", name="bob")
    expect(row).to_contain_text("Op")
    expect(row).to_contain_text(op.people["bob"].sub)
    expect(page.get_by_text("link the provider on")).to_be_visible()
    assert Axe().run(page).response["violations"] == []

    row.get_by_role("button", name="Dismiss bob through Op").click()

    expect(page.get_by_text("No sign-in was refused for a clash")).to_be_visible()
    assert list_conflicts(gate, ADMIN, Wanted()).items == []
    assert list_identities(gate, ADMIN, "bob") == [], "and nothing was merged"


def test_a_persons_page_shows_identities_sessions_and_where_memberships_came_from(
    start: Open, browse: Browse, op: InProcessProvider
) -> None:
    """Trap 7: what a provider gave is taken away there, not here."""
    gate = start()
    create_group(gate, ADMIN, "analysts")
    visitor = browse()
    visitor.goto("/oauth/op/login")
    visitor.wait_for_url("**/")
    page = browse()
    sign_in(page, "admin")
    page.goto("/users/bob")
    expect(page.get_by_role("region", name="Identities")).to_contain_text(f"as {op.people['bob'].sub} of {op.issuer}")
    group = page.get_by_role("region", name="Groups").get_by_role("listitem")
    expect(group).to_contain_text("from Op")
    expect(group).to_contain_text("read-only: changed there, not here")
    assert group.get_by_role("button").count() == 0
    sessions = page.get_by_role("region", name="Sessions")
    expect(sessions).to_contain_text("through Op")

    sessions.get_by_role("button", name="End the session").click()

    expect(page.get_by_role("status")).to_contain_text("That session is over")
    visitor.goto("/account")
    expect(visitor.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


# -- for the owner of an account ---------------------------------------------------------------------------------------


def test_one_links_and_unlinks_ones_own(start: Open, browse: Browse, op: InProcessProvider) -> None:
    gate = start()
    create_user(gate, ADMIN, NewUser(username="ann", password=PASSWORD))
    page = browse()
    sign_in(page, "ann", PASSWORD)
    page.goto("/account")
    elsewhere = page.get_by_role("region", name="Signing in elsewhere")
    expect(elsewhere.get_by_text("None yet.")).to_be_visible()

    elsewhere.get_by_role("link", name="Op").click()

    expect(page.get_by_role("status")).to_contain_text("Linked.")
    expect(elsewhere).to_contain_text(f"as {op.people['bob'].sub}")
    elsewhere.get_by_text("Unlink", exact=True).click()
    elsewhere.get_by_role("button", name="Yes, unlink Op").click()
    expect(page.get_by_role("status")).to_contain_text("Unlinked.")
    expect(elsewhere.get_by_text("None yet.")).to_be_visible()


def test_the_last_way_in_is_not_lost_in_silence(start: Open, browse: Browse) -> None:
    gate = start()
    page = browse()
    page.goto("/oauth/op/login")
    page.wait_for_url("**/")
    page.goto("/account")
    page.get_by_text("Unlink", exact=True).click()
    page.get_by_role("button", name="Yes, unlink Op").click()
    expect(page.get_by_role("alert")).to_contain_text("This is your only way in")
    assert Axe().run(page).response["violations"] == []
    assert len(list_identities(gate, ADMIN, "bob")) == 1


# -- every one of these pages ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_sticks_out(
    scheme: str, start: Open, browse: Browse, op: InProcessProvider
) -> None:
    gate = start(providers=2)
    browse().goto("/oauth/op/login")
    op.tamper.raw["/jwks"] = Raw(status=503)
    providers_of(gate).get("second").look()
    found = {}
    for width in (1200, 360):
        page = browse(color_scheme=scheme, viewport={"width": width, "height": 740})
        sign_in(page, "admin")
        for path in ("/providers", "/conflicts", "/users/bob", "/account", "/login"):
            page.goto(path)
            if wrong := Axe().run(page).response["violations"]:
                found[path] = [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in wrong]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found[f"{path} at {width}"] = ["it sticks out"]
    assert found == {}
