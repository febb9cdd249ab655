"""Whether a request is meant for us (trap 18), and where it comes from: `Host`, and addresses behind proxies."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import replace

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.settings import Settings
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.server.calling import Company, as_admin, bearer, ok, problem, sign_in
from tests.server.conftest import InProcess, Served

HEALTH = ("/healthz", "/readyz", "/metrics")


def at(url: str) -> dict[str, object]:
    return {"public_url": url, "public_url_configured": True}


@pytest.fixture
def configured(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> TestClient:
    settings = settings_for(gate_url)
    main = replace(settings.main, public_url="https://gate.example", public_url_configured=True)
    return in_process(open_gate(replace(settings, main=main)))


@pytest.mark.parametrize("host", ["gate.example", "GATE.Example", "gate.example:443"])
def test_our_own_name_in_any_letters(configured: httpx2.Client, host: str) -> None:
    ok(configured.get("/api/v1/me", headers={"Host": host}))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "gate.example.evil.example",
        "evilgate.example",
        "gate.example:80",
        "gate.example:8420",
        "gate.example@evil.example",
        "localhost",
        "127.0.0.1:8420",
        "gate.example.",
        "",
        "gate.example evil.example",
    ],
)
def test_any_other_name_is_421(configured: httpx2.Client, host: str) -> None:
    problem(configured.get("/api/v1/me", headers={"Host": host}), 421, "misdirected_request")
    page = configured.get("/login", headers={"Host": host})
    assert page.status_code == 421
    assert "evil" not in page.text
    token = configured.post("/oauth2/token", headers={"Host": host}, data={"grant_type": "x"})
    assert token.status_code == 421
    for path in HEALTH:
        assert configured.get(path, headers={"Host": host}).status_code == 200, "a probe knows no name"


def test_forwarded_names_change_nothing(configured: httpx2.Client) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"}
    metadata = ok(configured.get("/.well-known/oauth-authorization-server", headers=headers))
    assert metadata["issuer"] == "https://gate.example"


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8420", 200), ("localhost:8420", 200), ("[::1]:8420", 200), ("localhost:80", 421), ("localhost", 421)],
)
def test_on_ones_own_machine_every_name_of_it_is_meant(client: httpx2.Client, host: str, status: int) -> None:
    """Where no public URL was configured."""
    assert client.get("/api/v1/me", headers={"Host": host}).status_code == status


def raw(url: str, lines: str) -> bytes:
    """What the server answers to these very bytes."""
    parts = httpx2.URL(url)
    with socket.create_connection((parts.host, parts.port or 80), timeout=20) as connection:
        connection.sendall(lines.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_no_host_and_two_hosts_are_malformed(served: Served) -> None:
    running = served()
    host = running.url.removeprefix("http://")
    good = raw(running.url, f"GET /api/v1/me HTTP/1.1\nHost: {host}\nConnection: close")
    assert good.startswith(b"HTTP/1.1 200")
    for lines in (
        "GET /api/v1/me HTTP/1.1\nConnection: close",
        f"GET /api/v1/me HTTP/1.1\nHost: {host}\nHost: {host}\nConnection: close",
        f"GET /api/v1/me HTTP/1.1\nHost: {host}\nHost: evil.example\nConnection: close",
        "GET /api/v1/me HTTP/1.0",
    ):
        assert raw(running.url, lines).startswith(b"HTTP/1.1 400"), lines
    whole = raw(running.url, f"GET http://evil.example/api/v1/me HTTP/1.1\nHost: {host}\nConnection: close")
    assert b"evil" not in whole


def test_whoever_hangs_up_half_way_is_no_bug(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """A body that ends before its length, on each kind of address; and the server goes on."""
    running = served()
    host = running.url.removeprefix("http://")
    for path, kind in (
        ("/api/v1/check", "application/json"),
        ("/api/v1/users", "application/json"),
        ("/api/v1/auth/login", "application/json"),
        ("/oauth2/token", "application/x-www-form-urlencoded"),
        ("/login", "application/x-www-form-urlencoded"),
    ):
        head = f"POST {path} HTTP/1.1\nHost: {host}\nOrigin: {running.url}\nContent-Type: {kind}\nContent-Length: 99"
        raw(running.url, head)
    ok(running.client.get("/api/v1/me"))
    assert "a bug" not in caplog.text
    assert "Traceback" not in caplog.text


# -- addresses ------------------------------------------------------------------------------------------------------

PROXY = ("10.0.0.9", 1234)
CALLER = "198.51.100.4"


def address_of_a_sign_in(client: httpx2.Client, forwarded: list[str]) -> str:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    answer = client.post("/api/v1/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD}, headers=headers)
    me = bearer(ok(answer)["access_token"])
    (here,) = [s for s in ok(client.get("/api/v1/sessions", headers=me))["items"] if s["current"]]
    return str(here["address"])


def behind(settings: Settings, *networks: str) -> Settings:
    trusted = tuple(ipaddress.ip_network(network) for network in networks)
    return replace(settings, main=replace(settings.main, trusted_proxies=trusted))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        pytest.param(PROXY, [CALLER], CALLER, id="a trusted proxy vouches"),
        pytest.param(PROXY, [f"6.6.6.6, {CALLER}"], CALLER, id="what the caller wrote in front is not believed"),
        pytest.param(PROXY, ["6.6.6.6", CALLER], CALLER, id="nor in a header of its own"),
        pytest.param(PROXY, [f"6.6.6.6, {CALLER}, 10.0.0.8"], CALLER, id="through two proxies"),
        pytest.param(PROXY, ["6.6.6.6, nonsense"], PROXY[0], id="nonsense at the end"),
        pytest.param(PROXY, [""], PROXY[0], id="nothing in it"),
        pytest.param(PROXY, [], PROXY[0], id="no header"),
        pytest.param(PROXY, ["10.0.0.1, 10.0.0.2"], "10.0.0.1", id="everything within"),
        pytest.param(PROXY, ["2001:db8::7"], "2001:db8::7", id="IPv6"),
        pytest.param(("::ffff:10.0.0.9", 1), [CALLER], CALLER, id="a proxy on a socket for both families"),
        pytest.param(PROXY, [f"{CALLER}, ::ffff:10.0.0.8"], CALLER, id="a proxy behind it, likewise"),
        pytest.param((f"::ffff:{CALLER}", 1), ["10.0.0.9"], CALLER, id="nobody is another by the other spelling"),
        pytest.param((CALLER, 1), ["10.0.0.9"], CALLER, id="nobody who is not a proxy"),
        pytest.param((CALLER, 1), ["6.6.6.6, 10.0.0.9"], CALLER, id="nor with a proxy's name at the end"),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(
    open_gate: OpenGate,
    gate_url: str,
    in_process: InProcess,
    peer: tuple[str, int],
    forwarded: list[str],
    address: str,
) -> None:
    client = in_process(open_gate(behind(settings_for(gate_url), "10.0.0.0/8")), peer)
    assert address_of_a_sign_in(client, forwarded) == address
    records = ok(client.get("/api/v1/audit?event=session.opened", headers=as_admin(client)))["items"]
    assert address in {record["address"] for record in records}


def test_without_trusted_proxies_the_header_is_not_read(client: httpx2.Client) -> None:
    assert address_of_a_sign_in(client, ["6.6.6.6"]) == "203.0.113.7"


def test_nobody_escapes_the_throttle_by_claiming_addresses(client: httpx2.Client, company: Company) -> None:
    wrong = {"username": "ann", "password": "wrong-wrong"}
    for number in range(5):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        problem(client.post("/api/v1/auth/login", json=wrong, headers=headers), 401)
    last = client.post("/api/v1/auth/login", json=wrong, headers={"X-Forwarded-For": "192.0.2.99"})
    problem(last, 429)
    sign_in(client, "ben")
