"""The files of `deploy/` in real gateways: what a visitor makes of headers, paths and sockets (trap 19)."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from playwright.sync_api import Browser

from gatepost.gate import Dice, Gatepost
from gatepost.opening import open_gatepost
from gatepost.server.app import create_app
from gatepost.settings import ForwardAuthSettings, HostSettings
from gatepost.tokens.passwords import Passwords
from tests.conftest import settings_for
from tests.gateway.gateways import Answered, Ports, request, running, send
from tests.gateway.upstream import Seen, application
from tests.ports import free_port
from tests.server.calling import Company, api_token, ok, password_of, settle

pytestmark = pytest.mark.peer
SPELLINGS = (
    "X-Gatepost-User",
    "x-gatepost-user",
    "X-GATEPOST-USER",
    "X_Gatepost_User",
    "X-Gatepost_User",
    "x_gatepost-user",
)
PAGE = ("Accept: text/html", "Sec-Fetch-Mode: navigate")


@dataclass
class World:
    """A gateway with Gatepost and an application behind it, and somebody with a token."""

    ports: Ports
    seen: Seen
    server: Served
    people: Company
    token: str
    kind: str

    @property
    def host(self) -> str:
        return f"localhost:{self.ports.gateway}"

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    @property
    def own(self) -> str:
        return f"https://127.0.0.1:{self.ports.gateway}"

    def raw(self, target: str, *lines: str, method: str = "GET", body: bytes = b"", keep: bool = False) -> Answered:
        return send(self.ports.gateway, request(target, *lines, method=method, host=self.host, body=body), keep=keep)

    def as_ann(self, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> Answered:
        return self.raw(target, f"Authorization: Bearer {self.token}", *lines, method=method, body=body)


class Served:
    """Gatepost on a port, which can be taken down and put up again."""

    def __init__(self, gate: Gatepost, port: int) -> None:
        self.gate, self.port = gate, port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def up(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        config = uvicorn.Config(create_app(self.gate), log_config=None, access_log=False, proxy_headers=False)
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()

    def down(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(20)
            self._server = None

    @contextmanager
    def away(self) -> Iterator[None]:
        self.down()
        try:
            yield
        finally:
            self.up()


@pytest.fixture(scope="module", params=["nginx", "caddy", "envoy", "traefik"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made


@contextmanager
def a_world(kind: str, folder: Path) -> Iterator[World]:
    gateway, server = free_port(), free_port()
    with application() as seen:
        ports = Ports(gateway, server, seen.port)
        with (
            running(kind, folder, ports),
            open_gatepost(
                Gatepost, behind(f"sqlite:///{folder}/gatepost.db", gateway), Dice(), Passwords(cheap=True)
            ) as gate,
        ):
            served = Served(gate, server)
            served.up()
            host = {"Host": f"127.0.0.1:{gateway}"}
            with httpx2.Client(base_url=f"http://127.0.0.1:{server}", headers=host, trust_env=False) as client:
                people = settle(client)
                ok(client.post("/api/v1/resources", json={"type": "dataset", "id": "q3"}, headers=people.ann), 201)
                yield World(ports, seen, served, people, api_token(client, people.ann), kind)
            served.down()


def behind(url: str, port: int) -> Any:
    """As deploy/gatepost.toml says, with this machine's names."""
    settings = settings_for(url)
    main = replace(
        settings.main,
        public_url=f"https://127.0.0.1:{port}",
        public_url_configured=True,
        allow_anonymous_access=False,
        trusted_proxies=(ipaddress.ip_network("127.0.0.1/32"),),
    )
    hosts = (HostSettings(host=f"localhost:{port}", public_url=f"https://localhost:{port}"),)
    return replace(settings, main=main, forward_auth=ForwardAuthSettings(hosts=hosts))


def page(answer: Answered) -> dict[str, Any]:
    assert answer.status == 200, answer
    found: dict[str, Any] = json.loads(answer.body.partition(b"id=seen>")[2].partition(b"</p>")[0])
    return found


def test_the_application_is_told_who_is_calling(world: World) -> None:
    assert page(world.as_ann("/x?y=1")) == {"user": "ann", "target": "/x?y=1", "body": 0}
    assert world.seen.header("X-Gatepost-Roles") == ["user"]
    assert [value for value in world.seen.header("X-Gatepost-Groups") if value] == []
    assert world.seen.header("X-Gatepost-Identity")[0].count(".") == 2


