"""Signing in at an application on another host, and what an attacker makes of each step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from gatepost.server.forward_auth import tickets
from tests.dice import FakeDice
from tests.gateway.conftest import APP, OTHER, URL, Gateway
from tests.gateway.test_forward_auth import NAVIGATION, part, told
from tests.server.calling import bearer, browser_session, ok


class Visitor:
    """A browser with its cookies by host, which goes where it is sent, one step at a time."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.jars: dict[str, dict[str, str]] = {}

    def jar(self, url: str) -> dict[str, str]:
        return self.jars.setdefault(urlsplit(url).netloc, {})

    def go(self, url: str, method: str = "GET", **headers: str) -> httpx2.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar(url).items())
        sent = {"Host": urlsplit(url).netloc, **({"Cookie": cookies} if cookies else {}), **headers}
        path = url.partition(urlsplit(url).netloc)[2] or "/"
        answer = self.gateway.client.request(method, path, headers=sent)
        self.gateway.client.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if "Max-Age=0" in line:
                self.jar(url).pop(name, None)
            else:
                self.jar(url)[name] = value
                assert name.startswith("__Host-"), line
                assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(rest.split("; ")), line
        return answer

    def follow(self, answer: httpx2.Response) -> str:
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def sign_in(self, username: str) -> None:
        self.jar(URL)["__Host-gp_session"] = browser_session(self.gateway.client, username)

    def to_the_ticket(self, next_: str = "/reports", app: str = APP) -> str:
        """From the application to Gatepost, and back as far as the address that holds the ticket."""
        return self.follow(self.go(self.follow(self.go(f"{app}/.gatepost/sign-in?next={next_}"))))

    def ask(self, app: str = APP, **headers: str) -> httpx2.Response:
        return self.go(f"{app}/forward-auth", **headers)


@pytest.fixture
def ann(gateway: Gateway) -> Visitor:
    visitor = Visitor(gateway)
    visitor.sign_in("ann")
    return visitor


def signed_in(gateway: Gateway, username: str, app: str = APP) -> Visitor:
    visitor = Visitor(gateway)
    visitor.sign_in(username)
    visitor.follow(visitor.go(visitor.to_the_ticket(app=app)))
    return visitor


def test_there_and_back(gateway: Gateway) -> None:
    visitor = Visitor(gateway)
    asked = visitor.ask(**NAVIGATION, **{"X-Original-URI": "/reports?year=2026"})
    assert asked.status_code == 401
    assert asked.headers["x-gatepost-redirect"] == f"{APP}/.gatepost/sign-in?next=%2Freports%3Fyear%3D2026"

    at_gatepost = visitor.follow(visitor.go(asked.headers["x-gatepost-sign-in"]))
    assert at_gatepost.startswith(f"{URL}/gateway/sign-in?")
    door = visitor.follow(visitor.go(at_gatepost))
    assert urlsplit(door).path == "/login"
    visitor.sign_in("ann")  # on the page, which leads on to `next`
    back = visitor.follow(visitor.go(f"{URL}{parse_qs(urlsplit(door).query)['next'][0]}"))
    assert back.startswith(f"{APP}/.gatepost/callback?")
    assert visitor.follow(visitor.go(back)) == "/reports?year=2026"

    who = told(visitor.ask())
    assert who["user"] == "ann"
    assert part(who["identity"], 1)["aud"] == APP
    assert len(visitor.jar(APP)) == 1, "the attempt's cookie is gone"


def test_the_cookie_is_worth_nothing_anywhere_else(gateway: Gateway) -> None:
    """Not at Gatepost, not at another application, and not under another name."""
    ann = signed_in(gateway, "ann")
    name, value = next(iter(ann.jar(APP).items()))
    session = ann.jar(URL)["__Host-gp_session"]

    for host, cookie in (
        (OTHER, f"{name}={value}"),
        (OTHER, f"{other_name(gateway)}={value}"),
        (URL, f"{name}={value}"),
        (URL, f"__Host-gp_session={value}"),
        (APP, f"__Host-gp_session={session}"),
        (APP, f"{name}={session}"),
        (APP, f"{name.removeprefix('__Host-')}={value}"),
        (APP, f"{name}={value}; {name}={value}"),
        (APP, f"{name}={value[:-2]}AA"),
    ):
        assert Visitor(gateway).go(f"{host}/forward-auth", Cookie=cookie).status_code == 401, (host, cookie)
    me = gateway.client.get("/api/v1/me", headers={"Cookie": f"__Host-gp_session={value}"})
    assert me.status_code == 401
    assert ok(gateway.client.get("/api/v1/me", headers={"Cookie": f"{name}={value}"}))["kind"] == "anonymous"


def other_name(gateway: Gateway) -> str:
    return next(iter(signed_in(gateway, "ben", OTHER).jar(OTHER)))


