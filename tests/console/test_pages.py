"""Pages without a browser: what is in the answer, for whoever asks by hand and for whoever attacks."""

from __future__ import annotations

import csv
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import httpx2 as httpx
import pytest

from gatepost.directory.groups import change_group, create_group
from gatepost.directory.resources import NewResource, ResourceChange, change_resource, create_resource
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.gate import Gatepost
from gatepost.server import console
from gatepost.settings import SsoSettings
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.console.company import PASSWORD, as_person
from tests.console.serving import served
from tests.console.test_accessibility import PAGES, VISITOR
from tests.sso.corp import CORP

NASTY = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
TEMPLATES = Path(console.__file__).parent / "templates"


@pytest.fixture
def visitor(url: str, company: Gatepost) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"Origin": url}) as client:
        yield client


def sign_in(client: httpx.Client, username: str, **more: str) -> httpx.Response:
    password = ADMIN_PASSWORD if username == "admin" else PASSWORD
    return client.post("/login", data={"username": username, "password": password, **more})


class Elements(HTMLParser):
    """Collects what would run or style: element names, and attributes that a strict policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and not str(names.get("src", "")).startswith("/static/")):
            self.forbidden.append(self.get_starttag_text() or tag)
        if tag == "img" and not str(names.get("src", "")).startswith("/static/"):
            self.forbidden.append(self.get_starttag_text() or tag)
        self.forbidden += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        for name in {"href", "src", "action", "formaction"} & names.keys():
            if not str(names[name]).startswith(("/", "#")) or str(names[name]).startswith("//"):
                self.forbidden.append(f"{tag} {name}={names[name]}")


def forbidden_in(text: str) -> list[str]:
    elements = Elements()
    elements.feed(text)
    return elements.forbidden


def test_the_moments_in_the_audit_log_are_for_people(visitor: httpx.Client, company: Gatepost) -> None:
    """What ends by itself is on record with the microsecond, which nobody reads on a page."""
    ends = datetime(2099, 1, 31, 18, 0, 0, 963812, tzinfo=UTC)
    wanted = NewGrant(subject="user:bob", relation="viewer", expires_at=ends)
    grant_access(company, as_person("tomasz"), "collection", "sales", wanted)
    sign_in(visitor, "admin")

    page = visitor.get("/audit", params={"event": "access.granted"}).text

    assert "expires at: 2099-01-31 18:00:00 UTC" in page
    assert ".963812" not in page


def test_names_from_people_stay_text_on_every_page(visitor: httpx.Client, company: Gatepost) -> None:
    admin, tomasz = as_person("admin"), as_person("tomasz")
    change_user(company, admin, "tomasz", UserChange(display_name=NASTY))
    change_group(company, admin, "data-team", NASTY)
    wanted = NewResource(type="dataset", id="a;b&c=d+e~$!", display_name=NASTY, parent="collection:sales")
    create_resource(company, tomasz, wanted)
    visitor.headers["User-Agent"] = NASTY
    sign_in(visitor, "admin")
    shown = 0
    for path in (
        *PAGES,
        "/resources/dataset/a%3Bb%26c%3Dd%2Be~%24%21",
        "/resources/dataset/a%3Bb%26c%3Dd%2Be~%24%21/access",
    ):
        answer = visitor.get(path)
        assert answer.status_code == 404 if "nothing-here" in path else answer.status_code == 200, path
        assert forbidden_in(answer.text) == [], path
        assert "49" not in re.findall(r"alert\(1\)&gt;(\d+)", answer.text)
        shown += "&lt;script&gt;alert(1)" in answer.text
    assert shown >= 8  # the names were there, as text


def test_the_audit_log_is_read_by_days_and_taken_along(visitor: httpx.Client, company: Gatepost) -> None:
    """The file has what the filter finds, whole; a day that is none is said, and nobody takes what they may not see."""
    sign_in(visitor, "admin")
    today = f"{company.now():%Y-%m-%d}"
    tomorrow = f"{company.now() + timedelta(days=1):%Y-%m-%d}"
    wanted = {"event": "user.created", "since": today, "until": today}

    page = visitor.get("/audit", params=wanted).text
    answer = visitor.get("/audit/file", params=wanted)

    assert "user:tomasz" in page
    assert f'href="/audit/file?event=user.created&amp;since={today}&amp;until={today}"' in page
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert {row["event"] for row in csv.DictReader(answer.text.splitlines())} == {"user.created"}
    assert "Nothing like that" in visitor.get("/audit", params={"since": tomorrow}).text
    assert visitor.get("/audit", params={"since": "yesterday"}).status_code == 422
    with httpx.Client(base_url=visitor.base_url, headers=visitor.headers) as bob:
        sign_in(bob, "bob")
        assert bob.get("/audit/file").status_code == 403


def test_what_another_tab_has_taken_away_is_said_on_the_page_itself(visitor: httpx.Client) -> None:
    sign_in(visitor, "admin")
    form = {"subject": "user:ines"}
    assert visitor.post("/groups/data-team/remove", data=form).status_code == 303

    again = visitor.post("/groups/data-team/remove", data=form)

    assert again.status_code == 404
    assert "That did not work." in again.text
    assert 'action="/groups/data-team/add"' in again.text
    assert "There is nothing here" in visitor.post("/groups/gone/remove", data=form).text


def test_a_list_says_that_it_is_not_all(visitor: httpx.Client, company: Gatepost) -> None:
    ines = as_person("ines")
    for number in range(101):
        create_resource(company, ines, NewResource(type="dataset", id=f"n{number:03}", parent="collection:operations"))
    sign_in(visitor, "ines")

    inside = visitor.get("/resources/collection/operations").text
    first = visitor.get("/collections?type=dataset").text

    assert "These are the first 100." in inside
    assert inside.count('href="/resources/dataset/') == 100
    assert "100 on this page" in first
    assert "on this page" not in visitor.get("/collections?type=collection").text


def test_a_group_is_found_by_its_name(visitor: httpx.Client, company: Gatepost) -> None:
    """Among a thousand.  Those of one name have pages; where one shares it is said that more are called so."""
    for number in range(101):
        create_group(company, as_person("admin"), f"crew-{number:03}", "Of a ship")
    sign_in(visitor, "admin")

    found = visitor.get("/groups?q=CREW-02").text
    many = visitor.get("/groups?q=crew").text

    assert re.findall(r'href="/groups/([^"]+)"', found) == [f"crew-02{digit}" for digit in range(10)]
    assert "Of a ship" in found
    (following,) = re.findall(r'href="(/groups\?q=crew[^"]+)"', many)
    assert re.findall(r'href="/groups/([^"]+)"', visitor.get(unescape(following)).text) == ["crew-100"]
    assert "No group by that name" in visitor.get("/groups?q=%25").text
    assert "write more of the name" in visitor.get("/console/subjects?q=crew").text
    assert "write more of the name" not in visitor.get("/console/subjects?q=crew-02").text


@pytest.mark.parametrize(("kind", "name"), [("roles", "decider"), ("services", "etl")])
def test_roles_and_services_are_found_by_their_names(visitor: httpx.Client, kind: str, name: str) -> None:
    sign_in(visitor, "admin")

    assert re.findall(rf'href="/{kind}/([^"]+)"', visitor.get(f"/{kind}?q={name[1:].upper()}").text) == [name]
    assert "by that name" in visitor.get(f"/{kind}?q=%25").text


@pytest.mark.parametrize(
    "path",
    [
        "/users?q={}",
        "/groups?q={}",
        "/roles?q={}",
        "/services?q={}",
        "/audit?event={}&subject={}&target={}",
        "/resources/collection/sales/access?why={}&action={}",
        "/resources/collection/sales/access/add?q={}",
        "/console/subjects?q={}",
        "/?done={}",
        "/collections?type={}",
        "/collections?cursor={}",
        "/resources/collection/{}",
        "/users/{}",
        "/login?next={}",
        "/resources/new?parent={}",
        "/{}",
    ],
)
def test_what_is_in_an_address_stays_text(path: str, visitor: httpx.Client) -> None:
    sign_in(visitor, "admin")
    for attack in (
        "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "javascript:alert(1)",
    ):
        answer = visitor.get(path.replace("{}", attack))
        assert answer.status_code < 500
        assert forbidden_in(answer.text) == []


def test_a_page_forbids_what_it_does_not_need(visitor: httpx.Client) -> None:
    policy = visitor.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    assert visitor.get("/").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%2Fevil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
    ],
)
def test_a_sign_in_goes_on_here_only(evil: str, visitor: httpx.Client) -> None:
    """Trap 16: an open redirect at the sign-in."""
    assert evil not in visitor.get("/login", params={"next": evil}).text
    answer = sign_in(visitor, "bob", next=evil)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_signing_in_takes_a_new_session_and_a_post_of_our_own(visitor: httpx.Client, url: str) -> None:
    """Design rule 6: another site's form signs nobody in, and changes nothing for whoever is signed in."""
    sign_in(visitor, "bob")
    first = dict(visitor.cookies)
    sign_in(visitor, "bob")
    assert dict(visitor.cookies) != first
    for path in ("/login", "/logout", "/tokens", "/resources/collection/sales/access/add"):
        answer = visitor.post(path, data={"name": "x"}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403, path
    assert visitor.get("/tokens").status_code == 200


def test_whoever_is_not_signed_in_is_sent_to_the_door_and_back(visitor: httpx.Client) -> None:
    for path in ("/tokens", "/users?q=bob", "/resources/collection/finance", "/resources/collection/open-data/access"):
        answer = visitor.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login?next=")
        assert sign_in(visitor, "admin", next=path).headers["location"] == path
        visitor.cookies.clear()


def test_a_form_posted_after_the_session_ended_leads_to_the_page_it_was_on(visitor: httpx.Client, url: str) -> None:
    answer = visitor.post("/tokens/revoke", data={"id": "x"}, headers={"Referer": f"{url}/tokens"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Ftokens")
    answer = visitor.post("/tokens/revoke", data={"id": "x"}, headers={"Referer": "https://evil.example/x"})
    assert answer.headers["location"] == "/login"


def test_a_search_after_the_session_ended_says_so_in_place(visitor: httpx.Client) -> None:
    answer = visitor.get("/console/subjects?q=x", headers={"HX-Request": "true"})
    assert "Your session is over" in answer.text


def test_a_token_opens_no_page(visitor: httpx.Client, company: Gatepost) -> None:
    """Console pages take the session cookie only."""
    login = visitor.post("/api/v1/auth/login", json={"username": "bob", "password": PASSWORD}).json()
    answer = visitor.get("/tokens", headers={"Authorization": f"Bearer {login['access_token']}"})
    assert answer.status_code == 303


def test_an_anonymous_visitor_learns_no_names(visitor: httpx.Client) -> None:
    text = visitor.get("/resources/collection/open-data").text + visitor.get("/").text
    for name in ("Marit", "marit", "Tomasz", "data-team"):
        assert name not in text


def test_a_closed_collection_is_not_named_by_what_is_shared_out_of_it(visitor: httpx.Client, company: Gatepost) -> None:
    change_resource(company, as_person("henrik"), "collection", "finance", ResourceChange(display_name="Layoffs 2027"))
    sign_in(visitor, "bob")
    pages = ("/", "/collections", "/resources/dataset/invoices", "/resources/dataset/invoices/access")
    for path in pages:
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert "Layoffs" not in answer.text
        assert "finance" not in answer.text.replace("finance-team", "")


def test_without_anonymous_access_every_page_asks_for_a_sign_in(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str]
) -> None:
    settings = settings_for(sqlite_url)
    main = replace(settings.main, public_url=listener[1], allow_anonymous_access=False)
    with served(open_gate(replace(settings, main=main)), listener[0]), httpx.Client(base_url=listener[1]) as client:
        for path in set(VISITOR) - {"/logout"}:
            answer = client.get(path)
            expected = 200 if path.startswith("/login") else 303
            assert answer.status_code == expected, path
        assert "without signing in" not in client.get("/login").text


def test_without_passwords_admins_have_their_own_door(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str]
) -> None:
    settings = settings_for(sqlite_url)
    main = replace(settings.main, public_url=listener[1], password_sign_in=False)
    with served(open_gate(replace(settings, main=main)), listener[0]), httpx.Client(base_url=listener[1]) as client:
        client.headers["Origin"] = listener[1]
        assert 'name="password"' not in client.get("/login").text
        assert sign_in(client, "admin").status_code == 401
        answer = client.post("/login/local", data={"username": "admin", "password": ADMIN_PASSWORD})
        assert answer.status_code == 303
        assert client.get("/users").status_code == 200


def test_a_provider_without_a_text_for_its_button_is_called_by_its_name(
    open_gate: OpenGate, sqlite_url: str, listener: tuple[socket.socket, str]
) -> None:
    """Settings that an application makes itself have none, where a file gets the name."""
    settings = settings_for(sqlite_url)
    main, sso = replace(settings.main, public_url=listener[1]), SsoSettings(providers=(CORP,))
    gate = open_gate(replace(settings, main=main, sso=sso))
    create_user(gate, as_person("admin"), NewUser(username="carol", external="corp"))
    with served(gate, listener[0]), httpx.Client(base_url=listener[1], headers={"Origin": listener[1]}) as client:
        sign_in(client, "admin")
        assert "at corp<" in client.get("/users").text
        assert "at corp<" in client.get("/users/carol").text
        assert '<option value="corp">corp<' in client.get("/console/new-user").text


def test_the_visitor_reads_their_own_writes_from_another_process(
    company: Gatepost, open_gate: OpenGate, visitor: httpx.Client, listener: tuple[socket.socket, str]
) -> None:
    """A second process hears of changes only when it has to; the browser carries the revision to it."""
    other_listener = socket.create_server(("127.0.0.1", 0))
    port = other_listener.getsockname()[1]
    settings = company.settings
    main = replace(settings.main, public_url=f"http://127.0.0.1:{port}")
    with served(open_gate(replace(settings, main=main), follow=False), other_listener):
        sign_in(visitor, "bob")
        visitor.post("/resources/new", data={"type": "collection", "id": "fresh"})
        answer = visitor.get(f"http://127.0.0.1:{port}/resources/collection/fresh/access")
    assert answer.status_code == 200
    assert "Add Permission" in answer.text


def test_a_file_where_a_text_is_meant_reads_as_nothing(visitor: httpx.Client) -> None:
    sign_in(visitor, "bob")
    answer = visitor.post("/tokens", files={"name": ("x.txt", b"x")})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("body", [b"\xff\xfe%zz=%zz", b"a=" + b"x" * 5000, b"&".join([b"a=1"] * 5000), b"\0"])
def test_a_form_of_nonsense_is_no_bug(body: bytes, visitor: httpx.Client) -> None:
    sign_in(visitor, "bob")
    for path in ("/tokens", "/login", "/account/profile", "/resources/new", "/resources/dataset/invoices/access/add"):
        answer = visitor.post(path, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert 300 <= answer.status_code < 500, path


def test_no_template_writes_anything_unescaped() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text()
        assert "| safe" not in text, template.name
        assert "autoescape false" not in text, template.name
        assert forbidden_in(re.sub(r"\{\{.*?\}\}", "/static/x", text)) == [], template.name