def test_the_application_gets_no_credential_of_ours(world: World) -> None:
    """With one it could act as its visitor at Gatepost."""
    others = "theme=dark; __Host-gp_session=s; __Host-gp_app_00000000=a; gp_session=t; x=1"
    page(world.as_ann("/", f"Cookie: {others}"))

    assert world.seen.header("Authorization") == []
    if world.kind == "traefik":
        return  # it cannot take one cookie out of several: docs/how-to/gateways.md says what that means
    (sent,) = world.seen.header("Cookie") or [""]
    assert "gp_" not in sent
    page(world.as_ann("/", "Cookie: theme=dark; __Host-gp_app_00000000=a; not_gp_session_x=2; x=1"))
    assert world.seen.header("Cookie") == ["theme=dark; not_gp_session_x=2; x=1"]
    page(world.as_ann("/", "Cookie: theme=dark", "Cookie: __Host-gp_app_00000000=a"))
    assert "gp_" not in "".join(world.seen.header("Cookie"))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_our_headers_gets_through(world: World, spelling: str) -> None:
    for forged in (
        (f"{spelling}: admin",),
        (f"{spelling}: admin", f"{spelling}: root"),
        (f"{spelling}:admin", "X-Gatepost-Groups: admins", "X_GATEPOST_ROLES: admin", "X-Gatepost-Email: a@b.example"),
    ):
        page(world.as_ann("/", *forged))
        assert world.seen.header("X-Gatepost-User") == ["ann"], forged
        assert world.seen.header("X-Gatepost-Roles") == ["user"], forged
        for empty in ("X-Gatepost-Groups", "X-Gatepost-Email"):
            assert [value for value in world.seen.header(empty) if value] == [], forged
        before = len(world.seen.requests)
        assert world.raw("/", *forged).status == 401
        assert len(world.seen.requests) == before


@pytest.mark.parametrize(
    "lines",
    [
        ("X-Thing: a", " X-Gatepost-User: admin"),
        ("X-Gatepost-User: a", "\tdmin"),
        ("X-Gatepost-User : admin",),
        ("X-Thing: a\nX-Gatepost-User: admin",),
        ("X-Thing: a\rX-Gatepost-User: admin",),
        ("X-Gatepost-User\0: admin",),
        (": admin", "X-Gatepost-User: admin"),
        ("Connection: X-Gatepost-User, close",),
        ("Connection: close, X-Gatepost-Identity, X-Gatepost-Roles",),
    ],
    ids=repr,
)
def test_headers_that_are_none_are_refused_or_lose_their_meaning(world: World, lines: tuple[str, ...]) -> None:
    """Continuation lines, blanks before the colon, and `Connection`, which makes a header end at this hop."""
    before = len(world.seen.requests)
    answer = world.as_ann("/", *lines)

    if len(world.seen.requests) == before:
        assert answer.status in (0, 400), answer
    else:
        assert world.seen.header("X-Gatepost-User") == ["ann"]
        assert world.seen.header("X-Gatepost-Roles") == ["user"]


@pytest.mark.parametrize(
    "target",
    [
        "/open/../datasets/secret",
        "/open/%2e%2e/datasets/secret",
        "/open/%2E%2E/datasets/secret",
        "/open/.%2e/datasets/secret",
        "/open%2f..%2fdatasets/secret",
        "/./datasets/secret",
        "//datasets/secret",
        "/datasets//secret",
        "/datasets%2fsecret",
        "/datasets/%73ecret",
        "/%64atasets/secret",
        "/datasets/secret?x=/open",
        "/datasets/secret#/open",
        "/open#/../datasets/secret",
        "/datasets/secret%23",
        "/datasets/secret%3fx",
        "/datasets/q3%26resource=dataset:q3/../secret",
        "/datasets/q3&resource=dataset:secret",
        "/datasets/q3/../secret",
        "/datasets/q3/..%2fsecret",
        "/datasets/q3/..;/secret",
        "/datasets/q3;/../secret",
        "/datasets/secret/",
        "/datasets/",
        "/datasets/.",
        "/datasets/..%5csecret",
        "/datasets/..\\secret",
        "/.gatepost/../datasets/secret",
        "/.gatepost/%2e%2e/datasets/secret",
        "/_gatepost/../datasets/secret",
        "/_gatepost",
        "/_gatepost/dataset",
        "/datasets/secret%00",
        "/datasets/secret%0d%0aX-Gatepost-User:%20admin",
        "https://localhost/datasets/secret",
        "*",
        "/datasets/secret%252f..",
    ],
)
def test_no_way_of_writing_a_path_goes_around_its_permission(world: World, target: str) -> None:
    """What reaches the application is what was asked about: nothing of another dataset ever does."""
    before = len(world.seen.requests)
    answer = world.as_ann(target)
    reached = world.seen.requests[before:]

    assert not [line for line, _ in reached if "datasets" in line.lower()], reached
    assert answer.status in (0, 400, 403, 404) or not reached or world.seen.target.startswith("/"), answer
    before = len(world.seen.requests)
    assert world.raw(target).status in (0, 303, 400, 401, 404, 421)
    assert len(world.seen.requests) == before, "nobody who is not signed in reaches anything"