def test_the_cookie_ends_with_the_session(gateway: Gateway, dice: FakeDice) -> None:
    ends: tuple[Callable[[Visitor], object], ...] = (
        lambda ann: ann.go(f"{URL}/logout", "POST", Origin=URL),
        lambda ann: ok(
            gateway.client.patch("/api/v1/users/ann", json={"disabled": True}, headers=gateway.people.admin)
        ),
    )
    for end in ends:
        ann = signed_in(gateway, "ann")
        told(ann.ask())
        end(ann)
        assert ann.ask().status_code == 401
        ok(gateway.client.patch("/api/v1/users/ann", json={"disabled": False}, headers=gateway.people.admin))


def test_using_the_application_keeps_the_session_and_idling_ends_it(gateway: Gateway, dice: FakeDice) -> None:
    ann = signed_in(gateway, "ann")
    for _ in range(3):
        dice.advance(timedelta(hours=10))
        told(ann.ask())
    dice.advance(timedelta(hours=13))
    assert ann.ask().status_code == 401


def test_a_ticket_is_for_the_browser_that_began(gateway: Gateway, ann: Visitor) -> None:
    """Login CSRF and fixation (oauth2-proxy GHSA-f24x): an attacker's ticket, in the address that a victim opens."""
    attackers = ann.to_the_ticket()
    victim = Visitor(gateway)
    refused = victim.go(attackers)
    assert refused.status_code == 400
    assert victim.jar(APP) == {}
    victim.go(f"{APP}/.gatepost/sign-in")  # with an attempt of their own
    assert victim.go(attackers).status_code == 400
    state = parse_qs(urlsplit(attackers).query)["state"][0]
    mine = next(iter(victim.jar(APP).values()))
    victim.jar(APP)["__Host-" + tickets.attempt_name(state)] = mine
    assert victim.go(attackers).status_code == 400, "another attempt's cookie under this one's name"


def test_a_ticket_for_an_attempt_of_the_attackers_is_of_no_use_to_them(gateway: Gateway, ann: Visitor) -> None:
    """A signed-in victim is led to our host with the attacker's state: the ticket goes to the victim's browser alone."""
    attacker = Visitor(gateway)
    link = attacker.follow(attacker.go(f"{APP}/.gatepost/sign-in"))
    assert ann.go(ann.follow(ann.go(link))).status_code == 400


def test_a_ticket_serves_once_for_a_minute_and_one_application(gateway: Gateway, ann: Visitor, dice: FakeDice) -> None:
    url = ann.to_the_ticket()
    kept = dict(ann.jar(APP))
    ann.follow(ann.go(url))
    ann.jar(APP).update(kept)
    assert ann.go(url).status_code == 400, "a second time"

    url = ann.to_the_ticket()
    dice.advance(timedelta(seconds=61))
    assert ann.go(url).status_code == 400, "too late"

    url = ann.to_the_ticket()
    ann.jars["other.example"] = ann.jar(APP)
    assert ann.go(url.replace(APP, OTHER)).status_code == 400, "another application"


def test_a_ticket_of_a_session_that_ended_opens_nothing(gateway: Gateway, ann: Visitor) -> None:
    url = ann.to_the_ticket()
    ann.go(f"{URL}/logout", "POST", Origin=URL)

    assert ann.go(url).status_code == 401
    assert ann.ask().status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "/%2F%2Fevil.example",
        "/.gatepost/sign-out",
        "/.gatepost/sign-in",
        "javascript:alert(1)",
        "/x%0d%0aSet-Cookie:a=b",
    ],
)
def test_it_leads_to_a_page_of_the_application_and_nowhere_else(gateway: Gateway, ann: Visitor, wanted: str) -> None:
    assert ann.follow(ann.go(ann.to_the_ticket(wanted))) == "/"


@pytest.mark.parametrize(
    "query", ["host=evil.example&state={s}", "host=gate.example&state={s}", "host=app.example&state=x", "state={s}", ""]
)
def test_no_ticket_for_a_host_that_nobody_configured(ann: Visitor, query: str) -> None:
    answer = ann.go(f"{URL}/gateway/sign-in?{query.format(s='a' * 43)}")

    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_only_a_browsers_session_becomes_one(gateway: Gateway) -> None:
    """An access token or an API token is no session, and is not turned into one."""
    headers = gateway.people.ann | {"Host": "gate.example"}
    answer = gateway.client.get(f"/gateway/sign-in?host=app.example&state={'a' * 43}", headers=headers)

    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "path", ["/login", "/api/v1/me", "/", "/oauth2/token", "/logout", "/static/style.css", "/graphql"]
)
def test_on_an_applications_host_there_is_nothing_else_of_ours(gateway: Gateway, path: str) -> None:
    """Whatever a gateway lets through by mistake: our pages and cookies are for our own host."""
    assert gateway.client.get(path, headers={"Host": "app.example"}).status_code == 421