def test_a_permission_for_a_route(world: World) -> None:
    assert page(world.as_ann("/datasets/q3/rows?limit=5"))["target"] == "/datasets/q3/rows?limit=5"
    assert page(world.as_ann("/datasets/%713"))["user"] == "ann"
    assert world.as_ann("/datasets/q4").status == (403 if world.kind in ("nginx", "caddy") else 404)
    ben = world.people.ben["Authorization"]
    assert world.raw("/datasets/q3", f"Authorization: {ben}").status == 403
    assert page(world.raw("/", f"Authorization: {ben}"))["user"] == "ben"


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Authorization: Bearer gp_nonsense",),
        ("Authorization: Bearer gp_nonsense", *PAGE),
        ("Authorization: Digest x",),
        ("Accept: application/json",),
        ("X-Forwarded-Uri: /healthz", "X-Original-URI: /static/x"),
        ("User-Agent: GoogleHC/1.0",),
        ("X-Forwarded-Host: 127.0.0.1", "X-Forwarded-For: 127.0.0.1", "Forwarded: host=127.0.0.1"),
        ("X-Forwarded-Method: OPTIONS", "X-Original-Method: OPTIONS"),
        ("X-HTTP-Method-Override: OPTIONS",),
    ],
    ids=repr,
)
def test_a_program_gets_401(world: World, lines: tuple[str, ...]) -> None:
    before = len(world.seen.requests)
    for target in ("/x", "/datasets/q3"):
        answer = world.raw(target, *lines)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["x-gatepost-sign-in"].startswith(f"{world.url}/.gatepost/sign-in")
    assert len(world.seen.requests) == before


def test_a_browser_is_sent_to_the_door(world: World) -> None:
    answer = world.raw("/reports?year=2026", *PAGE)

    assert answer.status == 302
    assert answer.headers["location"] == f"{world.url}/.gatepost/sign-in?next=%2Freports%3Fyear%3D2026"
    lied = world.raw(
        "/reports", *PAGE, "X-Forwarded-Uri: /evil", "X-Original-URI: /evil", "X-Forwarded-Host: evil.example"
    )
    assert lied.headers["location"] == f"{world.url}/.gatepost/sign-in?next=%2Freports"


def test_every_method_is_asked_about(world: World) -> None:
    before = len(world.seen.requests)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        assert send(world.ports.gateway, request("/x", method=method, host=world.host, body=b"")).status == 401, method
    assert len(world.seen.requests) == before