@pytest.mark.parametrize("path", ["/.gatepost/sign-in", "/.gatepost/callback", "/.gatepost/sign-out", "/.gatepost/x"])
def test_on_our_own_host_there_is_no_such_place(gateway: Gateway, path: str) -> None:
    assert gateway.client.get(path).status_code == 404
    assert gateway.client.get(path, headers={"Host": "evil.example"}).status_code == 421


def test_a_forwarded_host_is_believed_of_a_gateway_alone(gateway: Gateway, in_process: object) -> None:
    stranger = in_process(gateway.gate, ("198.51.100.9", 1))  # type: ignore[operator]
    headers = {"X-Forwarded-Host": "app.example"}

    assert gateway.client.get("/.gatepost/sign-in", headers=headers).status_code == 303
    assert stranger.get("/.gatepost/sign-in", headers=headers).status_code == 404
    door = stranger.get("/forward-auth", headers=headers | {"X-Forwarded-Uri": "/x"}).headers["x-gatepost-sign-in"]
    assert door == f"{URL}/login"


def test_a_cookie_there_needs_that_hosts_origin(gateway: Gateway) -> None:
    ann = signed_in(gateway, "ann")
    for origin, status in ((APP, 200), (URL, 403), (OTHER, 403), ("http://app.example", 403)):
        for unsafe in ({"X-Original-Method": "POST"}, {"Sec-WebSocket-Key": "x"}):
            assert ann.ask(Origin=origin, **unsafe).status_code == status, (origin, unsafe)


def test_signing_out_by_a_form_ends_the_session_everywhere(gateway: Gateway) -> None:
    ann = signed_in(gateway, "ann")
    for headers in ({}, {"Origin": OTHER}, {"Origin": URL}, {"Sec-Fetch-Site": "same-site"}):
        assert ann.go(f"{APP}/.gatepost/sign-out", "POST", **headers).status_code == 403
        told(ann.ask())
    kept = dict(ann.jar(APP))

    out = ann.go(f"{APP}/.gatepost/sign-out", "POST", Origin=APP)

    assert ann.follow(out) == f"{URL}/login?done=signed-out"
    assert ann.jar(APP) == {}
    ann.jar(APP).update(kept)
    assert ann.ask().status_code == 401
    assert urlsplit(ann.follow(ann.go(f"{URL}/account"))).path == "/login"
    again = ann.go(f"{APP}/.gatepost/sign-out", "POST", Origin=APP)
    assert ann.follow(again) == f"{URL}/login?done=signed-out", "whoever is signed out already is just told so"


def test_signing_out_by_a_link_asks_first(gateway: Gateway) -> None:
    ann = signed_in(gateway, "ann")

    assert ann.follow(ann.go(f"{APP}/.gatepost/sign-out")) == f"{URL}/logout"
    assert told(ann.ask())["user"] == "ann"


def test_a_browser_is_not_filled_with_attempts(gateway: Gateway) -> None:
    visitor = Visitor(gateway)
    for _ in range(30):
        visitor.go(f"{APP}/.gatepost/sign-in?next=/{'x' * 650}")
        assert len(visitor.jar(APP)) <= tickets.MOST_ATTEMPTS
        assert sum(len(value) for value in visitor.jar(APP).values()) < 6500


def test_a_sign_in_is_on_record(gateway: Gateway) -> None:
    signed_in(gateway, "ann")
    gateway.gate.journal.flush()

    found = ok(gateway.client.get("/api/v1/audit?event=gateway.signed_in", headers=gateway.people.admin))["items"]
    assert [(each["subject"], each["target"]) for each in found] == [("user:ann", "host:app.example")]


def test_a_ticket_shows_nothing_of_the_session(gateway: Gateway, ann: Visitor) -> None:
    """It stands in an address, and so in logs."""
    url = ann.to_the_ticket()
    secret = ann.jar(URL)["__Host-gp_session"]

    assert secret not in url
    assert (
        gateway.client.get("/api/v1/me", headers=bearer(parse_qs(urlsplit(url).query)["ticket"][0])).status_code == 401
    )


def test_once_known_nothing_is_read_from_the_database(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked with each request of each application."""
    ann = signed_in(gateway, "ann")
    told(ann.ask())
    told(ann.go(f"{URL}/forward-auth"))

    def read() -> None:
        raise AssertionError("the database was asked")

    for name in ("read", "write", "snapshot", "change"):
        monkeypatch.setattr(gateway.gate.database, name, read)
    assert told(ann.ask())["user"] == "ann"
    assert told(ann.go(f"{URL}/forward-auth"))["user"] == "ann"
    monkeypatch.undo()