def test_a_body_goes_to_the_application_alone(world: World) -> None:
    """Gatepost refuses bodies over a megabyte, and would be asked with each upload."""
    body = b"x" * 900_000

    assert page(world.as_ann("/upload", method="POST", body=body)) == {
        "user": "ann",
        "target": "/upload",
        "body": 900_000,
    }


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\nX-Gatepost-User: admin\r\nX-Gatepost-Roles: admin\r\n\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        ("Transfer-Encoding: chunked", "Content-Length: {length}"),
        ("Content-Length: {length}", "Transfer-Encoding: chunked"),
        ("Content-Length: {length}", "Transfer-Encoding: xchunked"),
        ("Content-Length: {length}", "Transfer-Encoding: chunked, identity"),
        ("Content-Length: {length}", "Transfer-Encoding: identity", "Transfer-Encoding: chunked"),
        ("Content-Length: {length}", "Transfer-Encoding : chunked"),
        ("Content-Length: {length}", " Transfer-Encoding: chunked"),
        ("Content-Length: {length}", "Transfer-Encoding:\x0bchunked"),
        ("Content-Length: {length}", "Transfer_Encoding: chunked"),
        ("Content-Length: {length}", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: {length}"),
        ("Content-Length: 5, {length}",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
        ("Content-Length: 5", "Expect: 100-continue"),
        ("Transfer-Encoding: chunked", "Trailer: X-Gatepost-User"),
        ("Transfer-Encoding: chunked", "Connection: Transfer-Encoding"),
        ("Content-Length: 5", "Connection: Content-Length"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_request_hides_in_the_body_of_another(world: World, method: str, lines: tuple[str, ...]) -> None:
    """Gateway, Gatepost and application agree where a request ends: what comes after it is asked about by itself."""
    body = b"0\r\n\r\n" + HIDDEN
    sent = [line.format(length=len(body)) for line in (f"Authorization: Bearer {world.token}", *lines)]
    head = "\r\n".join([f"{method} /x HTTP/1.1", f"Host: {world.host}", *sent, "", ""]).encode("latin-1")
    before = len(world.seen.requests)
    answer = send(world.ports.gateway, head + body)
    # Whoever comes next, maybe on a connection that was left in the middle of something.
    again = [page(world.as_ann(f"/next/{number}")) for number in range(3)]

    reached = world.seen.requests[before:]
    assert [found["target"] for found in again] == ["/next/0", "/next/1", "/next/2"]
    assert not [line for line, _ in reached if "hidden" in line], reached
    assert {line.split(" ")[1] for line, _ in reached} <= {"/x", "/next/0", "/next/1", "/next/2"}, reached
    assert all(value == "ann" for _, headers in reached for name, value in headers if name.lower() == "x-gatepost-user")
    assert answer.status in (0, 100, 200, 400, 403, 411, 501, 502), answer


def visitor(world: World) -> str:
    """The cookie of the application's host, for Ann's browser: the whole way through the gateway."""
    verify = {"verify": False, "trust_env": False}
    with httpx2.Client(**verify) as client:  # type: ignore[arg-type]
        form = {"username": "ann", "password": password_of("ann")}
        assert client.post(f"{world.own}/login", data=form, headers={"Origin": world.own}).status_code == 303
        session = client.cookies
    jar = {name: value for name, value in session.items() if "gp_session" in name}
    begun = world.raw("/.gatepost/sign-in?next=/reports")
    attempt = begun.headers["set-cookie"].partition(";")[0]
    with httpx2.Client(cookies=jar, **verify) as client:  # type: ignore[arg-type]
        back = client.get(begun.headers["location"]).headers["location"]
    parts = urlsplit(back)
    done = world.raw(f"{parts.path}?{parts.query}", f"Cookie: {attempt}")
    assert (done.status, done.headers["location"]) == (303, "/reports")
    return done.headers["set-cookie"].partition(";")[0].replace('"', "")


def test_a_session_on_the_applications_host(world: World) -> None:
    cookie = f"Cookie: {visitor(world)}"

    assert page(world.raw("/reports", cookie))["user"] == "ann"
    assert world.raw("/x", cookie, method="POST").status == 403
    assert world.raw("/x", cookie, "X-Forwarded-Method: GET", "X-Original-Method: GET", method="POST").status == 403
    assert world.raw("/x", cookie, "Origin: https://evil.example", method="POST").status == 403
    assert page(world.raw("/x", cookie, f"Origin: {world.url}", method="POST", body=b"abc"))["body"] == 3
    out = world.raw("/.gatepost/sign-out", cookie, f"Origin: {world.url}", method="POST")
    assert out.status == 303
    assert world.raw("/reports", cookie).status == 401


SOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==",
)


def test_a_websocket_takes_a_session_and_its_own_origin(world: World) -> None:
    cookie = f"Cookie: {visitor(world)}"
    before = len(world.seen.requests)
    assert world.raw("/socket", *SOCKET).status == 401
    assert world.raw("/socket", *SOCKET, cookie).status == 403
    assert world.raw("/socket", *SOCKET, cookie, "Origin: https://evil.example").status == 403
    assert len(world.seen.requests) == before

    opened = world.raw("/socket", *SOCKET, cookie, f"Origin: {world.url}", keep=True)

    assert opened.status == 101
    assert opened.rest is not None
    opened.rest.sendall(b"hello\n")
    assert opened.rest.recv(100) == b"hello\n"
    opened.rest.close()
    assert world.seen.header("X-Gatepost-User") == ["ann"]


def test_only_what_the_host_needs_is_reached_through_it(world: World) -> None:
    """Gatepost's own pages and API are on Gatepost's own host."""
    for target in ("/.gatepost/../login", "/.gatepost/%2e%2e/api/v1/me", "/.gatepost/..%2flogin", "/.gatepost//login"):
        assert world.raw(target).status in (400, 401, 404, 421), target
    assert world.raw("/.gatepost/login").status == 404


def test_without_gatepost_nobody_passes(world: World) -> None:
    before = len(world.seen.requests)
    with world.server.away():
        for target in ("/x", "/datasets/q3"):
            for lines in ((f"Authorization: Bearer {world.token}",), PAGE, ()):
                assert world.raw(target, *lines).status in (500, 502, 503, 504)
    assert len(world.seen.requests) == before
    assert page(world.as_ann("/x"))["user"] == "ann"


def test_many_groups_do_not_break_it(world: World) -> None:
    client, admin = world.people.client, world.people.admin
    names = [f"department-{number:03}-of-the-company" for number in range(200)]
    for name in names:
        ok(client.post("/api/v1/groups", json={"name": name}, headers=admin), 201)
        ok(client.put(f"/api/v1/groups/{name}/members/user:cy", headers=admin), 204)

    page(world.raw("/x", f"Authorization: {world.people.cy['Authorization']}"))

    assert world.seen.header("X-Gatepost-Groups") == [",".join(names)]


def test_an_older_envoy_puts_the_path_behind_ours(tmp_path: Path) -> None:
    """With `path_prefix` the query is the visitor's: it asks for nothing, and sends nobody anywhere."""
    with a_world("envoy, by prefix", tmp_path) as world:
        assert page(world.as_ann("/reports?resource=dataset:q4&action=view&action=x", "X-Gatepost-User: admin")) == {
            "user": "ann",
            "target": "/reports?resource=dataset:q4&action=view&action=x",
            "body": 0,
        }
        cookie = f"Cookie: {visitor(world)}"
        assert page(world.raw("/reports", cookie))["user"] == "ann"
        assert world.raw("/reports", cookie, method="POST").status == 403
        answer = world.raw("/reports?redirect=true", *PAGE)
        assert answer.status == 401
        assert answer.headers["x-gatepost-sign-in"].endswith("?next=%2Freports%3Fredirect%3Dtrue")


@pytest.mark.browser
def test_a_real_browser_signs_in_and_comes_back(world: World, browser: Browser) -> None:
    """The application is on `localhost`, Gatepost on 127.0.0.1: two sites, as a browser sees it."""
    context = browser.new_context(ignore_https_errors=True)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    try:
        tab.goto(f"{world.url}/reports?year=2026")
        assert tab.url.startswith(f"{world.own}/login?")
        assert f"You will go on to {world.host}" in tab.inner_text("main")
        tab.get_by_label("Username").fill("ann")
        tab.get_by_label("Password").fill(password_of("ann"))
        tab.get_by_role("button", name="Sign in", exact=True).click()
        tab.wait_for_url(f"{world.url}/reports?year=2026")
        assert json.loads(tab.locator("#seen").inner_text())["user"] == "ann"
        names = {cookie["name"].rpartition("_")[0] for cookie in context.cookies(world.url)}
        assert names == {"__Host-gp_app"}
        assert tab.evaluate("fetch('/x', {method: 'POST', body: 'a'}).then(r => r.status)") == 200

        tab.goto(f"{world.own}/logout")
        tab.get_by_role("button", name="Sign out").click()
        tab.wait_for_url("**/login**")
        tab.goto(f"{world.url}/reports")
        assert tab.url.startswith(f"{world.own}/login?"), "signed out there is signed out here"
    finally:
        context.close()
